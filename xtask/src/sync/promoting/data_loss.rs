//! Whether a migration did to protected rows what was approved, by what was measured in the run.

use crate::model::migrations::effects::RowEffect;
use crate::model::migrations::migration::Migration;
use crate::problem::{Code, Problem};
use crate::settings::rehearsal::Extent;
use crate::sync::planning::gate::allow_option;
use crate::sync::planning::plan::Plan;
use crate::sync::snapshot::Snapshot;

/// What is wrong with what a migration has just done, where that is only worth a warning.
///
/// # Errors
/// `protected_rows_changed` where it did something else than on a copy with all rows; and where no
/// such copy told beforehand, if the target asks more than once and nobody allowed it.
pub(in crate::sync) fn judge(
    plan: &Plan,
    target: &Snapshot,
    migration: &Migration,
    effects: &[RowEffect],
) -> anyhow::Result<Option<Problem>> {
    let mut planned = plan.migrations.iter();
    let Some(planned) = planned.find(|planned| planned.version == migration.version) else {
        return Ok(None);
    };
    let is_approved = |effect: &&RowEffect| {
        let bound = effect.bound();
        planned.effects.iter().any(|known| known.bound() == bound)
    };
    let others: Vec<&RowEffect> = effects
        .iter()
        .filter(|effect| effect.needs_leave() && !is_approved(effect))
        .collect();
    let was_tried = plan.rehearsal == Some(Extent::Full);
    let is_allowed = planned.destructive_allowed && !was_tried;
    if others.is_empty() || is_allowed {
        return Ok(None);
    }
    let words: Vec<String> = others.iter().map(|effect| effect.words()).collect();
    let what = match was_tried {
        true => "which it did not do on the copy",
        false => "which was not known before",
    };
    let problem = Problem::new(
        Code::ProtectedRowsChanged,
        format!(
            "migration {} lost or changed protected rows of {}, {what}: {}",
            migration.name,
            target.label,
            words.join("; ")
        ),
    );
    match (was_tried, target.strict) {
        (true, _) => {
            let hint = "nothing of it was committed; rows may have come meanwhile: look at the new plan, and run it again";
            Err(problem.hint(hint).into())
        }
        (false, true) => {
            let hint = format!(
                "nothing of it was committed; if that is meant, add {}",
                allow_option(&migration.name)
            );
            Err(problem.hint(hint).into())
        }
        (false, false) => Ok(Some(
            problem.hint("see that this is meant; the backup is the way back"),
        )),
    }
}
