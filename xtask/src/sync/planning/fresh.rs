//! The schema that migrations make of an empty database: what they stand for.

use super::rehearse::check_reach;
use crate::database::{self, Session};
use crate::sync::migrations::migration::{Migration, MigrationSet};
use crate::sync::migrations::parts::parts;
use crate::sync::schema::catalog::Catalog;
use crate::sync::settings::limits::Limits;

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
    let parts = parts(known.backend, migrations, &[], &Catalog::default());
    check_reach(&parts, known, known.backend)?;
    let scratch = session.empty_scratch()?;
    let mut target = database::open_target(&scratch.url, limits)?;
    for part in &parts {
        for migration in part.migrations.iter().filter_map(|it| known.get(it)) {
            match part.transaction {
                true => target.run_migration(known, migration)?,
                false => drop(target.run_outside(known, migration)?),
            }
        }
        if part.transaction && !part.loads {
            target.commit_part()?;
            target.begin_part()?;
        }
    }
    target.catalog()
}
