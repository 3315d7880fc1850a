//! The fields of lookup rows in statements, and what the server answers for them.

use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::row::{Field as _, NamedRow, Row};

use super::super::lookup_select::{unresolved_column, unresolved_columns};
use super::super::sql;
use super::connection::text_at;
use crate::model::rows::key_order::Reading;
use crate::model::rows::lookup::{Lookup, Source};
use crate::model::rows::row::{self, KeyedHash, Record, RowHash};

/// The fields as text, and behind them the references that cannot be looked up, for [`with_unresolved`].
pub(super) fn text_columns(prefix: &str, lookup: &Lookup) -> String {
    let fields = lookup.columns.iter();
    let fields: Vec<String> = fields
        .map(|name| format!("{prefix}{}::text", sql::identifier(name)))
        .collect();
    format!(
        "{}{}",
        fields.join(", "),
        unresolved_columns(prefix, lookup)
    )
}

/// What is hashed of a field, as `row::hash` does it.
pub(super) fn hashed(lookup: &Lookup, field: usize) -> String {
    let value = format!("{}::text", sql::identifier(&lookup.columns[field]));
    match lookup.sources[field] {
        Source::Column => format!("quote_nullable({value})"),
        Source::Link { link, .. } => {
            let stored = sql::identifier(&unresolved_column(link));
            format!(
                "CASE WHEN {value} IS NULL AND {stored} IS NOT NULL THEN 'T' || quote_literal('?' || {stored}) ELSE quote_nullable({value}) END"
            )
        }
    }
}

/// The order that `row::compare_keys` checks: numbers by value, everything else by bytes.
pub(super) fn order(lookup: &Lookup) -> String {
    // Qualified, because a bare name would mean the text of that name in the select list.
    let columns: Vec<String> = lookup
        .key_columns()
        .zip(&lookup.key_readings)
        .map(|(name, reading)| match reading {
            Reading::Number => format!("lookup.{}", sql::identifier(name)),
            Reading::Text | Reading::Spelling => {
                format!("lookup.{}::text COLLATE \"C\"", sql::identifier(name))
            }
        })
        .collect();
    format!(" ORDER BY {}", columns.join(", "))
}

/// A condition on `lookup`: its key is among the parameters.
pub(super) fn among_keys(lookup: &Lookup) -> String {
    let columns = lookup
        .key_columns()
        .map(|name| format!("lookup.{}::text", sql::identifier(name)))
        .collect::<Vec<_>>()
        .join(", ");
    format!(
        "({columns}) IN (SELECT * FROM {})",
        given_arrays(lookup.key.len())
    )
}

/// The rows that the first parameters hold, an array for each of their fields.
pub(super) fn given_arrays(width: usize) -> String {
    let arrays: Vec<String> = (1..=width)
        .map(|at| format!("pg_catalog.unnest(${at}::text[])"))
        .collect();
    format!("ROWS FROM ({})", arrays.join(", "))
}

/// A row of text columns, spelled as in a CSV export.
pub(super) struct Spelled(pub(super) Record);

impl QueryableByName<Pg> for Spelled {
    fn build<'row>(row: &impl NamedRow<'row, Pg>) -> deserialize::Result<Self> {
        let mut record = Record::new();
        for at in 0..row.field_count() {
            record.push_field(&row::encode(text_at(row, at)?.as_deref()));
        }
        Ok(Spelled(record))
    }
}

/// Key columns as text, then the hash as 16 bytes.
pub(super) struct HashedKey(pub(super) KeyedHash);

impl QueryableByName<Pg> for HashedKey {
    fn build<'row>(row: &impl NamedRow<'row, Pg>) -> deserialize::Result<Self> {
        let last = row.field_count().saturating_sub(1);
        let mut key = Record::new();
        for at in 0..last {
            key.push_field(&row::encode(text_at(row, at)?.as_deref()));
        }
        let field = Row::get(row, last).ok_or("the server returned no hash")?;
        let value = field.value().ok_or("the server returned no hash")?;
        let hash = RowHash(value.as_bytes().try_into()?);
        Ok(HashedKey(KeyedHash { key, hash }))
    }
}
