//! What a backup holds: rows and digest of every table, and sequences.

use super::super::{Contents, Sequences, sql};
use super::PostgresSession;
use super::read::DEFAULT_SCHEMA;
use crate::model::rows::row::LookupState;
use crate::model::schema::table::TableName;

/// Rows of extensions come with these.
const DUMPED: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't' \
     AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')";

/// The sum of the hashes of all rows does not depend on their order, and so needs neither memory nor
/// a key; each hash is one of SHA-256, so that no exchange of values leaves the sum.
fn digest(row: &str, from: &str) -> String {
    let half = |at: u32| {
        format!(
            "coalesce(sum(('x' || encode(substr(hash, {at}, 8), 'hex'))::bit(64)::bigint), 0)::text"
        )
    };
    format!(
        "SELECT count(*)::text, left(encode(sha256(convert_to({} || ' ' || {}, 'UTF8')), 'hex'), 32) \
         FROM (SELECT sha256({row}) AS hash FROM {from} OFFSET 0) AS hashed",
        half(1),
        half(9)
    )
}

impl PostgresSession {
    fn names_of(&mut self, kind: char) -> anyhow::Result<Vec<TableName>> {
        let rows = self.query(
            &format!(
                "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.relkind = '{kind}' AND {DUMPED} ORDER BY 1, 2"
            ),
            &[],
        )?;
        let names = rows.into_iter().filter_map(|row| {
            let mut row = row.into_iter().flatten();
            let schema = row.next()?;
            Some(TableName::new(Some(&schema), &row.next()?))
        });
        Ok(names.collect())
    }

    pub(super) fn contents_of_all(&mut self) -> anyhow::Result<Contents> {
        // Bytes of no known encoding cannot be converted, and need not be.
        let encoding = "CASE pg_catalog.getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END";
        let encoding = self.value(&format!("SELECT {encoding}"), &[])?;
        let encoding = sql::literal(&encoding.unwrap_or_default());
        let mut queries: Vec<(TableName, String)> = self
            .names_of('r')?
            .into_iter()
            .map(|table| {
                let from = format!("ONLY {} AS each", sql::table(&table, DEFAULT_SCHEMA));
                let row = format!("convert_to(ROW(each.*)::text, {encoding})");
                (table, digest(&row, &from))
            })
            .collect();
        let objects = "SELECT count(*)::text FROM pg_catalog.pg_largeobject_metadata";
        if self.value(objects, &[])?.as_deref() != Some("0") {
            queries.push((
                TableName::new(Some("pg_catalog"), "pg_largeobject"),
                digest(
                    "convert_to(oid::text, 'UTF8') || lo_get(oid)",
                    "pg_catalog.pg_largeobject_metadata",
                ),
            ));
        }
        let mut contents = Contents::new();
        for (table, query) in queries {
            let mut fields = self.query(&query, &[])?.into_iter().flatten();
            let rows = sql::count(fields.next().flatten())?;
            let digest = fields.next().flatten().unwrap_or_default();
            contents.insert(table, LookupState { rows, digest });
        }
        Ok(contents)
    }

    pub(super) fn all_sequences(&mut self) -> anyhow::Result<Sequences> {
        let mut sequences = Sequences::new();
        for name in self.names_of('S')? {
            let query = format!(
                "SELECT last_value::text || ' ' || is_called::text FROM {}",
                sql::table(&name, DEFAULT_SCHEMA)
            );
            let stands = self.value(&query, &[])?.unwrap_or_default();
            sequences.insert(name, stands);
        }
        Ok(sequences)
    }
}
