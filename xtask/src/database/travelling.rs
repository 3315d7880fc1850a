//! A lookup table as its rows travel: an expression that stands where SQL wants a table.

use super::sql::{identifier, table};
use crate::sync::rows::lookup::{Link, Lookup, Source};

/// The lookup rows, with a column for each field under the field's name, and with the columns in
/// `also` under their own; in a statement it needs an alias.
pub(super) fn travelling(lookup: &Lookup, also: &[&str], default_schema: &str) -> String {
    let table = table(&lookup.table, default_schema);
    // The condition may qualify its columns with the table's own name, so there is no other.
    let rows = match &lookup.filter {
        Some(condition) => format!("(SELECT * FROM {table} WHERE ({condition}))"),
        None => table,
    };
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
        .collect();
    let joins: String = lookup
        .links
        .iter()
        .enumerate()
        .map(|(at, link)| join(at, link, default_schema))
        .collect();
    format!("(SELECT {} FROM {rows} AS own{joins})", columns.join(", "))
}

fn join(at: usize, link: &Link, default_schema: &str) -> String {
    let columns: Vec<&str> = link
        .pairs
        .iter()
        .map(|(_, parent)| parent.as_str())
        .collect();
    let pairs: Vec<String> = link
        .pairs
        .iter()
        .map(|(column, parent)| {
            format!(
                "link_{at}.{} = own.{}",
                identifier(parent),
                identifier(column)
            )
        })
        .collect();
    format!(
        " LEFT JOIN {} AS link_{at} ON {}",
        travelling(&link.parent, &columns, default_schema),
        pairs.join(" AND ")
    )
}
