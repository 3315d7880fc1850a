//! Which rows are the target's own.

use crate::model::migrations::effects::{EffectKind, RowEffect};
use crate::model::rows::lookup::settings::{ExtraRows, LookupSettings};
use crate::model::schema::catalog::{Catalog, Table, TableKind};
use crate::model::schema::table::TableName;
use crate::settings::config::Config;

/// Every table that is not a lookup table.
pub(crate) fn protected(config: &Config, catalog: &Catalog) -> Vec<TableName> {
    let lookups = config.lookups.iter();
    let lookups: Vec<&Table> = lookups
        .filter_map(|lookup| catalog.find(&lookup.table))
        .collect();
    tables(catalog)
        .filter(|table| !lookups.contains(table))
        .map(|table| table.name.clone())
        .collect()
}

/// Every table with rows that do not come from the source: the protected ones, and lookup tables
/// that leave something to the target.
pub(crate) fn with_own_rows(config: &Config, catalog: &Catalog) -> Vec<TableName> {
    let leaves_something = |settings: &LookupSettings| {
        settings.filter.is_some()
            || settings.extra_rows == ExtraRows::Keep
            || settings.retire.is_some()
            || !settings.ignore.is_empty()
            || !settings.insert_only.is_empty()
    };
    tables(catalog)
        .filter(|table| lookup(config, catalog, &table.name).is_none_or(leaves_something))
        .map(|table| table.name.clone())
        .collect()
}

/// Whether what was done to a table met something that does not come from the source; `catalog` is
/// what the table's name is from.
pub(crate) fn is_own(config: &Config, catalog: &Catalog, effect: &RowEffect) -> bool {
    let Some(settings) = lookup(config, catalog, &effect.table) else {
        return true;
    };
    let is_deletion = match effect.kind {
        EffectKind::TableDropped | EffectKind::Truncated | EffectKind::RowsDeleted => true,
        EffectKind::RowsChanged | EffectKind::ColumnDropped | EffectKind::TypeChanged => false,
    };
    let mut own = settings.ignore.iter().chain(&settings.insert_only);
    let is_column = match &effect.column {
        None => own.next().is_some(),
        Some(column) => own.any(|own| own.eq_ignore_ascii_case(column)),
    };
    settings.filter.is_some()
        || settings.extra_rows == ExtraRows::Keep
        || settings.retire.is_some() && is_deletion
        || is_column
}

fn tables(catalog: &Catalog) -> impl Iterator<Item = &Table> {
    let tables = catalog.tables.values();
    tables.filter(|table| table.kind != TableKind::NotATable)
}

fn lookup<'config>(
    config: &'config Config,
    catalog: &Catalog,
    table: &TableName,
) -> Option<&'config LookupSettings> {
    config.lookups.iter().find(|settings| {
        let found = catalog.find(&settings.table);
        found.is_some_and(|found| found.name == *table)
    })
}
