//! Bringing exported rows into the target, inside its one transaction.
//!
//! The order is what makes awkward rows work: rows that nothing refers to go first, children
//! before parents; then, parents first, changed rows let go of unique values that others take,
//! new rows come, and changed rows change; then the rows go that were referred to until now.

use std::path::Path;

use super::change_log::ChangeLog;
use super::compare::{Difference, Side, compare};
use super::config::ExtraRows;
use super::event::{Event, Events, counted};
use super::export::read_rows;
use super::gate;
use super::lookup::{Lookup, in_dependency_order};
use super::table::TableName;
use super::words::counted as number;
use crate::database::Target;
use crate::problem::{Code, Problem};

/// What was done to one lookup table.
#[derive(Debug, Clone)]
pub struct LoadedTable {
    pub table: TableName,
    pub difference: Difference,
}

/// Loads every table from the files in `folder`, and proves that the target then has their rows.
///
/// # Errors
/// `constraint_violated`, `referenced_rows`, `extra_rows`, `lock_timeout` or
/// `verification_failed`; the caller then drops the transaction.
pub fn load(
    target: &mut dyn Target,
    lookups: &[Lookup],
    folder: &Path,
    label: &str,
    events: &mut Events<'_>,
) -> anyhow::Result<Vec<LoadedTable>> {
    let catalog = target.catalog()?;
    let ordered: Vec<Lookup> = in_dependency_order(lookups, &catalog)?
        .into_iter()
        .cloned()
        .collect();
    for lookup in &ordered {
        target.hold(lookup)?;
    }
    let mut loaded = Vec::new();
    let mut changed = Vec::new();
    for lookup in &ordered {
        events(Event::Detail(lookup.table.to_string()));
        let mut log = ChangeLog::new()?;
        let difference = compare_with_export(target, lookup, folder, label, &mut log, events)?;
        if lookup.extra_rows == ExtraRows::Refuse && difference.delete > 0 {
            return Err(gate::extra_rows(&lookup.table, label, difference.delete).into());
        }
        if !difference.is_empty() {
            target.stage(lookup, &mut log.read()?)?;
            changed.push(lookup);
        }
        loaded.push(LoadedTable {
            table: lookup.table.clone(),
            difference,
        });
    }
    apply(target, &changed)?;
    // Those that were the same as well: a trigger of one table may have changed another.
    for lookup in &ordered {
        verify(target, lookup, folder, label, events)?;
    }
    Ok(loaded)
}

fn apply(target: &mut dyn Target, changed: &[&Lookup]) -> anyhow::Result<()> {
    for lookup in changed.iter().rev() {
        // A tree that refers to itself goes leaf by leaf.
        while target.delete_unreferenced(lookup)? > 0 {}
    }
    for lookup in changed {
        target.release_unique_values(lookup)?;
        target.insert_staged(lookup)?;
        target.update_staged(lookup)?;
    }
    for lookup in changed.iter().rev() {
        target.delete_staged(lookup)?;
    }
    target.check_constraints()
}

fn compare_with_export(
    target: &mut dyn Target,
    lookup: &Lookup,
    folder: &Path,
    label: &str,
    log: &mut ChangeLog,
    events: &mut Events<'_>,
) -> anyhow::Result<Difference> {
    compare(
        lookup,
        Side {
            rows: counted(read_rows(lookup, folder)?, events),
            label: "the export",
        },
        Side {
            rows: target.hashes(lookup)?,
            label,
        },
        log,
    )
}

/// The rows of the target are those of the export: what was asked for is what is there.
fn verify(
    target: &mut dyn Target,
    lookup: &Lookup,
    folder: &Path,
    label: &str,
    events: &mut Events<'_>,
) -> anyhow::Result<()> {
    let left = compare_with_export(
        target,
        lookup,
        folder,
        label,
        &mut ChangeLog::new()?,
        events,
    )?;
    if left.is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        Code::VerificationFailed,
        format!(
            "`{}` in {label} does not hold what was loaded: {} missing, {} different, {} too many",
            lookup.table,
            number(left.insert, "row"),
            number(left.update, "row"),
            number(left.delete, "row")
        ),
    )
    .hint("look for a trigger or a rule on the table that changes rows as they are written")
    .into())
}
