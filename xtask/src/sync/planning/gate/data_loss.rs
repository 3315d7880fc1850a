//! What is said of migrations that lose or change rows of protected tables.

use super::Verdict;
use crate::model::migrations::effects::RowEffect;
use crate::model::migrations::migration::version_of;
use crate::model::words::shell_word;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::sync::planning::plan::{Plan, PlannedMigration};
use crate::sync::snapshot::Snapshot;

pub(super) fn judge_data_loss(
    verdict: &mut Verdict,
    planned: &[PlannedMigration],
    target: &Snapshot,
) {
    for migration in planned {
        let effects = migration.effects.iter();
        let losses: Vec<String> = effects
            .filter(|effect| effect.needs_leave())
            .map(RowEffect::words)
            .collect();
        if losses.is_empty() || migration.destructive_allowed {
            continue;
        }
        let message = format!(
            "migration {} loses or changes protected rows of {}: {}",
            migration.name,
            target.label,
            losses.join("; ")
        );
        let hint = match target.strict {
            true => format!("if that is meant, add {}", allow_option(&migration.name)),
            false => "see that this is meant; the backup is the way back".to_owned(),
        };
        verdict.strict(target, Problem::new(Code::Destructive, message).hint(hint));
    }
}

/// The option that lets a migration do it.
pub(in crate::sync) fn allow_option(migration: &str) -> String {
    format!("--allow-data-loss {}", shell_word(migration))
}

/// Every migration that was allowed by name is one that is planned, or one that ran already.
///
/// # Errors
/// `usage`, with the names that there are.
pub(in crate::sync) fn check_allowed(
    config: &Config,
    plan: &Plan,
    target: &Snapshot,
) -> Result<(), Problem> {
    let is_known = |named: &String| {
        let mut planned = plan.migrations.iter();
        let mut applied = target.applied.iter();
        planned.any(|planned| planned.is_called(named))
            || applied.any(|applied| version_of(named) == applied.version)
    };
    let mut allowed = config.allow_data_loss.iter();
    let Some(unknown) = allowed.find(|named| !is_known(named)) else {
        return Ok(());
    };
    let planned: Vec<&str> = plan
        .migrations
        .iter()
        .map(|planned| planned.name.as_str())
        .collect();
    let hint = match planned.is_empty() {
        true => "leave the option out: no migration is planned".to_owned(),
        false => format!("the plan has {}", planned.join(", ")),
    };
    Err(Problem::new(
        Code::Usage,
        format!("--allow-data-loss: the plan has no migration `{unknown}`"),
    )
    .hint(hint))
}
