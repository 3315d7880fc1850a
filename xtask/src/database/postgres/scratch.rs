//! A database of its own on the same server, with the schema and all rows or those of some tables,
//! to try migrations on.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use xshell::cmd;

use super::super::{CopiedRows, Scratch, Session as _, Target as _, sql};
use super::backup::{connecting, fitting_folder, run, shell};
use super::connection::{connect, failed};
use super::read::DEFAULT_SCHEMA;
use super::restore::without_reach;
use super::{PostgresSession, settings};
use crate::files::leftovers::Folder;
use crate::model::limits::Limits;
use crate::model::random::random_id;
use crate::model::schema::table::TableName;
use crate::model::url::DatabaseUrl;
use crate::problem::{Code, Problem};

/// What the names begin with; then come the moment, the target's number and random digits.
const PREFIX: &str = "__sync_rehearsal_";

/// One that nobody has used for so many seconds was left by a run that was killed.
const ABANDONED: u32 = 600;

/// Drops the database that it was made with.
struct Place {
    url: DatabaseUrl,
    name: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be dropped now is swept by a later rehearsal.
        if let Ok(mut server) = connect(&self.url) {
            let _ = settings::keep(&mut server, settings::Reach::Session);
            let _ = server.batch_execute(&format!(
                "DROP DATABASE IF EXISTS {} WITH (FORCE)",
                sql::identifier(&self.name)
            ));
        }
    }
}

pub(in super::super) fn restore_into_scratch(
    beside: &DatabaseUrl,
    archive: &Path,
) -> anyhow::Result<Scratch> {
    let place = PostgresSession::writing(beside, Limits::default())?.create_scratch()?;
    let url = beside.with_database(&place.name);
    let mut session = PostgresSession::writing(&url, Limits::default())?;
    // Nothing in it is to live through a power cut.
    session.batch("SET LOCAL synchronous_commit = off", "fill a database")?;
    session.fill(archive)?;
    Box::new(session).commit()?;
    Ok(Scratch {
        url,
        copied: None,
        complaint: None,
        _place: Box::new(place),
    })
}

impl PostgresSession {
    pub(super) fn copy_to_scratch(&mut self, rows: &CopiedRows) -> anyhow::Result<Scratch> {
        let place = self.create_scratch()?;
        let url = self.url.with_database(&place.name);
        let complaint = self.fill_scratch(&url, rows)?;
        Ok(Scratch {
            url,
            copied: match rows {
                CopiedRows::All => None,
                CopiedRows::Of(tables) => Some(tables.clone()),
            },
            complaint,
            _place: Box::new(place),
        })
    }

    pub(super) fn make_empty_scratch(&mut self) -> anyhow::Result<Scratch> {
        let place = self.create_scratch()?;
        Ok(Scratch {
            url: self.url.with_database(&place.name),
            copied: None,
            complaint: None,
            _place: Box::new(place),
        })
    }

    /// An empty database with the encoding, the locale and the settings of this one.
    fn create_scratch(&mut self) -> anyhow::Result<Place> {
        let may =
            "SELECT (rolcreatedb OR rolsuper)::text FROM pg_roles WHERE rolname = current_user";
        if self.value(may, &[])?.as_deref() != Some("true") {
            return Err(Problem::new(
                Code::NotRehearsed,
                "the role of this URL may not create databases",
            )
            .hint("ALTER ROLE … CREATEDB")
            .into());
        }
        // The columns for the locale differ from version to version.
        let described = self.query(
            "SELECT format('%s%s_%s_', $1, extract(epoch FROM clock_timestamp())::bigint, d.oid), \
             format('ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_encoding_to_char(d.encoding), d.datcollate, d.datctype) || \
             CASE to_jsonb(d) ->> 'datlocprovider' \
             WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')) \
             || coalesce(format(' ICU_RULES %L', to_jsonb(d) ->> 'daticurules'), '') \
             WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', to_jsonb(d) ->> 'datlocale') ELSE '' END \
             FROM pg_database d WHERE d.datname = current_database()",
            &[PREFIX],
        )?;
        let mut described = described.into_iter().flatten().flatten();
        let name = described.next().unwrap_or_default() + &random_id(4)?;
        let locale = described.next().unwrap_or_default();
        // Of this database, for every role and for this one: they may tell a migration where to go.
        let settings = self.query(
            "SELECT DISTINCT quote_ident(split_part(setting, '=', 1)) FROM pg_db_role_setting s, unnest(s.setconfig) setting \
             WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))",
            &[],
        )?;
        let abandoned = self.query(
            &format!(
                "SELECT quote_ident(d.datname) FROM pg_database d \
                 WHERE d.datname ~ '^{PREFIX}[0-9]+_[0-9]+_[0-9a-f]+$' AND pg_has_role(d.datdba, 'MEMBER') \
                 AND split_part(substr(d.datname, {}), '_', 1)::bigint + {ABANDONED} < extract(epoch FROM clock_timestamp()) \
                 AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)",
                PREFIX.len() + 1
            ),
            &[],
        )?;
        let mut server = connect(&self.url)?;
        settings::keep(&mut server, settings::Reach::Session)?;
        for old in abandoned.into_iter().flatten().flatten() {
            let _ = server.batch_execute(&format!("DROP DATABASE IF EXISTS {old}"));
        }
        let name_in_sql = sql::identifier(&name);
        server
            .batch_execute(&format!(
                "CREATE DATABASE {name_in_sql} TEMPLATE template0 {locale}"
            ))
            .map_err(|error| failed(&error, "create a database to rehearse on"))?;
        let place = Place {
            url: self.url.clone(),
            name,
        };
        // Its rows are nobody else's business; the target may say so as well.
        server
            .batch_execute(&format!(
                "REVOKE ALL ON DATABASE {name_in_sql} FROM PUBLIC; GRANT CONNECT ON DATABASE {name_in_sql} TO SESSION_USER"
            ))
            .map_err(|error| failed(&error, "keep others from the copy"))?;
        for setting in settings.into_iter().flatten().flatten() {
            server
                .batch_execute(&format!(
                    "ALTER DATABASE {name_in_sql} SET {setting} FROM CURRENT"
                ))
                .map_err(|error| failed(&error, "copy the settings of the database"))?;
        }
        Ok(place)
    }

    /// Copies the schema and rows; returns what went wrong on the way, which may be of no
    /// consequence, such as an owner that this role cannot give a table to.
    fn fill_scratch(
        &mut self,
        scratch: &DatabaseUrl,
        rows: &CopiedRows,
    ) -> anyhow::Result<Option<String>> {
        let version = self.identity()?.server_version;
        let snapshot = self
            .value("SELECT pg_export_snapshot()", &[])?
            .unwrap_or_default();
        let left_out = match rows {
            CopiedRows::All => Vec::new(),
            CopiedRows::Of(tables) => self.rows_to_leave_out(tables)?,
        };
        let left_out = left_out.into_iter();
        let left_out: Vec<String> = left_out
            .map(|pattern| format!("--exclude-table-data={pattern}"))
            .collect();
        let folder = fitting_folder(&version)?;
        let (pg_dump, pg_restore) = (folder.join("pg_dump"), folder.join("pg_restore"));
        let files = Folder::temporary()?;
        let [dump, list] = ["schema.dump", "contents.list"].map(|name| files.path().join(name));
        let shell = shell()?;
        let (address, _) = self.url.without_password();
        run(
            connecting(
                cmd!(
                    shell,
                    "{pg_dump} --format=custom --compress=0 --no-password --lock-wait-timeout=5000 --no-blobs --no-subscriptions --snapshot={snapshot} {left_out...} --file={dump} --dbname={address}"
                ),
                &self.url,
            )?,
            Code::NotRehearsed,
            "copy the database with pg_dump",
            Some(&self.url),
        )?;
        let contents = run(
            cmd!(shell, "{pg_restore} --list {dump}"),
            Code::NotRehearsed,
            "read the copy with pg_restore",
            None,
        )?;
        std::fs::write(&list, without_reach(&contents))?;
        let (address, _) = scratch.without_password();
        let restore = cmd!(
            shell,
            "{pg_restore} --no-password --use-list={list} --dbname={address} {dump}"
        )
        // A pooler takes no PGOPTIONS.
        .env("PGAPPNAME", "cargo xtask sync");
        let filled = run(
            connecting(restore, scratch)?,
            Code::NotRehearsed,
            "fill a database to rehearse on",
            Some(scratch),
        );
        Ok(filled
            .err()
            .map(|error| without_rows(&Problem::of(&error).message).to_owned()))
    }

    /// Patterns for the tables whose rows stay behind: all but lookup tables, their partitions and
    /// children, and the bookkeeping.
    fn rows_to_leave_out(&mut self, lookups: &[TableName]) -> anyhow::Result<Vec<String>> {
        let names: Vec<String> = lookups
            .iter()
            .map(|table| sql::table(table, DEFAULT_SCHEMA))
            .collect();
        let rows = self.query(
            "WITH RECURSIVE kept AS (SELECT name::regclass::oid AS oid FROM json_array_elements_text($1::json) name \
             UNION SELECT h.inhrelid FROM pg_inherits h JOIN kept ON h.inhparent = kept.oid) \
             SELECT format('\"%s\".\"%s\"', replace(n.nspname, '\"', '\"\"'), replace(c.relname, '\"', '\"\"')) \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
             AND c.relname NOT LIKE '\\_\\_sync\\_%' AND c.relname <> '__diesel_schema_migrations' \
             AND c.oid NOT IN (SELECT oid FROM kept) ORDER BY 1",
            &[&serde_json::to_string(&names)?],
        )?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }
}

/// A complaint without the rows that it is about.
fn without_rows(complaint: &str) -> &str {
    let ends = ["; DETAIL:", "; CONTEXT:"];
    let ends = ends.iter().filter_map(|words| complaint.find(words));
    &complaint[..ends.min().unwrap_or(complaint.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_have_no_rows() {
        let complaint = "COPY failed for table \"t\"; DETAIL:  Failing row contains (1, Ann).; CONTEXT:  COPY t, line 1: \"1 Ann\"";
        assert_eq!(without_rows(complaint), "COPY failed for table \"t\"");
        assert_eq!(without_rows("no rows"), "no rows");
    }
}
