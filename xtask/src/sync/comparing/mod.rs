//! The lookup rows of two environments side by side.

pub mod difference;
mod differing;
pub mod edits;
pub mod row_changes;
