//! What a migration does to the rows that are there before it, measured: by what the server itself
//! counts and keeps it is seen which tables were touched, and only those are compared by value.
//! <https://www.postgresql.org/docs/current/monitoring-stats.html>

use super::super::mark::Mark;
use super::super::{Measuring, sql};
use super::PostgresSession;
use super::compare::Look;
use super::read::DEFAULT_SCHEMA;
use super::table_state::State;
use crate::model::migrations::effects::{EffectKind, Measured, RowEffect, Touch};
use crate::model::migrations::migration::{Migration, MigrationSet};
use crate::model::schema::table::TableName;

/// A table whose rows are measured, whatever it is called later.
#[derive(Clone)]
pub(super) struct Tracked {
    /// As it was called in the beginning.
    pub(super) table: TableName,
    pub(super) oid: String,
}

/// A table, with how many rows it has, and how many values each column.
pub(super) type Counted = (State, Vec<u64>);

impl PostgresSession {
    /// From here on, measures what migrations do to the rows that these tables have.
    pub(super) fn start_measuring(
        &mut self,
        tables: &[TableName],
        on: Measuring,
    ) -> anyhow::Result<()> {
        self.measuring = on;
        self.tracked.clear();
        for table in tables {
            let name = sql::table(table, DEFAULT_SCHEMA);
            let Some(oid) = self.value("SELECT pg_catalog.to_regclass($1)::oid::text", &[&name])?
            else {
                continue;
            };
            if on == Measuring::Schema || self.has_rows(&oid, &name)? {
                self.tracked.push(Tracked {
                    table: table.clone(),
                    oid,
                });
            }
        }
        Ok(())
    }

    /// Whether there is a row, or may be, where nobody lets us look.
    fn has_rows(&mut self, oid: &str, name: &str) -> anyhow::Result<bool> {
        if !self.may_select(oid)? {
            return Ok(true);
        }
        let exists = format!("SELECT EXISTS (SELECT FROM {name})::text");
        Ok(self.value(&exists, &[])?.as_deref() == Some("true"))
    }

    pub(super) fn may_select(&mut self, oid: &str) -> anyhow::Result<bool> {
        let may = "SELECT has_table_privilege($1::oid, 'SELECT')::text";
        Ok(self.value(may, &[oid])?.as_deref() == Some("true"))
    }

    /// Runs a migration, and compares the tables that it touches. Where those are not the
    /// `expected` ones, all of it is undone, they are looked at, and it runs again.
    pub(super) fn migrate_measured(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
        expected: &[Touch],
    ) -> anyhow::Result<Measured> {
        if self.tracked.is_empty() {
            self.migrate(migrations, migration)?;
            return Ok(Measured::default());
        }
        let mut looked_at = expected.to_vec();
        if migration.up.to_lowercase().contains("track_counts") {
            // It may keep the server from counting.
            looked_at = self.tracked.iter().map(all_rows).collect();
        }
        let mark = Mark::new()?;
        let mut is_second = false;
        loop {
            let before = self.states(None)?;
            let mut looks = Vec::new();
            if self.measuring != Measuring::Schema {
                for (at, state) in before.iter().enumerate() {
                    let tracked = self.tracked[at].clone();
                    let mut touches = looked_at.iter();
                    let touch = touches.find(|touch| touch.table == tracked.table);
                    looks.push(match touch {
                        Some(touch) => self.look(at, &tracked, state, touch)?,
                        None => Look::None,
                    });
                }
            }
            self.batch(&mark.set(), "mark the transaction")?;
            self.perform(migrations, migration)?;
            self.reset_session()?;
            let after = self.states(Some(&before))?;
            let tables = self.tracked.iter().zip(before.iter().zip(&after));
            let mut touched: Vec<Touch> = tables
                .map(|(tracked, (before, after))| before.touch(&tracked.table, after))
                .collect();
            for (touch, before) in touched.iter_mut().zip(&before) {
                // Another table may have all rows of one that is no more.
                touch.rows |= touch.is_gone && self.heir(before)?.is_some();
            }
            touched.retain(|touch| !touch.is_nothing());
            let is_known = |touch: &Touch| {
                let mut known = looked_at.iter().filter(|known| known.table == touch.table);
                known.any(|known| known.covers(touch))
            };
            let is_enough =
                is_second || self.measuring == Measuring::Schema || touched.iter().all(is_known);
            if is_enough {
                let effects = match self.measuring {
                    Measuring::Schema => self.structural(&before, &after),
                    _ => self.compare_all(&before, &after, &looks)?,
                };
                self.follow(&after, &before)?;
                self.batch(&mark.close(false), "release the mark")?;
                self.forget_temporary()?;
                return Ok(Measured { effects, touched });
            }
            self.batch(&mark.close(true), "undo a trial")?;
            // With the rest of the session the path is as it was then.
            self.words = None;
            self.forget_temporary()?;
            // Whatever was expected and did not come may come the second time.
            looked_at.retain(|known| !touched.iter().any(|touch| touch.table == known.table));
            looked_at.extend(touched);
            is_second = true;
        }
    }

    /// On a copy: the tracked tables, with how many rows and values each has. Outside of a
    /// transaction the server's own counts end with each statement.
    pub(super) fn counts(&mut self) -> anyhow::Result<Vec<Counted>> {
        if self.measuring == Measuring::Live {
            return Ok(Vec::new());
        }
        let mut counted = Vec::new();
        for state in self.states(None)? {
            let name = state.name.clone().unwrap_or_default();
            let columns = state.columns.values();
            let asked =
                columns.map(|column| format!(", count({})::text", sql::identifier(&column.name)));
            let asked: String = asked.collect();
            let counts = self.query(&format!("SELECT count(*)::text{asked} FROM {name}"), &[])?;
            let counts = counts.into_iter().flatten().map(sql::count);
            counted.push((state, counts.collect::<anyhow::Result<_>>()?));
        }
        Ok(counted)
    }

    /// What is fewer than it was, as a migration outside of a transaction left it.
    pub(super) fn fewer(&mut self, before: &[Counted]) -> anyhow::Result<Measured> {
        let states: Vec<State> = before.iter().map(|(state, _)| state.clone()).collect();
        if states.is_empty() {
            return Ok(Measured::default());
        }
        let after = self.states(Some(&states))?;
        let mut effects = self.structural(&states, &after);
        for (at, (state, counts)) in before.iter().enumerate() {
            let table = self.tracked[at].table.clone();
            let all = counts.first().copied();
            for effect in effects.iter_mut().filter(|effect| effect.table == table) {
                let mut columns = state.columns.values();
                let column =
                    columns.position(|column| Some(&column.name) == effect.column.as_ref());
                effect.rows = match (effect.kind, column) {
                    (EffectKind::TableDropped, _) => all,
                    (EffectKind::ColumnDropped, Some(at)) => counts.get(at + 1).copied(),
                    _ => None,
                };
            }
            let Some(name) = &after[at].name else {
                continue;
            };
            let now = sql::count(self.value(&format!("SELECT count(*)::text FROM {name}"), &[])?)?;
            let deleted = all.unwrap_or_default().saturating_sub(now);
            if deleted > 0 {
                effects.push(RowEffect {
                    table,
                    kind: EffectKind::RowsDeleted,
                    column: None,
                    rows: Some(deleted),
                    keys: Vec::new(),
                });
            }
        }
        effects.retain(|effect| self.measuring == Measuring::Schema || effect.rows != Some(0));
        self.follow(&after, &states)?;
        Ok(Measured {
            effects,
            touched: Vec::new(),
        })
    }

    fn structural(&self, before: &[State], after: &[State]) -> Vec<RowEffect> {
        let tables = self.tracked.iter().zip(before.iter().zip(after));
        tables
            .filter(|(_, (before, _))| before.name.is_some())
            .flat_map(|(tracked, (before, after))| before.structural(&tracked.table, after))
            .collect()
    }

    /// What another table took the place of is tracked as that.
    fn follow(&mut self, after: &[State], before: &[State]) -> anyhow::Result<()> {
        let mut tracked = Vec::new();
        for (mut table, (after, before)) in std::mem::take(&mut self.tracked)
            .into_iter()
            .zip(after.iter().zip(before))
        {
            if after.name.is_none() {
                match self.heir(before)? {
                    Some(heir) => table.oid = heir,
                    None => continue,
                }
            }
            tracked.push(table);
        }
        self.tracked = tracked;
        Ok(())
    }

    /// The table that has the name of one that is no more.
    pub(super) fn heir(&mut self, gone: &State) -> anyhow::Result<Option<String>> {
        let name = gone.name.clone().unwrap_or_default();
        self.value(
            "SELECT c.oid::text FROM pg_catalog.pg_class c \
             WHERE c.oid = pg_catalog.to_regclass($1)::oid AND c.relkind IN ('r', 'p')",
            &[&name],
        )
    }

    /// The tracked tables now, in their order. What held rows `then` is looked at again.
    fn states(&mut self, then: Option<&[State]>) -> anyhow::Result<Vec<State>> {
        let oids: Vec<String> = self.tracked.iter().map(|table| table.oid.clone()).collect();
        self.states_of(&oids, then)
    }
}

fn all_rows(tracked: &Tracked) -> Touch {
    Touch {
        rows: true,
        is_altered: true,
        ..Touch::of(&tracked.table)
    }
}
