//! The line around a migration: the transaction is the run's, and nothing that a migration does to
//! the session outlives it.

use diesel::connection::SimpleConnection as _;

use super::super::mark::{Mark, ended_by_itself};
use super::PostgresSession;
use crate::sync::migrations::migration::Migration;

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

    /// Drops temporary tables, which would come before the real ones of the same name.
    pub(super) fn forget_temporary(&mut self) -> anyhow::Result<()> {
        self.batch("DISCARD TEMP", "reset the session")
    }
}
