//! Lookup rows: how they are spelled, compared and matched.

pub mod compare;
pub(in crate::sync) mod condition;
pub mod row_edits;
pub mod three_way;
