//! Rows that point at rows of a lookup table.

use super::cascade::ForeignKeyStep;
use crate::problem::{Code, Problem};
use crate::sync::rows::lookup::Lookup;
use crate::sync::rows::row::Record;
use crate::sync::schema::catalog::Comparison;
use crate::sync::schema::table::TableName;
use crate::sync::words::counted;

/// A foreign key, seen from the table it starts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub child: TableName,
    /// Rows of tables that inherit from the child do not refer.
    pub alone: bool,
    pub columns: Vec<String>,
    pub parent_columns: Vec<String>,
    pub comparisons: Vec<Comparison>,
}

/// Rows of a lookup table that go or change.
#[derive(Debug, Clone, Copy)]
pub struct Touched<'rows> {
    pub lookup: &'rows Lookup,
    /// Their keys.
    pub rows: &'rows [Record],
}

/// A foreign key on the way from touched rows to those that refer to them, as a query walks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub child: TableName,
    pub columns: Vec<String>,
    pub parent_columns: Vec<String>,
    pub comparisons: Vec<Comparison>,
    /// Which rows of the child count.
    pub part: Part,
    /// The rows that refer to rows that refer count too, and so on: the child is its own parent.
    pub repeats: bool,
}

/// Some rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    All,
    /// Those that do not meet this SQL condition.
    Outside(String),
}

impl Step {
    pub fn of(hop: &ForeignKeyStep, part: Part) -> Self {
        Step {
            child: hop.child.clone(),
            columns: hop.key.columns.clone(),
            parent_columns: hop.key.parent_columns.clone(),
            comparisons: hop.key.comparisons.clone(),
            part,
            repeats: hop.repeats(),
        }
    }
}

/// Rows that would lose what they refer to.
pub fn referenced_rows(table: &TableName, child: &TableName, count: u64) -> Problem {
    Problem::new(
        Code::ReferencedRows,
        format!(
            "rows of `{table}` that the source no longer has are still referred to by {} of `{child}`",
            counted(count, "row")
        ),
    )
    .hint(format!(
        "point these rows at another row first, or set extra_rows = \"keep\" for `{table}` in data-sync/sync.toml"
    ))
}
