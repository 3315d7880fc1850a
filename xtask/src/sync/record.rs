//! Adopting what other programs ran: the ledger is told that the files are what ran.

use crate::database;
use crate::model::ledger::{LedgerEntry, RecordedMigration, Run, RunKind};
use crate::model::migrations::migration::{Migration, MigrationSet};
use crate::model::words::{counted, nearest};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::event::Events;
use crate::sync::history::moment::Moment;
use crate::sync::migrate::{MigrateReport, Recorded};
use crate::sync::one_environment;
use crate::sync::promoting::commit::Commit;
use crate::sync::snapshot::{Snapshot, observe};

impl Recorded {
    pub(super) fn of(file: &Migration) -> Self {
        Recorded {
            version: file.version.clone(),
            name: file.name.clone(),
        }
    }
}

/// Records the files of all migrations that the environment has applied and of which it is not
/// known what ran; and of those that are named in `again`, even if it is known.
///
/// # Errors
/// `wrong_stamp` or `same_database`, or `usage` for a name that is no applied migration; then nothing was recorded.
pub fn record(
    config: &Config,
    environment: &Environment,
    again: &[String],
    events: &mut Events<'_>,
) -> anyhow::Result<MigrateReport> {
    let started_at = Moment::now().readable();
    let mut target = database::open_target(environment.url()?, environment.limits)
        .map_err(|error| environment.blame(error))?;
    let snapshot = observe(environment)?.snapshot;
    one_environment::check(config, environment, &snapshot)?;
    let migrations = MigrationSet::load(&config.migrations, snapshot.backend, &config.root)?;
    for name in again {
        check_applied(name, &snapshot, &migrations)?;
    }
    let wanted: Vec<&Migration> = migrations
        .iter()
        .filter(|file| again.iter().any(|name| names(name, file)) || is_unknown(&snapshot, file))
        .collect();
    let report = MigrateReport {
        version: 1,
        environment: environment.name.clone(),
        migrations: Vec::new(),
        recorded: wanted.iter().map(|file| Recorded::of(file)).collect(),
        replaced: Vec::new(),
        warnings: Vec::new(),
    };
    if wanted.is_empty() {
        return Ok(report);
    }
    let run = Run::begun(config, RunKind::Migrate, &environment.name, started_at)?;
    let run = Run {
        finished_at: Moment::now().readable(),
        summary: format!("recorded {}", counted(wanted.len() as u64, "migration")),
        ..run
    };
    let entry = LedgerEntry {
        migrations: wanted.into_iter().map(RecordedMigration::of).collect(),
        ..LedgerEntry::new(environment, run)?
    };
    target.record(&entry)?;
    let commit = Commit {
        environment,
        options: &config.options,
        way_back: None,
    };
    commit.commit(target, &entry.run, events)?;
    Ok(report)
}

/// Applied, and either without a checksum or, by an older program, without its text.
fn is_unknown(snapshot: &Snapshot, file: &Migration) -> bool {
    snapshot
        .run_of(&file.version)
        .is_some_and(|ran| match &ran.checksum {
            None => true,
            Some(checksum) => ran.up.is_none() && *checksum == file.checksum(),
        })
}

fn names(name: &str, file: &Migration) -> bool {
    name == file.name || name == file.version
}

fn check_applied(name: &str, snapshot: &Snapshot, known: &MigrationSet) -> Result<(), Problem> {
    let applied = |file: &&Migration| snapshot.has_applied(&file.version);
    if known.iter().filter(applied).any(|file| names(name, file)) {
        return Ok(());
    }
    let files = known.iter().filter(applied);
    let hint = match nearest(name, files.map(|file| file.name.as_str())) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "it has applied none of this checkout's migrations".to_owned(),
    };
    Err(Problem::new(
        Code::Usage,
        format!("{} has not applied a migration `{name}`", snapshot.label),
    )
    .hint(hint))
}
