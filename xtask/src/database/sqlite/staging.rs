//! Changes of lookup tables that wait in temporary tables.

use super::super::load::Loading;
use super::super::lookup_select::lookup_select;
use super::super::staged::{Staged, position, refuse_unlinked};
use super::super::{Session, sql};
use super::read::DEFAULT_SCHEMA;
use super::tokens::default_expression;
use super::value::Value;
use super::{SqliteSession, failed};
use crate::model::reference::{Reference, referenced_rows};
use crate::model::rows::change_log::Change;
use crate::model::rows::lookup::{Lookup, OwnColumn};
use crate::model::rows::row::Record;
use crate::model::schema::catalog::DefaultValue;
use crate::problem::{Code, Problem};

impl SqliteSession {
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

    pub(super) fn stage_changes(
        &mut self,
        lookup: &Lookup,
        changes: &mut dyn Iterator<Item = anyhow::Result<(Change, Record)>>,
    ) -> anyhow::Result<()> {
        let what = format!("stage the rows of `{}`", lookup.table);
        let at = self.staged.len();
        let behind = Loading::behind(lookup);
        let fields = lookup.columns.iter().map(String::as_str);
        let columns = sql::list("lookup.", fields.chain(behind.iter().copied()));
        let key = sql::list("", lookup.key_columns());
        // Made like the real one, because a column without its affinity would be compared
        // without an index.
        self.batch(&format!(
            "CREATE TEMPORARY TABLE __sync_staging_{at} AS SELECT '' AS __change, {columns} FROM {} AS lookup WHERE 0; \
             CREATE INDEX temp.__sync_staging_{at}_key ON __sync_staging_{at} ({key})",
            lookup_select(lookup, &behind, DEFAULT_SCHEMA)
        ))
        .map_err(|error| failed(&error, &what))?;
        let affinities = self.affinities(lookup)?;
        let marks = vec!["?"; lookup.columns.len() + behind.len() + 1].join(", ");
        let insert = format!("INSERT INTO temp.__sync_staging_{at} VALUES ({marks})");
        for change in changes {
            let (change, record) = change?;
            let mut values = vec![Value::Text(change.letter().to_owned())];
            for (column, affinity) in affinities.iter().enumerate() {
                let at = match change {
                    Change::Delete | Change::Retire => {
                        lookup.key.iter().position(|at| *at == column)
                    }
                    Change::Insert | Change::Update => Some(column),
                };
                values.push(match at.and_then(|at| record.get(at)) {
                    None => Value::Null,
                    Some(field) => Value::read(field, *affinity).map_err(|words| {
                        Problem::new(
                            Code::CsvInvalid,
                            format!("a row of `{}`: {words}", lookup.table),
                        )
                        .hint("export the table again, or correct the file")
                    })?,
                });
            }
            values.extend(behind.iter().map(|_| Value::Null));
            self.run_with(&insert, values, &what)?;
        }
        let catalog = self.catalog()?;
        let references = catalog
            .tables
            .values()
            .flat_map(|table| table.foreign_keys.iter().map(move |key| (table, key)))
            .filter(|(_, key)| key.parent == lookup.table)
            .map(|(table, key)| Reference {
                child: table.name.clone(),
                alone: false,
                columns: key.columns.clone(),
                parent_columns: key.parent_columns.clone(),
                comparisons: Vec::new(),
            })
            .collect();
        let stays: Vec<&str> = lookup
            .stored_key()
            .into_iter()
            .chain(lookup.own.iter().map(|own| own.name.as_str()))
            .collect();
        let mut unique_keys = self.unique_keys(lookup)?;
        unique_keys.retain(|unique| {
            unique.is_empty() || !unique.iter().all(|column| stays.contains(&column.as_str()))
        });
        self.staged.push(Staged {
            lookup: lookup.clone(),
            references,
            unique_keys,
            #[cfg(feature = "postgres")]
            at_once: false,
        });
        Ok(())
    }

    pub(super) fn identify(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let what = format!("tell the rows of `{}` apart", lookup.table);
        if let Some(statement) = self.loading(lookup)?.identify() {
            self.run(&statement, &what)?;
        }
        for own in &lookup.own {
            let statement = self.number(lookup, own)?;
            self.run(&statement, &what)?;
        }
        for column in &lookup.ignored {
            let default = self.query(
                "SELECT dflt_value FROM pragma_table_info(?) WHERE name = ? AND dflt_value NOT LIKE '%(%'",
                &[Some(lookup.table.name.clone()), Some(column.clone())],
            )?;
            // What new rows will have counts where others let go of unique values.
            for default in default.into_iter().flatten().flatten() {
                let default = default_expression(&default);
                let statement = self.loading(lookup)?.number(column, &default);
                self.run(&statement, &what)?;
            }
        }
        Ok(())
    }

    /// The statement that gives new rows a value of the target's own.
    fn number(&mut self, lookup: &Lookup, own: &OwnColumn) -> anyhow::Result<String> {
        let loading = self.loading(lookup)?;
        match &own.default {
            DefaultValue::Expression(expression) => {
                Ok(loading.number(&own.name, &format!("({expression})")))
            }
            DefaultValue::RowNumber => {
                // AUTOINCREMENT never gives a number again, even that of a row that is gone.
                let has_sequences = self
                    .value("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'")?
                    .is_some();
                let highest_ever = if has_sequences {
                    format!(
                        "coalesce((SELECT max(seq) FROM main.sqlite_sequence WHERE name = {}), 0)",
                        sql::literal(&lookup.table.name)
                    )
                } else {
                    "0".to_owned()
                };
                let (staging, column) = (&loading.staging, sql::identifier(&own.name));
                Ok(format!(
                    "UPDATE {staging} AS staged SET {column} = numbered.number FROM (SELECT rowid AS at, \
                     max(coalesce((SELECT max({column}) FROM {}), 0), {highest_ever}) + row_number() OVER (ORDER BY rowid) AS number \
                     FROM {staging} WHERE __change = 'I') AS numbered WHERE numbered.at = staged.rowid",
                    loading.table
                ))
            }
        }
    }

    pub(super) fn find_parents(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        for (at, link) in lookup.links.iter().enumerate() {
            let parent = position(&self.staged, &link.parent.table)
                .ok()
                .map(staging_table);
            let query = self.loading(lookup)?.unlinked(at, parent.as_deref());
            refuse_unlinked(lookup, at, &self.query(&query, &[])?)?;
        }
        Ok(())
    }

    pub(super) fn link(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let what = format!("find what rows of `{}` refer to", lookup.table);
        for statement in self.loading(lookup)?.unlink() {
            self.run(&statement, &what)?;
        }
        for (at, link) in lookup.links.iter().enumerate() {
            let parent = position(&self.staged, &link.parent.table)
                .ok()
                .map(staging_table);
            let statement = self.loading(lookup)?.link(at, parent.as_deref());
            self.run(&statement, &what)?;
        }
        if lookup.stored_key() != lookup.key_columns().collect::<Vec<_>>() {
            let staging = staging_table(position(&self.staged, &lookup.table)?);
            let name = staging.trim_start_matches("temp.").to_owned();
            let key = sql::list("", lookup.stored_key().into_iter());
            self.batch(&format!(
                "CREATE INDEX {staging}_stored_key ON {name} ({key})"
            ))
            .map_err(|error| failed(&error, &format!("stage the rows of `{}`", lookup.table)))?;
        }
        Ok(())
    }

    /// Stops where a row that is to go is still referred to.
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
            let count = self.value(&loading.count_references(&reference, child.as_ref()))?;
            let count = sql::count(count)?;
            if count > 0 {
                return Err(referenced_rows(&lookup.table, &reference.child, count).into());
            }
        }
        Ok(())
    }

    /// The columns of every unique index; none for one over what the database computes. The number
    /// of a row has no index, and is never taken by another.
    fn unique_keys(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<Vec<String>>> {
        let rows = self.query(
            "SELECT (SELECT json_group_array(name) FROM (SELECT CASE WHEN t.hidden = 0 THEN n.name END AS name \
             FROM pragma_index_info(i.name) AS n LEFT JOIN pragma_table_xinfo(?) AS t ON t.name = n.name ORDER BY n.seqno)) \
             FROM pragma_index_list(?) AS i WHERE i.\"unique\"",
            &[
                Some(lookup.table.name.clone()),
                Some(lookup.table.name.clone()),
            ],
        )?;
        let mut keys = Vec::new();
        for columns in rows.into_iter().flatten().flatten() {
            let columns: Vec<Option<String>> = serde_json::from_str(&columns)?;
            let columns: Option<Vec<String>> = columns.into_iter().collect();
            keys.push(columns.unwrap_or_default());
        }
        Ok(keys)
    }
}

/// The name of the staging table at a place.
fn staging_table(at: usize) -> String {
    format!("temp.__sync_staging_{at}")
}
