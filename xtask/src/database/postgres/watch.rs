//! Counting what is done to the rows of a table, by what the server itself counts.
//! <https://www.postgresql.org/docs/current/monitoring-stats.html>

use super::super::sql;
use super::PostgresSession;
use super::names::Words;
use super::read::DEFAULT_SCHEMA;
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};

/// The counters of one table at the moment when watching began.
pub(super) struct Watched {
    table: TableName,
    oid: String,
    counters: Counters,
}

/// What the server counted for a table in this transaction, and the files that hold its rows,
/// which TRUNCATE replaces without counting.
#[derive(PartialEq)]
struct Counters {
    touched: u64,
    files: String,
}

impl PostgresSession {
    fn counters(&mut self, oid: &str) -> anyhow::Result<Counters> {
        // A partitioned table has no rows of its own: its partitions are counted.
        let rows = self.query(
            "WITH members AS (SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) \
             SELECT sum(pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid) \
             + pg_stat_get_xact_tuples_deleted(oid))::text, \
             string_agg(pg_relation_filenode(oid)::text, ' ' ORDER BY oid) FROM members",
            &[oid],
        )?;
        let mut fields = rows.into_iter().flatten();
        let touched = fields
            .next()
            .flatten()
            .and_then(|count| count.parse().ok())
            .unwrap_or_default();
        Ok(Counters {
            touched,
            files: fields.next().flatten().unwrap_or_default(),
        })
    }

    pub(super) fn start_watching(&mut self, tables: &[TableName]) -> anyhow::Result<()> {
        if self
            .value("SELECT current_setting('track_counts')", &[])?
            .as_deref()
            != Some("on")
        {
            return Err(Problem::new(
                Code::ProtectedRowsChanged,
                "the target server does not count changed rows (track_counts is off), \
                 so protected rows cannot be proved untouched",
            )
            .hint("set track_counts = on in postgresql.conf, which is its default")
            .into());
        }
        self.watched.clear();
        for table in tables {
            let name = sql::table(table, DEFAULT_SCHEMA);
            let Some(oid) = self.value("SELECT to_regclass($1)::oid::text", &[&name])? else {
                continue;
            };
            let counters = self.counters(&oid)?;
            self.watched.push(Watched {
                table: table.clone(),
                oid,
                counters,
            });
        }
        Ok(())
    }

    /// Runs a statement that makes or changes a table of this program. What event triggers of the
    /// database do about it, such as writing it down, is no change of the load.
    pub(super) fn define(&mut self, sql: &str, what: &str) -> anyhow::Result<()> {
        let heard = !self.watched.is_empty() && self.has_event_triggers()?;
        let before = match heard {
            true => self.all_counters()?,
            false => Vec::new(),
        };
        self.batch_for(Words::Theirs, sql, what)?;
        if heard {
            let after = self.all_counters()?;
            for ((watched, before), after) in self.watched.iter_mut().zip(before).zip(after) {
                let counters = &mut watched.counters;
                counters.touched += after.touched.saturating_sub(before.touched);
                if counters.files == before.files {
                    counters.files = after.files;
                }
            }
        }
        Ok(())
    }

    fn has_event_triggers(&mut self) -> anyhow::Result<bool> {
        let found = self.value(
            "SELECT EXISTS (SELECT FROM pg_event_trigger WHERE evtenabled <> 'D')::text",
            &[],
        )?;
        Ok(found.as_deref() == Some("true"))
    }

    fn all_counters(&mut self) -> anyhow::Result<Vec<Counters>> {
        let oids: Vec<String> = self
            .watched
            .iter()
            .map(|watched| watched.oid.clone())
            .collect();
        oids.iter().map(|oid| self.counters(oid)).collect()
    }

    pub(super) fn touched_since(&mut self) -> anyhow::Result<Vec<(TableName, u64)>> {
        let mut changes = Vec::new();
        for at in 0..self.watched.len() {
            let oid = self.watched[at].oid.clone();
            let now = self.counters(&oid)?;
            let before = &self.watched[at];
            if now != before.counters {
                let touched = now.touched.saturating_sub(before.counters.touched);
                changes.push((before.table.clone(), touched.max(1)));
            }
        }
        Ok(changes)
    }
}
