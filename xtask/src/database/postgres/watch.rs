//! Counting what is done to the rows of a table, by what the server itself counts.
//! <https://www.postgresql.org/docs/current/monitoring-stats.html>

use std::collections::BTreeMap;

use super::super::{Written, sql};
use super::PostgresSession;
use super::read::DEFAULT_SCHEMA;
use crate::problem::{Code, Problem};
use crate::sync::schema::table::TableName;

pub(super) struct Watched {
    table: TableName,
    oid: String,
    members: Members,
}

/// What the server counted in this transaction, and the file that holds the rows.
#[derive(Clone, Default, PartialEq)]
struct Counters {
    inserted: u64,
    updated: u64,
    deleted: u64,
    /// TRUNCATE gives another one without counting, and so does what rewrites the table.
    file: String,
    /// Nothing was ever in the file, or everything was vacuumed out of it.
    is_empty: bool,
    /// If it changes, the rows may have to be written anew.
    shape: String,
}

/// By the numbers of what holds the rows: a table itself, or its partitions.
type Members = BTreeMap<String, Counters>;

impl PostgresSession {
    /// For each table by its number; nothing for one that is no more.
    fn counters(&mut self, oids: &[String]) -> anyhow::Result<BTreeMap<String, Members>> {
        // A partitioned table has no rows of its own: its partitions are counted.
        let rows = self.query(
            "WITH RECURSIVE members (root, member) AS (SELECT oid, oid FROM unnest($1::oid[]) AS given (oid) \
             UNION SELECT members.root, i.inhrelid FROM members JOIN pg_inherits i ON i.inhparent = members.member \
             JOIN pg_class c ON c.oid = i.inhparent AND c.relkind = 'p') \
             SELECT root::text, member::text, pg_stat_get_xact_tuples_inserted(member)::text, \
             pg_stat_get_xact_tuples_updated(member)::text, pg_stat_get_xact_tuples_deleted(member)::text, \
             pg_relation_filenode(member)::text, (pg_relation_size(member) = 0)::text, \
             concat_ws(' ', relpersistence, relam, reltablespace, \
             (SELECT string_agg(concat_ws(' ', attnum, atttypid, atttypmod), ',' ORDER BY attnum) \
             FROM pg_attribute WHERE attrelid = member AND attnum > 0 AND NOT attisdropped)) \
             FROM members JOIN pg_class ON pg_class.oid = member",
            &[&format!("{{{}}}", oids.join(","))],
        )?;
        let mut tables: BTreeMap<String, Members> = BTreeMap::new();
        for row in rows {
            let mut fields = row.into_iter().map(Option::unwrap_or_default);
            let mut text = || fields.next().unwrap_or_default();
            let (root, member) = (text(), text());
            let mut number = || text().parse().unwrap_or_default();
            let counters = Counters {
                inserted: number(),
                updated: number(),
                deleted: number(),
                file: text(),
                is_empty: text() == "true",
                shape: text(),
            };
            tables.entry(root).or_default().insert(member, counters);
        }
        Ok(tables)
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
            let oid = self.value("SELECT to_regclass($1)::oid::text", &[&name])?;
            self.watched.extend(oid.map(|oid| Watched {
                table: table.clone(),
                oid,
                members: Members::new(),
            }));
        }
        self.touched_since().map(drop)
    }

    pub(super) fn touched_since(&mut self) -> anyhow::Result<Vec<(TableName, Written)>> {
        if self.watched.is_empty() {
            return Ok(Vec::new());
        }
        let oids: Vec<String> = self.watched.iter().map(|table| table.oid.clone()).collect();
        let mut counted = self.counters(&oids)?;
        let mut changes = Vec::new();
        for (at, oid) in oids.iter().enumerate() {
            let now = counted.remove(oid).unwrap_or_default();
            let before = std::mem::replace(&mut self.watched[at].members, now.clone());
            let mut written = Written::default();
            for (oid, now) in &now {
                let before = before.get(oid).cloned().unwrap_or_default();
                written.inserted += now.inserted.saturating_sub(before.inserted);
                written.updated += now.updated.saturating_sub(before.updated);
                written.deleted += now.deleted.saturating_sub(before.deleted);
                if before.file != now.file && !before.file.is_empty() {
                    written.replaced = true;
                    // Rows that are written anew count as inserted, but then there is a reason.
                    // TRUNCATE leaves those that were inserted since.
                    let most = match before.shape == now.shape {
                        true => now.inserted,
                        false => 0,
                    };
                    written.emptied |= !before.is_empty && self.count_member(oid)? <= most;
                }
            }
            if written != Written::default() {
                changes.push((self.watched[at].table.clone(), written));
            }
        }
        Ok(changes)
    }

    fn count_member(&mut self, oid: &str) -> anyhow::Result<u64> {
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
