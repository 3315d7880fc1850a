//! References that travel as the key of the row that they lead to, and that lead to none: what is
//! stored means nothing elsewhere, and NULL would be another value.

use crate::database::Session;
use crate::problem::{Code, Problem};
use crate::sync::rows::lookup::Lookup;
use crate::sync::words::{and_more, counted};

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

/// Whether every reference of these rows can be looked up; of `key_only`, those that are part of the
/// key, without which rows cannot be told apart.
///
/// # Errors
/// `missing_parent`, or what the database reports.
pub(in crate::sync) fn check_references(
    lookup: &Lookup,
    session: &mut dyn Session,
    label: &str,
    key_only: bool,
) -> anyhow::Result<()> {
    let found = session.unresolved(lookup)?;
    let in_key = |found: &&Unresolved| {
        let columns = &lookup.links[found.link].local;
        let key = lookup.stored_key();
        columns
            .iter()
            .any(|(column, _)| key.contains(&column.as_str()))
    };
    match found.iter().find(|found| !key_only || in_key(found)) {
        Some(found) => Err(found.problem(lookup, label).into()),
        None => Ok(()),
    }
}
