//! A lookup table as its rows travel: an expression that stands where SQL wants a table.

use super::sql::{compared, identifier, list, table};
use crate::model::rows::lookup::{Link, Lookup, Source};
use crate::model::rows::row::{NULL, Record, unresolved};

/// The lookup rows, with a column for each field under the field's name, and with the columns in
/// `also` under their own; in a statement it needs an alias. A reference that cannot be looked up
/// has NULL in its fields, and stands in the column that [`unresolved_columns`] names.
pub(super) fn lookup_select(lookup: &Lookup, also: &[&str], default_schema: &str) -> String {
    let rows = own_rows(lookup, default_schema);
    if lookup.links.is_empty() {
        return rows;
    }
    let fields = lookup
        .columns
        .iter()
        .zip(&lookup.sources)
        .map(|(name, source)| {
            let name = identifier(name);
            match source {
                Source::Column => format!("own.{name} AS {name}"),
                Source::Link { link, field } => format!(
                    "link_{link}.{} AS {name}",
                    identifier(&lookup.links[*link].parent.columns[*field])
                ),
            }
        });
    let columns: Vec<String> = fields
        .chain(
            also.iter()
                .filter(|column| !lookup.is_plain(column))
                .map(|column| {
                    let column = identifier(column);
                    format!("own.{column} AS {column}")
                }),
        )
        .chain((0..lookup.links.len()).map(|at| {
            format!(
                "{} AS {}",
                stored_reference(lookup, at),
                identifier(&unresolved_column(at))
            )
        }))
        .collect();
    let joins: String = lookup
        .links
        .iter()
        .enumerate()
        .map(|(at, link)| join(at, link, default_schema))
        .collect();
    format!("(SELECT {} FROM {rows} AS own{joins})", columns.join(", "))
}

/// The lookup rows as the table has them.
pub(super) fn own_rows(lookup: &Lookup, default_schema: &str) -> String {
    let table = table(&lookup.table, default_schema);
    // The condition may qualify its columns with the table's own name, so there is no other.
    match &lookup.filter {
        Some(condition) => format!("(SELECT * FROM {table} WHERE ({condition}))"),
        None => table,
    }
}

/// For each link, behind a comma, what a row of [`lookup_select`] stores where it refers to a row that
/// cannot be looked up; `prefix` stands before each.
pub(super) fn unresolved_columns(prefix: &str, lookup: &Lookup) -> String {
    let columns: Vec<String> = (0..lookup.links.len()).map(unresolved_column).collect();
    match columns.is_empty() {
        true => String::new(),
        false => format!(", {}", list(prefix, columns.iter().map(String::as_str))),
    }
}

pub(super) fn unresolved_column(link: usize) -> String {
    format!("__sync_unresolved_{link}")
}

/// A row that was read with its [`unresolved_columns`] behind its fields, without them: what cannot
/// be looked up is told from NULL.
pub(super) fn with_unresolved(lookup: &Lookup, row: Record) -> Record {
    let width = lookup.columns.len();
    if row.len() <= width {
        return row;
    }
    let fields = row.iter().zip(&lookup.sources);
    fields
        .map(|(field, source)| match source {
            Source::Link { link, .. } if field == NULL => match row.get(width + link) {
                Some(stored) if stored != NULL => unresolved(stored),
                _ => field.to_owned(),
            },
            _ => field.to_owned(),
        })
        .collect()
}

/// What a row stores of a link, as text, where it refers to a row that cannot be looked up; else NULL.
///
/// Either the whole reference is there and leads to no row with a whole key; or a part of it is NULL,
/// so that it leads nowhere, while another has a value that no other link carries.
fn stored_reference(lookup: &Lookup, at: usize) -> String {
    let is_lost = |at: usize| -> String {
        let fields = lookup.links[at].parent.columns.iter();
        let fields: Vec<String> = fields
            .map(|field| format!("link_{at}.{} IS NULL", identifier(field)))
            .collect();
        format!("({})", fields.join(" OR "))
    };
    let link = &lookup.links[at];
    let is_whole: Vec<String> = link
        .pairs
        .iter()
        .map(|(column, _)| format!("own.{} IS NOT NULL", identifier(column)))
        .collect();
    let mut is_stored = vec![format!("({})", is_whole.join(" AND "))];
    for (column, _) in &link.local {
        let mut conditions = vec![format!("own.{} IS NOT NULL", identifier(column))];
        for (other, carrier) in lookup.links.iter().enumerate() {
            if other != at && carrier.local.iter().any(|(name, _)| name == column) {
                conditions.push(is_lost(other));
            }
        }
        is_stored.push(format!("({})", conditions.join(" AND ")));
    }
    let stored: Vec<String> = link
        .local
        .iter()
        .map(|(column, _)| format!("coalesce(CAST(own.{} AS text), 'NULL')", identifier(column)))
        .collect();
    format!(
        "CASE WHEN {} AND ({}) THEN {} END",
        is_lost(at),
        is_stored.join(" OR "),
        stored.join(" || ', ' || ")
    )
}

fn join(at: usize, link: &Link, default_schema: &str) -> String {
    let columns: Vec<&str> = link
        .pairs
        .iter()
        .map(|(_, parent)| parent.as_str())
        .collect();
    let pairs = link.pairs.iter();
    let is_same = compared(
        &link.comparisons,
        &format!("link_{at}"),
        "own",
        pairs.map(|(column, parent)| (identifier(parent), identifier(column))),
    );
    format!(
        " LEFT JOIN {} AS link_{at} ON {}",
        lookup_select(&link.parent, &columns, default_schema),
        is_same
    )
}
