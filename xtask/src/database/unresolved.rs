//! Rows that refer to what is not there: the statements that find them, the same on both backends.

use super::lookup_select::{lookup_select, own_rows, unresolved_column};
use super::sql::{compared, count, identifier, list, literal, table};
use crate::model::reference::Step;
use crate::model::rows::lookup::Lookup;
use crate::model::unresolved::{NAMED, Unresolved};

/// Selects the first rows whose link cannot be looked up: how many there are, and each with its key
/// and what it stores of the reference.
pub(super) fn select_unresolved(lookup: &Lookup, link: usize, default_schema: &str) -> String {
    let pairs = &lookup.links[link].pairs;
    let stored: Vec<&str> = pairs.iter().map(|(column, _)| column.as_str()).collect();
    let as_text = |column: &str| {
        let text = format!("CAST(lookup.{} AS text)", identifier(column));
        format!("coalesce({text}, {})", literal("NULL"))
    };
    let columns: Vec<String> = lookup
        .key_columns()
        .chain(stored.iter().copied())
        .map(as_text)
        .collect();
    format!(
        "SELECT CAST(count(*) OVER () AS text), {} FROM {} AS lookup WHERE lookup.{} IS NOT NULL ORDER BY {} LIMIT {NAMED}",
        columns.join(", "),
        lookup_select(lookup, &stored, default_schema),
        identifier(&unresolved_column(link)),
        list("lookup.", lookup.key_columns())
    )
}

/// What [`select_unresolved`] found; nothing where every row can be looked up.
pub(super) fn unresolved_of(
    lookup: &Lookup,
    link: usize,
    rows: Vec<Vec<Option<String>>>,
) -> anyhow::Result<Option<Unresolved>> {
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let count = count(first.first().cloned().flatten())?;
    let width = lookup.key.len();
    let first = rows.into_iter().map(|row| {
        let mut key: Vec<String> = row
            .into_iter()
            .skip(1)
            .map(Option::unwrap_or_default)
            .collect();
        let stored = key.split_off(width.min(key.len()));
        (key, stored)
    });
    Ok(Some(Unresolved {
        link,
        rows: count,
        first: first.collect(),
    }))
}

/// Selects something where a row refers to a row of `parent` that is not there.
pub(super) fn select_orphan(
    lookup: &Lookup,
    reference: &Step,
    parent: &crate::model::schema::table::TableName,
    default_schema: &str,
) -> String {
    let is_whole: Vec<String> = reference
        .columns
        .iter()
        .map(|column| format!("child.{} IS NOT NULL", identifier(column)))
        .collect();
    // The parent stands first: its affinity says on SQLite what is equal.
    let pairs = reference.parent_columns.iter().zip(&reference.columns);
    let is_same = compared(
        &reference.comparisons,
        "parent",
        "child",
        pairs.map(|(parent, child)| (identifier(parent), identifier(child))),
    );
    format!(
        "SELECT '1' FROM {} AS child WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS parent WHERE {}) LIMIT 1",
        own_rows(lookup, default_schema),
        is_whole.join(" AND "),
        table(parent, default_schema),
        is_same
    )
}
