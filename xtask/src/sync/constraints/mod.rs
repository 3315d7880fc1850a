//! What on the target stands in the way of rows: who refers to them, which values are taken.

pub mod cascade;
mod changed;
mod default_parents;
pub mod dependent_rows;
mod future_rows;
pub mod identity_columns;
pub(super) mod missing_parents;
pub(super) mod orphans;
pub(super) mod references;
pub(super) mod remaining_rows;
pub(super) mod retire;
pub(super) mod unchanged_rows;
pub(super) mod unique_conflicts;
pub(super) mod unique_future_rows;
pub(super) mod unique_swaps;
