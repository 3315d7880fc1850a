//! Running one migration, and saying where it failed.

use std::cell::Cell;

use diesel::connection::BoxableConnection;
use diesel::migration::{Migration as Runnable, MigrationMetadata, MigrationName, Result};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::super::mark::APART;
use super::super::migrations::find;
use super::{SqliteSession, is_busy, locked, statements};
use crate::model::migrations::migration::{Migration, MigrationSet};
use crate::problem::{Code, Problem};

const EMBEDDED: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");

impl SqliteSession {
    pub(super) fn migrate(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<()> {
        let found = find::<Sqlite>(EMBEDDED, migrations, migration)?;
        self.connection
            .applied_migrations()
            .map_err(anyhow::Error::from_boxed)?;
        let outcome = self.within_run(migration, |session| {
            session.connection.run_migration(&*found).map(|_| ())
        })?;
        outcome.map_err(|error| {
            // To find the line the statements are run again, and would wait again.
            let line = match is_busy(&error) {
                true => None,
                false => self.failing_line(migration),
            };
            failure(migration, &*error, line)
        })?;
        self.forget_session()
    }

    /// Makes diesel's table where it is missing.
    pub(super) fn create_applied(&mut self) -> anyhow::Result<()> {
        self.connection
            .applied_migrations()
            .map_err(anyhow::Error::from_boxed)?;
        Ok(())
    }

    /// Runs a migration outside of any transaction: none is open on this connection.
    pub(super) fn migrate_outside(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<()> {
        let stepwise = Stepwise {
            found: find::<Sqlite>(EMBEDDED, migrations, migration)?,
            statements: statements::split(&migration.up),
            line: Cell::default(),
        };
        self.connection
            .applied_migrations()
            .map_err(anyhow::Error::from_boxed)?;
        let outcome = self.connection.run_migration(&stepwise).map(|_| ());
        outcome.map_err(|error| failure(migration, &*error, stepwise.line.get()))?;
        // What a transaction holds that is still open goes with the connection, the record too.
        self.batch("BEGIN; COMMIT").map_err(|_| {
            let message = format!(
                "migration {} begins a transaction that it does not end, and nothing of it is kept",
                migration.name
            );
            Problem::new(Code::NotTransactional, message)
                .hint("take the SAVEPOINT or BEGIN out of up.sql")
        })?;
        Ok(())
    }

    /// Where a migration fails: the line of its first statement that cannot run, or `None`.
    fn failing_line(&mut self, migration: &Migration) -> Option<usize> {
        self.batch("SAVEPOINT __sync_search").ok()?;
        let failing = statements::split(&migration.up)
            .into_iter()
            .find(|(_, statement)| self.batch(statement).is_err())
            .map(|(line, _)| line);
        // It may have rolled back by itself.
        let _ = self.batch("ROLLBACK TO __sync_search; RELEASE __sync_search");
        failing
    }
}

fn failure(
    migration: &Migration,
    error: &(dyn std::error::Error + Send + Sync),
    line: Option<usize>,
) -> anyhow::Error {
    // diesel says "Failed to run NAME with: …" in front of SQLite's own words.
    let words = error.to_string();
    let words = words
        .split_once(" with: ")
        .map_or(words.as_str(), |(_, words)| words);
    if is_busy(&error) {
        return locked(&format!("run migration {}", migration.name), words).into();
    }
    let line = line.map_or(String::new(), |line| format!(" at line {line} of up.sql"));
    // Such as `cannot VACUUM from within a transaction`, for which SQLite has no code.
    let (code, hint) = match words.contains(" within a transaction") {
        true => (Code::NotTransactional, APART),
        false => (
            Code::MigrationFailed,
            "the target is as it was; mend the migration or the rows that it meets, then run it again",
        ),
    };
    let message = format!("migration {} failed{line}: {words}", migration.name);
    Problem::new(code, message).hint(hint).into()
}

/// A migration statement by statement, since what failed outside a transaction cannot be tried
/// again to find the line.
struct Stepwise<'script> {
    found: Box<dyn Runnable<Sqlite>>,
    statements: Vec<(usize, &'script str)>,
    /// Of the statement that is running.
    line: Cell<Option<usize>>,
}

impl Runnable<Sqlite> for Stepwise<'_> {
    fn run(&self, connection: &mut dyn BoxableConnection<Sqlite>) -> Result<()> {
        for (line, statement) in &self.statements {
            self.line.set(Some(*line));
            connection.batch_execute(statement)?;
        }
        self.line.set(None);
        Ok(())
    }

    fn revert(&self, connection: &mut dyn BoxableConnection<Sqlite>) -> Result<()> {
        self.found.revert(connection)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self.found.metadata()
    }

    fn name(&self) -> &dyn MigrationName {
        self.found.name()
    }
}
