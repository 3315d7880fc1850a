//! The statements that bring staged rows into a lookup table, the same on both backends.
//!
//! A staging table has the columns of its lookup table and `__change`: `I` for a row to insert,
//! `U` to update, `D` to delete (a row of which only the key is filled in), `R` for one to update
//! that was taken out and comes back with the new ones.

use super::sql::{equal, identifier, list, same_key, table};
use crate::sync::lookup::Lookup;
use crate::sync::reference::Reference;

/// A lookup table and the staging table with its changes.
pub(super) struct Loading<'lookup> {
    pub(super) lookup: &'lookup Lookup,
    pub(super) table: String,
    pub(super) staging: String,
    pub(super) default_schema: &'static str,
}

impl Loading<'_> {
    /// Deletes the rows that nothing refers to.
    pub(super) fn delete_unreferenced(&self, references: &[Reference]) -> String {
        let unreferenced: Vec<String> = references
            .iter()
            .map(|reference| {
                format!(
                    " AND NOT EXISTS (SELECT 1 FROM {} AS child WHERE {})",
                    table(&reference.child, self.default_schema),
                    joined(reference)
                )
            })
            .collect();
        format!("{}{}", self.delete(), unreferenced.concat())
    }

    /// Deletes every row that is to go.
    pub(super) fn delete(&self) -> String {
        format!(
            "DELETE FROM {} AS lookup WHERE EXISTS ({})",
            self.table,
            self.staged("staged", "'D'")
        )
    }

    /// Counts the rows that refer to one that is to go, those aside that go with it.
    pub(super) fn count_references(&self, reference: &Reference) -> String {
        let also_deleted = if reference.child == self.lookup.table {
            format!(
                " AND NOT EXISTS (SELECT 1 FROM {} AS own WHERE own.__change = 'D' AND {})",
                self.staging,
                same_key(self.lookup, "own", "child")
            )
        } else {
            String::new()
        };
        format!(
            "SELECT CAST(count(*) AS text) FROM {} AS child JOIN {} AS lookup ON {} WHERE EXISTS ({}){also_deleted}",
            table(&reference.child, self.default_schema),
            self.table,
            joined(reference),
            self.staged("staged", "'D'")
        )
    }

    /// Inserts the new rows; `overriding` is what the backend needs to accept given identities.
    pub(super) fn insert(&self, overriding: &str) -> String {
        let columns = list("", self.lookup.columns.iter().map(String::as_str));
        format!(
            "INSERT INTO {} ({columns}){overriding} SELECT {columns} FROM {} WHERE __change IN ('I', 'R')",
            self.table, self.staging
        )
    }

    /// Updates the changed rows, but not their `fixed` columns; `None` where the table has
    /// nothing else beside its key.
    pub(super) fn update(&self, fixed: &[String]) -> Option<String> {
        let assignments: Vec<String> = self
            .lookup
            .compared
            .iter()
            .filter(|at| !self.lookup.key.contains(at))
            .map(|at| &self.lookup.columns[*at])
            .filter(|column| !fixed.contains(column))
            .map(|column| identifier(column))
            .map(|column| format!("{column} = staged.{column}"))
            .collect();
        (!assignments.is_empty()).then(|| {
            format!(
                "UPDATE {} AS lookup SET {} FROM {} AS staged WHERE staged.__change = 'U' AND {}",
                self.table,
                assignments.join(", "),
                self.staging,
                same_key(self.lookup, "staged", "lookup")
            )
        })
    }

    /// A condition on `lookup`: it changes or goes, and it holds values of a unique key that a
    /// staged row with another key takes.
    pub(super) fn holds_wanted(&self, unique_key: &[String]) -> String {
        let pairs = unique_key.iter().map(|name| (name.as_str(), name.as_str()));
        format!(
            "EXISTS (SELECT 1 FROM {} AS wanted WHERE {} AND wanted.__change IN ('I', 'R', 'U') AND NOT ({})) \
             AND EXISTS ({})",
            self.staging,
            equal("lookup", "wanted", pairs),
            same_key(self.lookup, "lookup", "wanted"),
            self.staged("own", "'U', 'D'")
        )
    }

    /// Takes rows out that nothing depends on, to put them back among the new ones. Columns that
    /// are never changed keep the values they had.
    pub(super) fn take_out(&self, unique_key: &[String]) -> [String; 2] {
        let kept: Vec<String> = (0..self.lookup.columns.len())
            .filter(|at| !self.lookup.compared.contains(at))
            .map(|at| identifier(&self.lookup.columns[at]))
            .map(|column| format!(", {column} = lookup.{column}"))
            .collect();
        [
            format!(
                "UPDATE {} AS staged SET __change = 'R'{} FROM {} AS lookup WHERE staged.__change = 'U' AND {} AND {}",
                self.staging,
                kept.concat(),
                self.table,
                same_key(self.lookup, "staged", "lookup"),
                self.holds_wanted(unique_key)
            ),
            format!(
                "DELETE FROM {} AS lookup WHERE EXISTS ({})",
                self.table,
                self.staged("own", "'R', 'D'")
            ),
        ]
    }

    /// Finds the staged row of `lookup` with one of these changes.
    fn staged(&self, name: &str, changes: &str) -> String {
        format!(
            "SELECT 1 FROM {} AS {name} WHERE {name}.__change IN ({changes}) AND {}",
            self.staging,
            same_key(self.lookup, name, "lookup")
        )
    }
}

fn joined(reference: &Reference) -> String {
    let pairs = reference.columns.iter().zip(&reference.parent_columns);
    equal(
        "child",
        "lookup",
        pairs.map(|(one, other)| (one.as_str(), other.as_str())),
    )
}
