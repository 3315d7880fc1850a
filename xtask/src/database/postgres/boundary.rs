//! The line around a migration: the transaction is the run's, and nothing that a migration does to
//! the session outlives it.

use diesel::connection::SimpleConnection as _;
use diesel::{RunQueryDsl as _, sql_query};

use super::super::mark::{Mark, ended_by_itself};
use super::super::sql;
use super::PostgresSession;
use super::connection::{code, failed};
use super::read::DEFAULT_SCHEMA;
use crate::model::migrations::migration::Migration;
use crate::model::schema::table::TableName;
use crate::problem::Code;

impl PostgresSession {
    /// Does what `work` does for a migration in the transaction that is open, and nowhere else;
    /// where that fails, nothing of it is left.
    ///
    /// # Errors
    /// `not_transactional` when the transaction had ended by then: what was done before that stays.
    pub(super) fn within_run<E>(
        &mut self,
        migration: &Migration,
        work: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> anyhow::Result<Result<(), E>> {
        let mark = Mark::new()?;
        self.connection
            .batch_execute(&mark.set())
            .map_err(|error| self.failed(&error, "mark the transaction"))?;
        let outcome = work(self);
        let closed = self.connection.batch_execute(&mark.close(outcome.is_err()));
        // Without its connection the transaction is rolled back, whatever the migration did.
        if closed.is_ok() || self.connection.batch_execute("ROLLBACK").is_err() {
            return Ok(outcome);
        }
        Err(ended_by_itself(migration))
    }

    /// Takes back what a migration may have left in the session but temporary tables: a role, and
    /// settings, which are ours again.
    pub(super) fn reset_session(&mut self) -> anyhow::Result<()> {
        self.words = None;
        let ours = "SELECT current_setting('client_connection_check_interval', true)";
        let interval = self.value(ours, &[])?;
        self.batch(
            "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL",
            "reset the session",
        )?;
        self.pin()?;
        if let Some(interval) = interval {
            let again = "SELECT set_config('client_connection_check_interval', $1, false)";
            self.value(again, &[&interval])?;
        }
        Ok(())
    }

    /// The catalogs of the whole server that the transaction that is open wrote to, if the server
    /// counts that. Each object with an owner is in `pg_shdepend`, for its own database.
    pub(super) fn shared_catalogs_written(&mut self) -> anyhow::Result<Option<String>> {
        self.value(
            "SELECT CASE WHEN current_setting('track_counts') <> 'on' THEN 'track_counts is off' ELSE (\
             SELECT string_agg(c.relname, ', ' ORDER BY c.relname) FROM pg_stat_xact_sys_tables s \
             JOIN pg_class c ON c.oid = s.relid WHERE c.relisshared AND c.relname <> 'pg_shdepend' \
             AND s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0) END",
            &[],
        )
    }

    /// An enum of which values are in the table, through arrays, domains, ranges and composite types
    /// too, and of which not every value may be used yet: the server itself is asked for them all.
    pub(super) fn enum_with_uncommitted_value(
        &mut self,
        table: &TableName,
    ) -> anyhow::Result<Option<String>> {
        let enums = self.query(
            "WITH RECURSIVE used (type) AS (SELECT a.atttypid FROM pg_attribute a \
             WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped \
             UNION SELECT part.type FROM used JOIN pg_type t ON t.oid = used.type, LATERAL (SELECT t.typelem UNION SELECT t.typbasetype \
             UNION SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid \
             UNION SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS part (type)) \
             SELECT format('%I.%I', n.nspname, t.typname), t.typname::text FROM used JOIN pg_type t ON t.oid = used.type \
             JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'e' ORDER BY 1",
            &[&sql::table(table, DEFAULT_SCHEMA)],
        )?;
        for found in enums {
            let mut found = found.into_iter().flatten();
            let (Some(qualified), Some(name)) = (found.next(), found.next()) else {
                continue;
            };
            let ask = format!("SELECT enum_range(NULL::{qualified})::text");
            let answer = self.tried("read the values of an enum", |session| {
                let connection = session.ours()?;
                sql_query(ask).execute(connection)
            })?;
            match answer {
                Err(error) if code(&error) == Code::ValueUncommitted => return Ok(Some(name)),
                Err(error) => return Err(failed(&error, "read the values of an enum")),
                Ok(_) => {}
            }
        }
        Ok(None)
    }

    /// Drops temporary tables, which would come before the real ones of the same name.
    pub(super) fn forget_temporary(&mut self) -> anyhow::Result<()> {
        self.batch("DISCARD TEMP", "reset the session")
    }
}
