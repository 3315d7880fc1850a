//! The rows that a table had, held against those that it has, column by column.

use super::super::sql;
use super::PostgresSession;
use super::compare::source;
use super::measure::Tracked;
use super::table_state::{ColumnState, State};
use crate::model::migrations::effects::{EffectKind, RowEffect};

/// How the values of a column that got another type are held against the old ones: as they are
/// cast back, with this time zone, or as they are spelled.
#[derive(Clone, PartialEq)]
enum Reading {
    Cast(String),
    Spelled,
}

/// A column before a migration, and what stands for it afterwards.
struct Pair<'state> {
    number: i32,
    before: &'state ColumnState,
    now: Option<&'state ColumnState>,
}

impl Pair<'_> {
    fn is_retyped(&self) -> bool {
        self.now
            .is_some_and(|now| now.type_name != self.before.type_name)
    }

    fn alias(&self) -> String {
        format!("c{}", self.number)
    }

    /// The value of then and of now as text, which is equal where nothing was lost.
    fn texts(&self, reading: &Reading) -> (String, String) {
        let cast = match reading {
            Reading::Cast(_) if self.is_retyped() => format!("::{}", self.before.type_name),
            _ => String::new(),
        };
        let alias = self.alias();
        let now = self.now.map_or("NULL".to_owned(), |now| {
            format!("t.{}{cast}", sql::identifier(&now.name))
        });
        let text = |value: &str| format!("({value})::text COLLATE pg_catalog.\"C\" AS {alias}");
        (text(&format!("{alias}{cast}")), text(&now))
    }
}

/// Two tables to compare, as they stand in FROM.
struct Sides {
    before: String,
    now: String,
}

impl PostgresSession {
    pub(super) fn compare(
        &mut self,
        tracked: &Tracked,
        before: &State,
        now: &State,
        snapshot: &str,
        is_heir: bool,
    ) -> anyhow::Result<Vec<RowEffect>> {
        let pairs: Vec<Pair<'_>> = before
            .columns
            .iter()
            .map(|(number, column)| Pair {
                number: *number,
                before: column,
                now: match is_heir {
                    true => now.columns.values().find(|now| now.name == column.name),
                    false => now.columns.get(number),
                },
            })
            .collect();
        let mut from: Vec<String> = now.name.iter().map(|_| source(now)).collect();
        let detached = now.members.values().filter(|member| member.is_detached);
        from.extend(detached.map(|member| format!("ONLY {}", member.name)));
        let is_rewritten = before.members.iter().any(|(oid, member)| {
            let now = now.members.get(oid);
            now.is_none_or(|now| now.file != member.file && now.deleted == member.deleted)
        });
        let mut best: Option<Vec<RowEffect>> = None;
        for reading in self.readings(&pairs)? {
            if let Reading::Cast(zone) = &reading {
                let set = "SELECT set_config('TimeZone', $1, true)";
                self.value(set, &[zone])?;
            }
            self.batch("SAVEPOINT __sync_compare", "compare rows")?;
            let sides = sides(snapshot, &from, &pairs, &reading);
            let found = match before.key.is_empty() {
                true => self.compare_whole(tracked, &pairs, &sides),
                false => self.compare_by_key(tracked, &pairs, &before.key, &sides),
            };
            let end = match (&found, &reading) {
                // There may be no such cast, or none of one of the values.
                (Err(_), Reading::Cast(_)) => "ROLLBACK TO __sync_compare; RELEASE __sync_compare",
                _ => "RELEASE __sync_compare",
            };
            self.batch(end, "compare rows")?;
            self.words = None;
            if matches!(reading, Reading::Cast(_)) {
                self.batch("SET LOCAL TimeZone = 'UTC'", "compare rows")?;
            }
            let found = match (found, &reading) {
                (Err(_), Reading::Cast(_)) => continue,
                (found, _) => found?,
            };
            let total = |effects: &[RowEffect]| -> u64 {
                effects.iter().filter_map(|effect| effect.rows).sum()
            };
            if best.as_ref().is_none_or(|best| total(&found) < total(best)) {
                best = Some(found);
            }
        }
        let mut effects = best.unwrap_or_default();
        for effect in &mut effects {
            if effect.kind == EffectKind::RowsDeleted
                && effect.rows
                    == Some(self.count(&format!("SELECT count(*)::text FROM {snapshot}"))?)
            {
                effect.kind = match (is_heir || now.name.is_none(), is_rewritten) {
                    (true, _) => EffectKind::TableDropped,
                    (false, true) => EffectKind::Truncated,
                    (false, false) => EffectKind::RowsDeleted,
                };
            }
        }
        Ok(effects)
    }

    fn readings(&mut self, pairs: &[Pair<'_>]) -> anyhow::Result<Vec<Reading>> {
        if !pairs.iter().any(Pair::is_retyped) {
            return Ok(vec![Reading::Spelled]);
        }
        let own = "SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'TimeZone'";
        let own = self.value(own, &[])?.unwrap_or_default();
        let utc = Reading::Cast("UTC".to_owned());
        Ok(vec![utc, Reading::Cast(own), Reading::Spelled])
    }

    fn compare_by_key(
        &mut self,
        tracked: &Tracked,
        pairs: &[Pair<'_>],
        key: &[i32],
        sides: &Sides,
    ) -> anyhow::Result<Vec<RowEffect>> {
        let is_key = |pair: &&Pair<'_>| key.contains(&pair.number);
        if pairs.iter().filter(is_key).any(|pair| pair.now.is_none()) {
            return self.compare_whole(tracked, pairs, sides);
        }
        let same: Vec<String> = key
            .iter()
            .map(|number| format!("b.c{number} = n.c{number}"))
            .collect();
        let joined = format!(
            "{} AS b LEFT JOIN {} AS n ON {}",
            sides.before,
            sides.now,
            same.join(" AND ")
        );
        let mut asked = vec![(
            EffectKind::RowsDeleted,
            None,
            "n.is_there IS NULL".to_owned(),
        )];
        for pair in pairs {
            let alias = pair.alias();
            let (kind, what) = match pair.now {
                None => (EffectKind::ColumnDropped, format!("b.{alias} IS NOT NULL")),
                Some(_) => (
                    match pair.is_retyped() {
                        true => EffectKind::TypeChanged,
                        false => EffectKind::RowsChanged,
                    },
                    format!("b.{alias} IS DISTINCT FROM n.{alias}"),
                ),
            };
            let column = Some(pair.before.name.clone());
            asked.push((kind, column, format!("n.is_there AND {what}")));
        }
        let counts: Vec<String> = asked
            .iter()
            .map(|(_, _, condition)| format!("count(*) FILTER (WHERE {condition})::text"))
            .collect();
        let counts = self.query(&format!("SELECT {} FROM {joined}", counts.join(", ")), &[])?;
        let key: Vec<String> = key.iter().map(|number| format!("b.c{number}")).collect();
        let mut effects = Vec::new();
        for ((kind, column, condition), count) in
            asked.into_iter().zip(counts.into_iter().flatten())
        {
            let rows = sql::count(count)?;
            if rows > 0 {
                effects.push(RowEffect {
                    table: tracked.table.clone(),
                    kind,
                    column,
                    rows: Some(rows),
                    keys: self.keys(&key, &format!("{joined} WHERE {condition}"))?,
                });
            }
        }
        Ok(effects)
    }

    /// Where nothing tells rows apart: how many of then have no equal now.
    fn compare_whole(
        &mut self,
        tracked: &Tracked,
        pairs: &[Pair<'_>],
        sides: &Sides,
    ) -> anyhow::Result<Vec<RowEffect>> {
        let missing = |session: &mut Self, columns: &[&Pair<'_>]| {
            let names: Vec<String> = columns.iter().map(|pair| pair.alias()).collect();
            let numbered = |side: &str| {
                let partition = match names.is_empty() {
                    true => String::new(),
                    false => format!("PARTITION BY {}", names.join(", ")),
                };
                let mut selected = names.clone();
                selected.push(format!("row_number() OVER ({partition})"));
                format!("SELECT {} FROM {side} AS side", selected.join(", "))
            };
            session.count(&format!(
                "SELECT count(*)::text FROM ({} EXCEPT {}) AS missing",
                numbered(&sides.before),
                numbered(&sides.now)
            ))
        };
        let kept = |pair: &&Pair<'_>| pair.now.is_some() && !pair.is_retyped();
        let same: Vec<&Pair<'_>> = pairs.iter().filter(kept).collect();
        let lost = missing(self, &same)?;
        let mut found = Vec::new();
        for pair in pairs.iter().filter(|pair| pair.is_retyped()) {
            let more: Vec<&Pair<'_>> = same.iter().copied().chain([pair]).collect();
            let others = missing(self, &more)?.saturating_sub(lost);
            found.push((EffectKind::TypeChanged, Some(&pair.before.name), others));
        }
        let total = |session: &mut Self, side: &str| {
            session.count(&format!("SELECT count(*)::text FROM {side} AS side"))
        };
        let fewer = total(self, &sides.before)?.saturating_sub(total(self, &sides.now)?);
        let deleted = lost.min(fewer);
        found.push((EffectKind::RowsDeleted, None, deleted));
        found.push((EffectKind::RowsChanged, None, lost - deleted));
        for pair in pairs.iter().filter(|pair| pair.now.is_none()) {
            let count = format!(
                "SELECT count({})::text FROM {} AS side",
                pair.alias(),
                sides.before
            );
            let values = self.count(&count)?;
            found.push((EffectKind::ColumnDropped, Some(&pair.before.name), values));
        }
        let found = found.into_iter().filter(|(_, _, rows)| *rows > 0);
        Ok(found
            .map(|(kind, column, rows)| RowEffect {
                table: tracked.table.clone(),
                kind,
                column: column.cloned(),
                rows: Some(rows),
                keys: Vec::new(),
            })
            .collect())
    }
}

fn sides(snapshot: &str, from: &[String], pairs: &[Pair<'_>], reading: &Reading) -> Sides {
    let (before, now): (Vec<String>, Vec<String>) =
        pairs.iter().map(|pair| pair.texts(reading)).unzip();
    let select = |columns: &[String], from: &str| {
        let columns = columns.iter().map(|column| format!(", {column}"));
        format!(
            "SELECT true AS is_there{} FROM {from}",
            columns.collect::<String>()
        )
    };
    let mut parts: Vec<String> = from
        .iter()
        .map(|from| select(&now, &format!("{from} AS t")))
        .collect();
    if parts.is_empty() {
        // Nothing is left of it.
        let columns = before.iter().map(|column| format!(", {column}"));
        let columns: String = columns.collect();
        parts.push(format!(
            "SELECT true AS is_there{columns} FROM {snapshot} WHERE false"
        ));
    }
    Sides {
        before: format!("({})", select(&before, snapshot)),
        now: format!("({})", parts.join(" UNION ALL ")),
    }
}
