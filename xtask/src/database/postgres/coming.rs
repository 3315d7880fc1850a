//! What the server makes of rows that it does not hold yet: whether they meet a condition, and
//! which of their keys are one key.

use super::super::sql::{identifier, positions};
use super::PostgresSession;
use super::spelling::given_rows;
use crate::sync::rows::lookup::{Lookup, Source};
use crate::sync::rows::row::{self, Field, Record};

impl PostgresSession {
    pub(super) fn not_meeting(
        &mut self,
        lookup: &Lookup,
        rows: &[Record],
    ) -> anyhow::Result<Vec<usize>> {
        let Some(condition) = &lookup.filter else {
            return Ok(Vec::new());
        };
        let types = self.field_types(lookup)?;
        let columns: String = types
            .iter()
            .enumerate()
            .filter(|(at, _)| lookup.sources[*at] == Source::Column)
            .map(|(at, kind)| {
                let name = identifier(&lookup.columns[at]);
                format!(", {} AS {name}", kind.read(&format!("c{at}")))
            })
            .collect();
        // The condition may qualify its columns with the table's own name.
        let query = format!(
            "SELECT (__sync_at - 1)::text FROM (SELECT at AS __sync_at{columns} FROM {}) AS {} \
             WHERE ({condition}) IS NOT TRUE ORDER BY __sync_at",
            given_rows(&types),
            identifier(&lookup.table.name)
        );
        let found = self.ask_about(&query, &values(rows))?.unwrap_or_default();
        found
            .iter()
            .map(|row| positions(row).map(|[at]| at))
            .collect()
    }

    pub(super) fn taken_for_one(
        &mut self,
        lookup: &Lookup,
        keys: &[Record],
    ) -> anyhow::Result<Vec<(usize, usize)>> {
        let every_type = self.field_types(lookup)?;
        let types: Vec<_> = lookup
            .key
            .iter()
            .map(|at| every_type[*at].clone())
            .collect();
        let key: Vec<String> = types
            .iter()
            .enumerate()
            .map(|(at, kind)| kind.read(&format!("c{at}")))
            .collect();
        let query = format!(
            "SELECT (at - 1)::text, (first - 1)::text FROM \
             (SELECT at, min(at) OVER (PARTITION BY {}) AS first FROM {}) AS keys \
             WHERE at <> first ORDER BY at",
            key.join(", "),
            given_rows(&types)
        );
        let found = self.ask_about(&query, &values(keys))?;
        found
            .map_err(anyhow::Error::msg)?
            .iter()
            .map(|row| positions(row).map(|[at, first]| (at, first)))
            .collect()
    }
}

fn values(rows: &[Record]) -> Vec<Vec<Option<String>>> {
    let value = |field: &str| match row::decode(field) {
        Ok(Field::Plain(text)) => Some(text.to_owned()),
        _ => None,
    };
    rows.iter()
        .map(|row| row.iter().map(value).collect())
        .collect()
}
