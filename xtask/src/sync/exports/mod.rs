//! The CSV files of lookup tables: written, noted and remembered.

pub mod export;
pub mod imported;
pub mod promoted;
