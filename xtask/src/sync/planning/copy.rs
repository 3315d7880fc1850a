//! The copy of a target that migrations are tried on.

use std::collections::BTreeMap;

use super::rehearse::Trial;
use crate::database::{self, CopiedRows, Scratch, Target};
use crate::model::backend::Backend;
use crate::model::limits::Limits;
use crate::model::schema::catalog::TableKind;
use crate::problem::Problem;
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::settings::rehearsal::{Extent, RehearsalSetting, readable_size};
use crate::sync::snapshot::Observed;

/// A copy of the target, and the session that runs the migrations on it.
pub(super) struct Trying {
    pub(super) scratch: Scratch,
    pub(super) session: Box<dyn Target>,
    pub(super) trial: Trial,
}

/// Copies as much of the target as the environment says, or less where that is too large or cannot
/// be copied.
pub(super) fn make_copy(
    config: &Config,
    environment: &Environment,
    target: &mut Observed,
) -> anyhow::Result<Trying> {
    let settings = environment.rehearsal;
    let is_file = target.snapshot.backend == Backend::Sqlite;
    let mut not_tried = None;
    if is_file || settings.mode == RehearsalSetting::Full {
        let size = if is_file { 0 } else { target.session.size()? };
        if size <= settings.limit {
            match copy(environment, target, CopiedRows::All) {
                Err(error) if !is_file => not_tried = Some(Problem::of(&error).message),
                copied => return copied,
            }
        } else {
            not_tried = Some(format!(
                "it has {}, and rehearsal_limit is {}",
                readable_size(size),
                readable_size(settings.limit)
            ));
        }
    }
    let lookups = config.lookups.iter();
    let lookups = lookups.filter_map(|settings| target.snapshot.catalog.find(&settings.table));
    let lookups = lookups.map(|table| table.name.clone()).collect();
    let copied = copy(environment, target, CopiedRows::Of(lookups))?;
    let trial = Trial {
        not_tried,
        ..copied.trial
    };
    Ok(Trying { trial, ..copied })
}

fn copy(
    environment: &Environment,
    target: &mut Observed,
    rows: CopiedRows,
) -> anyhow::Result<Trying> {
    let scratch = target.session.scratch(&rows)?;
    // It waits while rows are compared, and locks nobody out.
    let limits = Limits {
        idle_timeout: None,
        ..environment.limits
    };
    let mut session = database::open_target(&scratch.url, limits)?;
    check_copy(&scratch, &mut *session, target)?;
    let extent = match scratch.copied {
        None => Extent::Full,
        Some(_) => Extent::Schema,
    };
    Ok(Trying {
        scratch,
        session,
        trial: Trial {
            extent,
            not_tried: None,
            parts: Vec::new(),
            measured: BTreeMap::new(),
        },
    })
}

/// The copy has the same schema and as many rows, whatever happened while it was filled.
fn check_copy(
    scratch: &Scratch,
    session: &mut dyn Target,
    target: &mut Observed,
) -> anyhow::Result<()> {
    if target.snapshot.backend == Backend::Sqlite {
        return Ok(());
    }
    let because = |what: String| match &scratch.complaint {
        Some(complaint) => anyhow::anyhow!("{complaint}"),
        None => anyhow::anyhow!("the copy is not like it: {what}"),
    };
    let catalog = session.catalog()?;
    let label = &target.snapshot.label;
    let differences = target
        .snapshot
        .catalog
        .differences(&catalog, label, "the copy");
    if let Some(first) = differences.first() {
        return Err(because(format!("{} ({})", first.object, first.brief)));
    }
    let all = || {
        let tables = catalog.tables.values();
        let tables = tables.filter(|table| table.kind != TableKind::NotATable);
        tables.map(|table| table.name.clone()).collect()
    };
    for table in scratch.copied.clone().unwrap_or_else(all) {
        if session.count_rows(&table)? != target.session.count_rows(&table)? {
            return Err(because(format!("rows of `{table}` are missing")));
        }
    }
    Ok(())
}
