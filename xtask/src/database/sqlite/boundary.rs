//! The line around a migration: the transaction is the run's, and nothing that a migration does to
//! the connection outlives it.

use super::super::mark::{Mark, ended_by_itself};
use super::super::sql;
use super::{SqliteSession, failed};
use crate::model::migrations::migration::Migration;

/// What every session begins with, and has again after a migration: settings that change what later
/// statements do, as they are by themselves, and what is advised for files that others wrote.
/// <https://www.sqlite.org/pragma.html>, <https://www.sqlite.org/security.html>
pub(super) const SETTINGS: &str = "PRAGMA ignore_check_constraints = OFF; PRAGMA writable_schema = OFF; \
     PRAGMA recursive_triggers = OFF; PRAGMA case_sensitive_like = OFF; PRAGMA legacy_alter_table = OFF; \
     PRAGMA reverse_unordered_selects = OFF; PRAGMA query_only = OFF; PRAGMA trusted_schema = OFF; \
     PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0";

impl SqliteSession {
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
        const WHAT: &str = "mark the transaction";
        let mark = Mark::new()?;
        // Goes with the transaction when that is rolled back, and stays when it is committed.
        let witness = format!("temp.{}", mark.name());
        let set = format!("CREATE TABLE {witness} (x); {}", mark.set());
        self.batch(&set).map_err(|error| failed(&error, WHAT))?;
        let outcome = work(self);
        if self.batch(&mark.close(outcome.is_err())).is_ok() {
            self.batch(&format!("DROP TABLE {witness}"))
                .map_err(|error| failed(&error, WHAT))?;
            return Ok(outcome);
        }
        // An error may roll back by itself: `INSERT OR ROLLBACK`, `RAISE(ROLLBACK, …)`.
        let is_rolled_back = self.batch(&format!("SELECT 1 FROM {witness}")).is_err();
        match outcome.is_err() && is_rolled_back {
            true => Ok(outcome),
            false => Err(ended_by_itself(migration)),
        }
    }

    /// Takes back what a migration may have left with the connection: settings, and temporary
    /// objects, which would come before the real ones of the same name, or fire with them.
    pub(super) fn forget_session(&mut self) -> anyhow::Result<()> {
        let left = self.query(
            "SELECT type, name FROM sqlite_temp_schema WHERE type IN ('trigger', 'view', 'table') \
             AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT GLOB '__sync_before_*' AND name NOT GLOB '__sync_watch*' ORDER BY type = 'table', type = 'view'",
            &[],
        )?;
        let mut forget = SETTINGS.to_owned();
        for object in left {
            let [kind, name] = [0, 1].map(|at| object.get(at).cloned().flatten());
            if let (Some(kind), Some(name)) = (kind, name) {
                forget += &format!("; DROP {kind} IF EXISTS temp.{}", sql::identifier(&name));
            }
        }
        self.batch(&forget)
            .map_err(|error| failed(&error, "reset the connection"))
    }
}
