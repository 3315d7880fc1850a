//! What the migrations of the two ends say.

use super::Verdict;
use super::texts::judge_texts;
use crate::model::backend::Backend;
use crate::model::migrations::migration::{Migration, MigrationSet, OutOfOrder};
use crate::model::migrations::script::{every_word, statements};
use crate::model::words::{and_more, counted};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::sync::migrations::transaction_control;
use crate::sync::planning::plan::Plan;
use crate::sync::snapshot::Snapshot;

/// How many names a sentence has at most.
const NAMED: usize = 3;

/// What was run on some environments and is not in this checkout: one problem for all of it, and one
/// for each where they differ.
pub fn unknown_migrations(ends: &[&Snapshot], known: &MigrationSet) -> Vec<Problem> {
    let mut found: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    for end in ends {
        let versions: Vec<&str> = unknown_versions(end, known);
        let labels = || vec![end.label.as_str()];
        match found.iter_mut().find(|(others, _)| *others == versions) {
            _ if versions.is_empty() => {}
            Some((_, of)) => of.extend(labels()),
            None => found.push((versions, labels())),
        }
    }
    let problems = found.into_iter();
    problems
        .map(|(versions, labels)| unknown(&versions, &labels))
        .collect()
}

/// What was run on an environment and is not in this checkout.
pub fn unknown_versions<'snapshot>(
    snapshot: &'snapshot Snapshot,
    known: &MigrationSet,
) -> Vec<&'snapshot str> {
    let applied = snapshot.applied.iter();
    let applied = applied.map(|applied| applied.version.as_str());
    applied
        .filter(|version| known.get(version).is_none())
        .collect()
}

fn unknown(versions: &[&str], labels: &[&str]) -> Problem {
    let have = match labels {
        [_] => "has",
        _ => "have",
    };
    let labels = labels.join(" and ");
    let problem = |message: String| Problem::new(Code::UnknownMigration, message);
    match versions {
        [version] => problem(format!(
            "{labels} {have} run migration {version}, which this checkout does not have"
        ))
        .hint("check out the commit that has it, then run it again"),
        _ => {
            let first = &versions[..versions.len().min(NAMED)];
            problem(format!(
                "{labels} {have} run {} that this checkout does not have: {}{}",
                counted(versions.len() as u64, "migration"),
                first.join(", "),
                and_more(versions.len(), NAMED)
            ))
            .hint("check out the commit that has them, then run it again; if they were put together into one, `cargo xtask migrate --baseline VERSION` says so of each environment")
        }
    }
}

/// Whether a script of SQLite reaches into another file.
fn attaches(script: &str) -> bool {
    let statements = statements(script, Backend::Sqlite);
    let mut first = statements.iter().filter_map(|words| words.first());
    first.any(|word| word.word() == Some("ATTACH"))
}

/// Why a migration may not run: it would end the run's transaction, or write to another file.
pub fn not_transactional(migration: &Migration, backend: Backend) -> Option<Problem> {
    let name = &migration.name;
    let refused = |message: String| Problem::new(Code::NotTransactional, message);
    if let Some(statement) = transaction_control::find(&migration.up, backend) {
        return Some(
            refused(format!(
                "migration {name} begins or ends a transaction itself: {statement}"
            ))
            .hint("take that out of up.sql: a run commits when all of it is proved"),
        );
    }
    if backend == Backend::Sqlite && attaches(&migration.up) {
        return Some(
            refused(format!("migration {name} attaches another database")).hint(
                "take that out of up.sql: only one database is backed up, and only one is written",
            ),
        );
    }
    None
}

/// An index that an earlier attempt left invalid, and that a migration would take for its own.
pub fn invalid_index(migration: &Migration, on: &Snapshot) -> Option<Problem> {
    let words = every_word(&migration.up);
    if !words
        .windows(3)
        .any(|words| words == ["if", "not", "exists"])
    {
        return None;
    }
    let index = on.catalog.objects.iter().find_map(|(object, definition)| {
        let (_, name) = object.name.rsplit_once('.')?;
        let is_invalid = object.kind == "index" && definition.ends_with(" INVALID");
        (is_invalid && words.contains(&name.to_lowercase())).then_some(name)
    })?;
    Some(
        Problem::new(
            Code::MigrationFailed,
            format!(
                "migration {} would leave the index `{index}` of {} as it is: invalid, since an earlier attempt to make it failed",
                migration.name, on.label
            ),
        )
        .hint(format!("drop it first: DROP INDEX {index}")),
    )
}

/// Migrations that run after newer ones; whether they may, the environment says.
pub fn out_of_order(names: &[&str], target: &Snapshot) -> Option<Problem> {
    let is_one = names.len() == 1;
    let hint = match (target.out_of_order, is_one) {
        (OutOfOrder::Warn, true) => {
            "it runs all the same; check that it does not rely on coming first".to_owned()
        }
        (OutOfOrder::Warn, false) => {
            "they run all the same; check that none relies on coming first".to_owned()
        }
        (OutOfOrder::Refuse, _) => format!(
            "give {} a newer version, and where it ran already revert it first; or set out_of_order = \"warn\" for `{}` in data-sync/sync.toml",
            if is_one { "its folder" } else { "each folder" },
            target.environment
        ),
    };
    let message = match names {
        [] => return None,
        [name] => format!(
            "migration {name} is older than the newest one on {}",
            target.label
        ),
        _ => format!(
            "{} are older than the newest one on {}: {}{}",
            counted(names.len() as u64, "migration"),
            target.label,
            names[..names.len().min(NAMED)].join(", "),
            and_more(names.len(), NAMED)
        ),
    };
    Some(Problem::new(Code::OutOfOrder, message).hint(hint))
}

pub(super) fn judge_history(
    verdict: &mut Verdict,
    config: &Config,
    plan: &Plan,
    source: &Snapshot,
    target: &Snapshot,
    known: &MigrationSet,
) {
    let planned = &plan.migrations;
    verdict
        .blockers
        .extend(unknown_migrations(&[source, target], known));
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
                    ahead[..ahead.len().min(NAMED)].join(", ") + &and_more(ahead.len(), NAMED)
                ),
            )
            .hint(format!(
                "bring {} up to date first: every migration starts in Development",
                source.label
            )),
        );
    }
    for migration in planned {
        let text = known.get(&migration.version);
        if let Some(text) = text {
            verdict
                .blockers
                .extend(not_transactional(text, target.backend));
            verdict.blockers.extend(invalid_index(text, target));
        }
    }
    let late = planned.iter().filter(|migration| migration.out_of_order);
    let late: Vec<&str> = late.map(|migration| migration.name.as_str()).collect();
    let late = out_of_order(&late, target);
    match target.out_of_order {
        OutOfOrder::Warn => verdict.warnings.extend(late),
        OutOfOrder::Refuse => verdict.blockers.extend(late),
    }
    judge_texts(verdict, config, planned, source, target, known);
    // What is newer than the end is left for another run, whoever has run it.
    let is_carried = |migration: &Migration| match &plan.until {
        Some(until) => migration.version <= until.version,
        None => true,
    };
    let waiting = known
        .iter()
        .filter(|migration| is_carried(migration) && !source.has_applied(&migration.version))
        .count();
    if waiting > 0 && !source.applied.is_empty() {
        verdict.warnings.push(
            Problem::new(
                Code::SourceBehindTarget,
                format!(
                    "{} has not run {}: {} not promoted",
                    source.label,
                    counted(waiting as u64, "migration"),
                    if waiting == 1 { "it is" } else { "they are" }
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
