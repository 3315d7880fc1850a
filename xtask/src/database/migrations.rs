//! Finding one migration among those that diesel runs, and holding it to the run's transaction.

use diesel::backend::Backend;
use diesel::migration::{Migration as Runnable, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, FileBasedMigrations};

use crate::problem::{Code, Problem};
use crate::sync::migration::{Migration, MigrationSet, Origin};
use crate::sync::promote::random_id;

/// The migration as diesel runs it: from inside this program, or from a folder.
pub(super) fn find<DB: Backend + 'static>(
    embedded: EmbeddedMigrations,
    migrations: &MigrationSet,
    wanted: &Migration,
) -> anyhow::Result<Box<dyn Runnable<DB>>> {
    let source: Box<dyn MigrationSource<DB>> = match &migrations.origin {
        Origin::Embedded => Box::new(embedded),
        Origin::Folder(folder) => Box::new(FileBasedMigrations::from_path(folder)?),
    };
    let all = source.migrations().map_err(anyhow::Error::from_boxed)?;
    all.into_iter()
        .find(|one| one.name().version() == wanted.version.as_str().into())
        .ok_or_else(|| anyhow::anyhow!("migration {} is not built into this program", wanted.name))
}

/// The name of a savepoint that nobody else can know.
pub(super) fn mark() -> anyhow::Result<String> {
    Ok(format!("__sync_{}", random_id(8)?))
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
