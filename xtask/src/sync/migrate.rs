//! Applying pending migrations to Development, where every migration starts.

use serde::Serialize;

use crate::database::{self, Target};
use crate::model::ledger::{LedgerEntry, Run, RunKind};
use crate::model::migrations::migration::{MigrationSet, OutOfOrder};
use crate::model::words::counted;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::event::{Event, Events};
use crate::sync::history::moment::Moment;
use crate::sync::migrations::parts::{Splits, parts};
use crate::sync::one_environment;
use crate::sync::planning::gate;
use crate::sync::planning::trying::broken;
use crate::sync::promoting::commit::Commit;
use crate::sync::promoting::progress::{self, Progress};
use crate::sync::promoting::report::MigrationReport;
use crate::sync::snapshot::observe;

/// A migration that was written into the ledger without being run.
#[derive(Debug, Clone, Serialize)]
pub struct Recorded {
    pub version: String,
    pub name: String,
}

/// What `migrate` did.
#[derive(Debug, Clone, Serialize)]
pub struct MigrateReport {
    pub version: u32,
    pub environment: String,
    pub migrations: Vec<MigrationReport>,
    /// Those that were written into the ledger without being run.
    pub recorded: Vec<Recorded>,
    /// The versions that the checkout lacks and that are forgotten, as others stand for them.
    pub replaced: Vec<String>,
    pub warnings: Vec<Problem>,
}

/// Runs the migrations that the first environment of the pipeline lacks, all in one transaction
/// where they can be, and stamps it.
///
/// # Errors
/// `wrong_stamp`, `same_database`, `unknown_migration`, `out_of_order`, `not_transactional` or `migration_failed`,
/// with what stays applied where the run was split; else nothing is.
pub fn migrate(config: &Config, events: &mut Events<'_>) -> anyhow::Result<MigrateReport> {
    let Some(development) = config.pipeline.first() else {
        anyhow::bail!("the pipeline is empty");
    };
    let started_at = Moment::now().readable();
    let target = open(development)?;
    let snapshot = observe(development)?.snapshot;
    one_environment::check(config, development, &snapshot)?;
    let migrations = MigrationSet::load(&config.migrations, snapshot.backend, &config.root)?;
    if let Some(problem) = gate::unknown_migrations(&[&snapshot], &migrations)
        .into_iter()
        .next()
    {
        return Err(problem.into());
    }
    let pending: Vec<_> = migrations
        .iter()
        .filter(|migration| !snapshot.has_applied(&migration.version))
        .collect();
    if let Some(problem) = pending.iter().find_map(|migration| {
        gate::not_transactional(migration, snapshot.backend)
            .or_else(|| gate::invalid_index(migration, &snapshot))
    }) {
        return Err(problem.into());
    }
    let late = pending.iter();
    let late = late.filter(|migration| snapshot.is_past(&migration.version));
    let late: Vec<&str> = late.map(|migration| migration.name.as_str()).collect();
    let late = gate::out_of_order(&late, &snapshot);
    if let (OutOfOrder::Refuse, Some(problem)) = (development.out_of_order, &late) {
        return Err(problem.clone().into());
    }
    let mut warnings = gate::edited_since(&snapshot, &migrations);
    warnings.extend(late);
    let mut report = MigrateReport {
        version: 1,
        environment: development.name.clone(),
        migrations: Vec::new(),
        recorded: Vec::new(),
        replaced: Vec::new(),
        warnings,
    };
    if pending.is_empty() && snapshot.ledger.stamp.is_some() {
        return Ok(report);
    }
    let begun = Run::begun(config, RunKind::Migrate, &development.name, started_at)?;
    let entry = LedgerEntry::new(development, begun)?;
    let mut target = Some(target);
    let mut splits = Splits::default();
    let mut progress = Progress::default();
    loop {
        let left = &pending[progress.ran().len()..];
        let run = progress::Run {
            parts: &parts(left, &splits),
            known: &migrations,
            entry: &entry,
            label: &development.label,
            commit: Commit {
                environment: development,
                options: &config.options,
                way_back: None,
            },
            lock_lookups: &|_| Ok(Vec::new()),
            planned: &[],
            is_own: &|_| true,
            after: &|_, _| Ok(None),
        };
        let begun = target.take().map_or_else(|| open(development), Ok);
        let ended = begun.and_then(|target| apply(target, &run, &mut progress, events));
        let Err(error) = ended else { break };
        report.migrations = progress.ran().to_vec();
        // What was not committed was rolled back, and goes into two transactions.
        if Problem::of(&error).code == Code::ValueUncommitted
            && let Some(migration) = pending.get(progress.ran().len())
            && splits.add(migration)
        {
            let name = &migration.name;
            events(Event::Note(format!(
                "{name} uses a new value of an enum: what adds it is committed first"
            )));
            progress.go_back();
            continue;
        }
        return Err(progress.explain(error, &development.label, None));
    }
    report.migrations = progress.ran().to_vec();
    Ok(report)
}

fn open(development: &Environment) -> anyhow::Result<Box<dyn Target>> {
    database::open_target(development.url()?, development.limits)
        .map_err(|error| development.blame(error))
}

fn apply(
    mut target: Box<dyn Target>,
    run: &progress::Run<'_>,
    progress: &mut Progress,
    events: &mut Events<'_>,
) -> anyhow::Result<()> {
    let migrations = progress.run(&mut *target, run, events)?;
    target.check_constraints().map_err(broken)?;
    let entry = LedgerEntry {
        run: Run {
            finished_at: Moment::now().readable(),
            summary: counted(progress.ran().len() as u64, "migration"),
            ..run.entry.run.clone()
        },
        migrations,
        ..run.entry.clone()
    };
    target.record(&entry)?;
    run.commit.commit(target, &entry.run, events)
}
