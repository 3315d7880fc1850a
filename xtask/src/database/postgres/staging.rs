//! What is known of a lookup table whose changes wait in a temporary table.

use super::super::load::Loading;
use super::super::sql;
use super::PostgresSession;
use super::read::DEFAULT_SCHEMA;
use super::unique::UniqueKey;
use crate::problem::{Code, Problem};
use crate::sync::lookup::Lookup;
use crate::sync::reference::Reference;
use crate::sync::table::TableName;

/// A lookup table whose changes wait in a temporary table.
pub(super) struct Staged {
    pub(super) table: TableName,
    /// Every foreign key that points at the table, from wherever.
    pub(super) references: Vec<Reference>,
    pub(super) unique_keys: Vec<UniqueKey>,
}

impl PostgresSession {
    pub(super) fn position(&self, lookup: &Lookup) -> usize {
        self.staged
            .iter()
            .position(|staged| staged.table == lookup.table)
            .unwrap_or_default()
    }

    pub(super) fn loading<'lookup>(&self, lookup: &'lookup Lookup) -> Loading<'lookup> {
        Loading {
            lookup,
            table: sql::table(&lookup.table, DEFAULT_SCHEMA),
            staging: format!("pg_temp.lookup_staging_{}", self.position(lookup)),
            default_schema: DEFAULT_SCHEMA,
        }
    }

    pub(super) fn references_to(&mut self, table: &TableName) -> anyhow::Result<Vec<Reference>> {
        let rows = self.query(
            "SELECT n.nspname::text, c.relname::text, \
             (SELECT json_agg(a.attname ORDER BY k.at) FROM unnest(f.conkey) WITH ORDINALITY k(attnum, at) \
              JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum)::text, \
             (SELECT json_agg(a.attname ORDER BY k.at) FROM unnest(f.confkey) WITH ORDINALITY k(attnum, at) \
              JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum)::text \
             FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE f.contype = 'f' AND f.confrelid = $1::regclass AND f.conparentid = 0",
            &[&sql::table(table, DEFAULT_SCHEMA)],
        )?;
        rows.into_iter()
            .map(|row| {
                let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
                Ok(Reference {
                    child: TableName::new(Some(&text(0)), &text(1)),
                    columns: serde_json::from_str(&text(2))?,
                    parent_columns: serde_json::from_str(&text(3))?,
                })
            })
            .collect()
    }

    /// The columns of a lookup table, domains as what they are made of: a domain may refuse the
    /// NULLs of a staged row that is to go.
    pub(super) fn unconstrained_columns(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<String>> {
        let rows = self.query(
            "WITH RECURSIVE base AS (SELECT a.attname, a.atttypid AS type, a.atttypmod AS modifier, 0 AS depth \
             FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped \
             UNION ALL SELECT b.attname, t.typbasetype, t.typtypmod, b.depth + 1 FROM base b \
             JOIN pg_type t ON t.oid = b.type AND t.typtype = 'd') \
             SELECT DISTINCT ON (attname) attname::text, format_type(type, modifier) FROM base WHERE depth > 0 \
             ORDER BY attname, depth DESC",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA)],
        )?;
        Ok(lookup
            .columns
            .iter()
            .map(|column| {
                let name = sql::identifier(column);
                let domain = rows
                    .iter()
                    .find(|row| row.first() == Some(&Some(column.clone())));
                match domain.and_then(|row| row.get(1).cloned().flatten()) {
                    Some(base) => format!("{name}::{base} AS {name}"),
                    None => name,
                }
            })
            .collect())
    }

    /// The columns beside the key whose values the server gives and no UPDATE may change.
    pub(super) fn fixed_columns(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<String>> {
        let rows = self.query(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attidentity = 'a' AND NOT attisdropped",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA)],
        )?;
        Ok(rows
            .into_iter()
            .flatten()
            .flatten()
            .filter(|name| !lookup.key_columns().any(|key| key == name))
            .filter(|name| lookup.compared_columns().any(|column| column == name))
            .collect())
    }

    /// Stops where a row would need another value in a column that no UPDATE may change.
    pub(super) fn refuse_fixed(
        &mut self,
        lookup: &Lookup,
        columns: &[String],
    ) -> anyhow::Result<()> {
        for column in columns {
            let loading = self.loading(lookup);
            let name = sql::identifier(column);
            let count = self.value(
                &format!(
                    "SELECT nullif(count(*), 0)::text FROM {} AS lookup JOIN {} AS staged ON {} \
                     WHERE staged.__change = 'U' AND staged.{name} IS DISTINCT FROM lookup.{name}",
                    loading.table,
                    loading.staging,
                    sql::same_key(lookup, "staged", "lookup")
                ),
                &[],
            )?;
            if let Some(count) = count {
                return Err(Problem::new(
                    Code::ConstraintViolated,
                    format!(
                        "`{column}` of `{}` is GENERATED ALWAYS AS IDENTITY and would have to change: {count} of its rows",
                        lookup.table
                    ),
                )
                .hint(format!(
                    "let each environment keep its own numbers with insert_only = [\"{column}\"], or make the column GENERATED BY DEFAULT with a migration"
                ))
                .into());
            }
        }
        Ok(())
    }

    /// Stops where a row that is to go is still referred to, rather than let a cascade run.
    pub(super) fn refuse_references(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let loading = self.loading(lookup);
        let references = self.staged[self.position(lookup)].references.clone();
        for reference in references {
            let count = self.value(&loading.count_references(&reference), &[])?;
            let count = sql::count(count)?;
            if count > 0 {
                return Err(crate::sync::reference::referenced_rows(
                    &lookup.table,
                    &reference.child,
                    count,
                )
                .into());
            }
        }
        Ok(())
    }
}
