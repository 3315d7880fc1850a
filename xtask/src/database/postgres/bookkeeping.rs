//! Where the ledger and diesel's own table are: in the first schema of the role's own path that has
//! them, which is where diesel looks. From then on they are named with their schema.

use super::super::ledger::{LedgerTable, RUNS};
use super::super::sql;
use super::PostgresSession;
use crate::problem::{Code, Problem};

/// A table of the ledger, or diesel's own, that is there.
pub(super) struct Bookkeeping {
    name: String,
    pub(super) schema: String,
    pub(super) columns: Vec<String>,
}

impl PostgresSession {
    /// # Errors
    /// `not_a_table` where something else has its name, which may do anything when it is read.
    pub(super) fn bookkeeping(&mut self, name: &str) -> anyhow::Result<Option<Bookkeeping>> {
        let path = serde_json::to_string(&self.path.schemas)?;
        let rows = self.query(
            "SELECT n.nspname::text, (c.relkind = 'r')::text, (SELECT json_agg(a.attname) FROM pg_attribute a \
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)::text \
             FROM json_array_elements_text($1::json) WITH ORDINALITY AS path(name, at) \
             JOIN pg_namespace n ON n.nspname = path.name JOIN pg_class c ON c.relnamespace = n.oid \
             WHERE c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY path.at LIMIT 1",
            &[&path, name],
        )?;
        let Some(found) = rows.into_iter().next() else {
            return Ok(None);
        };
        let text = |at: usize| found.get(at).cloned().flatten().unwrap_or_default();
        let schema = text(0);
        if text(1) != "true" {
            return Err(Problem::new(
                Code::NotATable,
                format!("`{schema}.{name}` is no table, but this program and diesel keep their records in a table of that name"),
            )
            .hint("find out who made it, and drop it")
            .into());
        }
        Ok(Some(Bookkeeping {
            name: name.to_owned(),
            schema,
            columns: serde_json::from_str(&text(2)).unwrap_or_default(),
        }))
    }

    pub(super) fn ledger_rows(
        &mut self,
        table: &LedgerTable,
    ) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        let Some(found) = self.bookkeeping(table.name)? else {
            return Ok(Vec::new());
        };
        let select = table.select(&found.columns)?;
        self.query(&qualified(&select, [&found]), &[])
    }

    /// The schema that a table of the ledger is to be made in, where it is missing.
    ///
    /// # Errors
    /// Where the role's own path has no schema.
    pub(super) fn ledger_schema(&mut self) -> anyhow::Result<String> {
        if let Some(runs) = self.bookkeeping(RUNS.name)? {
            return Ok(runs.schema);
        }
        self.path.schemas.first().cloned().ok_or_else(|| {
            Problem::new(
                Code::Failed,
                "there is no schema to keep the ledger in: none that the search_path of this role names is there, or this role may not use it",
            )
            .hint("ALTER ROLE … SET search_path = …, and GRANT USAGE ON SCHEMA …")
            .into()
        })
    }
}

/// A statement about these tables, with the schema before the name of each.
pub(super) fn qualified<'table>(
    statement: &str,
    tables: impl IntoIterator<Item = &'table Bookkeeping>,
) -> String {
    tables
        .into_iter()
        .fold(statement.to_owned(), |statement, table| {
            statement.replace(&table.name, &in_schema(&table.schema, &table.name))
        })
}

/// A statement about the ledger whose tables are all in one schema.
pub(super) fn qualified_in(schema: &str, statement: &str) -> String {
    statement.replace("__sync_", &in_schema(schema, "__sync_"))
}

fn in_schema(schema: &str, name: &str) -> String {
    format!("{}.{name}", sql::identifier(schema))
}
