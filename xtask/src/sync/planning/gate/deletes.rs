//! What is said of lookup tables that lose many rows.

use super::Verdict;
use crate::model::max_delete::Going;
use crate::model::rows::lookup::settings::{ExtraRows, LookupSettings};
use crate::model::schema::table::TableName;
use crate::model::words::{counted_grouped, shell_word};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::OnTargetEdit;
use crate::sync::comparing::difference::{Outcome, TableComparison};
use crate::sync::planning::plan::Plan;
use crate::sync::snapshot::Snapshot;

/// A limit that somebody set is one everywhere; the default blocks where the target asks twice.
pub(super) fn judge_deletes(
    verdict: &mut Verdict,
    plan: &Plan,
    config: &Config,
    comparison: &TableComparison,
    target: &Snapshot,
) {
    let table = &comparison.table;
    let mut lookups = config.lookups.iter();
    let Some(settings) = lookups.find(|settings| settings.table == *table) else {
        return;
    };
    let Some(going) = going(comparison, settings) else {
        return;
    };
    let mut planned = plan.lookups.iter();
    let is_allowed = planned.any(|lookup| lookup.table == *table && lookup.deletes_allowed);
    // Every such row is a blocker of its own.
    if is_allowed || settings.extra_rows == ExtraRows::Refuse {
        return;
    }
    let limit = settings.max_delete.or(target.max_delete);
    let Some(why) = going.server_wide(limit) else {
        return;
    };
    let what = match settings.retire {
        Some(_) => "switched off",
        None => "deleted",
    };
    let problem = Problem::new(
        Code::TooManyDeletes,
        format!(
            "{} of {} of `{table}` in {} would be {what}, {why}",
            going.rows,
            counted_grouped(going.of, "row"),
            target.label
        ),
    );
    let option = format!("--allow-deletes {}", shell_word(&table.to_string()));
    let allow = || format!("if that is meant, add {option}");
    match (limit, target.strict) {
        (None, false) => verdict
            .warnings
            .push(problem.hint("see that this is meant; the backup is the way back")),
        _ => verdict.blockers.push(problem.hint(allow())),
    }
}

/// The rows of a table that are in use on the target, and those of them that are to go: by the load,
/// or by the migrations before it.
fn going(comparison: &TableComparison, settings: &LookupSettings) -> Option<Going> {
    let Outcome::Compared {
        difference, edits, ..
    } = &comparison.outcome
    else {
        return None;
    };
    let there = difference.target.rows;
    let taken = difference.delete + difference.retire;
    let meant = difference.update + difference.unchanged;
    let rest = there.saturating_sub(taken + meant);
    let kept = match (&settings.retire, edits.on_target_edit) {
        (None, _) => rest,
        // The others are switched off already.
        (Some(_), OnTargetEdit::Keep) => rest.min((edits.keys.len() - edits.deleted) as u64),
        (Some(_), _) => 0,
    };
    let before = comparison.held.as_ref().map_or(there, |held| held.rows);
    let by_migrations = before.saturating_sub(there);
    Some(Going {
        rows: taken + by_migrations,
        of: taken + by_migrations + meant + kept,
        some_stay: difference.insert + meant + kept > 0,
    })
}

/// Every table that may lose its rows is a lookup table.
///
/// # Errors
/// `usage`, with the names that there are.
pub fn check_deletes_allowed(config: &Config) -> Result<(), Problem> {
    let is_known = |table: &&TableName| {
        let mut lookups = config.lookups.iter();
        !lookups.any(|settings| settings.table == **table)
    };
    let Some(unknown) = config.allow_deletes.iter().find(is_known) else {
        return Ok(());
    };
    let known: Vec<String> = config
        .lookups
        .iter()
        .map(|settings| settings.table.to_string())
        .collect();
    Err(Problem::new(
        Code::Usage,
        format!("--allow-deletes: there is no lookup table `{unknown}`"),
    )
    .hint(format!("the lookup tables are {}", known.join(", "))))
}
