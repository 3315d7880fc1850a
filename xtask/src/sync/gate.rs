//! Every reason why a plan may not run, and every thing that is worth a warning.

use super::catalog::TableKind;
use super::config::{Config, ExtraRows};
use super::difference::{Outcome, TableComparison};
use super::lookup::{Lookup, in_dependency_order};
use super::migration::MigrationSet;
use super::plan::{Plan, PlannedMigration};
use super::snapshot::Snapshot;
use super::table::TableName;
use crate::problem::{Code, Problem};

/// Fills in the blockers and warnings of a plan.
pub(super) fn judge(
    plan: &mut Plan,
    config: &Config,
    source: &Snapshot,
    target: &Snapshot,
    known: &MigrationSet,
    comparisons: &[TableComparison],
) {
    let mut verdict = Verdict::default();
    verdict.blockers.extend(wrong_ends(source, target));
    judge_history(
        &mut verdict,
        config,
        &plan.migrations,
        source,
        target,
        known,
    );
    if !plan.drift.is_empty() {
        verdict.strict(target, drift(plan, source, target));
    }
    for comparison in comparisons {
        judge_lookup(&mut verdict, plan, config, comparison, source, target);
    }
    judge_order(&mut verdict, config, source);
    judge_classification(&mut verdict, config, source, target);
    plan.blockers = verdict.blockers;
    plan.warnings = verdict.warnings;
}

#[derive(Default)]
struct Verdict {
    blockers: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Verdict {
    /// A blocker where the target asks more than once, elsewhere a warning.
    fn strict(&mut self, target: &Snapshot, problem: Problem) {
        if target.strict {
            self.blockers.push(problem);
        } else {
            self.warnings.push(problem);
        }
    }
}

/// Why these two databases cannot be the ends of a promotion at all. Where there is a reason,
/// their rows need not be compared.
pub fn wrong_ends(source: &Snapshot, target: &Snapshot) -> Vec<Problem> {
    let mut problems = Vec::new();
    if source.backend != target.backend {
        problems.push(
            Problem::new(
                Code::BackendMismatch,
                format!(
                    "{} is {} and {} is {}",
                    source.label, source.backend, target.label, target.backend
                ),
            )
            .hint("both ends of a promotion use the same kind of database"),
        );
    } else if source.identity.instance == target.identity.instance {
        problems.push(
            Problem::new(
                Code::SameDatabase,
                format!(
                    "{} and {} are one and the same database",
                    source.label, target.label
                ),
            )
            .hint("correct one of the two connection strings"),
        );
    }
    problems.extend([source, target].into_iter().filter_map(wrong_stamp));
    problems
}

/// The database says that it is another environment.
pub fn wrong_stamp(snapshot: &Snapshot) -> Option<Problem> {
    let stamp = snapshot.ledger.stamp.as_ref()?;
    (stamp.environment != snapshot.environment).then(|| {
        Problem::new(
            Code::WrongStamp,
            format!(
                "the database behind {} says of itself that it is `{}`, since {}",
                snapshot.label, stamp.environment, stamp.since
            ),
        )
        .hint("correct the connection string; a copy of another environment's database cannot stand in for this one")
    })
}

/// What was run on an environment and is not in this checkout.
pub fn unknown_migrations(snapshot: &Snapshot, known: &MigrationSet) -> Vec<Problem> {
    snapshot
        .applied
        .iter()
        .filter(|applied| known.get(&applied.version).is_none())
        .map(|applied| {
            Problem::new(
                Code::UnknownMigration,
                format!(
                    "{} has run migration {}, which this checkout does not have",
                    snapshot.label, applied.version
                ),
            )
            .hint("check out the commit that has it, then run it again")
        })
        .collect()
}

/// A migration that cannot be part of a transaction.
pub fn not_transactional(name: &str) -> Problem {
    Problem::new(
        Code::NotTransactional,
        format!("migration {name} cannot run inside a transaction"),
    )
    .hint("run it with `diesel migration run` where it is missing, then promote the rest")
}

fn judge_history(
    verdict: &mut Verdict,
    config: &Config,
    planned: &[PlannedMigration],
    source: &Snapshot,
    target: &Snapshot,
    known: &MigrationSet,
) {
    verdict.blockers.extend(
        [source, target]
            .into_iter()
            .flat_map(|end| unknown_migrations(end, known)),
    );
    let ahead: Vec<&str> = target
        .applied
        .iter()
        .filter(|applied| {
            known.get(&applied.version).is_some() && !source.has_applied(&applied.version)
        })
        .map(|applied| applied.version.as_str())
        .collect();
    if !ahead.is_empty() {
        verdict.blockers.push(
            Problem::new(
                Code::SourceBehindTarget,
                format!(
                    "{} has run migrations that {} has not: {}",
                    target.label,
                    source.label,
                    ahead.join(", ")
                ),
            )
            .hint(format!(
                "bring {} up to date first: every migration starts in Development",
                source.label
            )),
        );
    }
    for migration in planned {
        if !migration.transactional {
            verdict.blockers.push(not_transactional(&migration.name));
        }
        let ran = source
            .applied
            .iter()
            .find(|applied| applied.version == migration.version)
            .and_then(|applied| applied.checksum.as_ref());
        if ran.is_some_and(|ran| *ran != migration.checksum) {
            verdict.blockers.push(
                Problem::new(
                    Code::EditedMigration,
                    format!(
                        "up.sql of migration {} changed since it ran on {}",
                        migration.name, source.label
                    ),
                )
                .hint("put the file back as it was, and write the change as a new migration"),
            );
        }
        if migration.out_of_order {
            verdict.warnings.push(
                Problem::new(
                    Code::SourceBehindTarget,
                    format!(
                        "migration {} is older than the newest one on {}",
                        migration.name, target.label
                    ),
                )
                .hint("it runs all the same; check that it does not rely on coming first"),
            );
        }
    }
    let waiting = known
        .iter()
        .filter(|migration| !source.has_applied(&migration.version))
        .count();
    if waiting > 0 && !source.applied.is_empty() {
        verdict.warnings.push(
            Problem::new(
                Code::SourceBehindTarget,
                format!(
                    "{} has not run {}: they are not promoted",
                    source.label,
                    counted(waiting as u64, "migration")
                ),
            )
            .hint(
                match config
                    .promotions()
                    .find(|before| before.to.name == source.environment)
                {
                    Some(before) => {
                        format!("`cargo xtask sync {}` brings them there", before.name())
                    }
                    None => format!("`cargo xtask migrate` runs them on {}", source.label),
                },
            ),
        );
    }
}

fn drift(plan: &Plan, source: &Snapshot, target: &Snapshot) -> Problem {
    let first: Vec<String> = plan
        .drift
        .iter()
        .take(3)
        .map(|drift| drift.object.to_string())
        .collect();
    let more = plan.drift.len().saturating_sub(first.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Problem::new(
        Code::Drift,
        format!(
            "the schemas of {} and {} differ though they have run the same migrations: {}{more}",
            source.label,
            target.label,
            first.join(", ")
        ),
    )
    .hint("`cargo xtask sync status` shows every difference in full; write a migration that removes it")
}

fn judge_lookup(
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
        Outcome::Missing { .. } if plan.migrations.is_empty() => verdict.blockers.push(
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
            ..
        } => {
            for (child, count) in references {
                if !is_lookup(config, child, target) {
                    verdict.blockers.push(referenced_rows(table, child, *count));
                }
            }
            let refused = config
                .lookups
                .iter()
                .any(|lookup| lookup.table == *table && lookup.extra_rows == ExtraRows::Refuse);
            if refused && difference.delete > 0 {
                verdict
                    .blockers
                    .push(extra_rows(table, &target.label, difference.delete));
            }
            if !same_columns && plan.migrations.is_empty() {
                verdict
                    .blockers
                    .push(column_mismatch(table, source, target));
            }
        }
    }
}

/// A lookup's own children are deleted or moved together with it; the database checks them.
fn is_lookup(config: &Config, child: &TableName, target: &Snapshot) -> bool {
    config
        .lookups
        .iter()
        .filter_map(|lookup| target.catalog.find(&lookup.table))
        .any(|table| table.name == *child)
}

/// Rows that would lose what they refer to.
pub fn referenced_rows(table: &TableName, child: &TableName, count: u64) -> Problem {
    Problem::new(
        Code::ReferencedRows,
        format!(
            "rows of `{table}` that the source no longer has are still referred to by {} of `{child}`",
            counted(count, "row")
        ),
    )
    .hint(format!(
        "point these rows at another row first, or set extra_rows = \"keep\" for `{table}` in data-sync/sync.toml"
    ))
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

fn judge_order(verdict: &mut Verdict, config: &Config, source: &Snapshot) {
    let lookups: Vec<Lookup> = config
        .lookups
        .iter()
        .filter_map(|settings| Lookup::resolve(settings, &source.catalog, &source.label).ok())
        .collect();
    if let Err(problem) = in_dependency_order(&lookups, &source.catalog) {
        verdict.blockers.push(problem);
    }
}

fn judge_classification(
    verdict: &mut Verdict,
    config: &Config,
    source: &Snapshot,
    target: &Snapshot,
) {
    let unclassified: Vec<String> = unclassified(config, source)
        .iter()
        .map(|table| format!("`{table}`"))
        .collect();
    if !unclassified.is_empty() {
        verdict.strict(
            target,
            Problem::new(
                Code::UnclassifiedTable,
                format!(
                    "data-sync/sync.toml says of {} in {} neither that it is a lookup nor that it is protected: {}",
                    counted(unclassified.len() as u64, "table"),
                    source.label,
                    unclassified.join(", ")
                ),
            )
            .hint("list each as a [[lookup]] or in `protected`"),
        );
    }
}

/// The tables of an environment that are neither lookup nor protected.
pub fn unclassified(config: &Config, snapshot: &Snapshot) -> Vec<TableName> {
    let listed: Vec<&TableName> = config
        .protected
        .iter()
        .chain(config.lookups.iter().map(|lookup| &lookup.table))
        .filter_map(|name| snapshot.catalog.find(name))
        .map(|table| &table.name)
        .collect();
    snapshot
        .catalog
        .tables
        .values()
        .filter(|table| table.kind != TableKind::NotATable && !listed.contains(&&table.name))
        .map(|table| table.name.clone())
        .collect()
}

/// `1 row`, `2 rows`.
pub fn counted(count: u64, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}
