//! Taking over a database whose schema is there already: the migrations up to one are recorded as
//! applied, once it is proved that they make that schema.

use crate::database;
use crate::model::ledger::{LedgerEntry, RecordedMigration, Run, RunKind};
use crate::model::migrations::migration::{Migration, MigrationSet, find};
use crate::model::schema::catalog::{Catalog, Drift};
use crate::model::words::{and_more, counted};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::history::moment::Moment;
use crate::sync::migrate::{MigrateReport, Recorded};
use crate::sync::one_environment;
use crate::sync::planning::fresh::fresh_catalog;
use crate::sync::planning::gate::unknown_versions;
use crate::sync::snapshot::{Observed, Snapshot, observe};

/// How many differences are listed.
const LISTED: usize = 30;

/// Makes the history of an environment that of the checkout up to a migration, and runs none. Older
/// versions that the checkout lacks are forgotten: they were put together into others.
///
/// # Errors
/// `wrong_stamp` or `same_database`; `usage` where there is no such migration; `unknown_migration`
/// where the environment has run a newer one that the checkout lacks; `drift` where the schema is
/// not what the migrations make. Then nothing was recorded.
pub fn baseline(
    config: &Config,
    environment: &Environment,
    named: &str,
) -> anyhow::Result<MigrateReport> {
    let started_at = Moment::now().readable();
    let mut target = database::open_target(environment.url()?, environment.limits)
        .map_err(|error| environment.blame(error))?;
    let Observed {
        snapshot,
        mut session,
        ..
    } = observe(environment)?;
    one_environment::check(config, environment, &snapshot)?;
    let known = MigrationSet::load(&config.migrations, snapshot.backend, &config.root)?;
    let last = find(&known, named)?.version.clone();
    let replaced = replaced(&snapshot, &known, &last)?;
    let wanted: Vec<&Migration> = known.iter().filter(|file| file.version <= last).collect();
    let expected: Vec<&Migration> = known
        .iter()
        .filter(|file| file.version <= last || snapshot.has_applied(&file.version))
        .collect();
    let expected = fresh_catalog(&mut *session, environment.limits, &known, &expected)?;
    // An open reader would keep SQLite from committing.
    drop(session);
    // As it is now that no other run can change it.
    check_schema(config, &expected, &target.catalog()?, &environment.label)?;
    let wanted: Vec<&Migration> = wanted
        .into_iter()
        .filter(|file| {
            let ran = snapshot.run_of(&file.version);
            ran.is_none_or(|ran| ran.checksum != Some(file.checksum()) || ran.up.is_none())
        })
        .collect();
    let report = MigrateReport {
        version: 1,
        environment: environment.name.clone(),
        migrations: Vec::new(),
        recorded: wanted.iter().map(|file| Recorded::of(file)).collect(),
        replaced,
        warnings: Vec::new(),
    };
    if wanted.is_empty() && report.replaced.is_empty() {
        return Ok(report);
    }
    let run = Run::begun(config, RunKind::Migrate, &environment.name, started_at)?;
    let run = Run {
        finished_at: Moment::now().readable(),
        summary: format!(
            "baseline: recorded {}",
            counted(wanted.len() as u64, "migration")
        ),
        ..run
    };
    let applied: Vec<&str> = wanted.iter().map(|file| file.version.as_str()).collect();
    let not_applied: Vec<&str> = report.replaced.iter().map(String::as_str).collect();
    target.set_applied(&applied, &not_applied)?;
    target.record(&LedgerEntry {
        migrations: wanted.into_iter().map(RecordedMigration::of).collect(),
        ..LedgerEntry::new(environment, run)?
    })?;
    target.commit()?;
    Ok(report)
}

/// The versions that are put together into others; a newer one cannot be.
fn replaced(snapshot: &Snapshot, known: &MigrationSet, last: &str) -> Result<Vec<String>, Problem> {
    let unknown = unknown_versions(snapshot, known);
    if let Some(newer) = unknown.iter().find(|version| **version > last) {
        return Err(Problem::new(
            Code::UnknownMigration,
            format!(
                "{} has run migration {newer}, which this checkout does not have and which is newer than {last}",
                snapshot.label
            ),
        )
        .hint("check out the commit that has it; or name a migration that is not older"));
    }
    Ok(unknown.into_iter().map(str::to_owned).collect())
}

fn check_schema(
    config: &Config,
    expected: &Catalog,
    found: &Catalog,
    label: &str,
) -> Result<(), Problem> {
    let mut differences: Vec<Drift> =
        config
            .drift
            .differences(expected, found, "an empty database", label);
    differences.retain(|drift| !drift.ignored);
    let Some(first) = differences.first() else {
        return Ok(());
    };
    let shown = differences.iter().take(LISTED);
    let mut details: Vec<String> = shown
        .map(|drift| format!("{}: {}", drift.object, drift.brief))
        .collect();
    if differences.len() > LISTED {
        details.push(format!("… and {} more", differences.len() - LISTED));
    }
    Err(Problem::new(
        Code::Drift,
        format!(
            "the schema of {label} is not what these migrations make of an empty database: {}{}",
            first.object,
            and_more(differences.len(), 1)
        ),
    )
    .details(details)
    .hint("nothing was recorded; make the two equal, list what is meant to differ in `ignore` of [drift], or name the migration up to which its schema is there"))
}
