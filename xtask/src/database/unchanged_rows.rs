//! The rows that a load leaves as they are.

use super::load::Loading;
use super::sql::same_stored_key;
use crate::model::rows::lookup::Lookup;

/// All rows of a table but those that are staged, with every field to be compared. Where nothing
/// changes, nothing is staged.
pub(super) fn unstaged(lookup: &Lookup, staged: Option<&Loading<'_>>) -> Lookup {
    Lookup {
        filter: staged.map(|loading| {
            format!(
                "NOT EXISTS (SELECT 1 FROM {} AS staged WHERE {})",
                loading.staging,
                same_stored_key(lookup, "staged", &loading.table)
            )
        }),
        ..lookup.whole()
    }
}
