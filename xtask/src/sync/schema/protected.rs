//! Which tables are protected.

use super::catalog::{Catalog, Table, TableKind};
use super::table::TableName;
use crate::sync::settings::config::Config;

/// Every table that is not a lookup table.
pub(in crate::sync) fn protected(config: &Config, catalog: &Catalog) -> Vec<TableName> {
    let lookups = config.lookups.iter();
    let lookups: Vec<&Table> = lookups
        .filter_map(|lookup| catalog.find(&lookup.table))
        .collect();
    catalog
        .tables
        .values()
        .filter(|table| table.kind != TableKind::NotATable && !lookups.contains(table))
        .map(|table| table.name.clone())
        .collect()
}
