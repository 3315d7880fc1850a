//! What is said of migrations that destroy rows.

use super::Verdict;
use crate::problem::{Code, Problem};
use crate::sync::planning::plan::PlannedMigration;
use crate::sync::snapshot::Snapshot;
use crate::sync::words::shell_word;

pub(super) fn judge_destructive(
    verdict: &mut Verdict,
    planned: &[PlannedMigration],
    target: &Snapshot,
) {
    for migration in planned {
        let hurting: Vec<String> = migration
            .destructive
            .iter()
            .filter(|destructive| destructive.hurts())
            .map(|destructive| destructive.words())
            .collect();
        if hurting.is_empty() || migration.destructive_allowed {
            continue;
        }
        let option = format!("--allow-destructive {}", shell_word(&migration.name));
        let problem = Problem::new(
            Code::Destructive,
            format!(
                "migration {} may destroy rows of {}: {}",
                migration.name,
                target.label,
                hurting.join("; ")
            ),
        );
        verdict.strict(
            target,
            if target.strict {
                problem.hint(format!("if that is meant, add {option}"))
            } else {
                problem.hint("see that this is meant; the backup is the way back")
            },
        );
    }
}
