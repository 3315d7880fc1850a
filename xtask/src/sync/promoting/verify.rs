//! What is proved before a promotion commits.

use super::load::LoadedTable;
use super::report::{Report, TouchedRows};
use crate::database::Target;
use crate::model::migrations::effects::rows_met;
use crate::model::rows::lookup::Lookup;
use crate::model::schema::catalog::{Catalog, Drift};
use crate::model::words::{and_more, counted};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::sync::comparing::difference::{Outcome as Compared, TableComparison};
use crate::sync::exports::export;
use crate::sync::planning::plan::Plan;
use crate::sync::snapshot::Snapshot;

/// The files hold what was compared: a table that was compared whole has the same digest in both.
pub(in crate::sync) fn check_export(
    config: &Config,
    manifest: &export::Manifest,
    lookups: &[Lookup],
    comparisons: &[TableComparison],
) -> anyhow::Result<()> {
    for comparison in comparisons {
        let Compared::Compared {
            difference,
            same_columns: true,
            ..
        } = &comparison.outcome
        else {
            continue;
        };
        let exported = config
            .lookups
            .iter()
            .zip(lookups)
            .find(|(settings, _)| settings.table == comparison.table)
            .and_then(|(_, lookup)| {
                manifest
                    .tables
                    .iter()
                    .find(|exported| exported.table == lookup.table)
            });
        if exported.is_none_or(|exported| exported.state != difference.source) {
            return Err(Problem::new(
                Code::VerificationFailed,
                format!(
                    "the export of `{}` does not hold what the source held",
                    comparison.table
                ),
            )
            .hint("nothing was changed; run it again")
            .into());
        }
    }
    Ok(())
}

/// What was loaded is what was exported, though anybody can write to the files in between. Each
/// pair is one table, as the source and as the target has it.
pub(in crate::sync) fn check_loaded<'lookup>(
    manifest: &export::Manifest,
    pairs: impl Iterator<Item = (&'lookup Lookup, &'lookup Lookup)>,
    loaded: &[LoadedTable],
) -> anyhow::Result<()> {
    for (on_source, on_target) in pairs {
        let exported = manifest
            .tables
            .iter()
            .find(|exported| exported.table == on_source.table);
        let loaded = loaded.iter().find(|loaded| loaded.table == on_target.table);
        let same = exported
            .zip(loaded)
            .is_some_and(|(exported, loaded)| exported.state == loaded.difference.source);
        if !same {
            return Err(Problem::new(
                Code::VerificationFailed,
                format!(
                    "the file of `{}` changed between its export and its load",
                    on_target.table
                ),
            )
            .hint(
                "nothing was committed; leave data-sync/exports alone meanwhile, and run it again",
            )
            .into());
        }
    }
    Ok(())
}

/// The lookup tables as the target has them now, with the source's columns in its order.
pub(in crate::sync) fn match_columns(
    config: &Config,
    lookups: &[Lookup],
    catalog: &Catalog,
    source: &Snapshot,
    label: &str,
) -> anyhow::Result<Vec<Lookup>> {
    config
        .lookups
        .iter()
        .zip(lookups)
        .map(|(settings, lookup)| {
            let on_target = Lookup::resolve(settings, &config.lookups, catalog, label)?;
            Some(&on_target)
                .filter(|on_target| lookup.has_same_columns(on_target))
                .and_then(|on_target| on_target.arranged_like(lookup))
                .ok_or_else(|| {
                    Problem::new(
                        Code::ColumnMismatch,
                        format!("the columns of `{}` in {} and {label} differ after the migrations", lookup.table, source.label),
                    )
                    .hint("compare the two with `cargo xtask sync status`, and write the difference as a migration")
                    .into()
                })
        })
        .collect()
}

/// What the migrations made of the schema is what they made of it in the rehearsal.
pub(in crate::sync) fn check_rehearsed(rehearsed: &Snapshot, now: &Catalog) -> anyhow::Result<()> {
    let differences = rehearsed
        .catalog
        .differences(now, "the rehearsal", &rehearsed.label);
    let Some(first) = differences.first() else {
        return Ok(());
    };
    Err(otherwise(
        rehearsed,
        &format!("the schema: {} ({})", first.object, first.brief),
    ))
}

/// What was done to each table is what was planned after the rehearsal; the rows that are there
/// then are compared with the source's anyway.
pub(in crate::sync) fn check_counts(
    plan: &Plan,
    rehearsed: Option<&Snapshot>,
    on_target: &[Lookup],
    loaded: &[LoadedTable],
) -> anyhow::Result<()> {
    let Some(rehearsed) = rehearsed else {
        return Ok(());
    };
    for (planned, lookup) in plan.lookups.iter().zip(on_target) {
        let Some(loaded) = loaded.iter().find(|loaded| loaded.table == lookup.table) else {
            continue;
        };
        let done = &loaded.difference;
        for (what, planned, done) in [
            ("insert", planned.insert, done.insert),
            ("update", planned.update, done.update),
            ("delete", planned.delete, done.delete),
            ("retire", planned.retire, done.retire),
            ("keep", planned.keep, done.keep),
        ] {
            if planned != done {
                return Err(otherwise(
                    rehearsed,
                    &format!(
                        "`{}` had {} to {what} and not {planned}",
                        lookup.table,
                        counted(done, "row")
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn otherwise(rehearsed: &Snapshot, what: &str) -> anyhow::Error {
    Problem::new(
        Code::VerificationFailed,
        format!(
            "on {} the migrations did something else than in the rehearsal: {what}",
            rehearsed.label
        ),
    )
    .hint(
        "nothing was committed; where what a migration does hangs on rows of protected tables, or on chance, set rehearsal = \"off\" for this environment in data-sync/sync.toml",
    )
    .into()
}

pub(in crate::sync) fn check_protected(
    target: &mut dyn Target,
    report: &mut Report,
) -> anyhow::Result<()> {
    let changes = target.watched_changes()?;
    let by_load = changes.iter().map(|(table, rows)| TouchedRows {
        table: table.clone(),
        rows: *rows,
    });
    report.protected_by_load = by_load.collect();
    let by_load: u64 = changes.iter().map(|(_, count)| count).sum();
    let by_migrations = report.migrations.iter();
    let by_migrations: u64 = by_migrations.map(|done| rows_met(&done.effects)).sum();
    report.protected_rows_changed = by_migrations + by_load;
    if changes.is_empty() {
        return Ok(());
    }
    let tables: Vec<String> = changes
        .iter()
        .map(|(table, count)| format!("{} of `{table}`", counted(*count, "row")))
        .collect();
    Err(Problem::new(
        Code::ProtectedRowsChanged,
        format!(
            "loading the lookup tables changed protected rows: {}",
            tables.join(", ")
        ),
    )
    .hint(
        "nothing was committed; look for triggers and cascading foreign keys on the lookup tables",
    )
    .into())
}

/// The target's schema is now that of the source, or of what is promoted of it; where drift is allowed, nothing was added to it.
pub(in crate::sync) fn check_catalog(
    config: &Config,
    (wanted, source): (&Catalog, &str),
    before: &Snapshot,
    now: &Catalog,
    label: &str,
) -> anyhow::Result<()> {
    let differences = |target: &Catalog| {
        let settings = &config.drift;
        settings.differences(wanted, target, source, label)
    };
    let known = differences(&before.catalog);
    let left: Vec<Drift> = differences(now)
        .into_iter()
        .filter(|drift| !drift.ignored)
        .filter(|drift| {
            before.refuses_drift || !known.iter().any(|known| known.object == drift.object)
        })
        .collect();
    let Some(first) = left.first() else {
        return Ok(());
    };
    Err(Problem::new(
        Code::VerificationFailed,
        format!(
            "after its migrations the schema of {label} is not that of {source}: {} ({}){}",
            first.object,
            first.brief,
            and_more(left.len(), 1)
        ),
    )
    .hint("nothing was committed; `cargo xtask sync status` lists the differences, and a migration removes them")
    .into())
}
