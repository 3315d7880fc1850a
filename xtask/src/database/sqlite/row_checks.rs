//! What SQLite makes of rows that it does not hold yet: whether they meet a condition, and which of
//! their keys are one key.

use anyhow::Context as _;

use super::super::sql::{identifier, positions};
use super::tokens::{column_definitions, tokens};
use super::value::Value;
use super::{SqliteSession, conditions};
use crate::model::rows::lookup::{Lookup, Source};
use crate::model::rows::row::{NULL, Record};

impl SqliteSession {
    pub(super) fn rows_failing(
        &mut self,
        lookup: &Lookup,
        rows: &[Record],
    ) -> anyhow::Result<Vec<usize>> {
        let Some(condition) = &lookup.filter else {
            return Ok(Vec::new());
        };
        let query = format!(
            "SELECT __sync_at FROM {} WHERE ({condition}) IS NOT TRUE ORDER BY 1",
            self.as_the_table(lookup, rows)?
        );
        let found = self.query(&query, &[]).unwrap_or_default();
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
        let expression = conditions::of_column(&self.statement_of(lookup)?, column);
        let query = format!(
            "SELECT {} FROM {} ORDER BY __sync_at",
            expression.as_deref().unwrap_or("NULL"),
            self.as_the_table(lookup, rows)?
        );
        let of_column = Lookup {
            columns: vec![column.to_owned()],
            sources: vec![Source::Column],
            ..lookup.clone()
        };
        let found: Option<Vec<Record>> = self
            .spelled_rows(&of_column, &query)
            .and_then(Iterator::collect)
            .ok();
        let none = || rows.iter().map(|_| Record::from(vec![NULL])).collect();
        let found = found.unwrap_or_else(none).into_iter();
        Ok(found
            .map(|row| row.get(0).unwrap_or(NULL).to_owned())
            .collect())
    }

    /// Rows that are given, with those of their fields that are columns, and their places.
    fn as_the_table(&mut self, lookup: &Lookup, rows: &[Record]) -> anyhow::Result<String> {
        self.put_aside(lookup, rows)?;
        let collations = self.collations(lookup)?;
        let columns: String = lookup
            .columns
            .iter()
            .zip(&lookup.sources)
            .zip(&collations)
            .filter(|((_, source), _)| **source == Source::Column)
            .map(|((name, _), collation)| {
                let name = identifier(name);
                format!(", {name}{collation} AS {name}")
            })
            .collect();
        // A condition may qualify its columns with the table's own name.
        Ok(format!(
            "(SELECT rowid - 1 AS __sync_at{columns} FROM temp.__sync_spelling) AS {}",
            identifier(&lookup.table.name)
        ))
    }

    pub(super) fn duplicate_keys(
        &mut self,
        lookup: &Lookup,
        keys: &[Record],
    ) -> anyhow::Result<Vec<(usize, usize)>> {
        let names: Vec<String> = lookup.key_columns().map(str::to_owned).collect();
        let by_key = lookup.with_fields(&names).context("a key has its fields")?;
        self.put_aside(&by_key, keys)?;
        let collations = self.collations(&by_key)?;
        let key: Vec<String> = names
            .iter()
            .zip(&collations)
            .map(|(name, collation)| format!("{}{collation}", identifier(name)))
            .collect();
        let found = self.query(
            &format!(
                "SELECT at, first FROM (SELECT rowid - 1 AS at, min(rowid - 1) OVER (PARTITION BY {}) AS first \
                 FROM temp.__sync_spelling) WHERE at <> first ORDER BY at",
                key.join(", ")
            ),
            &[],
        )?;
        found
            .iter()
            .map(|row| positions(row).map(|[at, first]| (at, first)))
            .collect()
    }

    /// Puts rows into a temporary table with the affinities of the real one.
    fn put_aside(&mut self, lookup: &Lookup, rows: &[Record]) -> anyhow::Result<()> {
        let affinities = self.affinities(lookup)?;
        let insert = self.lay_out(lookup)?;
        for row in rows {
            let values = row.iter().zip(&affinities);
            let values = values.map(|(text, affinity)| Value::read(text, *affinity));
            let values: Vec<Value> = values
                .collect::<Result<_, String>>()
                .map_err(anyhow::Error::msg)?;
            self.run_with(&insert, values, "look at rows that are to come")?;
        }
        Ok(())
    }

    /// Its CREATE TABLE.
    pub(super) fn statement_of(&mut self, lookup: &Lookup) -> anyhow::Result<String> {
        let statement = self.query(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?",
            &[Some(lookup.table.name.clone())],
        )?;
        let statement = statement.into_iter().flatten().flatten().next();
        Ok(statement.unwrap_or_default())
    }

    /// ` COLLATE …` for each field whose column says so, which a temporary table does not take over.
    pub(super) fn collations(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<String>> {
        let declared = column_definitions(&tokens(&self.statement_of(lookup)?));
        let parents = lookup
            .links
            .iter()
            .map(|link| self.collations(&link.parent))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let fields = lookup.columns.iter().zip(&lookup.sources);
        Ok(fields
            .map(|(column, source)| match source {
                Source::Column => declared
                    .get(&column.to_lowercase())
                    .into_iter()
                    .flatten()
                    .find(|extra| extra.starts_with("collate "))
                    .map_or(String::new(), |extra| format!(" {extra}")),
                Source::Link { link, field } => parents[*link][*field].clone(),
            })
            .collect())
    }
}
