//! What a plan shows of rows, and what a run did to them: the cells of the target that are another
//! afterwards, found without the program's own comparison.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Map, Value};
use xtask::database;
use xtask::model::rows::lookup::{Lookup, Source};
use xtask::model::rows::row::cells;
use xtask::sync::planning::plan::Plan;

use super::super::Stage;
use super::shape::{Extra, Shape, name};

/// For each table and row, the cells that change: what each was and what it is.
pub(super) type Deed = BTreeMap<(String, String), BTreeMap<String, [Option<Value>; 2]>>;

/// What the plan shows.
pub(super) fn shown(plan: &Plan) -> Deed {
    let mut deed = Deed::new();
    for lookup in &plan.lookups {
        for row in &lookup.rows {
            let cells = changed(row.before.as_ref(), row.after.as_ref(), |_| true);
            deed.insert((lookup.table.to_string(), text(&row.key)), cells);
        }
    }
    deed
}

/// The lookup rows of the target: every column that the database does not compute.
pub(super) struct Held(BTreeMap<String, (Lookup, Rows)>);

/// Rows by their keys.
type Rows = BTreeMap<String, Map<String, Value>>;

impl Held {
    pub(super) fn of(stage: &Stage) -> Held {
        let mut session = database::open(&stage.test.checked_url()).unwrap();
        let catalog = session.catalog().unwrap();
        let all = &stage.config.lookups;
        let tables = all.iter().map(|settings| {
            let lookup = Lookup::resolve(settings, all, &catalog, "Test").unwrap();
            let mut whole = lookup.clone();
            let own = lookup.own.iter().map(|own| &own.name);
            for column in own.chain(&lookup.ignored) {
                whole.columns.push(column.clone());
                whole.sources.push(Source::Column);
            }
            let keys: Vec<String> = lookup.key_columns().map(str::to_owned).collect();
            let rows = session.rows(&whole).unwrap().map(Result::unwrap);
            let rows = rows.map(|row| {
                let key = text(&cells(&keys, &whole.key_of(&row)));
                (key, cells(&whole.columns, &row))
            });
            (settings.table.to_string(), (lookup, rows.collect()))
        });
        Held(tables.collect())
    }

    /// What was done since. A new row has columns that only the target fills in.
    pub(super) fn done_until(&self, now: &Held) -> Deed {
        let mut deed = Deed::new();
        for (table, (lookup, before)) in &self.0 {
            let after = &now.0[table].1;
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let (was, is) = (before.get(key), after.get(key));
                let is_whole = was.is_some() && is.is_some();
                let cells = changed(was, is, |column| {
                    is_whole || lookup.columns.iter().any(|name| name == column)
                });
                if !cells.is_empty() {
                    deed.insert((table.clone(), key.clone()), cells);
                }
            }
        }
        deed
    }
}

fn changed(
    before: Option<&Map<String, Value>>,
    after: Option<&Map<String, Value>>,
    counts: impl Fn(&str) -> bool,
) -> BTreeMap<String, [Option<Value>; 2]> {
    let columns = before.into_iter().chain(after).flat_map(Map::keys);
    columns
        .filter(|column| counts(column))
        .map(|column| {
            let cell = |row: Option<&Map<String, Value>>| row?.get(column).cloned();
            (column.clone(), [cell(before), cell(after)])
        })
        .filter(|(_, [was, is])| was != is)
        .collect()
}

fn text(key: &Map<String, Value>) -> String {
    Value::from(key.clone()).to_string()
}

/// What happens to both ends after a first promotion.
#[derive(Debug, Clone)]
pub(super) struct Later {
    source: [u8; 2],
    target: [u8; 2],
    pub(super) on_target_edit: usize,
}

pub(super) fn later() -> impl Strategy<Value = Later> {
    (any::<[u8; 2]>(), any::<[u8; 2]>(), 0..3usize).prop_map(|(source, target, on_target_edit)| {
        Later {
            source,
            target,
            on_target_edit,
        }
    })
}

impl Later {
    /// Changes rows at both ends, and takes some away where nothing refers to them.
    pub(super) fn happen(&self, stage: &Stage, shape: &Shape) {
        for (database, [changed, gone], label) in [
            (&stage.dev, self.source, "later"),
            (&stage.test, self.target, "by hand"),
        ] {
            let mut statements = String::new();
            for (at, table) in shape.tables.iter().enumerate() {
                if !table.is_lookup {
                    continue;
                }
                let name = name(at);
                statements.push_str(&format!(
                    "UPDATE {name} SET label = '{label}', rank = rank + 100 WHERE rank % 3 = {};",
                    changed % 4
                ));
                let is_parent = |other: &super::shape::Table| {
                    let mut parents = other.parents.iter();
                    parents.any(|parent| shape.parent_of(parent).0 == at)
                };
                if !shape.tables.iter().any(is_parent) && table.extra != Extra::Refuse {
                    statements.push_str(&format!(
                        "DELETE FROM {name} WHERE rank % 4 = {};",
                        gone % 6
                    ));
                }
            }
            database.run(&statements);
        }
    }
}
