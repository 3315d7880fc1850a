//! Lookup rows: how they are spelled, compared and matched.

pub mod compare;
pub(in crate::sync) mod condition;
pub mod difference;
pub(super) mod differing;
pub mod edits;
pub mod row_changes;
pub mod row_edits;
pub mod row_source;
pub mod three_way;
