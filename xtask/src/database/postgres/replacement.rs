//! Putting an archive in the place of everything that a database holds, in one transaction that keeps
//! writers out.

use std::path::Path;
use std::time::Duration;

use super::super::{Inspection, Replacement, Target as _};
use super::PostgresSession;
use super::backup::ledger_script;
use super::emptying::EMPTY_DATABASE;
use crate::model::ledger::Run;
use crate::model::limits::Limits;
use crate::model::url::DatabaseUrl;

pub(in super::super) fn open_replacement(
    url: &DatabaseUrl,
    limits: Limits,
) -> anyhow::Result<Box<dyn Replacement>> {
    // Whoever restores waits for readers, and for indexes of whatever size.
    let limits = Limits {
        lock_timeout: limits.lock_timeout.max(PATIENCE),
        statement_timeout: None,
        // It has nothing to do while the present state is backed up.
        idle_timeout: None,
        ..limits
    };
    let mut session = PostgresSession::writing(url, limits)?;
    session.lock()?;
    session.keep_writers_out()?;
    Ok(Box::new(session))
}

/// How long to wait for each lock at least.
const PATIENCE: Duration = Duration::from_secs(30);

impl Replacement for PostgresSession {
    fn replace(
        mut self: Box<Self>,
        archive: &Path,
        runs: &[Run],
        inspect: Inspection<'_>,
    ) -> anyhow::Result<()> {
        self.batch(EMPTY_DATABASE, "empty the database")?;
        self.fill(archive)?;
        inspect(&mut *self)?;
        let schema = self.ledger_schema()?;
        self.batch(&ledger_script(runs, &schema), "write the ledger")?;
        self.commit()
    }
}

impl PostgresSession {
    fn keep_writers_out(&mut self) -> anyhow::Result<()> {
        let tables = self.value(
            "SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ' ORDER BY c.oid) \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
             AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')",
            &[],
        )?;
        match tables {
            None => Ok(()),
            Some(tables) => self.batch(
                &format!("LOCK TABLE {tables} IN EXCLUSIVE MODE"),
                "keep writers out of all tables",
            ),
        }
    }
}
