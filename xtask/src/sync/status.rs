//! Every environment side by side, and what each promotion would do.

use serde::Serialize;

use crate::model::backend::Backend;
use crate::model::ledger::{Run, Stamp};
use crate::model::migrations::migration::{AppliedMigration, MigrationSet};
use crate::model::rows::row::LookupState;
use crate::model::schema::catalog::Drift;
use crate::model::schema::table::TableName;
use crate::problem::Problem;
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::backups::backup;
use crate::sync::comparing::difference::{Outcome, TableComparison};
use crate::sync::one_environment::one_database;
use crate::sync::planning::gate;
use crate::sync::planning::plan::{LookupComparison, Plan, plan};
use crate::sync::planning::scope::Scope;
use crate::sync::promoting::export_edits;
use crate::sync::promoting::look::compare_ends;
use crate::sync::snapshot::{Observed, observe_all};

#[derive(Debug, Clone, Serialize)]
pub struct Status {
    pub version: u32,
    pub environments: Vec<EnvironmentStatus>,
    pub promotions: Vec<PromotionStatus>,
}

#[derive(Debug, Clone, Serialize)]
pub struct EnvironmentStatus {
    pub name: String,
    pub label: String,
    pub state: State,
    pub error: Option<Problem>,
    pub backend: Option<Backend>,
    pub server_version: Option<String>,
    pub stamp: Option<Stamp>,
    pub migrations: MigrationStatus,
    pub schema_fingerprint: Option<String>,
    pub lookups: Vec<LookupStatus>,
    /// Tables that the configuration says nothing about.
    pub unclassified: Vec<TableName>,
    pub last_run: Option<Run>,
    /// The file of the newest backup.
    pub last_backup: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ready,
    Unset,
    Unreachable,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct MigrationStatus {
    pub applied: Vec<AppliedStatus>,
    /// In this checkout and not applied.
    pub pending: Vec<String>,
    /// Applied and not in this checkout.
    pub unknown: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct AppliedStatus {
    pub version: String,
    pub name: Option<String>,
    pub run_on: String,
    pub checksum: ChecksumStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChecksumStatus {
    /// What ran is what the checkout has.
    Same,
    /// The file changed since it ran.
    Edited,
    /// This tool did not run it.
    Unrecorded,
}

#[derive(Debug, Clone, Serialize)]
pub struct LookupStatus {
    pub table: TableName,
    #[serde(flatten)]
    pub state: LookupState,
}

#[derive(Debug, Clone, Serialize)]
pub struct PromotionStatus {
    pub name: String,
    pub from: String,
    pub to: String,
    pub in_sync: bool,
    pub migrations: Vec<String>,
    pub lookups: Vec<PromotedLookup>,
    pub drift: Vec<Drift>,
    pub blockers: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PromotedLookup {
    pub table: TableName,
    pub state: LookupComparison,
    pub insert: u64,
    pub update: u64,
    pub delete: u64,
    pub retire: u64,
}

impl Status {
    /// Every environment is ready, and no promotion has anything to do.
    pub fn is_in_sync(&self) -> bool {
        self.environments
            .iter()
            .all(|environment| environment.state == State::Ready)
            && self.promotions.iter().all(|promotion| promotion.in_sync)
    }

    /// Both ends of this promotion are ready, and it has nothing to do.
    pub fn is_carried_out(&self, name: &str) -> bool {
        let mut promotions = self.promotions.iter();
        promotions.any(|promotion| promotion.name == name && promotion.in_sync)
    }
}

/// Looks at every environment; what cannot be looked at is part of the answer.
///
/// # Errors
/// When the migrations cannot be read, or a database fails while its rows are compared.
pub fn status(config: &Config) -> anyhow::Result<Status> {
    let looked = observe_all(&config.pipeline, |observed| {
        observed.digest_lookups(&config.lookups)
    });
    let mut environments = Vec::new();
    let mut observed: Vec<Option<Observed>> = Vec::new();
    for (environment, looked) in config.pipeline.iter().zip(looked) {
        let last_backup = backup::list(&config.backup, Some(&environment.name))?
            .first()
            .map(|backup| backup.path.display().to_string());
        match looked {
            Ok(found) => {
                environments.push(ready(config, environment, &found, last_backup)?);
                observed.push(Some(found));
            }
            Err(error) => {
                environments.push(missing(environment, Problem::of(&error), last_backup));
                observed.push(None);
            }
        }
    }
    let instances: Vec<Option<String>> = observed
        .iter()
        .map(|observed| Some(observed.as_ref()?.snapshot.identity.instance.clone()))
        .collect();
    let promotions = config
        .promotions()
        .enumerate()
        .map(|(at, promotion)| {
            let (sources, targets) = observed.split_at_mut(at + 1);
            let ends = (
                sources.last_mut().and_then(Option::as_mut),
                targets.first_mut().and_then(Option::as_mut),
            );
            match ends {
                (Some(source), Some(target)) => {
                    let known = MigrationSet::load(
                        &config.migrations,
                        target.snapshot.backend,
                        &config.root,
                    )?;
                    let mut comparisons = compare_ends(config, source, target, None, false)?;
                    leave_to_migrations(&mut comparisons, source, target);
                    let mut plan = plan(
                        &Scope::whole(config, &source.snapshot),
                        &promotion.name(),
                        &target.snapshot,
                        &known,
                        &comparisons,
                        // It is to be fast, and to make nothing on any server.
                        &Ok(None),
                    );
                    let is_other = |other: &usize| ![at, at + 1].contains(other);
                    let mut others = (0..instances.len()).filter(is_other);
                    if let Some(other) = others.find(|other| instances[*other] == instances[at + 1])
                    {
                        let problem = one_database(promotion.to, &config.pipeline[other]);
                        plan.blockers.insert(0, problem.blocking());
                    }
                    export_edits::judge(config, &promotion, source, &mut plan)?;
                    Ok(PromotionStatus::of(plan))
                }
                _ => Ok(PromotionStatus {
                    name: promotion.name(),
                    from: promotion.from.name().to_owned(),
                    to: promotion.to.name.clone(),
                    in_sync: false,
                    migrations: Vec::new(),
                    lookups: Vec::new(),
                    drift: Vec::new(),
                    blockers: environments[at..=at + 1]
                        .iter()
                        .filter_map(|environment| environment.error.clone())
                        .collect(),
                    warnings: Vec::new(),
                }),
            }
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Status {
        version: 1,
        environments,
        promotions,
    })
}

/// A lookup table that the target cannot be asked for yet, such as one with a `where` over a column
/// that a pending migration adds, is as good as one that is still to come. What is to be looked at
/// after the migrations, `sync plan` tries.
fn leave_to_migrations(comparisons: &mut [TableComparison], source: &Observed, target: &Observed) {
    let mut applied = source.snapshot.applied.iter();
    if !applied.any(|migration| !target.snapshot.has_applied(&migration.version)) {
        return;
    }
    for comparison in comparisons {
        if let Outcome::Refused(_) = comparison.outcome
            && let Some(state) = source.lookups.get(&comparison.table)
            && !target.lookups.contains_key(&comparison.table)
        {
            comparison.outcome = Outcome::Missing { rows: state.rows };
        }
    }
}

fn ready(
    config: &Config,
    environment: &Environment,
    observed: &Observed,
    last_backup: Option<String>,
) -> anyhow::Result<EnvironmentStatus> {
    let snapshot = &observed.snapshot;
    let known = MigrationSet::load(&config.migrations, snapshot.backend, &config.root)?;
    let applied = |migration: &AppliedMigration| {
        let file = known.get(&migration.version);
        AppliedStatus {
            version: migration.version.clone(),
            name: file.map(|file| file.name.clone()),
            run_on: migration.run_on.clone(),
            checksum: match (&migration.checksum, file) {
                (Some(ran), Some(file)) if *ran == file.checksum() => ChecksumStatus::Same,
                (Some(_), Some(_)) => ChecksumStatus::Edited,
                _ => ChecksumStatus::Unrecorded,
            },
        }
    };
    Ok(EnvironmentStatus {
        name: environment.name.clone(),
        label: environment.label.clone(),
        state: State::Ready,
        error: None,
        backend: Some(snapshot.backend),
        server_version: Some(snapshot.identity.server_version.clone()),
        stamp: snapshot.ledger.stamp.clone(),
        migrations: MigrationStatus {
            applied: snapshot.applied.iter().map(applied).collect(),
            pending: known
                .iter()
                .filter(|migration| !snapshot.has_applied(&migration.version))
                .map(|migration| migration.name.clone())
                .collect(),
            unknown: snapshot
                .applied
                .iter()
                .filter(|migration| known.get(&migration.version).is_none())
                .map(|migration| migration.version.clone())
                .collect(),
        },
        schema_fingerprint: Some(snapshot.catalog.fingerprint()),
        lookups: observed
            .lookups
            .iter()
            .map(|(table, state)| LookupStatus {
                table: table.clone(),
                state: state.clone(),
            })
            .collect(),
        unclassified: gate::unclassified(config, snapshot),
        last_run: snapshot.ledger.runs.first().cloned(),
        last_backup,
    })
}

fn missing(
    environment: &Environment,
    problem: Problem,
    last_backup: Option<String>,
) -> EnvironmentStatus {
    EnvironmentStatus {
        name: environment.name.clone(),
        label: environment.label.clone(),
        state: if environment.url.is_err() {
            State::Unset
        } else {
            State::Unreachable
        },
        error: Some(problem),
        backend: None,
        server_version: None,
        stamp: None,
        migrations: MigrationStatus::default(),
        schema_fingerprint: None,
        lookups: Vec::new(),
        unclassified: Vec::new(),
        last_run: None,
        last_backup,
    }
}

impl PromotionStatus {
    fn of(plan: Plan) -> Self {
        PromotionStatus {
            in_sync: plan.empty && plan.is_free_of_drift() && plan.blockers.is_empty(),
            name: plan.promotion,
            from: plan.from,
            to: plan.to,
            migrations: plan
                .migrations
                .into_iter()
                .map(|migration| migration.name)
                .collect(),
            lookups: plan
                .lookups
                .into_iter()
                .map(|lookup| PromotedLookup {
                    table: lookup.table,
                    state: lookup.state,
                    insert: lookup.insert,
                    update: lookup.update,
                    delete: lookup.delete,
                    retire: lookup.retire,
                })
                .collect(),
            drift: plan.drift,
            blockers: plan.blockers,
            warnings: plan.warnings,
        }
    }
}
