//! What a schema holds.

pub mod catalog;
pub mod excerpt;
pub mod table;
