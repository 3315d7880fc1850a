//! What the schema of a database is, and how two of them differ.

pub mod catalog;
pub mod drift;
pub mod table;
