//! Rows that point at rows of a lookup table.

use super::table::TableName;
use super::words::counted;
use crate::problem::{Code, Problem};

/// A foreign key, seen from the table it starts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub child: TableName,
    pub columns: Vec<String>,
    pub parent_columns: Vec<String>,
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
