//! Bringing exported rows into the target, inside its one transaction.
//!
//! The order is what makes awkward rows work: rows that nothing refers to go first, children
//! before parents; then, parents first, rows are switched off and changed rows let go of unique
//! values that others take, new rows come, and changed rows change; then the rows go that were
//! referred to until now.

use std::collections::BTreeMap;
use std::path::Path;

use crate::database::Target;
use crate::model::rows::change_log::{Change, ChangeLog};
use crate::model::rows::lookup::settings::ExtraRows;
use crate::model::rows::lookup::{Lookup, in_dependency_order};
use crate::model::rows::row::{KeySet, LookupState, Record};
use crate::model::schema::table::TableName;
use crate::model::words::counted as number;
use crate::problem::{Code, Problem};
use crate::sync::comparing::difference::{Outcome, TableComparison};
use crate::sync::constraints::retire::settle;
use crate::sync::constraints::unchanged_rows::UnchangedRows;
use crate::sync::event::{Event, Events, counted};
use crate::sync::exports::export::read_rows;
use crate::sync::planning::gate;
use crate::sync::rows::compare::{Difference, Side, compare};

/// How many rows are looked at to say in what they differ.
const NAMED_ROWS: usize = 100;

/// What was done to one lookup table.
#[derive(Debug, Clone)]
pub struct LoadedTable {
    pub table: TableName,
    pub difference: Difference,
}

/// What is loaded, and where to.
struct From<'given> {
    folder: &'given Path,
    kept: &'given BTreeMap<TableName, KeySet>,
    label: &'given str,
}

/// Loads every table from the files in `folder`, and proves that the target then has their rows,
/// except for those whose keys are in `kept`. Returns what was done to each table, and what each
/// holds then, in the order of `lookups`.
///
/// # Errors
/// `constraint_violated`, `referenced_rows`, `extra_rows`, `lock_timeout` or
/// `verification_failed`; the caller then drops the transaction.
pub fn load(
    target: &mut dyn Target,
    lookups: &[Lookup],
    kept: &BTreeMap<TableName, KeySet>,
    folder: &Path,
    label: &str,
    events: &mut Events<'_>,
) -> anyhow::Result<(Vec<LoadedTable>, Vec<LookupState>)> {
    let from = From {
        folder,
        kept,
        label,
    };
    let catalog = target.catalog()?;
    let groups = in_dependency_order(lookups, &catalog);
    for lookup in lookups {
        target.lock_table(&lookup.table)?;
    }
    let mut loaded = Vec::new();
    let mut changed = Vec::new();
    for lookup in groups.iter().flatten() {
        events(Event::Detail(lookup.table.to_string()));
        let (difference, mut log) = compare_with_export(target, lookup, &from, events)?;
        if lookup.extra_rows == ExtraRows::Refuse && difference.delete > 0 {
            return Err(gate::extra_rows(&lookup.table, label, difference.delete).into());
        }
        if !difference.is_empty() {
            target.stage(lookup, &mut log.read()?)?;
            changed.push(*lookup);
        }
        loaded.push(LoadedTable {
            table: lookup.table.clone(),
            difference,
        });
    }
    let is_changed = |lookup: &&Lookup| changed.iter().any(|other| other.table == lookup.table);
    let groups: Vec<Vec<&Lookup>> = groups
        .into_iter()
        .map(|group| group.into_iter().filter(is_changed).collect::<Vec<_>>())
        .filter(|group| !group.is_empty())
        .collect();
    let mut resting = Vec::new();
    if !groups.is_empty() {
        identify(target, &groups)?;
        resting = UnchangedRows::of_all(lookups, &catalog, target)?;
        apply(target, &groups)?;
    }
    // Migrations may have broken what is checked at the end, whether rows change or not.
    target.check_constraints()?;
    // Those that were the same as well: a trigger of one table may have changed another.
    let mut held = Vec::new();
    for lookup in lookups {
        held.push(verify(target, lookup, &from, events)?);
    }
    if !groups.is_empty() {
        let now = UnchangedRows::of_all(lookups, &catalog, target)?;
        for ((lookup, before), now) in lookups.iter().zip(resting).zip(now) {
            before.check(&now, lookup, label)?;
        }
    }
    Ok((loaded, held))
}

/// The keys of the rows that were edited on the target and stay, as the plan has it.
pub(super) fn kept_rows(
    comparisons: &[TableComparison],
    on_target: &[Lookup],
) -> BTreeMap<TableName, KeySet> {
    comparisons
        .iter()
        .zip(on_target)
        .filter_map(|(comparison, lookup)| match &comparison.outcome {
            Outcome::Compared { edits, .. } => Some((lookup.table.clone(), edits.kept())),
            _ => None,
        })
        .collect()
}

/// Gives every staged row the columns that mean something on the target only.
fn identify(target: &mut dyn Target, groups: &[Vec<&Lookup>]) -> anyhow::Result<()> {
    // Before anything is drawn from a sequence, which would not roll back.
    for lookup in groups.iter().flatten() {
        target.check_links(lookup)?;
    }
    for lookup in groups.iter().flatten() {
        target.identify_staged(lookup)?;
    }
    for lookup in groups.iter().flatten() {
        target.link_staged(lookup)?;
    }
    Ok(())
}

fn apply(target: &mut dyn Target, groups: &[Vec<&Lookup>]) -> anyhow::Result<()> {
    for lookup in groups.iter().rev().flatten() {
        // A tree that refers to itself goes leaf by leaf.
        while target.delete_unreferenced(lookup)? > 0 {}
    }
    for group in groups {
        for lookup in group {
            // A row that is switched off may take a value by that, or let go of one.
            target.release_unique_values(lookup)?;
            target.retire_staged(lookup)?;
        }
        target.write_staged(group)?;
    }
    for group in groups.iter().rev() {
        target.delete_staged(group)?;
    }
    Ok(())
}

fn compare_with_export(
    target: &mut dyn Target,
    lookup: &Lookup,
    from: &From<'_>,
    events: &mut Events<'_>,
) -> anyhow::Result<(Difference, ChangeLog)> {
    let nothing = KeySet::new();
    let mut kept = from.kept.get(&lookup.table).unwrap_or(&nothing);
    let mut log = ChangeLog::new()?;
    let mut difference = compare(
        lookup,
        Side {
            rows: counted(read_rows(lookup, from.folder)?, events),
            label: "the export",
        },
        Side {
            rows: target.hashes(lookup)?,
            label: from.label,
        },
        &mut kept,
        &mut log,
    )?;
    let log = settle(lookup, target, &mut difference, log)?;
    Ok((difference, log))
}

/// The rows of the target are those of the export: what was asked for is what is there. Returns
/// what the target holds.
fn verify(
    target: &mut dyn Target,
    lookup: &Lookup,
    from: &From<'_>,
    events: &mut Events<'_>,
) -> anyhow::Result<LookupState> {
    let label = from.label;
    let (left, mut log) = compare_with_export(target, lookup, from, events)?;
    if left.is_empty() {
        return Ok(left.target);
    }
    let columns = differing_columns(target, lookup, &mut log)?;
    let named: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
    let named = match named.as_slice() {
        [] => String::new(),
        named => format!(" in {}", named.join(", ")),
    };
    let hint = match columns.first() {
        Some(first) => format!(
            "look for a trigger or a rule on the table that changes rows as they are written; where the target is to have values of its own, list the column: ignore = [\"{first}\"]"
        ),
        None => "look for a trigger or a rule on the table that adds or removes rows".to_owned(),
    };
    Err(Problem::new(
        Code::VerificationFailed,
        format!(
            "`{}` in {label} does not hold what was loaded: {} missing, {} different{named}, {} too many",
            lookup.table,
            number(left.insert, "row"),
            number(left.update, "row"),
            number(left.delete + left.retire, "row")
        ),
    )
    .hint(hint)
    .into())
}

/// The fields in which rows of the target are not what the change log has of the source, as far as
/// the first rows show.
fn differing_columns(
    target: &mut dyn Target,
    lookup: &Lookup,
    log: &mut ChangeLog,
) -> anyhow::Result<Vec<String>> {
    let mut rows = Vec::new();
    for change in log.read()? {
        let (change, row) = change?;
        if change == Change::Update && rows.len() < NAMED_ROWS {
            rows.push(row);
        }
    }
    let keys: Vec<Record> = rows.iter().map(|row| lookup.key_of(row)).collect();
    let found = target.rows_by_key(lookup, &keys)?;
    let differs = |at: &&usize| {
        rows.iter().zip(&keys).any(|(row, key)| {
            let there = found.iter().find(|other| lookup.key_of(other) == *key);
            there.is_some_and(|there| there.get(**at) != row.get(**at))
        })
    };
    let columns = lookup.compared.iter().filter(differs);
    Ok(columns.map(|at| lookup.columns[*at].clone()).collect())
}
