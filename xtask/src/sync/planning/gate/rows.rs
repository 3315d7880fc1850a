//! What the rows of a lookup table say.

use super::Verdict;
use super::edits::judge_edits;
use crate::model::rows::lookup::settings::ExtraRows;
use crate::model::schema::catalog::Column;
use crate::model::schema::table::TableName;
use crate::model::words::counted;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::sync::comparing::difference::{Outcome, TableComparison};
use crate::sync::planning::plan::Plan;
use crate::sync::snapshot::Snapshot;

/// Types whose values are spelled by the search path.
/// <https://www.postgresql.org/docs/current/datatype-oid.html>
const NAMES: [&str; 9] = [
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regtype",
];

pub(super) fn judge_lookup(
    verdict: &mut Verdict,
    plan: &Plan,
    config: &Config,
    comparison: &TableComparison,
    source: &Snapshot,
    target: &Snapshot,
) {
    let table = &comparison.table;
    verdict
        .blockers
        .extend(unfilled(config, comparison, source, target));
    // All else that is said of the rows would be wrong.
    if plan.is_exact()
        && let Some(problem) = key_of_other_type(config, table, source, target)
    {
        verdict.blockers.push(problem);
        return;
    }
    verdict.blockers.extend(other_table(table, source, target));
    let names = names_by_search_path(config, table, source, target);
    verdict.blockers.extend(names);
    match &comparison.outcome {
        Outcome::Refused(problem) => verdict.blockers.push(problem.clone()),
        Outcome::Missing { .. } if plan.is_exact() => verdict.blockers.push(
            Problem::new(
                Code::MissingTable,
                format!(
                    "{} has no table `{table}`, and no migration that is promoted makes it",
                    target.label
                ),
            )
            .hint("write the table as a migration and run it on Development"),
        ),
        Outcome::Missing { .. } => {}
        Outcome::Compared {
            difference,
            same_columns,
            references,
            problems,
            edits,
            ..
        } => {
            verdict.blockers.extend(problems.iter().cloned());
            judge_edits(verdict, config, table, edits, source, target);
            verdict.blockers.extend(
                references
                    .iter()
                    .filter_map(|reached| reached.problem(table)),
            );
            let refused = config
                .lookups
                .iter()
                .any(|lookup| lookup.table == *table && lookup.extra_rows == ExtraRows::Refuse);
            if refused && difference.delete > 0 {
                verdict
                    .blockers
                    .push(extra_rows(table, &target.label, difference.delete));
            }
            if !same_columns && plan.is_exact() {
                verdict
                    .blockers
                    .push(column_mismatch(table, source, target));
            }
        }
    }
}

/// A column that is left alone and that the database does not fill in by itself, where rows come.
/// The source's schema tells, which the target has by then.
fn unfilled(
    config: &Config,
    comparison: &TableComparison,
    source: &Snapshot,
    target: &Snapshot,
) -> Option<Problem> {
    let name = &comparison.table;
    let come = match &comparison.outcome {
        Outcome::Compared { difference, .. } => difference.insert,
        Outcome::Missing { rows } => *rows,
        Outcome::Refused(_) => 0,
    };
    let mut lookups = config.lookups.iter();
    let settings = lookups.find(|lookup| lookup.table == *name && come > 0)?;
    let table = source.catalog.find(name)?;
    let is_filled = source
        .catalog
        .is_filled_by_triggers(&table.name, source.backend);
    let column = table.columns.iter().find(|column| {
        settings.ignore.contains(&column.name) && !column.nullable && column.default.is_none()
    })?;
    (!is_filled).then(|| {
        Problem::new(
            Code::ColumnMismatch,
            format!(
                "{} of `{name}` would come to {} without `{}`, which is in ignore, is NOT NULL and has no default",
                counted(come, "row"),
                target.label,
                column.name
            ),
        )
        .hint("give the column a default with a migration, or list it in insert_only instead of ignore")
    })
}

/// A column of the key that sorts otherwise at the other end, so that the rows of one cannot be
/// told apart at the other.
fn key_of_other_type(
    config: &Config,
    name: &TableName,
    source: &Snapshot,
    target: &Snapshot,
) -> Option<Problem> {
    let mut lookups = config.lookups.iter();
    let settings = lookups.find(|lookup| lookup.table == *name)?;
    let (here, there) = (source.catalog.find(name)?, target.catalog.find(name)?);
    let key = match settings.key.as_slice() {
        [] => here.primary_key.as_slice(),
        key => key,
    };
    here.columns
        .iter()
        .filter(|column| key.contains(&column.name))
        .find_map(|column| {
            let mut others = there.columns.iter();
            let other = others.find(|other| other.name == column.name)?;
            (column.reading != other.reading).then(|| {
                Problem::new(
                    Code::ColumnMismatch,
                    format!(
                        "the key column `{}` of `{name}` is {} in {} and {} in {}",
                        column.name, column.type_name, source.label, other.type_name, target.label
                    ),
                )
                .hint("write the difference as a migration and run it on Development")
            })
        })
}

/// A name that each end's search path leads to another table.
fn other_table(name: &TableName, source: &Snapshot, target: &Snapshot) -> Option<Problem> {
    let (here, there) = (source.catalog.find(name)?, target.catalog.find(name)?);
    // SQLite has no schemas, and takes names for one whatever their case.
    if here.name == there.name || source.catalog.search_path.is_empty() {
        return None;
    }
    let backend = source.backend;
    Some(
        Problem::new(
            Code::TableMismatch,
            format!(
                "`{name}` is `{}` in {} and `{}` in {}",
                here.name.qualified(backend),
                source.label,
                there.name.qualified(backend),
                target.label
            ),
        )
        .hint("write the table with its schema in data-sync/sync.toml, or give both roles the same search_path"),
    )
}

/// A column whose values PostgreSQL writes as names of objects, as short as the search path allows,
/// where the two ends have another one.
fn names_by_search_path(
    config: &Config,
    name: &TableName,
    source: &Snapshot,
    target: &Snapshot,
) -> Option<Problem> {
    if source.catalog.search_path == target.catalog.search_path {
        return None;
    }
    let mut lookups = config.lookups.iter();
    let settings = lookups.find(|lookup| lookup.table == *name)?;
    let column = source.catalog.find(name)?.columns.iter().find(|column| {
        let type_name = column.type_name.trim_end_matches("[]");
        NAMES.contains(&type_name) && !settings.ignore.contains(&column.name)
    })?;
    let path = |snapshot: &Snapshot| snapshot.catalog.search_path.join(", ");
    Some(
        Problem::new(
            Code::ColumnMismatch,
            format!(
                "`{}` of `{name}` is {}, which names objects as the search path has them, and that is {} in {} and {} in {}",
                column.name,
                column.type_name,
                path(source),
                source.label,
                path(target),
                target.label
            ),
        )
        .hint("give both databases the same search_path with ALTER DATABASE, or leave the column out with `ignore`"),
    )
}

/// Rows that only the target has, in a table where that is not allowed.
pub fn extra_rows(table: &TableName, label: &str, count: u64) -> Problem {
    Problem::new(
        Code::ExtraRows,
        format!("`{table}` in {label} has {} that the source lacks", counted(count, "row")),
    )
    .hint("bring them to the source, or set extra_rows = \"delete\" or \"keep\" in data-sync/sync.toml")
}

fn column_mismatch(table: &TableName, source: &Snapshot, target: &Snapshot) -> Problem {
    let columns = |snapshot: &Snapshot| -> Vec<Column> {
        let table = snapshot.catalog.find(table);
        table.map_or(Vec::new(), |table| table.columns.clone())
    };
    let mut found: Vec<String> = Vec::new();
    for (one, other) in [(source, target), (target, source)] {
        let (here, there) = (columns(one), columns(other));
        let mut only = Vec::new();
        for column in &here {
            match there.iter().find(|there| there.name == column.name) {
                None => only.push(format!("`{}`", column.name)),
                Some(there) if there.generated && !column.generated => found.push(format!(
                    "{} computes `{}` from others, and {} does not",
                    other.label, column.name, one.label
                )),
                Some(_) => {}
            }
        }
        if !only.is_empty() {
            found.push(format!("only {} has {}", one.label, only.join(", ")));
        }
    }
    Problem::new(
        Code::ColumnMismatch,
        format!("the columns of `{table}` differ: {}", found.join("; ")),
    )
    .hint("write the difference as a migration and run it on Development")
}
