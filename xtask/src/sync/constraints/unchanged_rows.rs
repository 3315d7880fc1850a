//! Rows of lookup tables that a load is to leave as they are: those that its `where` leaves to
//! others, and those that neither come, change nor go.

use crate::database::Target;
use crate::model::rows::lookup::Lookup;
use crate::model::schema::catalog::Catalog;
use crate::problem::{Code, Problem};

/// What the rows of one lookup table add up to that are to stay as they are.
#[derive(PartialEq, Eq)]
pub(in crate::sync) struct UnchangedRows {
    /// Those outside of `where`; none where it has none.
    outside: Option<u128>,
    /// Those that are not staged; none where nothing but the load's own statements could reach them.
    unstaged: Option<u128>,
}

impl UnchangedRows {
    /// Reads the rows of every table, in the order of `lookups`; the rows of those that change are
    /// staged and have the target's own keys.
    ///
    /// # Errors
    /// What the database reports.
    pub(in crate::sync) fn of_all(
        lookups: &[Lookup],
        catalog: &Catalog,
        target: &mut dyn Target,
    ) -> anyhow::Result<Vec<Self>> {
        let is_reached = acts_by_itself(catalog);
        let lookups = lookups.iter();
        lookups
            .map(|lookup| Self::of(lookup, is_reached, target))
            .collect()
    }

    fn of(lookup: &Lookup, is_reached: bool, target: &mut dyn Target) -> anyhow::Result<Self> {
        let outside = lookup.filter.as_ref().map(|condition| {
            let outside = Lookup {
                filter: Some(format!("({condition}) IS NOT TRUE")),
                ..lookup.whole()
            };
            sum(target.hashes(&outside)?.map(|row| Ok(row?.hash.0)))
        });
        let unstaged = is_reached.then(|| sum(target.unstaged(lookup)?.map(|row| Ok(row?.hash.0))));
        Ok(UnchangedRows {
            outside: outside.transpose()?,
            unstaged: unstaged.transpose()?,
        })
    }

    /// # Errors
    /// `protected_rows_changed`, when this is not what the rows add up to now.
    pub(in crate::sync) fn check(
        &self,
        now: &UnchangedRows,
        lookup: &Lookup,
        label: &str,
    ) -> Result<(), Problem> {
        if now == self {
            return Ok(());
        }
        let (rows, whose) = match now.outside == self.outside {
            true => ("that were to stay as they are", ""),
            false => (
                "that its `where` leaves to others",
                "; or for a `where` that rows do not meet once they are written, as it may be where it names a column that does not travel",
            ),
        };
        Err(Problem::new(
            Code::ProtectedRowsChanged,
            format!(
                "loading the lookup tables changed rows of `{}` in {label} {rows}",
                lookup.table
            ),
        )
        .hint(format!(
            "nothing was committed; look for triggers and rules on lookup tables, on SQLite for ON CONFLICT REPLACE{whose}"
        )))
    }
}

/// In any order.
fn sum(hashes: impl Iterator<Item = anyhow::Result<[u8; 16]>>) -> anyhow::Result<u128> {
    let mut sum = 0u128;
    for hash in hashes {
        sum = sum.wrapping_add(u128::from_le_bytes(hash?));
    }
    Ok(sum)
}

/// Whether the schema does more than it is told, as by triggers and rules, and on SQLite by what a
/// unique key does with the rows that are in its way.
fn acts_by_itself(catalog: &Catalog) -> bool {
    catalog.objects.iter().any(|(object, definition)| {
        ["trigger", "rule"].contains(&object.kind.as_str())
            || definition.contains("on conflict replace")
    })
}
