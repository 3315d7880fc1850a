//! What a migration does to the rows that are there before it, measured: SQLite keeps no count for
//! each table, so the rows are noted in temporary tables and compared where anything was changed.

use std::collections::BTreeMap;

use super::super::sql;
use super::compare::Outcome;
use super::read::DEFAULT_SCHEMA;
use super::{SqliteSession, failed};
use crate::model::migrations::effects::{EffectKind, KEYS, Measured, RowEffect};
use crate::model::schema::table::TableName;

/// A table whose rows are measured, whatever it is called later.
pub(super) struct Tracked {
    /// As it was called in the beginning.
    pub(super) table: TableName,
    /// The number of the temporary table with its rows.
    number: usize,
    pub(super) now: Place,
    /// Those that were noted, in the order of the temporary table's.
    pub(super) columns: Vec<Column>,
    /// SQLite's own row numbers were noted too.
    pub(super) has_row_numbers: bool,
}

/// Where a table is, which says whether it was altered: its first page stays with it when it gets
/// another name.
#[derive(Clone, PartialEq)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) root: String,
    text: String,
}

#[derive(Clone)]
pub(super) struct Column {
    /// In the temporary table.
    pub(super) alias: String,
    pub(super) name: String,
    pub(super) declared: String,
    pub(super) is_key: bool,
    /// Counted from 0 in the table.
    pub(super) position: usize,
}

impl SqliteSession {
    /// From here on, measures what migrations do to the rows that these tables have.
    pub(super) fn start_measuring(&mut self, tables: &[TableName]) -> anyhow::Result<()> {
        self.tracked.clear();
        let places = self.places()?;
        for (number, table) in tables.iter().enumerate() {
            let Some(place) = places.get(&table.name.to_lowercase()) else {
                continue;
            };
            let mut tracked = Tracked {
                table: table.clone(),
                number,
                now: place.clone(),
                columns: Vec::new(),
                has_row_numbers: false,
            };
            if self.note(&mut tracked)? {
                self.tracked.push(tracked);
            }
        }
        self.changes = self.total_changes()?;
        Ok(())
    }

    /// Notes all rows anew, as after others may have written.
    pub(super) fn note_again(&mut self) -> anyhow::Result<()> {
        for mut tracked in std::mem::take(&mut self.tracked) {
            if self.note(&mut tracked)? {
                self.tracked.push(tracked);
            }
        }
        self.changes = self.total_changes()?;
        Ok(())
    }

    /// Every table, by its name in small letters.
    fn places(&mut self) -> anyhow::Result<BTreeMap<String, Place>> {
        let rows = self.query(
            "SELECT name, rootpage, sql FROM main.sqlite_schema WHERE type = 'table' AND rootpage > 0",
            &[],
        )?;
        let places = rows.into_iter().map(|row| {
            let mut fields = row.into_iter().map(Option::unwrap_or_default);
            let mut text = || fields.next().unwrap_or_default();
            let (name, root, text) = (text(), text(), text());
            (name.to_lowercase(), Place { name, root, text })
        });
        Ok(places.collect())
    }

    fn total_changes(&mut self) -> anyhow::Result<u64> {
        sql::count(self.value("SELECT total_changes()")?)
    }

    /// The columns that hold something of their own.
    pub(super) fn stored_columns(&mut self, table: &str) -> anyhow::Result<Vec<Column>> {
        let rows = self.query(
            "SELECT name, type, pk > 0, cid FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid",
            &[Some(table.to_owned())],
        )?;
        let columns = rows.into_iter().enumerate().map(|(at, row)| {
            let mut fields = row.into_iter().map(Option::unwrap_or_default);
            let mut text = || fields.next().unwrap_or_default();
            Column {
                alias: format!("c{at}"),
                name: text(),
                declared: text(),
                is_key: text() == "1",
                position: text().parse().unwrap_or_default(),
            }
        });
        Ok(columns.collect())
    }

    /// Copies the rows to a temporary table; false where there are none.
    fn note(&mut self, tracked: &mut Tracked) -> anyhow::Result<bool> {
        let table = main(&tracked.now.name);
        let snapshot = tracked.snapshot();
        self.batch(&format!("DROP TABLE IF EXISTS {snapshot}"))
            .map_err(|error| failed(&error, "forget rows"))?;
        if self
            .value(&format!("SELECT 1 FROM {table} LIMIT 1"))?
            .is_none()
        {
            return Ok(false);
        }
        tracked.columns = self.stored_columns(&tracked.now.name)?;
        let columns = tracked.columns.iter();
        let mut selected: Vec<String> = columns
            .map(|column| format!("{} AS {}", sql::identifier(&column.name), column.alias))
            .collect();
        // A table WITHOUT ROWID has none.
        tracked.has_row_numbers = self.row_numbers(&tracked.now.name)?.is_some();
        if let Some(name) = self.row_numbers(&tracked.now.name)? {
            selected.push(format!("{name} AS r"));
        }
        self.batch(&format!(
            "CREATE TEMPORARY TABLE __sync_before_{} AS SELECT {} FROM {table}",
            tracked.number,
            selected.join(", ")
        ))
        .map_err(|error| failed(&error, &format!("note the rows of `{}`", tracked.table)))?;
        Ok(true)
    }

    /// What the number of a row is called in a table that has them.
    pub(super) fn row_numbers(&mut self, table: &str) -> anyhow::Result<Option<&'static str>> {
        let columns = self.stored_columns(table)?;
        let is_free = |name: &&str| {
            let mut columns = columns.iter();
            !columns.any(|column| column.name.eq_ignore_ascii_case(name))
        };
        let Some(name) = ["rowid", "_rowid_", "oid"].into_iter().find(is_free) else {
            return Ok(None);
        };
        let has = self.batch(&format!("SELECT {name} FROM {} LIMIT 0", main(table)));
        Ok(has.is_ok().then_some(name))
    }

    /// What was done to the tracked tables since this was asked last.
    pub(super) fn measured(&mut self) -> anyhow::Result<Measured> {
        if self.tracked.is_empty() {
            return Ok(Measured::default());
        }
        let changes = self.total_changes()?;
        // The record of the migration itself is one.
        let is_written = changes > self.changes + 1;
        let places = self.places()?;
        let mut effects = Vec::new();
        for mut tracked in std::mem::take(&mut self.tracked) {
            let is_same = places.get(&tracked.now.name.to_lowercase()) == Some(&tracked.now);
            if is_same && !is_written {
                self.tracked.push(tracked);
                continue;
            }
            let by_root = places.values().find(|place| place.root == tracked.now.root);
            let by_name = places.get(&tracked.now.name.to_lowercase());
            let mut best: Option<Outcome> = None;
            for place in [by_root, by_name].into_iter().flatten() {
                if best.as_ref().is_some_and(|best| best.place == *place) {
                    continue;
                }
                let found = self.compare(&tracked, place)?;
                if best
                    .as_ref()
                    .is_none_or(|best| found.deleted < best.deleted)
                {
                    best = Some(found);
                }
            }
            let all = self.rows_of(&tracked)?;
            let is_gone = |outcome: &Outcome| {
                outcome.deleted == all
                    && (outcome.place.root != tracked.now.root || by_name.is_none())
            };
            match best.filter(|outcome| !is_gone(outcome)) {
                Some(outcome) => {
                    effects.extend(outcome.effects);
                    tracked.now = outcome.place;
                    if !outcome.is_other {
                        tracked.columns = outcome.columns;
                        self.tracked.push(tracked);
                    } else if self.note(&mut tracked)? {
                        self.tracked.push(tracked);
                    }
                }
                None => {
                    let keys = self.keys(&tracked, &format!("{} AS b", tracked.snapshot()))?;
                    effects.push(RowEffect {
                        table: tracked.table,
                        kind: EffectKind::TableDropped,
                        column: None,
                        rows: Some(all),
                        keys,
                    });
                }
            }
        }
        self.changes = self.total_changes()?;
        effects.sort_by_key(RowEffect::bound);
        Ok(Measured {
            effects,
            touched: Vec::new(),
        })
    }

    pub(super) fn rows_of(&mut self, tracked: &Tracked) -> anyhow::Result<u64> {
        sql::count(self.value(&format!("SELECT count(*) FROM {}", tracked.snapshot()))?)
    }

    /// The first keys of some rows `b`.
    pub(super) fn keys(&mut self, tracked: &Tracked, from: &str) -> anyhow::Result<Vec<String>> {
        let key = tracked.columns.iter().filter(|column| column.is_key);
        let (texts, order): (Vec<String>, Vec<String>) = key
            .map(|column| {
                let alias = &column.alias;
                let text = format!(
                    "CASE typeof(b.{alias}) WHEN 'blob' THEN quote(b.{alias}) ELSE coalesce(b.{alias}, 'NULL') END"
                );
                (text, format!("b.{alias}"))
            })
            .unzip();
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.query(
            &format!(
                "SELECT {} FROM {from} ORDER BY {} LIMIT {KEYS}",
                texts.join(" || ', ' || "),
                order.join(", ")
            ),
            &[],
        )?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }
}

impl Tracked {
    pub(super) fn snapshot(&self) -> String {
        format!("temp.__sync_before_{}", self.number)
    }
}

pub(super) fn main(table: &str) -> String {
    sql::table(&TableName::new(None, table), DEFAULT_SCHEMA)
}
