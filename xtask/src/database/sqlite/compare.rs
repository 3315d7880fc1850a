//! The rows that were noted of a table, held against those that it has, column by column.

use super::super::sql;
use super::SqliteSession;
use super::measure::{Column, Place, Tracked, main};
use crate::model::migrations::effects::{EffectKind, RowEffect};

/// A table that may be the one that was tracked, with what became of its rows.
pub(super) struct Outcome {
    pub(super) place: Place,
    pub(super) effects: Vec<RowEffect>,
    pub(super) deleted: u64,
    /// The columns that are still there, as they are called now.
    pub(super) columns: Vec<Column>,
    /// Whether rows are not as they were noted, if only in how they are stored.
    pub(super) is_other: bool,
}

impl SqliteSession {
    /// Holds the rows that were noted against those of a table.
    pub(super) fn compare(&mut self, tracked: &Tracked, place: &Place) -> anyhow::Result<Outcome> {
        let now = self.stored_columns(&place.name)?;
        let is_same_table = place.root == tracked.now.root;
        let numbers = match is_same_table && tracked.has_row_numbers {
            true => self.row_numbers(&place.name)?,
            false => None,
        };
        let mut pairs: Vec<Pair> = tracked
            .columns
            .iter()
            .map(|before| {
                let named = |column: &&Column| column.name.eq_ignore_ascii_case(&before.name);
                Pair {
                    before: before.clone(),
                    now: now.iter().find(named).cloned(),
                }
            })
            .collect();
        let is_new = |column: &&Column| {
            let mut columns = tracked.columns.iter();
            !columns.any(|before| before.name.eq_ignore_ascii_case(&column.name))
        };
        let new: Vec<Column> = now.iter().filter(is_new).cloned().collect();
        // A column keeps its place under another name.
        for pair in pairs.iter_mut().filter(|pair| pair.now.is_none()) {
            let is_key = pair.before.is_key;
            let at = |column: &&Column| column.position == pair.before.position;
            pair.now = new.iter().find(at).filter(|_| is_key).cloned();
        }
        let keys: Vec<&Pair> = pairs.iter().filter(|pair| pair.before.is_key).collect();
        let by_key = !keys.is_empty() && keys.iter().all(|pair| pair.now.is_some());
        let table = main(&place.name);
        let mut same: Vec<String> = match (by_key, numbers) {
            (true, _) => keys
                .iter()
                .map(|pair| format!("n.{} IS b.{}", pair.name(), pair.before.alias))
                .collect(),
            (false, Some(name)) => vec![format!("n.{name} = b.r")],
            (false, None) => return self.compare_whole(tracked, place, pairs),
        };
        // The last is never NULL where there is a row.
        let is_there = match numbers.or(self.row_numbers(&place.name)?) {
            Some(name) => format!("n.{name} IS NOT NULL"),
            None => same
                .iter()
                .map(|same| format!("({same})"))
                .collect::<Vec<_>>()
                .join(" AND "),
        };
        same.dedup();
        let joined = format!(
            "{} AS b LEFT JOIN {table} AS n ON {}",
            tracked.snapshot(),
            same.join(" AND ")
        );
        let count = |session: &mut Self, condition: &str| {
            sql::count(session.value(&format!("SELECT count(*) FROM {joined} WHERE {condition}"))?)
        };
        let gone = format!("NOT ({is_there})");
        let deleted = count(self, &gone)?;
        let mut found = vec![(EffectKind::RowsDeleted, None, deleted, gone)];
        let mut is_other = deleted > 0;
        let mut columns = Vec::new();
        for pair in &pairs {
            let other = |now: &Column| {
                format!(
                    "{is_there} AND {}",
                    differs(&pair.before.alias, &sql::identifier(&now.name))
                )
            };
            let mut followed = pair.now.clone();
            let mut values = match &pair.now {
                Some(now) => count(self, &other(now))?,
                None => 0,
            };
            if values > 0 || pair.now.is_none() {
                // All its values may be in a column that has another name.
                for candidate in &new {
                    if count(self, &other(candidate))? == 0 {
                        (followed, values) = (Some(candidate.clone()), 0);
                        break;
                    }
                }
                // Or most of them, where it only got another name and some were changed too.
                let at = |column: &&Column| column.position == pair.before.position;
                let renamed = new.iter().find(at).filter(|_| is_same_table);
                if let (None, Some(renamed)) = (&followed, renamed) {
                    let all = count(self, &format!("b.{} IS NOT NULL", pair.before.alias))?;
                    let others = count(self, &other(renamed))?;
                    if others < all {
                        (followed, values) = (Some(renamed.clone()), others);
                    }
                }
            }
            let name = Some(pair.before.name.clone());
            let Some(now) = followed else {
                let condition = format!("b.{} IS NOT NULL", pair.before.alias);
                let values = count(self, &condition)?;
                found.push((EffectKind::ColumnDropped, name, values, condition));
                continue;
            };
            is_other |= values > 0;
            let mut kind = EffectKind::RowsChanged;
            let mut condition = other(&now);
            if values > 0 && affinity(&now.declared) != affinity(&pair.before.declared) {
                kind = EffectKind::TypeChanged;
                let back = format!(
                    "CAST(n.{} AS {})",
                    sql::identifier(&now.name),
                    affinity(&pair.before.declared)
                );
                condition += &format!(
                    " AND (+b.{}) COLLATE BINARY IS NOT {back}",
                    pair.before.alias
                );
                values = count(self, &condition)?;
            }
            found.push((kind, name, values, condition));
            columns.push(Column {
                alias: pair.before.alias.clone(),
                ..now
            });
        }
        let mut effects = Vec::new();
        for (kind, column, rows, condition) in found {
            if rows > 0 {
                effects.push(RowEffect {
                    table: tracked.table.clone(),
                    kind,
                    column,
                    rows: Some(rows),
                    keys: self.keys(tracked, &format!("{joined} WHERE {condition}"))?,
                });
            }
        }
        Ok(Outcome {
            place: place.clone(),
            effects,
            deleted,
            columns,
            is_other,
        })
    }

    /// Where nothing tells rows apart: how many that were noted have no equal.
    fn compare_whole(
        &mut self,
        tracked: &Tracked,
        place: &Place,
        pairs: Vec<Pair>,
    ) -> anyhow::Result<Outcome> {
        let (kept, dropped): (Vec<Pair>, Vec<Pair>) =
            pairs.into_iter().partition(|pair| pair.now.is_some());
        let before: Vec<String> = kept.iter().map(|pair| pair.before.alias.clone()).collect();
        let now: Vec<String> = kept.iter().map(Pair::name).collect();
        let numbered = |columns: &[String], table: &str| {
            let partition = match columns.is_empty() {
                true => String::new(),
                false => format!("PARTITION BY {}", columns.join(", ")),
            };
            let number = format!("row_number() OVER ({partition})");
            let selected = columns.iter().map(|column| format!("{column}, "));
            format!(
                "SELECT {}{number} FROM {table}",
                selected.collect::<String>()
            )
        };
        let (snapshot, table) = (tracked.snapshot(), main(&place.name));
        let lost = sql::count(self.value(&format!(
            "SELECT count(*) FROM ({} EXCEPT {})",
            numbered(&before, &snapshot),
            numbered(&now, &table)
        ))?)?;
        let there = sql::count(self.value(&format!("SELECT count(*) FROM {table}"))?)?;
        let deleted = lost.min(self.rows_of(tracked)?.saturating_sub(there));
        let mut found = vec![
            (EffectKind::RowsDeleted, None, deleted),
            (EffectKind::RowsChanged, None, lost - deleted),
        ];
        for pair in dropped {
            let count = format!("SELECT count({}) FROM {snapshot}", pair.before.alias);
            let values = sql::count(self.value(&count)?)?;
            found.push((EffectKind::ColumnDropped, Some(pair.before.name), values));
        }
        let effects = found.into_iter().filter(|(_, _, rows)| *rows > 0);
        let effects = effects.map(|(kind, column, rows)| RowEffect {
            table: tracked.table.clone(),
            kind,
            column,
            rows: Some(rows),
            keys: Vec::new(),
        });
        Ok(Outcome {
            place: place.clone(),
            effects: effects.collect(),
            deleted,
            columns: Vec::new(),
            // What is noted anew has its places and names as they are now.
            is_other: true,
        })
    }
}

/// A column that was noted, and the one that has its values now.
struct Pair {
    before: Column,
    now: Option<Column>,
}

impl Pair {
    /// As it is called now.
    fn name(&self) -> String {
        let now = self.now.as_ref().unwrap_or(&self.before);
        sql::identifier(&now.name)
    }
}

/// As it is stored, whatever the columns convert and however they compare.
fn differs(before: &str, now: &str) -> String {
    format!("(+b.{before}) COLLATE BINARY IS NOT (+n.{now})")
}

/// What SQLite makes of a declared type. <https://www.sqlite.org/datatype3.html#determination_of_column_affinity>
fn affinity(declared: &str) -> &'static str {
    let declared = declared.to_uppercase();
    let says = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    match () {
        () if says(&["INT"]) => "INTEGER",
        () if says(&["CHAR", "CLOB", "TEXT"]) => "TEXT",
        () if says(&["BLOB"]) || declared.is_empty() => "BLOB",
        () if says(&["REAL", "FLOA", "DOUB"]) => "REAL",
        () => "NUMERIC",
    }
}
