//! Which columns of lookup tables hold values that mean something in one environment only.
//!
//! Where a table's `key` is another than its primary key, the primary key is a number that each
//! environment draws for itself. So are then the foreign keys that refer to it, and whatever
//! refers to those.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::schema::catalog::{Catalog, ForeignKey, Table};
use crate::model::schema::table::TableName;

/// The columns whose values are an environment's own, by table.
pub(crate) struct Local(BTreeMap<TableName, BTreeSet<String>>);

impl Local {
    pub(crate) fn find(settings: &[LookupSettings], catalog: &Catalog) -> Local {
        let tables: Vec<(&LookupSettings, &Table)> = settings
            .iter()
            .filter_map(|settings| Some((settings, catalog.find(&settings.table)?)))
            .collect();
        let mut local = Local(
            tables
                .iter()
                .map(|(settings, table)| (table.name.clone(), own(settings, table)))
                .collect(),
        );
        // What refers to a column of another environment's numbers is such a column itself.
        loop {
            let mut found = Vec::new();
            for (settings, table) in &tables {
                for (column, parent_column, key) in pairs(table) {
                    if local.has(&key.parent, parent_column)
                        && !local.has(&table.name, column)
                        && !settings.ignore.iter().any(|ignored| ignored == column)
                    {
                        found.push((table.name.clone(), column.to_owned()));
                    }
                }
            }
            if found.is_empty() {
                return local;
            }
            for (table, column) in found {
                local.0.entry(table).or_default().insert(column);
            }
        }
    }

    pub(crate) fn has(&self, table: &TableName, column: &str) -> bool {
        self.0
            .get(table)
            .is_some_and(|columns| columns.contains(column))
    }
}

fn pairs(table: &Table) -> impl Iterator<Item = (&str, &str, &ForeignKey)> {
    table.foreign_keys.iter().flat_map(|key| {
        key.columns
            .iter()
            .zip(&key.parent_columns)
            .map(move |(column, parent)| (column.as_str(), parent.as_str(), key))
    })
}

/// The columns of a primary key beside the key that the database fills in by itself.
fn own(settings: &LookupSettings, table: &Table) -> BTreeSet<String> {
    if settings.key.is_empty() {
        return BTreeSet::new();
    }
    table
        .columns
        .iter()
        .filter(|column| {
            table.primary_key.contains(&column.name)
                && !settings.key.contains(&column.name)
                && !settings.ignore.contains(&column.name)
                && column.default.is_some()
                && !column.generated
        })
        .map(|column| column.name.clone())
        .collect()
}
