//! Rows of a lookup table that are no lookup rows, because they do not meet its `where`: they are
//! somebody else's.

use crate::database::Session;
use crate::problem::{Code, Problem};
use crate::sync::rows::lookup::Lookup;

/// A sum over the rows that are somebody else's, in any order; `None` where there are none.
///
/// # Errors
/// What the database reports.
pub(in crate::sync) fn sum(
    lookup: &Lookup,
    target: &mut dyn Session,
) -> anyhow::Result<Option<u128>> {
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
pub(in crate::sync) fn changed(lookup: &Lookup, label: &str) -> Problem {
    Problem::new(
        Code::ProtectedRowsChanged,
        format!(
            "loading `{}` in {label} changed rows that its `where` leaves to others",
            lookup.table
        ),
    )
    .hint("nothing was committed; look for triggers on the table, and for a `where` that one row can move in and out of")
}
