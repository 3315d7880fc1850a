//! Changing: migrations, lookup rows, the ledger, and the count of what was touched.

use std::sync::{Arc, Mutex};

use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection, TransactionManager};
use diesel::migration::MigrationSource;
use diesel::pg::{Pg, PgConnection};
use diesel::result::Error;
use diesel::sql_types::{Nullable, Text};
use diesel::{RunQueryDsl, sql_query};
use diesel_migrations::{
    EmbeddedMigrations, FileBasedMigrations, MigrationHarness, embed_migrations,
};

use super::super::load::Loading;
use super::super::{Reference, Session, Target, sql};
use super::PostgresSession;
use super::connection::{failed, pin_values, unpin_values, words};
use super::copy::{STAGING, copy_changes};
use super::read::DEFAULT_SCHEMA;
use crate::problem::{Code, Problem};
use crate::sync::compare::Change;
use crate::sync::ledger::LedgerEntry;
use crate::sync::lookup::Lookup;
use crate::sync::migration::{Migration, MigrationSet, Origin};
use crate::sync::row::Record;
use crate::sync::table::TableName;

const EMBEDDED: EmbeddedMigrations = embed_migrations!("../migrations/postgres");

/// The counters of one table at the moment when watching began.
pub(super) struct Watched {
    table: TableName,
    oid: String,
    counters: Counters,
}

/// What the server counted for a table in this transaction, and the files that hold its rows,
/// which TRUNCATE replaces without counting.
#[derive(PartialEq)]
struct Counters {
    touched: u64,
    files: String,
}

/// A lookup table whose changes wait in a temporary table.
pub(super) struct Staged {
    table: TableName,
    /// Every foreign key that points at the table, from wherever.
    references: Vec<Reference>,
    unique_keys: Vec<UniqueKey>,
}

/// A unique constraint that the server checks at once, row by row.
struct UniqueKey {
    columns: Vec<String>,
    /// A column that can be NULL for a moment, so that the row lets go of its value.
    nullable: Option<String>,
    /// A column that can hold a made-up value for a moment, with its type.
    replaceable: Option<(String, String)>,
}

impl PostgresSession {
    fn run(&mut self, sql: &str, what: &str) -> anyhow::Result<u64> {
        let count = sql_query(sql)
            .execute(&mut self.connection)
            .map_err(|error| failed(&error, what))?;
        Ok(count as u64)
    }

    fn batch(&mut self, sql: &str, what: &str) -> anyhow::Result<()> {
        self.connection
            .batch_execute(sql)
            .map_err(|error| failed(&error, what))
    }

    fn position(&self, lookup: &Lookup) -> usize {
        self.staged
            .iter()
            .position(|staged| staged.table == lookup.table)
            .unwrap_or_default()
    }

    fn loading<'lookup>(&self, lookup: &'lookup Lookup) -> Loading<'lookup> {
        Loading {
            lookup,
            table: sql::table(&lookup.table, DEFAULT_SCHEMA),
            staging: format!("pg_temp.lookup_staging_{}", self.position(lookup)),
            default_schema: DEFAULT_SCHEMA,
        }
    }

    fn counters(&mut self, oid: &str) -> anyhow::Result<Counters> {
        // A partitioned table has no rows of its own: its partitions are counted.
        let rows = self.query(
            "WITH members AS (SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) \
             SELECT sum(pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid) \
             + pg_stat_get_xact_tuples_deleted(oid))::text, \
             string_agg(pg_relation_filenode(oid)::text, ' ' ORDER BY oid) FROM members",
            &[oid],
        )?;
        let mut fields = rows.into_iter().flatten();
        let touched = fields
            .next()
            .flatten()
            .and_then(|count| count.parse().ok())
            .unwrap_or_default();
        Ok(Counters {
            touched,
            files: fields.next().flatten().unwrap_or_default(),
        })
    }

    fn references_to(&mut self, table: &TableName) -> anyhow::Result<Vec<Reference>> {
        let rows = self.query(
            "SELECT n.nspname::text, c.relname::text, \
             (SELECT json_agg(a.attname ORDER BY k.at) FROM unnest(f.conkey) WITH ORDINALITY k(attnum, at) \
              JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum)::text, \
             (SELECT json_agg(a.attname ORDER BY k.at) FROM unnest(f.confkey) WITH ORDINALITY k(attnum, at) \
              JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum)::text \
             FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE f.contype = 'f' AND f.confrelid = $1::regclass AND f.conparentid = 0",
            &[&sql::table(table, DEFAULT_SCHEMA)],
        )?;
        rows.into_iter()
            .map(|row| {
                let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
                Ok(Reference {
                    child: TableName::new(Some(&text(0)), &text(1)),
                    columns: serde_json::from_str(&text(2))?,
                    parent_columns: serde_json::from_str(&text(3))?,
                })
            })
            .collect()
    }

    /// The columns of a lookup table, domains as what they are made of: a domain may refuse the
    /// NULLs of a staged row that is to go.
    fn unconstrained_columns(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<String>> {
        let rows = self.query(
            "WITH RECURSIVE base AS (SELECT a.attname, a.atttypid AS type, a.atttypmod AS modifier, 0 AS depth \
             FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped \
             UNION ALL SELECT b.attname, t.typbasetype, t.typtypmod, b.depth + 1 FROM base b \
             JOIN pg_type t ON t.oid = b.type AND t.typtype = 'd') \
             SELECT DISTINCT ON (attname) attname::text, format_type(type, modifier) FROM base WHERE depth > 0 \
             ORDER BY attname, depth DESC",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA)],
        )?;
        Ok(lookup
            .columns
            .iter()
            .map(|column| {
                let name = sql::identifier(column);
                let domain = rows
                    .iter()
                    .find(|row| row.first() == Some(&Some(column.clone())));
                match domain.and_then(|row| row.get(1).cloned().flatten()) {
                    Some(base) => format!("{name}::{base} AS {name}"),
                    None => name,
                }
            })
            .collect())
    }

    /// The columns beside the key whose values the server gives and no UPDATE may change.
    fn fixed_columns(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<String>> {
        let rows = self.query(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attidentity = 'a' AND NOT attisdropped",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA)],
        )?;
        Ok(rows
            .into_iter()
            .flatten()
            .flatten()
            .filter(|name| !lookup.key_columns().any(|key| key == name))
            .filter(|name| lookup.compared_columns().any(|column| column == name))
            .collect())
    }

    /// Stops where a row would need another value in a column that no UPDATE may change.
    fn refuse_fixed(&mut self, lookup: &Lookup, columns: &[String]) -> anyhow::Result<()> {
        for column in columns {
            let loading = self.loading(lookup);
            let name = sql::identifier(column);
            let count = self.value(
                &format!(
                    "SELECT nullif(count(*), 0)::text FROM {} AS lookup JOIN {} AS staged ON {} \
                     WHERE staged.__change = 'U' AND staged.{name} IS DISTINCT FROM lookup.{name}",
                    loading.table,
                    loading.staging,
                    sql::same_key(lookup, "staged", "lookup")
                ),
                &[],
            )?;
            if let Some(count) = count {
                return Err(Problem::new(
                    Code::ConstraintViolated,
                    format!(
                        "`{column}` of `{}` is GENERATED ALWAYS AS IDENTITY and would have to change: {count} of its rows",
                        lookup.table
                    ),
                )
                .hint(format!(
                    "let each environment keep its own numbers with insert_only = [\"{column}\"], or make the column GENERATED BY DEFAULT with a migration"
                ))
                .into());
            }
        }
        Ok(())
    }

    fn unique_keys_of(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<UniqueKey>> {
        let rows = self.query(
            "SELECT i.indexrelid::text, a.attname::text, a.attnotnull::text, a.attidentity::text, \
             format_type(a.atttypid, NULL), \
             coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') \
             FROM pg_index i JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, at) ON k.at <= i.indnkeyatts \
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
             WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indimmediate AND i.indexprs IS NULL \
             ORDER BY i.indexrelid, k.at",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA)],
        )?;
        let key: Vec<&str> = lookup.key_columns().collect();
        let mut keys: Vec<(String, UniqueKey)> = Vec::new();
        for row in rows {
            let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            let (index, column) = (text(0), text(1));
            if keys.last().is_none_or(|(last, _)| *last != index) {
                let unique = UniqueKey {
                    columns: Vec::new(),
                    nullable: None,
                    replaceable: None,
                };
                keys.push((index, unique));
            }
            let Some((_, unique)) = keys.last_mut() else {
                continue;
            };
            if !key.contains(&column.as_str()) && text(3).is_empty() {
                if text(2) == "false" && text(5) == "false" {
                    unique.nullable.get_or_insert(column.clone());
                }
                unique.replaceable.get_or_insert((column.clone(), text(4)));
            }
            unique.columns.push(column);
        }
        // Rows are matched by the lookup key itself, so it never has to let go of a value.
        Ok(keys
            .into_iter()
            .map(|(_, unique)| unique)
            .filter(|unique| {
                !unique
                    .columns
                    .iter()
                    .all(|column| key.contains(&column.as_str()))
            })
            .collect())
    }

    fn release(
        &mut self,
        lookup: &Lookup,
        unique: &UniqueKey,
        referenced: bool,
    ) -> anyhow::Result<()> {
        let loading = self.loading(lookup);
        let (table, holds) = (&loading.table, loading.holds_wanted(&unique.columns));
        let what = format!("free unique values of `{}`", lookup.table);
        let held = self.value(
            &format!("SELECT EXISTS (SELECT 1 FROM {table} AS lookup WHERE {holds})::text"),
            &[],
        )?;
        if held.as_deref() != Some("true") {
            return Ok(());
        }
        if let Some(column) = &unique.nullable {
            let column = sql::identifier(column);
            self.run(
                &format!("UPDATE {table} AS lookup SET {column} = NULL WHERE {holds}"),
                &what,
            )?;
            return Ok(());
        }
        if !referenced {
            for statement in loading.take_out(&unique.columns) {
                self.run(&statement, &what)?;
            }
            return Ok(());
        }
        let made_up = unique.replaceable.as_ref().and_then(|(column, type_name)| {
            let name = sql::identifier(column);
            let value = match type_name.as_str() {
                "smallint" | "integer" | "bigint" | "numeric" => {
                    format!("(SELECT min({name}) FROM {table}) - numbered.at")
                }
                "text" | "character varying" | "character" => {
                    let length = format!(
                        "coalesce((SELECT nullif(atttypmod, -1) - 4 FROM pg_attribute WHERE attrelid = '{}'::regclass AND attname = '{}'), 32)",
                        table.replace('\'', "''"), column.replace('\'', "''")
                    );
                    // Where there is little room, letters that are set aside for private use.
                    format!(
                        "CASE WHEN {length} < 32 AND getdatabaseencoding() = 'UTF8' THEN chr(983040 + numbered.at::integer) \
                         ELSE left(md5(random()::text || numbered.at), {length}) END"
                    )
                }
                "uuid" => "gen_random_uuid()".to_owned(),
                _ => return None,
            };
            Some((name, value))
        });
        let Some((column, value)) = made_up else {
            return Err(Problem::new(
                Code::ConstraintViolated,
                format!(
                    "rows of `{}` swap values of the unique columns {}, which cannot be emptied for a moment",
                    lookup.table,
                    unique.columns.join(", ")
                ),
            )
            .hint("make the unique constraint DEFERRABLE with a migration")
            .into());
        };
        let keys = sql::list("lookup.", lookup.key_columns());
        self.run(
            &format!(
                "UPDATE {table} AS lookup SET {column} = {value} FROM (SELECT {keys}, row_number() OVER () AS at \
                 FROM {table} AS lookup WHERE {holds}) AS numbered WHERE {}",
                sql::same_key(lookup, "lookup", "numbered")
            ),
            &what,
        )?;
        Ok(())
    }

    /// Stops where a row that is to go is still referred to, rather than let a cascade run.
    fn refuse_references(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let loading = self.loading(lookup);
        let references = self.staged[self.position(lookup)].references.clone();
        for reference in references {
            let count = self.value(&loading.count_references(&reference), &[])?;
            let count: u64 = count
                .and_then(|count| count.parse().ok())
                .unwrap_or_default();
            if count > 0 {
                return Err(crate::sync::gate::referenced_rows(
                    &lookup.table,
                    &reference.child,
                    count,
                )
                .into());
            }
        }
        Ok(())
    }
}

impl Target for PostgresSession {
    fn run_migration(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<()> {
        let source: Box<dyn MigrationSource<Pg>> = match &migrations.origin {
            Origin::Embedded => Box::new(EMBEDDED),
            Origin::Folder(folder) => Box::new(FileBasedMigrations::from_path(folder)?),
        };
        let all = source.migrations().map_err(anyhow::Error::from_boxed)?;
        let Some(found) = all
            .iter()
            .find(|one| one.name().version() == migration.version.as_str().into())
        else {
            anyhow::bail!(
                "migration {} is not built into this program",
                migration.name
            );
        };
        let search_path = self
            .value("SELECT current_setting('search_path')", &[])?
            .unwrap_or_default();
        self.connection
            .applied_migrations()
            .map_err(anyhow::Error::from_boxed)?;
        unpin_values(&mut self.connection).map_err(|error| failed(&error, "reset the session"))?;
        let outcome = observed(&mut self.connection, |connection| {
            connection.run_migration(&**found).map(|_| ())
        });
        outcome.map_err(|failure| failure.problem(migration))?;
        // A migration may leave settings behind; the next one and the rows start from ours.
        pin_values(&mut self.connection).map_err(|error| failed(&error, "set up the session"))?;
        self.value(
            "SELECT set_config('search_path', $1, false)",
            &[&search_path],
        )?;
        Ok(())
    }

    fn watch(&mut self, tables: &[TableName]) -> anyhow::Result<()> {
        if self
            .value("SELECT current_setting('track_counts')", &[])?
            .as_deref()
            != Some("on")
        {
            return Err(Problem::new(
                Code::ProtectedRowsChanged,
                "the target server does not count changed rows (track_counts is off), \
                 so protected rows cannot be proved untouched",
            )
            .hint("set track_counts = on in postgresql.conf, which is its default")
            .into());
        }
        self.watched.clear();
        for table in tables {
            let name = sql::table(table, DEFAULT_SCHEMA);
            let Some(oid) = self.value("SELECT to_regclass($1)::oid::text", &[&name])? else {
                continue;
            };
            let counters = self.counters(&oid)?;
            self.watched.push(Watched {
                table: table.clone(),
                oid,
                counters,
            });
        }
        Ok(())
    }

    fn watched_changes(&mut self) -> anyhow::Result<Vec<(TableName, u64)>> {
        let mut changes = Vec::new();
        for at in 0..self.watched.len() {
            let oid = self.watched[at].oid.clone();
            let now = self.counters(&oid)?;
            let before = &self.watched[at];
            if now != before.counters {
                let touched = now.touched.saturating_sub(before.counters.touched);
                changes.push((before.table.clone(), touched.max(1)));
            }
        }
        Ok(changes)
    }

    fn hold(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let table = sql::table(&lookup.table, DEFAULT_SCHEMA);
        self.batch(
            &format!(
                "SET CONSTRAINTS ALL DEFERRED; LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"
            ),
            &format!("lock `{}`", lookup.table),
        )
    }

    fn stage(
        &mut self,
        lookup: &Lookup,
        changes: &mut dyn Iterator<Item = anyhow::Result<(Change, Record)>>,
    ) -> anyhow::Result<()> {
        let what = format!("stage the rows of `{}`", lookup.table);
        let table = sql::table(&lookup.table, DEFAULT_SCHEMA);
        let columns = self.unconstrained_columns(lookup)?.join(", ");
        self.batch(
            &format!(
                "CREATE TEMPORARY TABLE lookup_staging ON COMMIT DROP AS \
                 SELECT ''::text AS __change, {columns} FROM {table} WITH NO DATA"
            ),
            &what,
        )?;
        copy_changes(
            &mut self.connection,
            &lookup.key,
            lookup.columns.len(),
            changes,
        )?;
        let at = self.staged.len();
        self.batch(
            &format!(
                "ALTER TABLE {STAGING} RENAME TO lookup_staging_{at}; ANALYZE pg_temp.lookup_staging_{at}"
            ),
            &what,
        )?;
        let references = self.references_to(&lookup.table)?;
        let unique_keys = self.unique_keys_of(lookup)?;
        self.staged.push(Staged {
            table: lookup.table.clone(),
            references,
            unique_keys,
        });
        Ok(())
    }

    fn delete_unreferenced(&mut self, lookup: &Lookup) -> anyhow::Result<u64> {
        let statement = self
            .loading(lookup)
            .delete_unreferenced(&self.staged[self.position(lookup)].references);
        self.run(&statement, &format!("delete rows of `{}`", lookup.table))
    }

    fn release_unique_values(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let at = self.position(lookup);
        let referenced = !self.staged[at].references.is_empty();
        let unique_keys = std::mem::take(&mut self.staged[at].unique_keys);
        unique_keys
            .iter()
            .try_for_each(|unique| self.release(lookup, unique, referenced))
    }

    fn insert_staged(&mut self, lookup: &Lookup) -> anyhow::Result<u64> {
        let statement = self.loading(lookup).insert(" OVERRIDING SYSTEM VALUE");
        self.run(&statement, &format!("insert rows into `{}`", lookup.table))
    }

    fn update_staged(&mut self, lookup: &Lookup) -> anyhow::Result<u64> {
        let fixed = self.fixed_columns(lookup)?;
        self.refuse_fixed(lookup, &fixed)?;
        match self.loading(lookup).update(&fixed) {
            Some(statement) => self.run(&statement, &format!("update rows of `{}`", lookup.table)),
            None => Ok(0),
        }
    }

    fn delete_staged(&mut self, lookup: &Lookup) -> anyhow::Result<u64> {
        self.refuse_references(lookup)?;
        let statement = self.loading(lookup).delete();
        self.run(&statement, &format!("delete rows of `{}`", lookup.table))
    }

    fn raise_sequences(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let table = sql::table(&lookup.table, DEFAULT_SCHEMA);
        for column in &lookup.columns {
            let Some(sequence) =
                self.value("SELECT pg_get_serial_sequence($1, $2)", &[&table, column])?
            else {
                continue;
            };
            let column = sql::identifier(column);
            // Sequences do not roll back, so this comes last; a later value stays as it is.
            self.query(
                &format!(
                    "SELECT setval($1::regclass, highest)::text FROM (SELECT max({column}) AS highest FROM {table}) AS rows, \
                     {sequence} AS sequence, pg_sequence AS definition WHERE definition.seqrelid = $1::regclass \
                     AND definition.seqincrement > 0 AND highest >= definition.seqmin \
                     AND (highest > sequence.last_value OR (highest = sequence.last_value AND NOT sequence.is_called))"
                ),
                &[&sequence],
            )?;
        }
        Ok(())
    }

    fn check_constraints(&mut self) -> anyhow::Result<()> {
        self.batch("SET CONSTRAINTS ALL IMMEDIATE", "check the constraints")
    }

    fn record(&mut self, entry: &LedgerEntry) -> anyhow::Result<()> {
        let is_stamped = self.ledger()?.stamp.is_some();
        for (statement, values) in sql::record_statements(entry, is_stamped, |at| format!("${at}"))
        {
            let mut query = sql_query(statement).into_boxed::<Pg>();
            for value in values {
                query = query.bind::<Nullable<Text>, _>(value);
            }
            query
                .execute(&mut self.connection)
                .map_err(|error| failed(&error, "write the ledger"))?;
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> anyhow::Result<()> {
        <PgConnection as Connection>::TransactionManager::commit_transaction(&mut self.connection)
            .map_err(|error| failed(&error, "commit"))
    }
}

/// What the server said of a failed statement, and at which character of the text.
#[derive(Default, Clone)]
struct MigrationFailure {
    words: String,
    position: Option<usize>,
}

impl MigrationFailure {
    fn problem(&self, migration: &Migration) -> anyhow::Error {
        let line = self.position.map_or(String::new(), |position| {
            format!(
                " at line {} of up.sql",
                sql::line_at(&migration.up, position)
            )
        });
        Problem::new(
            Code::MigrationFailed,
            format!("migration {} failed{line}: {}", migration.name, self.words),
        )
        .hint("the target is as it was; mend the migration or the rows that it meets, then run it again")
        .into()
    }
}

/// Runs a migration and keeps what the server said, because diesel wraps the error in a type
/// that hides the position.
fn observed(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> diesel::migration::Result<()>,
) -> Result<(), MigrationFailure> {
    let seen: Arc<Mutex<Option<MigrationFailure>>> = Arc::default();
    let writer = Arc::clone(&seen);
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::FinishQuery {
            error: Some(error), ..
        } = event
            && let Ok(mut seen) = writer.lock()
        {
            seen.get_or_insert_with(|| MigrationFailure {
                words: words(error),
                position: match error {
                    Error::DatabaseError(_, information) => information
                        .statement_position()
                        .and_then(|position| position.try_into().ok()),
                    _ => None,
                },
            });
        }
    });
    let outcome = work(connection);
    connection.set_instrumentation(|_: InstrumentationEvent<'_>| {});
    outcome.map_err(|error| {
        seen.lock()
            .ok()
            .and_then(|mut seen| seen.take())
            .unwrap_or_else(|| MigrationFailure {
                words: error.to_string(),
                position: None,
            })
    })
}
