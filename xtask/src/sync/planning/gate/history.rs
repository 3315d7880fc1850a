//! What the migrations of the two ends say.

use super::Verdict;
use super::texts::judge_texts;
use crate::problem::{Code, Problem};
use crate::sync::migrations::apart;
use crate::sync::migrations::migration::{Migration, MigrationSet, OutOfOrder};
use crate::sync::migrations::script::{every_word, statements};
use crate::sync::migrations::transaction_control;
use crate::sync::planning::plan::PlannedMigration;
use crate::sync::settings::config::Config;
use crate::sync::settings::environment::Backend;
use crate::sync::snapshot::Snapshot;
use crate::sync::words::counted;

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

/// Whether a script of SQLite reaches into another file.
fn attaches(script: &str) -> bool {
    let statements = statements(script, Backend::Sqlite);
    let mut first = statements.iter().filter_map(|words| words.first());
    first.any(|word| word.word() == Some("ATTACH"))
}

/// Why a migration can run neither in a transaction of this program nor outside any.
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
    let statement = apart::find(backend, &migration.up)?;
    if migration.transactional {
        return Some(
            refused(format!(
                "migration {name} has a statement that cannot run inside a transaction: {statement}"
            ))
            .hint(
                "put `run_in_transaction = false` into a metadata.toml beside its up.sql, and it runs as a part of its own",
            ),
        );
    }
    // The server makes a transaction of several statements that come in one message.
    (backend == Backend::Postgres && apart::count(&migration.up) > 1).then(|| {
        refused(format!(
            "migration {name} has several statements, among them one that cannot run inside a transaction: {statement}"
        ))
        .hint("give that statement a migration of its own")
    })
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

/// A migration that runs after newer ones; whether it may, the environment says.
pub fn out_of_order(name: &str, target: &Snapshot) -> Problem {
    let hint = match target.out_of_order {
        OutOfOrder::Warn => {
            "it runs all the same; check that it does not rely on coming first".to_owned()
        }
        OutOfOrder::Refuse => format!(
            "give its folder a newer version, and where it ran already revert it first; or set out_of_order = \"warn\" for `{}` in data-sync/sync.toml",
            target.environment
        ),
    };
    Problem::new(
        Code::OutOfOrder,
        format!(
            "migration {name} is older than the newest one on {}",
            target.label
        ),
    )
    .hint(hint)
}

pub(super) fn judge_history(
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
        let text = known.get(&migration.version);
        if let Some(text) = text {
            verdict
                .blockers
                .extend(not_transactional(text, target.backend));
            verdict.blockers.extend(invalid_index(text, target));
        }
        if migration.out_of_order {
            let problem = out_of_order(&migration.name, target);
            match target.out_of_order {
                OutOfOrder::Warn => verdict.warnings.push(problem),
                OutOfOrder::Refuse => verdict.blockers.push(problem),
            }
        }
    }
    judge_texts(verdict, config, planned, source, target, known);
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
