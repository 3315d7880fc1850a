//! What migrations say that they do to the tables of the target, to be held against what they do.

use std::collections::{BTreeMap, BTreeSet};

use super::{Destructive, Kind};
use crate::sync::schema::table::TableName;

/// What a list of migrations says. Tables are called as on the target.
#[derive(Debug)]
pub struct Told {
    /// Of each migration, in their order.
    pub sayings: Vec<Saying>,
    /// Every name that a table of the target may have in the end.
    pub names: BTreeMap<TableName, Vec<TableName>>,
}

/// What one migration says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Saying {
    /// In the order of the text.
    pub destructive: Vec<Destructive>,
    /// The tables that it updates, even if only in columns that are new.
    pub(super) updates: BTreeSet<TableName>,
    /// Columns that were or are called otherwise, in small letters.
    renamed: BTreeSet<(TableName, String)>,
}

impl Saying {
    pub(super) fn rename(&mut self, table: &TableName, from: &str, to: &str) {
        let names = [from.to_lowercase(), to.to_lowercase()];
        if from != to {
            let renamed = names.into_iter().map(|name| (table.clone(), name));
            self.renamed.extend(renamed);
        }
    }

    /// Whether rows of the table may go.
    pub fn takes_rows(&self, table: &TableName) -> bool {
        self.does(table, |kind| {
            matches!(
                kind,
                Kind::DropTable | Kind::Truncate | Kind::Delete | Kind::Replace
            )
        })
    }

    /// Whether rows of the table may be written anew, if only in columns that are new.
    pub fn updates(&self, table: &TableName) -> bool {
        self.updates.contains(table) || self.changes_values(table)
    }

    /// Whether rows of the table may get other values in columns that are there.
    pub fn changes_values(&self, table: &TableName) -> bool {
        self.does(table, |kind| kind == Kind::Update)
    }

    /// Whether the column may go, or get another name or type.
    pub fn changes_column(&self, table: &TableName, column: &str) -> bool {
        let column = column.to_lowercase();
        let is_it = |destructive: &Destructive| {
            let named = destructive.column.as_ref();
            destructive.table == *table && named.is_some_and(|named| named.to_lowercase() == column)
        };
        self.destructive.iter().any(is_it) || self.renamed.contains(&(table.clone(), column))
    }

    fn does(&self, table: &TableName, is_kind: impl Fn(Kind) -> bool) -> bool {
        let mut destructive = self.destructive.iter();
        destructive.any(|found| found.table == *table && is_kind(found.kind))
    }
}
