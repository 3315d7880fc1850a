//! Rows that are to let go of a unique value, and that the target can neither empty nor be without
//! for a moment, because other rows refer to them.

use std::collections::BTreeSet;

use super::cascade::{Effect, ForeignKeyStep, foreign_key_steps};
use super::remaining_rows::{BySource, checked};
use super::unique_conflicts::{Ends, NAMED, UniqueConflicts};
use crate::model::reference::{Part, Step, Touched};
use crate::model::rows::lookup::settings::ExtraRows;
use crate::model::rows::row::{KeySet, Record, owned};
use crate::model::schema::catalog::Action;
use crate::model::words::and_more;
use crate::problem::{Code, Problem};

/// The foreign keys that stand in the way of rows that hold what others take; the unique key is
/// over `columns`.
///
/// # Errors
/// What the databases report.
pub(in crate::sync) fn unique_swaps(
    ends: &mut Ends<'_>,
    columns: &[String],
    held: &UniqueConflicts,
) -> anyhow::Result<Vec<Problem>> {
    let catalog = &ends.target.snapshot.catalog;
    let mut problems = Vec::new();
    for hop in foreign_key_steps(catalog, &ends.on_target.table, &Effect::Deleted, &[]) {
        let mut stuck = BTreeSet::new();
        // Of a row that comes back within the statement this action takes no notice.
        if hop.key.on_delete != Action::NoAction {
            stuck.extend(referred_to(ends, &hop, &held.changing)?);
        }
        let some_go = referred_to(ends, &hop, &held.going)?;
        let way_out = way_out(ends, columns, &hop, !some_go.is_empty());
        stuck.extend(some_go);
        if !stuck.is_empty() {
            problems.push(problem(ends, columns, &hop, &stuck).hint(way_out));
        }
    }
    Ok(problems)
}

/// Those of the rows, by their keys, that are still referred to when the rows that go have gone.
fn referred_to(
    ends: &mut Ends<'_>,
    hop: &ForeignKeyStep,
    keys: &[Record],
) -> anyhow::Result<BTreeSet<Vec<String>>> {
    if keys.is_empty() {
        return Ok(BTreeSet::new());
    }
    let touched = Touched {
        lookup: ends.on_target,
        rows: keys,
    };
    let path = [Step {
        repeats: false,
        ..hop.step(Part::All)
    }];
    let target = &mut ends.target.session;
    let catalog = &ends.target.snapshot.catalog;
    let child = ends.all.iter().find(|settings| {
        let found = catalog.find(&settings.table);
        found.is_some_and(|table| table.name == hop.child)
    });
    let going = child.and_then(|settings| {
        let lookup = ends.target.snapshot.lookup(settings, ends.all).ok()?;
        let kept = ends.kept.get(&hop.child).cloned().unwrap_or_default();
        let all_go = lookup.filter.is_none()
            && lookup.extra_rows == ExtraRows::Delete
            && lookup.retire.is_none();
        let source = &ends.source.snapshot;
        all_go.then(|| checked(settings, ends.all, source, lookup, (BySource::Has, kept)))?
    });
    let found: BTreeSet<usize> = match going {
        None => {
            let counts = target.count_references(&touched, &path)?;
            counts.into_iter().map(|(at, _)| at).collect()
        }
        Some(child) => {
            let referring = target
                .referring_keys(&touched, &path, &child.on_target)?
                .collect::<anyhow::Result<Vec<_>>>()?;
            let keys: Vec<Record> = referring.iter().map(|(_, key)| key.clone()).collect();
            let rows = ends.source.session.rows_by_key(&child.on_source, &keys)?;
            let stay: KeySet = rows
                .iter()
                .map(|row| owned(&child.on_source.key_of(row)))
                .collect();
            let stays = referring
                .iter()
                .filter(|(_, key)| stay.contains(&owned(key)) || child.kept.contains(&owned(key)));
            stays.map(|(at, _)| *at).collect()
        }
    };
    Ok(found.into_iter().map(|at| owned(&keys[at])).collect())
}

fn problem(
    ends: &Ends<'_>,
    columns: &[String],
    hop: &ForeignKeyStep,
    stuck: &BTreeSet<Vec<String>>,
) -> Problem {
    let names: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
    let keys: Vec<String> = stuck.iter().take(NAMED).map(|key| key.join(", ")).collect();
    let more = and_more(stuck.len(), NAMED);
    Problem::new(
        Code::KeyTaken,
        format!(
            "rows of `{}` would exchange values of {} ({}{more}), which {} cannot do while rows of `{}` refer to them",
            ends.on_target.table,
            names.join(", "),
            keys.join("; "),
            ends.target.snapshot.label,
            hop.child
        ),
    )
}

/// What lets the values change places. What a foreign key leads to cannot be DEFERRABLE, and rows that
/// `go` wait until nobody refers to them, whatever the foreign key says.
fn way_out(ends: &Ends<'_>, columns: &[String], hop: &ForeignKeyStep, go: bool) -> String {
    let tables = ends.target.snapshot.catalog.tables.values();
    let mut keys = tables.flat_map(|table| &table.foreign_keys);
    let is_named = keys.any(|key| {
        key.parent == ends.on_target.table
            && key.parent_columns.len() == columns.len()
            && key.parent_columns.iter().all(|name| columns.contains(name))
    });
    let migration = if !is_named {
        "let the unique constraint be DEFERRABLE INITIALLY IMMEDIATE with a migration; or "
    } else if hop.key.on_delete != Action::NoAction && !go {
        "with a migration, let that foreign key say ON DELETE NO ACTION; or "
    } else {
        ""
    };
    format!(
        "{migration}promote in two steps: first with other values in the source, then with those that are wanted"
    )
}
