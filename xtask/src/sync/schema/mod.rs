//! What the schema of a database is, and how two of them differ.

pub mod catalog;
pub(super) mod condition;
pub mod drift;
mod excerpt;
pub(super) mod protected;
pub mod table;
