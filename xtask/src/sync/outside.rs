//! Rows of a lookup table that are no lookup rows, because they do not meet its `where`: they are
//! somebody else's.

use super::change_log::{Change, ChangeLog};
use super::compare::Difference;
use super::lookup::Lookup;
use super::row::Record;
use crate::database::Session;
use crate::problem::{Code, Problem};

/// How many keys go to a database at once.
const BATCH: usize = 2000;

/// How many keys are named.
const NAMED: usize = 5;

/// Says which rows that would come have the key of a row that is somebody else's.
///
/// # Errors
/// What the database reports.
pub(super) fn taken_keys(
    lookup: &Lookup,
    label: &str,
    target: &mut dyn Session,
    difference: &Difference,
    log: &mut ChangeLog,
) -> anyhow::Result<Option<Problem>> {
    if lookup.filter.is_none() || difference.insert == 0 {
        return Ok(None);
    }
    let everything = Lookup {
        filter: None,
        ..lookup.clone()
    };
    let mut taken: Vec<Record> = Vec::new();
    let mut waiting: Vec<Record> = Vec::new();
    let mut look = |waiting: &mut Vec<Record>| -> anyhow::Result<()> {
        let found = target.rows_by_key(&everything, waiting)?;
        taken.extend(found.iter().map(|row| lookup.key_of(row)));
        waiting.clear();
        Ok(())
    };
    for change in log.read()? {
        let (change, record) = change?;
        if change == Change::Insert {
            waiting.push(record);
        }
        if waiting.len() == BATCH {
            look(&mut waiting)?;
        }
    }
    look(&mut waiting)?;
    if taken.is_empty() {
        return Ok(None);
    }
    let columns: Vec<&str> = lookup.key_columns().collect();
    let keys: Vec<String> = taken
        .iter()
        .take(NAMED)
        .map(|key| key.iter().collect::<Vec<_>>().join(", "))
        .collect();
    let more = match taken.len() {
        count if count > NAMED => format!(" and {} more", count - NAMED),
        _ => String::new(),
    };
    Ok(Some(
        Problem::new(
            Code::KeyTaken,
            format!(
                "rows of `{}` that would come have the key of rows in {label} that its `where` leaves to others: {} = {}{more}",
                lookup.table,
                columns.join(", "),
                keys.join("; ")
            ),
        )
        .hint("give the rows of the source another key, or move the others out of the way"),
    ))
}

/// A sum over the rows that are somebody else's, in any order; `None` where there are none.
///
/// # Errors
/// What the database reports.
pub(super) fn sum(lookup: &Lookup, target: &mut dyn Session) -> anyhow::Result<Option<u128>> {
    let Some(condition) = &lookup.filter else {
        return Ok(None);
    };
    let outside = Lookup {
        filter: Some(format!("({condition}) IS NOT TRUE")),
        compared: (0..lookup.columns.len()).collect(),
        ..lookup.clone()
    };
    let mut sum = 0u128;
    for row in target.hashes(&outside)? {
        sum = sum.wrapping_add(u128::from_le_bytes(row?.hash.0));
    }
    Ok(Some(sum))
}

/// The refusal of a load that changed rows that are somebody else's.
pub(super) fn changed(lookup: &Lookup, label: &str) -> Problem {
    Problem::new(
        Code::ProtectedRowsChanged,
        format!(
            "loading `{}` in {label} changed rows that its `where` leaves to others",
            lookup.table
        ),
    )
    .hint("nothing was committed; look for triggers on the table, and for a `where` that one row can move in and out of")
}
