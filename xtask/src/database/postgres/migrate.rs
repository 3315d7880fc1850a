//! Running one migration, and saying where it failed.

use std::cell::Cell;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use diesel::QueryResult;
use diesel::connection::{
    BoxableConnection, Connection, InstrumentationEvent, SimpleConnection as _,
};
use diesel::migration::{
    Migration as Runnable, MigrationMetadata, MigrationName, Result as MigrationResult,
};
use diesel::pg::{Pg, PgConnection};
use diesel::result::Error;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::super::ledger::DIESELS;
use super::super::mark;
use super::super::migrations::find;
use super::PostgresSession;
use super::bookkeeping::Bookkeeping;
use super::connection::{UNCOMMITTED, code, problem_of};
use super::settings::{self, Reach};
use super::words::words;
use crate::model::limits::Limits;
use crate::model::migrations::migration::{Migration, MigrationSet};
use crate::model::migrations::script::places_of_statements;
use crate::model::words::listed;
use crate::problem::{Code, Problem};

const EMBEDDED: EmbeddedMigrations = embed_migrations!("../migrations/postgres");

impl PostgresSession {
    pub(super) fn migrate(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<()> {
        self.perform(migrations, migration)?;
        // The next migration and the rows start from our settings.
        self.reset_session()?;
        self.forget_temporary()
    }

    /// Runs a migration, which may leave anything in the session.
    pub(super) fn perform(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<()> {
        let found = find::<Pg>(EMBEDDED, migrations, migration)?;
        let has_table = self.bookkeeping(DIESELS)?.is_some();
        self.unpin()?;
        let done = self.within_run(migration, |session| {
            run(&mut session.connection, found, &migration.up, has_table)
        })?;
        if let Err(failure) = done {
            let problem = self.migration_problem(failure, migration);
            // Nothing is left of it, and on a copy the run may go on.
            let _ = self.reset_session();
            return Err(problem);
        }
        self.settle_constraints()?.map_err(|error| {
            let failure = MigrationFailure {
                position: None,
                ..MigrationFailure::of(&error)
            };
            self.migration_problem(failure, migration)
        })?;
        Ok(())
    }
}

impl PostgresSession {
    /// Diesel's table, which is made where the database's own path has it made if it is missing.
    pub(super) fn create_applied(&mut self) -> anyhow::Result<Bookkeeping> {
        if let Some(table) = self.bookkeeping(DIESELS)? {
            return Ok(table);
        }
        self.unpin()?;
        self.connection
            .applied_migrations()
            .map_err(anyhow::Error::from_boxed)?;
        self.reset_session()?;
        self.bookkeeping(DIESELS)?
            .context("the table of migrations is not where the search_path of this role leads")
    }

    /// Runs a migration outside of any transaction: none is open on this connection.
    pub(super) fn migrate_outside(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<()> {
        let found = find::<Pg>(EMBEDDED, migrations, migration)?;
        let (lock_timeout, statement_timeout) = timeouts(self.limits, migration);
        let (has_table, before) = self.aside(|session| {
            let connection = session.ours()?;
            settings::keep(connection, Reach::Session)?;
            connection.batch_execute(&format!(
                "SET application_name = 'cargo xtask sync'; SET lock_timeout = {}; SET statement_timeout = {}",
                lock_timeout.as_millis(),
                statement_timeout.as_millis()
            ))?;
            if !lock_timeout.is_zero() {
                session.look_out()?;
            }
            let has_table = session.bookkeeping(DIESELS)?.is_some();
            Ok((has_table, session.invalid_indexes()?))
        })?;
        if let Err(failure) = run(&mut self.connection, found, &migration.up, has_table) {
            let left: Vec<String> = self
                .aside(Self::invalid_indexes)
                .unwrap_or_default()
                .into_iter()
                .filter(|index| !before.contains(index))
                .map(|index| format!("`{index}`"))
                .collect();
            let left = match left.as_slice() {
                [] => String::new(),
                names => format!(
                    "; it left an invalid index behind, to be dropped first: {}",
                    listed(names)
                ),
            };
            let words = self.cause(failure.code, failure.words) + &left;
            return Err(MigrationFailure { words, ..failure }.problem(migration));
        }
        Ok(())
    }

    /// Does something of our own where no transaction is open.
    fn aside<T>(&mut self, work: impl FnOnce(&mut Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.words = None;
        self.connection.batch_execute("BEGIN READ ONLY")?;
        let outcome = work(self);
        self.words = None;
        self.connection.batch_execute("COMMIT")?;
        outcome
    }

    fn migration_problem(&self, failure: MigrationFailure, migration: &Migration) -> anyhow::Error {
        let words = self.cause(failure.code, failure.words);
        MigrationFailure { words, ..failure }.problem(migration)
    }

    /// `CREATE INDEX CONCURRENTLY` leaves one behind when it fails.
    fn invalid_indexes(&mut self) -> anyhow::Result<Vec<String>> {
        let rows = self.query(
            "SELECT regexp_replace(indexrelid::regclass::text, '^public\\.', '') FROM pg_index WHERE NOT indisvalid ORDER BY 1",
            &[],
        )?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    /// Checks what was deferred, as the end of the migration's own transaction would have: tables
    /// with pending trigger events cannot be altered. Then lets be deferred again what is from
    /// the start. By name, since `ALL` would also hold for what a later migration makes.
    fn settle_constraints(&mut self) -> anyhow::Result<QueryResult<()>> {
        // What a migration left as the path is not ours.
        self.words = None;
        let names = |is_so: &str| {
            format!(
                "SELECT string_agg(names.name, ', ') FROM (SELECT format('%I.%I', n.nspname, c.conname) AS name \
                 FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace \
                 GROUP BY n.nspname, c.conname HAVING bool_and({is_so})) AS names"
            )
        };
        for (is_so, then) in [("condeferrable", "IMMEDIATE"), ("condeferred", "DEFERRED")] {
            if let Some(names) = self.value(&names(is_so), &[])? {
                self.unpin()?;
                let set = format!("SET CONSTRAINTS {names} {then}");
                if let Err(error) = self.connection.batch_execute(&set) {
                    return Ok(Err(error));
                }
            }
        }
        Ok(Ok(()))
    }
}

/// For a migration outside of any transaction, how long it may wait for a lock, and how long a
/// statement may take; zero is no limit. What is done `CONCURRENTLY` waits for transactions that
/// began before it, in nobody's way, and leaves something half done when it gives up.
fn timeouts(limits: Limits, migration: &Migration) -> (Duration, Duration) {
    match migration.up.to_uppercase().contains("CONCURRENTLY") {
        true => (Duration::ZERO, Duration::ZERO),
        false => (
            limits.lock_timeout,
            limits.statement_timeout.unwrap_or_default(),
        ),
    }
}

/// What the server said of a failed statement, and at which character of the text.
struct MigrationFailure {
    code: Code,
    words: String,
    position: Option<usize>,
}

impl MigrationFailure {
    fn of(error: &Error) -> Self {
        MigrationFailure {
            code: code(error),
            words: words(error),
            position: match error {
                Error::DatabaseError(_, information) => information
                    .statement_position()
                    .and_then(|position| position.try_into().ok()),
                _ => None,
            },
        }
    }

    fn problem(&self, migration: &Migration) -> anyhow::Error {
        if matches!(self.code, Code::LockTimeout | Code::StatementTimeout) {
            // Nothing in the migration is wrong.
            let what = format!("run migration {}", migration.name);
            return problem_of(self.code, &what, &self.words).into();
        }
        let line = self.position.map_or(String::new(), |position| {
            format!(" at line {} of up.sql", line_at(&migration.up, position))
        });
        let (code, hint) = match self.code {
            Code::ValueUncommitted => (self.code, UNCOMMITTED),
            Code::NotTransactional if migration.transactional => (self.code, mark::APART),
            // The server makes a transaction of several statements that come in one message.
            Code::NotTransactional => (self.code, "give that statement a migration of its own"),
            _ => (
                Code::MigrationFailed,
                "the target is as it was; mend the migration or the rows that it meets, then run it again",
            ),
        };
        Problem::new(
            code,
            format!("migration {} failed{line}: {}", migration.name, self.words),
        )
        .hint(hint)
        .into()
    }
}

/// Runs a migration, makes diesel's table where it is missing (which takes the right to create, even
/// where there is nothing to make), and keeps what the server
/// said, because diesel wraps the error in a type that hides the position.
fn run(
    connection: &mut PgConnection,
    found: Box<dyn Runnable<Pg>>,
    up: &str,
    has_table: bool,
) -> Result<(), MigrationFailure> {
    let (outcome, failure) = noticing(connection, |connection| {
        if !has_table {
            connection.applied_migrations()?;
        }
        connection.run_migration(&found)
    });
    outcome.map(|_| ()).map_err(|error| {
        let failure = failure.unwrap_or_else(|| MigrationFailure {
            code: Code::Failed,
            words: error.to_string(),
            position: None,
        });
        let position = failure.position.or_else(|| match failure.code {
            Code::Failed
            | Code::ConstraintViolated
            | Code::ValueUncommitted
            | Code::NotTransactional => Stepwise::new(found, up).find(connection, &failure.words),
            // It would take as long again.
            _ => None,
        });
        MigrationFailure {
            position,
            ..failure
        }
    })
}

/// Does something, and keeps the first failure of a statement with it.
fn noticing<T>(
    connection: &mut PgConnection,
    action: impl FnOnce(&mut PgConnection) -> T,
) -> (T, Option<MigrationFailure>) {
    let seen: Arc<Mutex<Option<MigrationFailure>>> = Arc::default();
    let writer = Arc::clone(&seen);
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::FinishQuery {
            error: Some(error), ..
        } = event
            && let Ok(mut seen) = writer.lock()
        {
            seen.get_or_insert_with(|| MigrationFailure::of(error));
        }
    });
    let outcome = action(connection);
    connection.set_instrumentation(|_: InstrumentationEvent<'_>| {});
    let failure = seen.lock().ok().and_then(|mut seen| seen.take());
    (outcome, failure)
}

/// A migration that failed, statement by statement, to find out where: the server does not say that
/// of every error. What it did is undone by then.
struct Stepwise<'script> {
    found: Box<dyn Runnable<Pg>>,
    script: &'script str,
    statements: Vec<Range<usize>>,
    /// Where the statement begins that is running.
    running: Cell<Option<usize>>,
}

impl<'script> Stepwise<'script> {
    fn new(found: Box<dyn Runnable<Pg>>, script: &'script str) -> Self {
        let mut statements = places_of_statements(script);
        statements.retain(|place| &script[place.clone()] != ";");
        Stepwise {
            found,
            script,
            statements,
            running: Cell::default(),
        }
    }

    /// The character of the script, counted from 1, where it fails in the same way; nothing where
    /// what it did is not undone, outside of a transaction.
    fn find(&self, connection: &mut PgConnection, words_then: &str) -> Option<usize> {
        if !self.found.metadata().run_in_transaction() {
            return match self.statements.as_slice() {
                [only] => Some(self.at(only.start)),
                _ => None,
            };
        }
        let (again, failure) = noticing(connection, |connection| connection.run_migration(self));
        let is_same = again.is_err() && failure.is_some_and(|failure| failure.words == words_then);
        self.running.get().filter(|_| is_same).map(|at| self.at(at))
    }

    fn at(&self, place: usize) -> usize {
        self.script[..place].chars().count() + 1
    }
}

impl Runnable<Pg> for Stepwise<'_> {
    fn run(&self, connection: &mut dyn BoxableConnection<Pg>) -> MigrationResult<()> {
        for statement in &self.statements {
            self.running.set(Some(statement.start));
            connection.batch_execute(&self.script[statement.clone()])?;
        }
        self.running.set(None);
        Ok(())
    }

    fn revert(&self, connection: &mut dyn BoxableConnection<Pg>) -> MigrationResult<()> {
        self.found.revert(connection)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self.found.metadata()
    }

    fn name(&self) -> &dyn MigrationName {
        self.found.name()
    }
}

/// The line, counted from 1, on which the character at `position` (counted from 1) stands.
fn line_at(text: &str, position: usize) -> usize {
    1 + text
        .chars()
        .take(position.saturating_sub(1))
        .filter(|letter| *letter == '\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        assert_eq!(line_at("a\nb\nc", 1), 1);
        assert_eq!(line_at("a\nb\nc", 3), 2);
        assert_eq!(line_at("a\nb\nc", 99), 3);
    }
}
