//! How the entry of a run begins: who runs what where, and from which commit.

use xshell::{Shell, cmd};

use crate::model::ledger::{LedgerEntry, Run, RunKind};
use crate::model::random::random_id;
use crate::settings::config::Config;
use crate::settings::environment::Environment;

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
