//! What the columns of a table hold at a point of the plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::sync::migrations::destructive::{Copied, Effect, Statement};
use crate::sync::schema::catalog::{Catalog, Reading};
use crate::sync::schema::table::TableName;

/// Tables are called as on the target here.
pub(super) struct Columns<'a> {
    catalog: &'a Catalog,
    /// Columns that hold nothing of the target.
    added: BTreeSet<(TableName, String)>,
    /// Columns that hold something, under another name than on the target.
    renamed: BTreeSet<(TableName, String)>,
    /// Tables whose columns are not those of the target, followed by those that were added.
    altered: BTreeSet<TableName>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        Columns {
            catalog,
            added: BTreeSet::new(),
            renamed: BTreeSet::new(),
            altered: BTreeSet::new(),
        }
    }

    pub(super) fn add(&mut self, table: TableName, column: &str) {
        let is_there = self.of(&table).contains(&column.to_lowercase());
        let added = (table, column.to_owned());
        if !is_there && !self.renamed.contains(&added) {
            self.added.insert(added);
        }
    }

    pub(super) fn drop_from(&mut self, table: TableName) {
        self.altered.insert(table);
    }

    pub(super) fn rename(&mut self, table: TableName, from: &str, to: &str) {
        let to = (table.clone(), to.to_owned());
        if self.added.remove(&(table.clone(), from.to_owned())) {
            self.added.insert(to);
        } else {
            self.added.remove(&to);
            self.renamed.insert(to);
            self.altered.insert(table);
        }
    }

    pub(super) fn is_added(&self, table: &TableName, column: &str) -> bool {
        self.added.contains(&(table.clone(), column.to_owned()))
    }

    /// The type that a column has on the target, where it is known which one it is there.
    pub(super) fn type_name(&self, table: &TableName, column: &str) -> Option<&str> {
        if self.renamed.contains(&(table.clone(), column.to_owned())) {
            return None;
        }
        let mut columns = self.catalog.tables.get(table)?.columns.iter();
        let found = columns.find(|found| found.name == column);
        found.map(|found| found.type_name.as_str())
    }

    /// The columns that a table loses to its heir; none where not even its rows are sure to be
    /// there. `columns` are those of the heir, `values` what they got.
    pub(super) fn lost(
        &self,
        table: &TableName,
        columns: &[String],
        values: &[Copied],
    ) -> Option<Vec<String>> {
        if self.altered.contains(table) {
            return None;
        }
        if columns.is_empty() {
            return Some(Vec::new());
        }
        let old = self.of(table);
        let values = self.spread(table, values);
        let is_new = |name: &String| !old.contains(name);
        let pairs: Vec<(&String, &Copied)> = columns.iter().zip(&values).collect();
        let is_kept = |column: &String| {
            pairs.iter().any(|(name, value)| {
                let is_once = columns.iter().filter(|other| other == name).count() == 1;
                let is_place = *name == column || is_new(name) && !columns.contains(column);
                **value == Copied::Column(column.clone()) && is_once && is_place
            })
        };
        let held = self.catalog.tables.get(table)?.columns.iter();
        let held = held.filter(|column| !column.generated);
        let lost = held
            .map(|column| column.name.to_lowercase())
            .filter(|column| !is_kept(column));
        (columns.len() == values.len()).then(|| lost.collect())
    }

    /// The columns that become numbers or text and were the other.
    pub(super) fn reread(
        &self,
        table: &TableName,
        columns: &[String],
        values: &[Copied],
        readings: &BTreeMap<String, Reading>,
    ) -> Vec<String> {
        let values = self.spread(table, values);
        let table = self.catalog.tables.get(table);
        let held = table.into_iter().flat_map(|table| &table.columns);
        held.filter(|column| {
            let copied = Copied::Column(column.name.to_lowercase());
            columns.iter().zip(&values).any(|(name, value)| {
                let reading = readings.get(name);
                *value == copied && reading.is_some_and(|reading| *reading != column.reading)
            })
        })
        .map(|column| column.name.to_lowercase())
        .collect()
    }

    /// The table has the columns of its heir from now on.
    pub(super) fn inherit(&mut self, table: &TableName, columns: &[String], values: &[Copied]) {
        let old = self.of(table);
        if !columns.is_empty() && !columns.starts_with(&old) {
            self.altered.insert(table.clone());
        }
        for (name, value) in columns.iter().zip(self.spread(table, values)) {
            if old.contains(name) {
                continue;
            }
            let column = (table.clone(), name.clone());
            if value == Copied::Other {
                self.added.insert(column);
            } else {
                self.added.remove(&column);
                self.renamed.insert(column);
            }
        }
    }

    /// The values with a `*` as the columns that it stands for.
    fn spread(&self, table: &TableName, values: &[Copied]) -> Vec<Copied> {
        let added = self.added.iter().filter(|(of, _)| of == table).count();
        let columns = self.of(table).into_iter().map(Copied::Column);
        let every: Vec<Copied> = columns
            .chain(std::iter::repeat_n(Copied::Other, added))
            .collect();
        let one = |value: &Copied| match value {
            Copied::Every => every.clone(),
            value => vec![value.clone()],
        };
        values.iter().flat_map(one).collect()
    }

    /// The columns that the target has, in small letters.
    fn of(&self, table: &TableName) -> Vec<String> {
        let table = self.catalog.tables.get(table);
        let columns = table.into_iter().flat_map(|table| &table.columns);
        columns.map(|column| column.name.to_lowercase()).collect()
    }
}

/// The columns that have two names in the plan, by both and in small letters, of whichever table.
pub(super) fn renamed(statements: impl Iterator<Item = Statement>) -> BTreeSet<String> {
    let pairs = statements.flat_map(|statement| match statement.effect {
        Effect::RenamesColumn { from, to, .. } => vec![(from, to)],
        Effect::Rebuilds {
            columns, values, ..
        } => {
            let pairs = columns.into_iter().zip(values);
            let pairs = pairs.filter_map(|(to, value)| match value {
                Copied::Column(from) if from != to => Some((from, to)),
                _ => None,
            });
            pairs.collect()
        }
        _ => Vec::new(),
    });
    pairs
        .flat_map(|(from, to)| [from.to_lowercase(), to.to_lowercase()])
        .collect()
}
