//! Applying pending migrations to Development, where every migration starts.

use std::time::Instant;

use serde::Serialize;

use super::config::Config;
use super::event::{Event, Events};
use super::gate;
use super::ledger::{LedgerEntry, RecordedMigration, Run, RunKind};
use super::migration::{MigrationSet, OutOfOrder};
use super::moment::Moment;
use super::promote::{commit, random_id};
use super::record::Recorded;
use super::report::MigrationReport;
use super::snapshot::observe;
use super::words::counted;
use crate::database;
use crate::problem::{Code, Problem};

/// What `migrate` did.
#[derive(Debug, Clone, Serialize)]
pub struct MigrateReport {
    pub version: u32,
    pub environment: String,
    pub migrations: Vec<MigrationReport>,
    /// Those that were written into the ledger without being run.
    pub recorded: Vec<Recorded>,
    pub warnings: Vec<Problem>,
}

/// Runs the migrations that the first environment of the pipeline lacks, all in one transaction,
/// and stamps it.
///
/// # Errors
/// `wrong_stamp`, `unknown_migration`, `out_of_order`, `not_transactional` or `migration_failed`; then nothing
/// was applied.
pub fn migrate(config: &Config, events: &mut Events<'_>) -> anyhow::Result<MigrateReport> {
    let Some(development) = config.pipeline.first() else {
        anyhow::bail!("the pipeline is empty");
    };
    let started_at = Moment::now().readable();
    let mut target =
        database::open_target(development.url()?).map_err(|error| development.blame(error))?;
    let snapshot = observe(development)?.snapshot;
    if let Some(problem) = gate::wrong_stamp(&snapshot) {
        return Err(problem.into());
    }
    let migrations = MigrationSet::load(&config.migrations, snapshot.backend, &config.root)?;
    if let Some(problem) = gate::unknown_migrations(&snapshot, &migrations)
        .into_iter()
        .next()
    {
        return Err(problem.into());
    }
    let pending: Vec<_> = migrations
        .iter()
        .filter(|migration| !snapshot.has_applied(&migration.version))
        .collect();
    if let Some(migration) = pending.iter().find(|migration| !migration.transactional) {
        return Err(gate::not_transactional(&migration.name).into());
    }
    let late: Vec<Problem> = pending
        .iter()
        .filter(|migration| snapshot.is_past(&migration.version))
        .map(|migration| gate::out_of_order(&migration.name, &snapshot))
        .collect();
    if let (OutOfOrder::Refuse, Some(problem)) = (development.out_of_order, late.first()) {
        return Err(problem.clone().into());
    }
    let mut warnings = gate::edited_since(&snapshot, &migrations);
    warnings.extend(late);
    let mut report = MigrateReport {
        version: 1,
        environment: development.name.clone(),
        migrations: Vec::new(),
        recorded: Vec::new(),
        warnings,
    };
    if pending.is_empty() && snapshot.ledger.stamp.is_some() {
        return Ok(report);
    }
    let mut recorded = Vec::new();
    for migration in pending {
        events(Event::Detail(migration.name.clone()));
        let clock = Instant::now();
        target.run_migration(&migrations, migration)?;
        report.migrations.push(MigrationReport {
            version: migration.version.clone(),
            name: migration.name.clone(),
            duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        recorded.push(RecordedMigration::of(migration));
    }
    target.check_constraints().map_err(|error| {
        let problem = Problem::of(&error);
        Problem::new(
            Code::MigrationFailed,
            format!("the migrations break a constraint: {}", problem.message),
        )
        .hint(problem.hint.unwrap_or_default())
    })?;
    target.record(&LedgerEntry {
        lookups: Vec::new(),
        run: Run {
            id: random_id(4)?,
            kind: RunKind::Migrate,
            subject: development.name.clone(),
            plan_id: None,
            commit: commit(config),
            operator: config.operator.clone(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at,
            finished_at: Moment::now().readable(),
            backup: None,
            summary: counted(recorded.len() as u64, "migration"),
        },
        environment: development.name.clone(),
        project: development.project.clone(),
        new_database_id: random_id(16)?,
        stamp_anew: false,
        migrations: recorded,
    })?;
    target.commit()?;
    Ok(report)
}
