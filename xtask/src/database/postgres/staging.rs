//! What is known of a lookup table whose changes wait in a temporary table.

use std::collections::BTreeMap;

use super::super::load::Loading;
use super::super::sql;
use super::super::staged::position;
use super::PostgresSession;
use super::catalog::keys::{COMPARISONS, comparisons};
use super::read::DEFAULT_SCHEMA;
use crate::model::reference::{Reference, identity_change};
use crate::model::rows::lookup::{Lookup, Source};
use crate::model::schema::table::TableName;

/// The name of the staging table at a place.
pub(super) fn staging_table(at: usize) -> String {
    format!("pg_temp.__sync_staging_{at}")
}

impl PostgresSession {
    pub(super) fn loading<'lookup>(
        &self,
        lookup: &'lookup Lookup,
    ) -> anyhow::Result<Loading<'lookup>> {
        Ok(Loading {
            lookup,
            table: sql::table(&lookup.table, DEFAULT_SCHEMA),
            staging: staging_table(position(&self.staged, &lookup.table)?),
            default_schema: DEFAULT_SCHEMA,
        })
    }

    /// Runs statements as one, so that what only their end makes right is not refused before.
    pub(super) fn run_at_once(&mut self, statements: &[String], what: &str) -> anyhow::Result<()> {
        let Some((last, before)) = statements.split_last() else {
            return Ok(());
        };
        let before: Vec<String> = before
            .iter()
            .enumerate()
            .map(|(at, statement)| format!("part_{at} AS ({statement})"))
            .collect();
        let with = if before.is_empty() {
            String::new()
        } else {
            format!("WITH {} ", before.join(", "))
        };
        self.run(&format!("{with}{last}"), what)?;
        Ok(())
    }

    pub(super) fn references_to(&mut self, table: &TableName) -> anyhow::Result<Vec<Reference>> {
        self.some_references_to(table, "f.conparentid = 0")
    }

    /// Those that do not wait for the end of a statement when a row goes, or do something then.
    pub(super) fn strict_references_to(
        &mut self,
        table: &TableName,
    ) -> anyhow::Result<Vec<Reference>> {
        self.some_references_to(table, "f.conparentid = 0 AND f.confdeltype <> 'a'")
    }

    fn some_references_to(
        &mut self,
        table: &TableName,
        condition: &str,
    ) -> anyhow::Result<Vec<Reference>> {
        let rows = self.query(
            &format!("SELECT n.nspname::text, c.relname::text, \
             (SELECT json_agg(a.attname ORDER BY k.at) FROM unnest(f.conkey) WITH ORDINALITY k(attnum, at) \
              JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum)::text, \
             (SELECT json_agg(a.attname ORDER BY k.at) FROM unnest(f.confkey) WITH ORDINALITY k(attnum, at) \
              JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum)::text, \
             {COMPARISONS}, (c.relkind <> 'p')::text \
             FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE f.contype = 'f' AND f.confrelid = $1::regclass AND {condition}"),
            &[&sql::table(table, DEFAULT_SCHEMA)],
        )?;
        rows.into_iter()
            .map(|row| {
                let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
                Ok(Reference {
                    child: TableName::new(Some(&text(0)), &text(1)),
                    alone: text(5) == "true",
                    columns: serde_json::from_str(&text(2))?,
                    parent_columns: serde_json::from_str(&text(3))?,
                    comparisons: comparisons(&text(4))?,
                })
            })
            .collect()
    }

    /// The fields of a lookup table and the columns behind them, domains as what they are made of:
    /// a domain may refuse the NULLs of a staged row that is to go.
    pub(super) fn unconstrained_columns(
        &mut self,
        lookup: &Lookup,
        behind: &[&str],
    ) -> anyhow::Result<Vec<String>> {
        let cast = |name: &str, domains: &BTreeMap<String, String>, column: &str| {
            let name = sql::identifier(name);
            match domains.get(column) {
                Some(base) => format!("lookup.{name}::{base} AS {name}"),
                None => format!("lookup.{name}"),
            }
        };
        let domains = self.domains(&lookup.table)?;
        let mut columns = Vec::new();
        for (name, source) in lookup.columns.iter().zip(&lookup.sources) {
            // Where a field is found may be several tables away.
            let (mut table, mut column, mut source) = (lookup, name, source);
            while let Source::Link { link, field } = source {
                table = &table.links[*link].parent;
                (column, source) = (&table.columns[*field], &table.sources[*field]);
            }
            if table.table == lookup.table {
                columns.push(cast(name, &domains, column));
            } else {
                let domains = self.domains(&table.table)?;
                columns.push(cast(name, &domains, column));
            }
        }
        columns.extend(behind.iter().map(|column| cast(column, &domains, column)));
        Ok(columns)
    }

    /// The columns of a table that are of a domain, each with what it is made of.
    pub(super) fn domains(
        &mut self,
        table: &TableName,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let rows = self.query(
            "WITH RECURSIVE base AS (SELECT a.attname, a.atttypid AS type, a.atttypmod AS modifier, 0 AS depth \
             FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped \
             UNION ALL SELECT b.attname, t.typbasetype, t.typtypmod, b.depth + 1 FROM base b \
             JOIN pg_type t ON t.oid = b.type AND t.typtype = 'd') \
             SELECT DISTINCT ON (attname) attname::text, format_type(type, modifier) FROM base WHERE depth > 0 \
             ORDER BY attname, depth DESC",
            &[&sql::table(table, DEFAULT_SCHEMA)],
        )?;
        Ok(pairs(rows))
    }

    /// The columns that are left alone and whose default calls nothing, each with that: what new rows
    /// will have counts where others let go of unique values.
    pub(super) fn plain_defaults(
        &mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let rows = self.query(
            "SELECT attname::text, pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_attrdef d \
             ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = $1::regclass AND attgenerated = '' \
             AND pg_get_expr(d.adbin, d.adrelid) NOT LIKE '%(%'",
            &[&sql::table(&lookup.table, DEFAULT_SCHEMA)],
        )?;
        let mut defaults = pairs(rows);
        defaults.retain(|column, _| lookup.ignored.contains(column));
        Ok(defaults)
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
            .filter(|name| lookup.changing_columns().contains(&name.as_str()))
            .collect())
    }

    /// Stops where a row would need another value in a column that no UPDATE may change.
    pub(super) fn refuse_fixed(
        &mut self,
        lookup: &Lookup,
        columns: &[String],
    ) -> anyhow::Result<()> {
        for column in columns {
            let loading = self.loading(lookup)?;
            let name = sql::identifier(column);
            let count = self.value_theirs(&format!(
                "SELECT nullif(count(*), 0)::text FROM {} AS lookup JOIN {} AS staged ON {} \
                 WHERE staged.__change = 'U' AND staged.{name}::text IS DISTINCT FROM lookup.{name}::text",
                loading.table,
                loading.staging,
                sql::same_stored_key(lookup, "staged", "lookup")
            ))?;
            if let Some(count) = count {
                return Err(
                    identity_change(&lookup.table, column, sql::count(Some(count))?).into(),
                );
            }
        }
        Ok(())
    }

    /// Stops where a row that is to go is still referred to, rather than let a cascade run.
    pub(super) fn refuse_references(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let loading = self.loading(lookup)?;
        let references = self.staged[position(&self.staged, &lookup.table)?]
            .references
            .clone();
        for reference in references {
            let child = self
                .staged
                .iter()
                .find(|staged| staged.lookup.table == reference.child)
                .map(|staged| staged.lookup.clone());
            let child = match &child {
                Some(child) => Some(self.loading(child)?),
                None => None,
            };
            let count = self.value_theirs(&loading.count_references(&reference, child.as_ref()))?;
            let count = sql::count(count)?;
            if count > 0 {
                return Err(crate::model::reference::referenced_rows(
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

/// Rows of two columns as a map.
fn pairs(rows: Vec<Vec<Option<String>>>) -> BTreeMap<String, String> {
    rows.into_iter()
        .filter_map(|mut row| {
            let value = row.pop()??;
            Some((row.pop()??, value))
        })
        .collect()
}

/// "`a` and `b`".
pub(super) fn names(group: &[&Lookup]) -> String {
    let names: Vec<String> = group
        .iter()
        .map(|lookup| format!("`{}`", lookup.table))
        .collect();
    names.join(" and ")
}
