//! Every reason why a plan may not run, and every thing that is worth a warning.

mod data_loss;
mod deletes;
mod edits;
mod history;
mod rows;
mod texts;

use std::collections::BTreeSet;

use crate::model::migrations::migration::MigrationSet;
use crate::model::schema::catalog::TableKind;
use crate::model::schema::table::TableName;
use crate::model::words::{and_more, counted};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::sync::comparing::difference::TableComparison;
use crate::sync::ends;
use crate::sync::planning::plan::Plan;
use crate::sync::planning::rehearse::Rehearsal;
use crate::sync::snapshot::Snapshot;
use data_loss::judge_data_loss;
pub(in crate::sync) use data_loss::{allow_option, check_allowed};
pub use deletes::check_deletes_allowed;
use deletes::judge_deletes;
use history::judge_history;
pub use history::{
    invalid_index, not_transactional, out_of_order, unknown_migrations, unknown_versions,
};
pub use rows::extra_rows;
use rows::judge_lookup;
pub use texts::edited_since;

/// How many objects that drifted are named.
const NAMED: usize = 3;

/// Fills in the blockers and warnings of a plan.
pub(in crate::sync) fn judge(
    plan: &mut Plan,
    config: &Config,
    source: &Snapshot,
    target: &Snapshot,
    known: &MigrationSet,
    comparisons: &[TableComparison],
    rehearsal: &Rehearsal<Snapshot>,
) {
    let mut verdict = Verdict::default();
    verdict.blockers.extend(ends::wrong_ends(source, target));
    verdict
        .warnings
        .extend([source, target].into_iter().filter_map(ends::moved));
    if !plan.empty
        && let Some(problem) = ends::untested(config, source)
    {
        verdict.strict(target, problem);
    }
    if source.is_folder {
        verdict
            .blockers
            .extend(unknown_migrations(&[target], known));
    } else {
        judge_history(&mut verdict, config, plan, source, target, known);
    }
    judge_data_loss(&mut verdict, &plan.migrations, target);
    if !plan.is_free_of_drift() {
        let problem = drift(plan, source, target);
        if target.refuses_drift {
            verdict.blockers.push(problem);
        } else {
            verdict.warnings.push(problem);
        }
    }
    match rehearsal {
        Err(problem) if problem.code != Code::NotRehearsed || target.requires_rehearsal => {
            verdict.blockers.push(problem.clone());
        }
        Err(problem) => verdict.warnings.push(problem.clone()),
        Ok(_) => {}
    }
    let rehearsed = rehearsal.as_ref().ok().and_then(Option::as_ref);
    let after = rehearsed.map_or(target, |rehearsed| &rehearsed.target);
    for comparison in comparisons {
        judge_lookup(&mut verdict, plan, config, comparison, source, after);
        judge_deletes(&mut verdict, plan, config, comparison, target);
    }
    verdict.warnings.extend(stale_views(plan, after));
    judge_classification(&mut verdict, config, source, target);
    plan.blockers = verdict
        .blockers
        .into_iter()
        .map(Problem::blocking)
        .collect();
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

fn versions(of: &Snapshot) -> BTreeSet<&str> {
    let applied = of.applied.iter();
    applied.map(|applied| applied.version.as_str()).collect()
}

fn drift(plan: &Plan, source: &Snapshot, target: &Snapshot) -> Problem {
    let objects: Vec<String> = plan
        .drift
        .iter()
        .filter(|drift| !drift.ignored)
        .map(|drift| drift.object.to_string())
        .collect();
    let first = &objects[..objects.len().min(NAMED)];
    let more = and_more(objects.len(), NAMED);
    Problem::new(
        Code::Drift,
        format!(
            "the schemas of {} and {} {}: {}{more}",
            plan.source_label(&source.label),
            target.label,
            match (plan.migrations.is_empty(), versions(source) == versions(target)) {
                (true, true) => "differ though they have run the same migrations",
                (true, false) => "differ, and no migration is planned that explains it",
                (false, _) => "would still differ after these migrations",
            },
            first.join(", ")
        ),
    )
    .hint("`cargo xtask sync status` lists every difference; write a migration that removes it, or list what is meant to differ in `ignore` of [drift]")
}

/// Refreshing could take hours under the locks of the run, so it is left to whoever knows the view.
fn stale_views(plan: &Plan, after: &Snapshot) -> Option<Problem> {
    let changed: BTreeSet<&TableName> = plan
        .lookups
        .iter()
        .filter(|lookup| lookup.insert + lookup.update + lookup.delete + lookup.retire > 0)
        .filter_map(|lookup| Some(&after.catalog.find(&lookup.table)?.name))
        .collect();
    let views = after.catalog.materialized_views.iter();
    let stale: Vec<(&TableName, Vec<String>)> = views
        .map(|(view, tables)| {
            let tables = tables.iter().filter(|table| changed.contains(table));
            (view, tables.map(|table| format!("`{table}`")).collect())
        })
        .filter(|(_, tables): &(_, Vec<String>)| !tables.is_empty())
        .collect();
    let each: Vec<String> = stale
        .iter()
        .map(|(view, tables)| format!("`{view}` (rows of {})", tables.join(", ")))
        .collect();
    let refresh: Vec<String> = stale
        .iter()
        .map(|(view, _)| format!("REFRESH MATERIALIZED VIEW {};", view.quoted()))
        .collect();
    (!stale.is_empty()).then(|| {
        Problem::new(
            Code::StaleView,
            format!(
                "{} {} the old rows until refreshed: {}",
                counted(stale.len() as u64, "materialized view"),
                if stale.len() == 1 { "shows" } else { "show" },
                each.join(", ")
            ),
        )
        .hint(format!("after the promotion run {}", refresh.join(" ")))
    })
}

fn judge_classification(
    verdict: &mut Verdict,
    config: &Config,
    source: &Snapshot,
    target: &Snapshot,
) {
    for end in [source, target] {
        let protected: Vec<_> = config
            .protected
            .iter()
            .filter_map(|name| end.catalog.find(name))
            .collect();
        for lookup in &config.lookups {
            let found = end.catalog.find(&lookup.table);
            if found.is_some_and(|table| protected.iter().any(|other| other.name == table.name)) {
                verdict.blockers.push(
                    Problem::new(
                        Code::ConfigInvalid,
                        format!(
                            "`{}` is listed as a lookup and, by another name, as protected",
                            lookup.table
                        ),
                    )
                    .hint("keep one of the two in data-sync/sync.toml"),
                );
            }
        }
    }
    let unclassified: Vec<String> = unclassified(config, source)
        .iter()
        .map(|table| format!("`{table}`"))
        .collect();
    if !unclassified.is_empty() && !source.is_folder {
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
