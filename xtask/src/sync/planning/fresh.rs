//! The schema that migrations make of an empty database: what they stand for.

use super::trying::{check_reach, try_migrations};
use crate::database::{self, Session};
use crate::model::limits::Limits;
use crate::model::migrations::migration::{Migration, MigrationSet};
use crate::model::schema::catalog::Catalog;

/// Runs the migrations on an empty database beside that of the session, which goes away again.
///
/// # Errors
/// When none can be made there, or a migration fails on it.
pub(in crate::sync) fn fresh_catalog(
    session: &mut dyn Session,
    limits: Limits,
    known: &MigrationSet,
    migrations: &[&Migration],
) -> anyhow::Result<Catalog> {
    check_reach(migrations, known)?;
    let scratch = session.empty_scratch()?;
    let mut target = database::open_target(&scratch.url, limits)?;
    try_migrations(&mut *target, known, migrations, &[])?;
    target.catalog()
}
