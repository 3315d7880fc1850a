//! Saying which environment a database is, for those cases that only a person can know: a copy
//! that was made on purpose, a database that got another part.

use serde::Serialize;

use crate::database::{self, Identity};
use crate::model::ledger::{LedgerEntry, Run, RunKind, Stamp};
use crate::model::random::random_id;
use crate::model::words::counted;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::event::Events;
use crate::sync::history::moment::Moment;
use crate::sync::one_environment;
use crate::sync::promoting::commit::Commit;
use crate::sync::snapshot::observe;

/// What `stamp` did.
#[derive(Debug, Clone, Serialize)]
pub struct StampReport {
    pub version: u32,
    pub run_id: String,
    pub environment: String,
    /// The URL of the database, without its password.
    pub database: String,
    /// What the database said of itself before.
    pub before: Option<Stamp>,
    /// What it says now.
    pub stamp: Stamp,
}

/// A database that may be stamped, as it was when that was asked about.
#[derive(Debug, Clone)]
pub struct Unstamped {
    pub label: String,
    pub url_variable: String,
    /// Without its password.
    pub database: String,
    /// What is known of it, such as `PostgreSQL 15.4, with 12 migrations applied`.
    pub holds: String,
    pub stamp: Option<Stamp>,
    identity: Identity,
}

impl Unstamped {
    /// Looks at the database behind an environment.
    ///
    /// # Errors
    /// `same_database` where another environment's URL leads to it too.
    pub fn look(config: &Config, environment: &Environment) -> anyhow::Result<Self> {
        let found = observe(environment)?.snapshot;
        if let Some(problem) = one_environment::another(config, environment, &found.identity, None)
        {
            return Err(problem.into());
        }
        let version = found.identity.server_version.split_whitespace().next();
        Ok(Unstamped {
            label: environment.label.clone(),
            url_variable: environment.url_variable.clone(),
            database: environment.url()?.to_string(),
            holds: format!(
                "{} {}, {} applied, {}",
                found.backend,
                version.unwrap_or_default(),
                counted(found.applied.len() as u64, "migration"),
                counted(found.catalog.tables.len() as u64, "table"),
            ),
            stamp: found.ledger.stamp,
            identity: found.identity,
        })
    }

    /// Writes the stamp, with a database id of its own, and records that. Nothing but the ledger
    /// is changed.
    ///
    /// # Errors
    /// `plan_stale` when the database is another by now, or says something else.
    pub fn stamp(
        &self,
        config: &Config,
        environment: &Environment,
        events: &mut Events<'_>,
    ) -> anyhow::Result<StampReport> {
        let started_at = Moment::now().readable();
        let mut target = database::open_target(environment.url()?, environment.limits)
            .map_err(|error| environment.blame(error))?;
        if target.identity()? != self.identity || target.ledger()?.stamp != self.stamp {
            return Err(Problem::new(
                Code::PlanStale,
                format!(
                    "the database behind {} is not as it was when it was asked about",
                    environment.label
                ),
            )
            .hint("run it again, and look at what it shows")
            .into());
        }
        let run_id = random_id(4)?;
        let before = self.stamp.as_ref();
        let begun = Run::begun(config, RunKind::Stamp, &environment.name, started_at)?;
        let run = Run {
            id: run_id.clone(),
            finished_at: Moment::now().readable(),
            summary: match before {
                Some(before) => format!(
                    "stamped as {}, before that as {}",
                    environment.name, before.environment
                ),
                None => format!("stamped as {}", environment.name),
            },
            ..begun
        };
        let entry = LedgerEntry {
            stamp_anew: true,
            ..LedgerEntry::new(environment, run)?
        };
        target.record(&entry)?;
        let stamp = target.ledger()?.stamp;
        let commit = Commit {
            environment,
            options: &config.options,
            way_back: None,
        };
        commit.commit(target, &entry.run, events)?;
        let Some(stamp) = stamp else {
            anyhow::bail!("the stamp of {} is not there", environment.label);
        };
        Ok(StampReport {
            version: 1,
            run_id,
            environment: environment.name.clone(),
            database: self.database.clone(),
            before: self.stamp.clone(),
            stamp,
        })
    }
}
