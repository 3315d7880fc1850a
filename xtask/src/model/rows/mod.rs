//! Rows, and the tables that they are of.

pub mod change_log;
pub mod lookup;

pub use xtask_rows::{key_order, row};
