//! The way back: putting a backup in the place of what a database holds.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::database;
use crate::model::ledger::{Run, RunKind};
use crate::model::random::random_id;
use crate::model::schema::catalog::TableKind;
use crate::model::schema::table::TableName;
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::backups::backup::{self, Backup, BackupManifest};
use crate::sync::backups::proof;
use crate::sync::backups::retention::thin_out;
use crate::sync::event::{Event, Events};
use crate::sync::history::moment::Moment;
use crate::sync::one_environment;
use crate::sync::promoting::commit::Commit;
use crate::sync::promoting::report::BackupReport;
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
    /// Everything was compared with the backup's manifest before it was committed.
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
    proof::check_file(backup, url.backend())?;

    step(format!("back up {} as it is now", environment.label));
    // From here on nobody else writes, so that nothing is lost between the two.
    let replacement = database::open_replacement(url, environment.limits)
        .map_err(|error| environment.blame(error))?;
    let mut observed = observe(environment)?;
    one_environment::check(config, environment, &observed.snapshot)?;
    proof::check_origin(backup, &observed.snapshot.ledger, &environment.label)?;
    let mut runs = observed.snapshot.ledger.runs.clone();
    let present = if is_empty(&observed.snapshot) {
        None
    } else {
        observed.digest_lookups(&config.lookups);
        let digests = observed.lookups.clone();
        Some(backup::make(
            &config.backup,
            environment,
            &mut observed,
            digests,
            &run_id,
        )?)
    };
    // An open reader would be in the way.
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
    runs.insert(0, run.clone());
    let present_report = present
        .as_ref()
        .map(|backup| BackupReport::of(backup, config));
    let replaced = replacement.replace(&backup.path, &runs, &mut |session| {
        proof::check_restored(&backup.manifest, session, None)
    });
    if let Err(error) = replaced {
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
        verified: true,
    })
}

fn is_empty(snapshot: &Snapshot) -> bool {
    snapshot.catalog.objects.is_empty()
        && snapshot.applied.is_empty()
        && snapshot.ledger.runs.is_empty()
}

/// What a restore would take away, and how far back it goes.
#[derive(Debug, Clone)]
pub struct Loss {
    /// Each table with its rows now and in the backup; none where it is not there.
    pub tables: Vec<(TableName, Option<u64>, Option<u64>)>,
    /// What was done since, the newest first.
    pub runs: Vec<Run>,
}

/// Looks at what a restore would take away.
///
/// # Errors
/// What keeps the environment from being looked at, or `wrong_stamp`.
pub fn loss(environment: &Environment, backup: &Backup) -> anyhow::Result<Loss> {
    let mut observed = observe(environment)?;
    proof::check_origin(backup, &observed.snapshot.ledger, &environment.label)?;
    let then = &backup.manifest.rows;
    let now: Vec<TableName> = observed
        .snapshot
        .catalog
        .tables
        .values()
        .filter(|table| matches!(table.kind, TableKind::Ordinary | TableKind::Inherited))
        .map(|table| table.name.clone())
        .collect();
    let is_own =
        |table: &TableName| table.name.starts_with("__") || table.name.starts_with("sqlite_");
    let names: BTreeSet<&TableName> = now
        .iter()
        .chain(then.keys().filter(|table| !is_own(table)))
        .collect();
    let mut tables = Vec::new();
    for name in names {
        let rows = match now.contains(name) {
            true => Some(observed.session.count_rows(name)?),
            false => None,
        };
        tables.push((name.clone(), rows, then.get(name).copied()));
    }
    let runs = since(observed.snapshot.ledger.runs, &backup.manifest);
    Ok(Loss { tables, runs })
}

/// The runs that came after a backup, the newest first: the one that made it, which the backup does
/// not have, and what came after that. Where that one was never recorded its time has to tell.
fn since(mut runs: Vec<Run>, manifest: &BackupManifest) -> Vec<Run> {
    match runs.iter().position(|run| run.id == manifest.run_id) {
        Some(made_it) => runs.truncate(made_it + 1),
        None => runs.retain(|run| run.finished_at > manifest.made_at),
    }
    runs
}
