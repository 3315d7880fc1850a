//! Migrations whose text is not what ran, or of which nobody knows what ran.

use super::Verdict;
use crate::model::migrations::migration::{AppliedMigration, Migration, MigrationSet};
use crate::model::words::{and_more, counted};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::sync::planning::plan::PlannedMigration;
use crate::sync::planning::text_difference::text_difference;
use crate::sync::snapshot::Snapshot;

/// How many names a sentence has at most.
const NAMED: usize = 3;

pub(super) fn judge_texts(
    verdict: &mut Verdict,
    config: &Config,
    planned: &[PlannedMigration],
    source: &Snapshot,
    target: &Snapshot,
    known: &MigrationSet,
) {
    let mut unrecorded = Vec::new();
    for file in planned
        .iter()
        .filter_map(|planned| known.get(&planned.version))
    {
        let Some(ran) = source.run_of(&file.version) else {
            continue;
        };
        match &ran.checksum {
            None => unrecorded.push(file.name.as_str()),
            Some(checksum) if *checksum != file.checksum() => {
                verdict.blockers.push(edited(file, ran, &source.label));
            }
            Some(_) => {}
        }
    }
    if !unrecorded.is_empty() {
        let problem = not_recorded(&unrecorded, config, source, target);
        match target.refuses_unrecorded {
            true => verdict.blockers.push(problem),
            false => verdict.warnings.push(problem),
        }
    }
    for file in known.iter() {
        let ends = (source.run_of(&file.version), target.run_of(&file.version));
        if let (Some(on_source), Some(on_target)) = ends {
            judge_both(verdict, file, (source, on_source), (target, on_target));
        }
    }
}

/// A migration that both ends have run.
fn judge_both(
    verdict: &mut Verdict,
    file: &Migration,
    source: (&Snapshot, &AppliedMigration),
    target: (&Snapshot, &AppliedMigration),
) {
    let checksum = file.checksum();
    let differs =
        |ran: &AppliedMigration| ran.checksum.as_ref().is_some_and(|ran| *ran != checksum);
    if let (Some(one), Some(other)) = (&source.1.checksum, &target.1.checksum)
        && one != other
    {
        let to_record = if differs(target.1) {
            target.0
        } else {
            source.0
        };
        let problem = Problem::new(
            Code::EditedMigration,
            format!(
                "{} and {} have run different texts of migration {}",
                source.0.label, target.0.label, file.name
            ),
        )
        .hint(format!(
            "bring the two to the same by a new migration; then `cargo xtask migrate --record --env {} {}` records the file as it is now",
            to_record.environment, file.name
        ));
        let details = match (&source.1.up, &target.1.up) {
            (Some(on_source), Some(on_target)) => text_difference(on_target, on_source),
            _ => Vec::new(),
        };
        verdict.strict(target.0, problem.details(details));
        return;
    }
    let edited_on: Vec<_> = [target, source]
        .into_iter()
        .filter(|(_, ran)| differs(ran))
        .collect();
    let labels: Vec<&str> = edited_on
        .iter()
        .rev()
        .map(|(end, _)| end.label.as_str())
        .collect();
    if let Some((_, ran)) = edited_on
        .iter()
        .find(|(_, ran)| ran.up.is_some())
        .or(edited_on.first())
    {
        verdict
            .warnings
            .push(edited(file, ran, &labels.join(" and ")));
    }
}

/// The migrations whose files changed since they ran there.
pub fn edited_since(snapshot: &Snapshot, known: &MigrationSet) -> Vec<Problem> {
    known
        .iter()
        .filter_map(|file| {
            let ran = snapshot.run_of(&file.version)?;
            let checksum = ran.checksum.as_ref()?;
            (*checksum != file.checksum()).then(|| edited(file, ran, &snapshot.label))
        })
        .collect()
}

/// What ran is what counts; the difference shows what the file has otherwise.
fn edited(file: &Migration, ran: &AppliedMigration, on: &str) -> Problem {
    let details = ran
        .up
        .as_ref()
        .map_or(Vec::new(), |ran| text_difference(ran, &file.text()));
    let checksum = ran.checksum.as_deref().unwrap_or_default();
    let edited = match file.is_text_of(checksum) {
        true => "metadata.toml",
        false => "up.sql",
    };
    Problem::new(
        Code::EditedMigration,
        format!(
            "{edited} of migration {} changed since it ran on {on}",
            file.name
        ),
    )
    .details(details)
    .hint("put the file back as it was, and write the change as a new migration")
}

fn not_recorded(names: &[&str], config: &Config, source: &Snapshot, target: &Snapshot) -> Problem {
    let first: Vec<&str> = names.iter().take(NAMED).copied().collect();
    let named = first.join(", ") + &and_more(names.len(), NAMED);
    let is_first = config
        .pipeline
        .first()
        .is_some_and(|first| first.name == source.environment);
    let env = match is_first {
        true => String::new(),
        false => format!(" --env {}", source.environment),
    };
    Problem::new(
        Code::UnrecordedMigration,
        format!(
            "it is not recorded what {} ran of {}, so that the files cannot be compared with it: {named}",
            source.label,
            counted(names.len() as u64, "migration")
        ),
    )
    .hint(format!(
        "if the files are what ran there, `cargo xtask migrate --record{env}` records them{}",
        match target.refuses_unrecorded {
            true => format!(
                "; unrecorded = \"warn\" for `{}` in data-sync/sync.toml lets them pass",
                target.environment
            ),
            false => String::new(),
        }
    ))
}
