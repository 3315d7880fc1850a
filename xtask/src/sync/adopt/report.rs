//! What adopting wrote.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::schema::table::TableName;
use crate::problem::Problem;
use crate::sync::rows::three_way::Kind;

/// What was written.
#[derive(Debug, Clone, Serialize)]
pub struct AdoptReport {
    pub version: u32,
    /// The environment that was edited.
    pub from: String,
    /// The environment whose rows the files are.
    pub into: String,
    pub tables: Vec<Adopted>,
    /// The command that brings the files into the first environment.
    pub next: String,
    pub warnings: Vec<Problem>,
}

/// One table.
#[derive(Debug, Clone, Serialize)]
pub struct Adopted {
    pub table: TableName,
    pub file: PathBuf,
    pub rows: u64,
    pub changed: u64,
    pub added: u64,
    pub removed: u64,
    /// The keys of rows that were deleted there and stay here: `extra_rows` lets no import delete them.
    pub left: Vec<Map<String, Value>>,
    pub edited: Vec<AdoptedRow>,
}

/// One row that was edited.
#[derive(Debug, Clone, Serialize)]
pub struct AdoptedRow {
    pub key: Map<String, Value>,
    pub edit: Kind,
    /// The first environment changed, added or deleted the row too, in another way.
    pub both_changed: bool,
    /// The cells that were changed.
    pub cells: Vec<AdoptedCell>,
}

#[derive(Debug, Clone, Serialize)]
pub struct AdoptedCell {
    pub column: String,
    pub promoted: Value,
    /// What the first environment holds.
    pub first: Value,
    pub target: Value,
    /// The first environment changed it too, to something else; the target's value was written.
    pub both_changed: bool,
}
