//! Running one migration, and saying where it failed.

use std::sync::{Arc, Mutex};

use diesel::connection::{Connection, InstrumentationEvent};
use diesel::pg::{Pg, PgConnection};
use diesel::result::Error;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::super::migrations::find;
use super::PostgresSession;
use super::connection::{failed, pin_values, unpin_values, words};
use crate::problem::{Code, Problem};
use crate::sync::migration::{Migration, MigrationSet};

const EMBEDDED: EmbeddedMigrations = embed_migrations!("../migrations/postgres");

impl PostgresSession {
    pub(super) fn migrate(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<()> {
        let found = find::<Pg>(EMBEDDED, migrations, migration)?;
        let search_path = self
            .value("SELECT current_setting('search_path')", &[])?
            .unwrap_or_default();
        self.connection
            .applied_migrations()
            .map_err(anyhow::Error::from_boxed)?;
        unpin_values(&mut self.connection).map_err(|error| failed(&error, "reset the session"))?;
        let outcome = observed(&mut self.connection, |connection| {
            connection.run_migration(&*found).map(|_| ())
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
            format!(" at line {} of up.sql", line_at(&migration.up, position))
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
