//! Rows of a table before a migration, held against those after it.

use super::super::{Measuring, sql};
use super::PostgresSession;
use super::measure::Tracked;
use super::names::Words;
use super::table_state::State;
use crate::model::migrations::effects::{EffectKind, KEYS, RowEffect, Touch};

/// What was looked at in a table before a migration.
pub(super) enum Look {
    None,
    /// A temporary table has every row, as text: the number of a column is in its name.
    Rows(String),
    /// What would be lost with the table or with these columns.
    Counts(Vec<RowEffect>),
}

impl PostgresSession {
    /// Looks at what a migration touches, before it runs. Where others write too, they have to
    /// wait: what they did would be taken for the migration's.
    pub(super) fn look(
        &mut self,
        at: usize,
        tracked: &Tracked,
        state: &State,
        touch: &Touch,
    ) -> anyhow::Result<Look> {
        let Some(name) = &state.name else {
            return Ok(Look::None);
        };
        if !self.may_select(&tracked.oid)? {
            return Ok(Look::None);
        }
        if self.measuring == Measuring::Live {
            let may_lock = "SELECT has_table_privilege($1::oid, 'UPDATE, DELETE, TRUNCATE')::text";
            // What will be altered would else be locked a second time, more strictly.
            let mode = match touch.is_altered || touch.is_gone {
                true => "ACCESS EXCLUSIVE",
                false => "SHARE ROW EXCLUSIVE",
            };
            if self.value(may_lock, &[&tracked.oid])?.as_deref() == Some("true") {
                let lock = format!("LOCK TABLE {name} IN {mode} MODE");
                self.batch(&lock, &format!("lock `{}`", tracked.table))?;
            }
        }
        let from = source(state);
        if touch.rows {
            let snapshot = format!("pg_temp.__sync_before_{at}");
            let columns = state.columns.iter().map(|(number, column)| {
                format!("({})::text AS c{number}", sql::identifier(&column.name))
            });
            let columns: Vec<String> = columns.collect();
            // What event triggers do about it finds their own names.
            self.batch_for(
                Words::Theirs,
                &format!(
                    "DROP TABLE IF EXISTS {snapshot}; CREATE TEMPORARY TABLE __sync_before_{at} AS SELECT {} FROM {from}",
                    columns.join(", ")
                ),
                &format!("note the rows of `{}`", tracked.table),
            )?;
            return Ok(Look::Rows(snapshot));
        }
        let mut counts = Vec::new();
        let mut count = |session: &mut Self, kind, column: Option<&String>| {
            let condition = match column {
                Some(name) => format!("{} IS NOT NULL", sql::identifier(name)),
                None => "true".to_owned(),
            };
            let rows = session.count(&format!(
                "SELECT count(*)::text FROM {from} WHERE {condition}"
            ))?;
            let key = state
                .key
                .iter()
                .filter_map(|number| state.columns.get(number));
            let key: Vec<String> = key
                .map(|column| format!("({})::text", sql::identifier(&column.name)))
                .collect();
            let keys = match key.is_empty() || rows == 0 {
                true => Vec::new(),
                false => session.keys(&key, &format!("{from} WHERE {condition}"))?,
            };
            let (table, column) = (tracked.table.clone(), column.cloned());
            let rows = Some(rows);
            counts.push(RowEffect {
                table,
                kind,
                column,
                rows,
                keys,
            });
            anyhow::Ok(())
        };
        if touch.is_gone {
            count(self, EffectKind::TableDropped, None)?;
        }
        for column in &touch.dropped {
            let is_there = state.columns.values().any(|known| known.name == *column);
            if is_there {
                count(self, EffectKind::ColumnDropped, Some(column))?;
            }
        }
        Ok(Look::Counts(counts))
    }

    pub(super) fn count(&mut self, query: &str) -> anyhow::Result<u64> {
        sql::count(self.value(query, &[])?)
    }

    /// The first keys of some rows, short ones first, so that numbers are in their order.
    pub(super) fn keys(&mut self, key: &[String], from: &str) -> anyhow::Result<Vec<String>> {
        let rows = self.query(
            &format!(
                "SELECT k FROM (SELECT concat_ws(', ', {}) COLLATE pg_catalog.\"C\" AS k FROM {from}) AS keys ORDER BY length(k), k LIMIT {KEYS}",
                key.join(", ")
            ),
            &[],
        )?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    /// What a migration did to all tracked tables.
    pub(super) fn compare_all(
        &mut self,
        before: &[State],
        after: &[State],
        looks: &[Look],
    ) -> anyhow::Result<Vec<RowEffect>> {
        let mut effects = Vec::new();
        for at in 0..self.tracked.len() {
            let tracked = self.tracked[at].clone();
            let (before, after) = (&before[at], &after[at]);
            let touch = before.touch(&tracked.table, after);
            if touch.is_nothing() || before.name.is_none() {
                continue;
            }
            let heir = match touch.is_gone {
                true => self.heir(before)?,
                false => None,
            };
            let found = match (&looks[at], heir) {
                (Look::Rows(snapshot), Some(heir)) => {
                    let heir = self.states_of(&[heir], None)?.pop().unwrap_or_default();
                    self.compare(&tracked, before, &heir, snapshot, true)?
                }
                (Look::Rows(snapshot), None) => {
                    self.compare(&tracked, before, after, snapshot, false)?
                }
                (Look::Counts(counts), _) => counts
                    .iter()
                    .filter(|found| match found.kind {
                        EffectKind::TableDropped => touch.is_gone,
                        _ => found
                            .column
                            .as_ref()
                            .is_some_and(|column| touch.dropped.contains(column)),
                    })
                    .cloned()
                    .collect(),
                (Look::None, _) => counted(&tracked, before, after, &touch),
            };
            effects.extend(found.into_iter().filter(|effect| effect.rows != Some(0)));
        }
        effects.sort_by_key(|effect: &RowEffect| effect.bound());
        Ok(effects)
    }
}

/// A table as it stands in FROM. One that others inherit from has only its own rows here.
pub(super) fn source(state: &State) -> String {
    let name = state.name.clone().unwrap_or_default();
    match state.is_partitioned {
        true => name,
        false => format!("ONLY {name}"),
    }
}

/// By what the server counted, where nobody lets us look.
fn counted(tracked: &Tracked, before: &State, after: &State, touch: &Touch) -> Vec<RowEffect> {
    let effect = |kind, column: Option<&String>, rows| RowEffect {
        table: tracked.table.clone(),
        kind,
        column: column.cloned(),
        rows,
        keys: Vec::new(),
    };
    if touch.is_gone {
        return vec![effect(EffectKind::TableDropped, None, None)];
    }
    let dropped = touch.dropped.iter();
    let mut effects: Vec<RowEffect> = dropped
        .map(|column| effect(EffectKind::ColumnDropped, Some(column), None))
        .collect();
    let (mut deleted, mut updated) = (0, 0);
    for (oid, now) in &after.members {
        let then = before.members.get(oid).cloned().unwrap_or_default();
        deleted += now.deleted.saturating_sub(then.deleted);
        updated += now.updated.saturating_sub(then.updated);
    }
    effects.push(effect(EffectKind::RowsDeleted, None, Some(deleted)));
    effects.push(effect(EffectKind::RowsChanged, None, Some(updated)));
    effects
}
