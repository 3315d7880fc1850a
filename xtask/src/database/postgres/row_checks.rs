//! What the server makes of rows that it does not hold yet: whether they meet a condition, and
//! which of their keys are one key.

use super::super::Check;
use super::super::sql::{self, identifier, positions};
use super::PostgresSession;
use super::read::DEFAULT_SCHEMA;
use super::spelling::given_rows;
use crate::model::rows::lookup::{Lookup, Source};
use crate::model::rows::row::{self, Field, Record};

impl PostgresSession {
    pub(super) fn rows_failing(
        &mut self,
        lookup: &Lookup,
        rows: &[Record],
    ) -> anyhow::Result<Vec<usize>> {
        let Some(condition) = &lookup.filter else {
            return Ok(Vec::new());
        };
        let query = format!(
            "SELECT (__sync_at - 1)::text FROM {} WHERE ({condition}) IS NOT TRUE ORDER BY __sync_at",
            self.as_the_table(lookup)?
        );
        let found = self.ask_about(&query, &values(rows))?.unwrap_or_default();
        found
            .iter()
            .map(|row| positions(row).map(|[at]| at))
            .collect()
    }

    pub(super) fn generated_values(
        &mut self,
        lookup: &Lookup,
        rows: &[Record],
        column: &str,
    ) -> anyhow::Result<Vec<String>> {
        let expression = self.value(
            "SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             WHERE a.attrelid = $1::regclass AND a.attname = $2 AND a.attgenerated <> ''",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA), column],
        )?;
        let query = format!(
            "SELECT ({})::text FROM {} ORDER BY __sync_at",
            expression.as_deref().unwrap_or("NULL"),
            self.as_the_table(lookup)?
        );
        let found = self.ask_about(&query, &values(rows))?;
        let none = || rows.iter().map(|_| vec![None]).collect();
        let found = found.unwrap_or_else(|_| none()).into_iter();
        Ok(found
            .map(|row| row::encode(row.into_iter().flatten().next().as_deref()).into_owned())
            .collect())
    }

    pub(super) fn checks_of(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<Check>> {
        let rows = self.query(
            "SELECT conname::text, pg_get_expr(conbin, conrelid) FROM pg_constraint \
             WHERE conrelid = $1::regclass AND contype = 'c' ORDER BY conname",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA)],
        )?;
        let checks = rows.into_iter().filter_map(|mut row| {
            Some(Check {
                condition: row.pop()??,
                name: row.pop()?,
            })
        });
        Ok(checks.collect())
    }

    /// Rows that are given, with those of their fields that are columns, and their places.
    fn as_the_table(&mut self, lookup: &Lookup) -> anyhow::Result<String> {
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
        // A condition may qualify its columns with the table's own name.
        Ok(format!(
            "(SELECT at AS __sync_at{columns} FROM {}) AS {}",
            given_rows(&types),
            identifier(&lookup.table.name)
        ))
    }

    pub(super) fn duplicate_keys(
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
