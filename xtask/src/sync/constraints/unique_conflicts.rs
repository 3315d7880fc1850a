//! Unique values that rows would take from rows of the target: from those that stay as they are,
//! because `where` leaves them to others, or because they are kept or retired; and from those that
//! change or go, but cannot let go of the value in time.

use super::cascade::{Effect, foreign_key_steps};
use super::remaining_rows::KeptKeys;
use super::unique_future_rows::is_mixed;
use super::unique_swaps::unique_swaps;
use crate::model::rows::change_log::{Change, ChangeLog};
use crate::model::rows::key_order::Reading;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::{ExtraRows, LookupSettings};
use crate::model::rows::row::{BATCH, KeySet, NULL, Record, owned};
use crate::model::words::and_more;
use crate::problem::{Code, Problem};
use crate::sync::snapshot::Observed;

/// How many values are named.
pub(in crate::sync) const NAMED: usize = 5;

/// One table at both ends, with the same fields in the same order.
pub(in crate::sync) struct Ends<'ends> {
    pub(in crate::sync) on_source: &'ends Lookup,
    pub(in crate::sync) source: &'ends mut Observed,
    pub(in crate::sync) on_target: &'ends Lookup,
    pub(in crate::sync) target: &'ends mut Observed,
    /// The settings of every lookup table.
    pub(in crate::sync) all: &'ends [LookupSettings],
    /// The rows of every table that stay because they were edited.
    pub(in crate::sync) kept: &'ends KeptKeys,
}

/// What rows of the target have and others are to take.
#[derive(Default)]
pub(in crate::sync) struct UniqueConflicts {
    /// Values of rows that stay.
    kept: Vec<Record>,
    /// The keys of rows that change.
    pub(in crate::sync) changing: Vec<Record>,
    /// The keys of rows that go.
    pub(in crate::sync) going: Vec<Record>,
}

/// Says which values of which unique key of the target would be taken from a row that cannot give
/// them; `unique_keys` are columns of the table.
///
/// # Errors
/// What the databases report.
pub(in crate::sync) fn unique_conflicts(
    ends: &mut Ends<'_>,
    unique_keys: &[Vec<String>],
    log: &mut ChangeLog,
) -> anyhow::Result<Vec<Problem>> {
    let lookup = ends.on_target;
    let all_go = lookup.extra_rows == ExtraRows::Delete && lookup.retire.is_none();
    let catalog = &ends.target.snapshot.catalog;
    let is_referred_to =
        !foreign_key_steps(catalog, &lookup.table, &Effect::Deleted, &[]).is_empty();
    let own_key = lookup.stored_key().into_iter().map(str::to_owned).collect();
    let mut keys: Vec<(Vec<String>, Vec<usize>)> = vec![(own_key, lookup.key.clone())];
    for columns in unique_keys {
        if let Some(fields) = lookup.fields_of(columns)
            && keys.iter().all(|(_, known)| *known != fields)
        {
            keys.push((columns.clone(), fields));
        }
    }
    let mut problems = Vec::new();
    for (columns, key) in keys {
        if !are_compared(lookup, &key) {
            continue;
        }
        let some_stay = lookup.filter.is_some() || !all_go;
        // A key that has one spelling for each value is never taken by another row.
        let may_move = key != lookup.key || lookup.key_readings.contains(&Reading::Spelling);
        let moves = may_move
            && is_referred_to
            && !ends.target.session.can_release_unique(lookup, &columns)?;
        if !some_stay && !moves {
            continue;
        }
        let held = held(ends, &key, all_go, log)?;
        if !held.kept.is_empty() && !is_mixed(lookup, &columns) {
            problems.push(problem(
                lookup,
                &ends.target.snapshot.label,
                &key,
                &held.kept,
            ));
        }
        if moves {
            problems.extend(unique_swaps(ends, &columns, &held)?);
        }
    }
    Ok(problems)
}

fn are_compared(lookup: &Lookup, key: &[usize]) -> bool {
    key.iter().all(|at| lookup.compared.contains(at))
}

/// The rows that have a value of one unique key that another row takes.
fn held(
    ends: &mut Ends<'_>,
    key: &[usize],
    all_go: bool,
    log: &mut ChangeLog,
) -> anyhow::Result<UniqueConflicts> {
    let mut held = UniqueConflicts::default();
    let mut waiting: Vec<Record> = Vec::new();
    let mut look = |waiting: &mut Vec<Record>| -> anyhow::Result<()> {
        let (source, target) = (&mut ends.source.session, &mut ends.target.session);
        let mut coming = source.rows_by_key(ends.on_source, waiting)?;
        waiting.clear();
        coming.retain(|row| !fields(row, key).iter().any(|value| value == NULL));
        let wanted: Vec<Record> = coming.iter().map(|row| fields(row, key)).collect();
        let by_values = Lookup {
            key: key.to_vec(),
            ..ends.on_target.clone()
        };
        let holders = target.rows_with_values(&by_values, &wanted)?;
        let holder_keys: Vec<Record> = holders
            .iter()
            .map(|(_, row)| ends.on_target.key_of(row))
            .collect();
        let keys_of = |rows: Vec<Record>| -> KeySet {
            let keys = rows.iter().map(|row| owned(&ends.on_target.key_of(row)));
            keys.collect()
        };
        let inside = keys_of(target.rows_by_key(ends.on_target, &holder_keys)?);
        let in_source = keys_of(source.rows_by_key(ends.on_source, &holder_keys)?);
        for ((at, holder), holder_key) in holders.iter().zip(holder_keys) {
            let is_itself = ends.on_source.key_of(&coming[*at]) == holder_key;
            let holder_owned = owned(&holder_key);
            match (
                inside.contains(&holder_owned),
                in_source.contains(&holder_owned),
            ) {
                (true, true) if is_itself => {}
                (true, true) => held.changing.push(holder_key),
                (true, false) if all_go => held.going.push(holder_key),
                _ => held.kept.push(fields(holder, key)),
            }
        }
        Ok(())
    };
    for change in log.read()? {
        let (change, record) = change?;
        if change == Change::Insert || change == Change::Update {
            waiting.push(record);
        }
        if waiting.len() == BATCH {
            look(&mut waiting)?;
        }
    }
    look(&mut waiting)?;
    Ok(held)
}

fn fields(row: &Record, at: &[usize]) -> Record {
    at.iter().filter_map(|at| row.get(*at)).collect()
}

fn problem(lookup: &Lookup, label: &str, key: &[usize], taken: &[Record]) -> Problem {
    let columns: Vec<&str> = key.iter().map(|at| lookup.columns[*at].as_str()).collect();
    let values: Vec<String> = taken
        .iter()
        .take(NAMED)
        .map(|values| values.iter().collect::<Vec<_>>().join(", "))
        .collect();
    let more = and_more(taken.len(), NAMED);
    Problem::new(
        Code::KeyTaken,
        format!(
            "rows of `{}` would take values that other rows in {label} have and keep: {} = {}{more}",
            lookup.table,
            columns.join(", "),
            values.join("; ")
        ),
    )
    .hint("they are rows that `where`, `extra_rows` or `retire` leave as they are: change those, or give the rows of the source other values")
}
