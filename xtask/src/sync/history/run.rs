//! Runs: how the entry of one begins, and all that were carried out on an environment.

use xshell::{Shell, cmd};

use crate::model::ledger::{LedgerEntry, Run, RunKind};
use crate::model::random::random_id;
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::backups::backup;
use crate::sync::snapshot::observe;

impl Run {
    /// A run that began at `started_at` and has not ended.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(in crate::sync) fn begun(
        config: &Config,
        kind: RunKind,
        subject: &str,
        started_at: String,
    ) -> anyhow::Result<Self> {
        Ok(Run {
            id: random_id(4)?,
            kind,
            subject: subject.to_owned(),
            plan_id: None,
            commit: commit(config),
            operator: config.operator.clone(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at,
            finished_at: String::new(),
            backup: None,
            summary: String::new(),
        })
    }
}

impl LedgerEntry {
    /// An entry for an environment, without what the run did.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(in crate::sync) fn new(environment: &Environment, run: Run) -> anyhow::Result<Self> {
        Ok(LedgerEntry {
            run,
            environment: environment.name.clone(),
            project: environment.project.clone(),
            new_database_id: random_id(16)?,
            stamp_anew: false,
            migrations: Vec::new(),
            lookups: Vec::new(),
        })
    }
}

/// Every run of an environment, the newest first: what its ledger has, and the runs that failed, as
/// the backups that they made say.
///
/// # Errors
/// When the database or the backup folder cannot be read.
pub fn history(config: &Config, environment: &Environment) -> anyhow::Result<Vec<Run>> {
    let mut runs = observe(environment)?.snapshot.ledger.runs;
    let backups = backup::list(&config.backup, Some(&environment.name))?;
    for failed in backups
        .into_iter()
        .filter_map(|backup| backup.manifest.failed_run)
    {
        // The ledger's own order stays, whatever the clocks said.
        let later = |run: &Run| run.finished_at > failed.finished_at;
        let at = runs.iter().rposition(later).map_or(0, |at| at + 1);
        runs.insert(at, failed);
    }
    Ok(runs)
}

/// The commit of the checkout, where it is one.
fn commit(config: &Config) -> Option<String> {
    let shell = Shell::new().ok()?;
    let root = &config.root;
    cmd!(shell, "git -C {root} rev-parse --verify --quiet HEAD")
        .quiet()
        .ignore_stderr()
        .read()
        .ok()
}
