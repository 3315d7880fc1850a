//! Rows that are found by keys, or by other values, which wait in a temporary table.

use diesel::{RunQueryDsl, sql_query};

use super::super::lookup_select::lookup_select;
use super::super::sql;
use super::read::{DEFAULT_SCHEMA, fields, spelled};
use super::value::{Value, Values};
use super::{SqliteSession, failed};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::Record;

impl SqliteSession {
    /// Puts keys where a query can join them. The temporary database is the session's own, so
    /// the file that it looks at stays as it is.
    pub(super) fn hold_keys(&mut self, lookup: &Lookup, keys: &[Record]) -> anyhow::Result<()> {
        let what = "read rows by their keys";
        let affinities = self.affinities(lookup)?;
        // Names of their own: a lookup table's condition must not become ambiguous.
        let columns: Vec<String> = lookup
            .key_columns()
            .enumerate()
            .map(|(at, name)| format!("lookup.{} AS key_{at}", sql::identifier(name)))
            .collect();
        // With the affinities of the real ones, without which no index serves a comparison.
        self.batch(&format!(
            "DROP TABLE IF EXISTS temp.__sync_keys; \
             CREATE TEMPORARY TABLE __sync_keys AS SELECT {} FROM {} AS lookup WHERE 0",
            columns.join(", "),
            lookup_select(&everywhere(lookup), &[], DEFAULT_SCHEMA)
        ))
        .map_err(|error| failed(&error, what))?;
        let marks = vec!["?"; lookup.key.len()].join(", ");
        let insert = format!("INSERT INTO temp.__sync_keys VALUES ({marks})");
        for key in keys {
            let values = key
                .iter()
                .zip(&lookup.key)
                .map(|(field, at)| Value::read(field, affinities[*at]))
                .collect::<Result<Vec<_>, _>>()
                .map_err(anyhow::Error::msg)?;
            self.run_with(&insert, values, what)?;
        }
        Ok(())
    }

    /// Lets the keys that are held be found by an index, and SQLite know how many they are.
    fn index_keys(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let collations = self.collations(lookup)?;
        let columns: Vec<String> = lookup
            .key
            .iter()
            .enumerate()
            .map(|(at, field)| format!("key_{at}{}", collations[*field]))
            .collect();
        self.batch(&format!(
            "CREATE INDEX temp.__sync_keys_index ON __sync_keys ({}); ANALYZE temp.__sync_keys",
            columns.join(", ")
        ))
        .map_err(|error| failed(&error, "read rows by their keys"))
    }

    /// The rows that hold values, with the place of each value.
    pub(super) fn holding(
        &mut self,
        lookup: &Lookup,
        values: &[Record],
    ) -> anyhow::Result<Vec<(usize, Record)>> {
        self.hold_keys(lookup, values)?;
        self.index_keys(lookup)?;
        // The table may have no index for these columns; then it is read once, and the values are
        // what is looked up.
        let query = format!(
            "SELECT wanted.rowid, {} FROM temp.__sync_keys AS wanted JOIN {} AS lookup ON {}",
            fields(lookup),
            lookup_select(&everywhere(lookup), &[], DEFAULT_SCHEMA),
            wanted_key(lookup)
        );
        let affinities = self.affinities(lookup)?;
        let rows: Vec<Values> = sql_query(query)
            .load(&mut self.connection)
            .map_err(|error| failed(&error, &format!("read `{}`", lookup.table)))?;
        rows.into_iter()
            .map(|row| match row.0.split_first() {
                Some((Value::Integer(number), values)) => {
                    let row = spelled(lookup, values, &affinities);
                    Ok((usize::try_from(number - 1)?, row))
                }
                _ => anyhow::bail!("the database returned no number of a row"),
            })
            .collect()
    }
}

/// The table with the rows that are nobody's lookup rows as well.
pub(super) fn everywhere(lookup: &Lookup) -> Lookup {
    Lookup {
        filter: None,
        ..lookup.clone()
    }
}

/// A condition on `lookup`: its key is the one of `wanted`.
pub(super) fn wanted_key(lookup: &Lookup) -> String {
    lookup
        .key_columns()
        .enumerate()
        .map(|(at, name)| format!("lookup.{} = wanted.key_{at}", sql::identifier(name)))
        .collect::<Vec<_>>()
        .join(" AND ")
}
