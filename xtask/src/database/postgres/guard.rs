//! What becomes of the rows that are there when migrations begin, by what the server itself counts
//! and keeps. <https://www.postgresql.org/docs/current/monitoring-stats.html>

use std::collections::BTreeMap;

use super::super::{Harm, sql};
use super::PostgresSession;
use super::read::DEFAULT_SCHEMA;
use crate::sync::schema::table::TableName;

/// What holds rows of a table: the table itself, or one of its partitions, whatever becomes of it.
pub(super) struct Guarded {
    table: TableName,
    oid: String,
    /// With its schema and in quotes, as it was called in the beginning.
    name: String,
    state: State,
}

/// What the server counted in this transaction, and what it keeps of the relation.
#[derive(Clone, Default)]
struct State {
    inserted: u64,
    updated: u64,
    deleted: u64,
    /// TRUNCATE gives another one without counting, and so does what rewrites the table.
    file: String,
    /// If it changes, the rows may have to be written anew.
    storage: String,
    /// Name and type by the column's number.
    columns: BTreeMap<String, (String, String)>,
}

impl PostgresSession {
    /// From here on, looks after the rows that these tables have.
    pub(super) fn start_guarding(&mut self, tables: &[TableName]) -> anyhow::Result<()> {
        self.guarded.clear();
        for table in tables {
            let name = sql::table(table, DEFAULT_SCHEMA);
            // A partitioned table has no rows of its own: its partitions do.
            let members = self.query(
                "SELECT c.oid::text, c.oid::regclass::text FROM pg_class c \
                 WHERE c.oid IN (SELECT to_regclass($1) UNION SELECT relid FROM pg_partition_tree(to_regclass($1))) \
                 AND c.relkind = 'r' AND pg_relation_size(c.oid) > 0",
                &[&name],
            )?;
            for mut member in members {
                let (Some(Some(name)), Some(Some(oid))) = (member.pop(), member.pop()) else {
                    continue;
                };
                if self.has_rows(&oid, &name)? {
                    self.guarded.push(Guarded {
                        table: table.clone(),
                        oid,
                        name,
                        state: State::default(),
                    });
                }
            }
        }
        self.harm_since().map(drop)
    }

    /// Whether there is a row, or may be, where nobody lets us look.
    fn has_rows(&mut self, oid: &str, name: &str) -> anyhow::Result<bool> {
        let may_look = self.value(
            "SELECT has_table_privilege($1::oid, 'SELECT')::text",
            &[oid],
        )?;
        if may_look.as_deref() != Some("true") {
            return Ok(true);
        }
        let exists = self.value(
            &format!("SELECT EXISTS (SELECT FROM ONLY {name})::text"),
            &[],
        )?;
        Ok(exists.as_deref() == Some("true"))
    }

    /// What was done to these rows since this was asked last.
    pub(super) fn harm_since(&mut self) -> anyhow::Result<Vec<(TableName, Harm)>> {
        if self.guarded.is_empty() {
            return Ok(Vec::new());
        }
        let mut states = self.states()?;
        let mut found: BTreeMap<TableName, Harm> = BTreeMap::new();
        let mut left = Vec::new();
        for mut guarded in std::mem::take(&mut self.guarded) {
            let harm = found.entry(guarded.table.clone()).or_default();
            let Some(now) = states.remove(&guarded.oid) else {
                harm.gone.push(shown(guarded.name));
                continue;
            };
            let before = std::mem::replace(&mut guarded.state, now.clone());
            let is_first = before.file.is_empty();
            let oid = guarded.oid.clone();
            left.push(guarded);
            if is_first {
                continue;
            }
            harm.updated += now.updated.saturating_sub(before.updated);
            harm.deleted += now.deleted.saturating_sub(before.deleted);
            for (number, (name, type_name)) in &before.columns {
                match now.columns.get(number) {
                    None => harm.lost_columns.push(name.clone()),
                    Some((_, new)) if new != type_name => {
                        let retyped = (name.clone(), type_name.clone(), new.clone());
                        harm.retyped_columns.push(retyped);
                    }
                    Some(_) => {}
                }
            }
            if before.file != now.file {
                let is_reshaped =
                    (&before.storage, &before.columns) != (&now.storage, &now.columns);
                // Rows that are written anew count as inserted, but then there is a reason.
                // TRUNCATE leaves those that were inserted since.
                let most = if is_reshaped { 0 } else { now.inserted };
                harm.emptied |= self.count_of(&oid)? <= most;
            }
        }
        self.guarded = left;
        found.retain(|_, harm| *harm != Harm::default());
        Ok(found.into_iter().collect())
    }

    /// By the numbers of the relations that are still there.
    fn states(&mut self) -> anyhow::Result<BTreeMap<String, State>> {
        let oids: Vec<&str> = self.guarded.iter().map(|guarded| &*guarded.oid).collect();
        let oids = format!("{{{}}}", oids.join(","));
        let rows = self.query(
            "SELECT oid::text, pg_stat_get_xact_tuples_inserted(oid)::text, \
             pg_stat_get_xact_tuples_updated(oid)::text, pg_stat_get_xact_tuples_deleted(oid)::text, \
             pg_relation_filenode(oid)::text, concat_ws(' ', relpersistence, relam, reltablespace) \
             FROM pg_class WHERE oid = ANY ($1::oid[])",
            &[&oids],
        )?;
        let mut states = BTreeMap::new();
        for row in rows {
            let mut fields = row.into_iter().map(Option::unwrap_or_default);
            let mut text = || fields.next().unwrap_or_default();
            let oid = text();
            let mut number = || text().parse().unwrap_or_default();
            let state = State {
                inserted: number(),
                updated: number(),
                deleted: number(),
                file: text(),
                storage: text(),
                columns: BTreeMap::new(),
            };
            states.insert(oid, state);
        }
        let columns = self.query(
            "SELECT attrelid::text, attnum::text, attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
             WHERE attrelid = ANY ($1::oid[]) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
            &[&oids],
        )?;
        for row in columns {
            let mut fields = row.into_iter().map(Option::unwrap_or_default);
            let mut text = || fields.next().unwrap_or_default();
            let (oid, number, name, type_name) = (text(), text(), text(), text());
            if let Some(state) = states.get_mut(&oid) {
                state.columns.insert(number, (name, type_name));
            }
        }
        Ok(states)
    }

    fn count_of(&mut self, oid: &str) -> anyhow::Result<u64> {
        let name = self.value("SELECT $1::oid::regclass::text", &[oid])?;
        let count = format!(
            "SELECT count(*)::text FROM ONLY {}",
            name.unwrap_or_default()
        );
        let count = self.value(&count, &[])?;
        Ok(count
            .and_then(|count| count.parse().ok())
            .unwrap_or_default())
    }
}

/// As it is written where it is usual not to name the schema.
fn shown(name: String) -> String {
    match name
        .strip_prefix(DEFAULT_SCHEMA)
        .and_then(|rest| rest.strip_prefix('.'))
    {
        Some(short) => short.to_owned(),
        None => name,
    }
}
