//! What the rows of a lookup table say.

use super::Verdict;
use super::edits::judge_edits;
use crate::problem::{Code, Problem};
use crate::sync::config::{Config, ExtraRows};
use crate::sync::difference::{Outcome, TableComparison};
use crate::sync::plan::Plan;
use crate::sync::snapshot::Snapshot;
use crate::sync::table::TableName;
use crate::sync::words::counted;

pub(super) fn judge_lookup(
    verdict: &mut Verdict,
    plan: &Plan,
    config: &Config,
    comparison: &TableComparison,
    source: &Snapshot,
    target: &Snapshot,
) {
    let table = &comparison.table;
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

/// Rows that only the target has, in a table where that is not allowed.
pub fn extra_rows(table: &TableName, label: &str, count: u64) -> Problem {
    Problem::new(
        Code::ExtraRows,
        format!("`{table}` in {label} has {} that the source lacks", counted(count, "row")),
    )
    .hint("bring them to the source, or set extra_rows = \"delete\" or \"keep\" in data-sync/sync.toml")
}

fn column_mismatch(table: &TableName, source: &Snapshot, target: &Snapshot) -> Problem {
    let names = |snapshot: &Snapshot| -> Vec<String> {
        let columns = snapshot
            .catalog
            .find(table)
            .map(|table| table.columns.as_slice())
            .unwrap_or_default();
        columns.iter().map(|column| column.name.clone()).collect()
    };
    let (here, there) = (names(source), names(target));
    let only = |one: &[String], other: &[String], label: &str| {
        let only: Vec<_> = one
            .iter()
            .filter(|name| !other.contains(name))
            .map(|name| format!("`{name}`"))
            .collect();
        (!only.is_empty()).then(|| format!("only {label} has {}", only.join(", ")))
    };
    let found: Vec<String> = [
        only(&here, &there, &source.label),
        only(&there, &here, &target.label),
    ]
    .into_iter()
    .flatten()
    .collect();
    Problem::new(
        Code::ColumnMismatch,
        format!("the columns of `{table}` differ: {}", found.join("; ")),
    )
    .hint("write the difference as a migration and run it on Development")
}
