//! Whether the transaction that a migration runs in is still the run's when it has ended.

use crate::model::migrations::migration::Migration;
use crate::model::random::random_id;
use crate::problem::{Code, Problem};

/// The way out for a migration with a statement that no transaction may hold.
pub(super) const APART: &str = "put `run_in_transaction = false` into a metadata.toml beside its up.sql, and it runs as a part of its own";

/// A savepoint before a migration. It is gone when the migration ended the transaction, and no
/// migration can make another of its name, which it cannot know.
pub(super) struct Mark(String);

impl Mark {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Mark(format!("__sync_{}", random_id(8)?)))
    }

    pub(super) fn set(&self) -> String {
        format!("SAVEPOINT {}", self.0)
    }

    /// The name of the savepoint.
    #[cfg(feature = "sqlite")]
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// Takes the savepoint away, which fails where it is gone; after a failure, with all that was
    /// done since.
    pub(super) fn close(&self, has_failed: bool) -> String {
        let back_out = match has_failed {
            true => format!("ROLLBACK TO SAVEPOINT {}; ", self.0),
            false => String::new(),
        };
        format!("{back_out}RELEASE SAVEPOINT {}", self.0)
    }
}

/// A statement that ends a transaction was not recognised before it ran.
pub(super) fn ended_by_itself(migration: &Migration) -> anyhow::Error {
    let problem = Problem::new(
        Code::NotTransactional,
        format!(
            "migration {} ended the transaction of this run; what it did before that is committed, and nothing is recorded of it",
            migration.name
        ),
    )
    .hint("take the statement out of up.sql that commits or rolls back, and restore the backup or undo by hand what was done");
    Problem {
        target_changed: true,
        ..problem
    }
    .into()
}
