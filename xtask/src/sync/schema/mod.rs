//! What the schema of a database is, and how two of them differ.

pub(super) mod condition;
pub mod drift;
pub(super) mod protected;
