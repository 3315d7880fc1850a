//! Finding one migration among those that diesel runs.

use diesel::backend::Backend;
use diesel::migration::{Migration as Runnable, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, FileBasedMigrations};

use crate::sync::migrations::migration::{Migration, MigrationSet, Origin};

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
