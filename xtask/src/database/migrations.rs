//! Finding one migration among those that diesel runs, and writing into its table what is not run.

use diesel::backend::Backend;
use diesel::migration::{Migration as Runnable, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, FileBasedMigrations};

use crate::model::migrations::migration::{Migration, MigrationSet, Origin};

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

/// Writes into diesel's table that these migrations were applied, and that those were not; each with
/// the versions that its parameters stand for.
pub(super) fn set_applied(
    applied: &[&str],
    not_applied: &[&str],
    parameter: impl Fn(usize) -> String,
) -> Vec<(String, String)> {
    let is = parameter(1);
    let insert = format!(
        "INSERT INTO __diesel_schema_migrations (version) SELECT {is} \
         WHERE NOT EXISTS (SELECT 1 FROM __diesel_schema_migrations WHERE version = {is})"
    );
    let delete = format!("DELETE FROM __diesel_schema_migrations WHERE version = {is}");
    let applied = applied
        .iter()
        .map(|version| (insert.clone(), (*version).to_owned()));
    let not_applied = not_applied
        .iter()
        .map(|version| (delete.clone(), (*version).to_owned()));
    applied.chain(not_applied).collect()
}
