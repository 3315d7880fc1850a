//! The way back: putting a backup in the place of what a database holds.

use serde::Serialize;

use super::backup::{self, Backup};
use super::retention::thin_out;
use crate::database;
use crate::sync::event::{Event, Events};
use crate::sync::history::ledger::{Run, RunKind};
use crate::sync::history::moment::Moment;
use crate::sync::leftovers;
use crate::sync::one_environment;
use crate::sync::promoting::commit::Commit;
use crate::sync::promoting::report::BackupReport;
use crate::sync::random::random_id;
use crate::sync::settings::config::Config;
use crate::sync::settings::environment::Environment;
use crate::sync::snapshot::{Snapshot, observe};

const STEPS: usize = 3;

/// What a restore did.
#[derive(Debug, Clone, Serialize)]
pub struct RestoreReport {
    pub version: u32,
    pub run_id: String,
    pub environment: String,
    pub restored: BackupReport,
    /// Of what was there before; none where nothing was.
    pub backup: Option<BackupReport>,
    /// Migrations and the number of rows of every table are those of the backup.
    pub verified: bool,
}

/// Restores a backup, after one of what is there now.
///
/// # Errors
/// `wrong_stamp`, `same_database`, `backup_unproved`, `backup_failed` or `restore_failed`; then the database is as it was.
pub fn restore(
    config: &Config,
    environment: &Environment,
    backup: &Backup,
    events: &mut Events<'_>,
) -> anyhow::Result<RestoreReport> {
    let started_at = Moment::now().readable();
    let run_id = random_id(4)?;
    let url = environment.url()?;
    let mut number = 0;
    let mut step = |title: String| {
        number += 1;
        events(Event::Step {
            number,
            total: STEPS,
            title,
        });
    };

    step(format!("check {}", backup.manifest.file));
    backup::prove(backup, url.backend())?;

    step(format!("back up {} as it is now", environment.label));
    let mut observed = observe(environment)?;
    one_environment::check(config, environment, &observed.snapshot)?;
    let mut runs = observed.snapshot.ledger.runs.clone();
    let present = if is_empty(&observed.snapshot) {
        None
    } else {
        observed.digest_lookups(&config.lookups);
        let digests = observed.lookups.clone();
        Some(backup::make(
            &config.backup,
            &mut observed,
            digests,
            &run_id,
        )?)
    };
    drop(observed);

    step(format!("restore {}", environment.label));
    let run = Run {
        id: run_id.clone(),
        finished_at: Moment::now().readable(),
        backup: present
            .as_ref()
            .map(|backup| backup.path.display().to_string()),
        summary: format!("restored {}", backup.manifest.file),
        ..Run::begun(config, RunKind::Restore, &environment.name, started_at)?
    };
    runs.push(run.clone());
    let scratch = leftovers::Folder::within(&config.backup.dir)?;
    let present_report = present
        .as_ref()
        .map(|backup| BackupReport::of(backup, config));
    if let Err(error) = database::restore(url, &backup.path, &runs, scratch.path()) {
        let commit = Commit {
            environment,
            options: &config.options,
            way_back: present_report.as_ref().map(|backup| &*backup.way_back),
        };
        commit.settle(error, &run, events)?;
    }

    if let Some(present) = &present {
        // Only now: the backup that was restored may have been the next to go.
        thin_out(&config.backup, &environment.name, &runs, present);
    }

    Ok(RestoreReport {
        version: 1,
        run_id,
        environment: environment.name.clone(),
        restored: BackupReport::of(backup, config),
        backup: present_report,
        verified: holds(environment, backup)?,
    })
}

fn is_empty(snapshot: &Snapshot) -> bool {
    snapshot.catalog.objects.is_empty()
        && snapshot.applied.is_empty()
        && snapshot.ledger.runs.is_empty()
}

/// Whether the database now has the migrations and the number of rows that the backup had.
fn holds(environment: &Environment, backup: &Backup) -> anyhow::Result<bool> {
    let mut observed = observe(environment)?;
    let migrations: Vec<&str> = observed
        .snapshot
        .applied
        .iter()
        .map(|migration| migration.version.as_str())
        .collect();
    if migrations != backup.manifest.migrations {
        return Ok(false);
    }
    for (table, rows) in &backup.manifest.rows {
        if observed.snapshot.catalog.find(table).is_none()
            || observed.session.count_rows(table)? != *rows
        {
            return Ok(false);
        }
    }
    Ok(true)
}
