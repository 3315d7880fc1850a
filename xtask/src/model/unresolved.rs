//! References that travel as the key of the row that they lead to, and that lead to none: what is
//! stored means nothing elsewhere, and NULL would be another value.

use crate::model::rows::lookup::Lookup;
use crate::model::words::{and_more, counted};
use crate::problem::{Code, Problem};

/// How many rows are named.
pub const NAMED: usize = 5;

/// Rows of a lookup table whose reference cannot be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Which link of the table.
    pub link: usize,
    pub rows: u64,
    /// The first rows, by their keys, each with the values of all columns of the foreign key.
    pub first: Vec<(Vec<String>, Vec<String>)>,
}

impl Unresolved {
    /// Why the rows cannot travel, and the environment where that is to be mended.
    pub fn problem(&self, lookup: &Lookup, label: &str) -> Problem {
        let link = &lookup.links[self.link];
        let columns: Vec<&str> = link
            .pairs
            .iter()
            .map(|(column, _)| column.as_str())
            .collect();
        let key: Vec<&str> = lookup.key_columns().collect();
        let first: Vec<String> = self
            .first
            .iter()
            .map(|(row, stored)| {
                format!(
                    "{} = {} ({} = {})",
                    key.join(", "),
                    row.join(", "),
                    columns.join(", "),
                    stored.join(", ")
                )
            })
            .collect();
        let rows = usize::try_from(self.rows).unwrap_or(usize::MAX);
        let (refer, stay) = match self.rows {
            1 => ("refers", "this row"),
            _ => ("refer", "these rows"),
        };
        let parent = &link.parent;
        Problem::new(
            Code::MissingParent,
            format!(
                "{} of `{}` in {label} {refer} by `{}` to a row of `{}` that cannot be looked up: {}{}",
                counted(self.rows, "row"),
                lookup.table,
                columns.join("`, `"),
                parent.table,
                first.join("; "),
                and_more(rows, first.len())
            ),
        )
        .hint(format!(
            "correct {stay} in {label}: empty the reference, or let it lead to a row of `{}` that is there and has {}",
            parent.table,
            parent.columns.join(", ")
        ))
    }
}
