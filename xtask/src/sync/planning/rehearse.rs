//! The pending migrations, tried on a copy of the target, so that the plan knows what they make of
//! its schema and its lookup rows.

use std::collections::BTreeMap;

use super::copy::make_copy;
use super::gate;
use super::plan::missing_migrations;
use super::rehearsed_session::{Live, RehearsedSession};
use super::trying::{check_reach, try_migrations};
use crate::database::{self, Measuring};
use crate::model::migrations::effects::{EffectKind, Measured, RowEffect};
use crate::model::migrations::migration::MigrationSet;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::settings::protected::{is_own, with_own_rows};
use crate::settings::rehearsal::{Extent, RehearsalSetting};
use crate::sync::ends;
use crate::sync::migrations::parts::Part;
use crate::sync::rows::condition::can_ask;
use crate::sync::snapshot::{Observed, Snapshot};

/// What came of a rehearsal, or nothing where there was nothing to rehearse.
///
/// The problem is `migration_failed`, `not_transactional`, `value_uncommitted` or `statement_timeout`
/// where a migration failed, else `not_rehearsed`: why there was no rehearsal, though there was to be one.
pub type Rehearsal<T> = Result<Option<Rehearsed<T>>, Problem>;

/// The target as the migrations would leave it, and what was tried to know that.
pub struct Rehearsed<T> {
    pub target: T,
    pub trial: Trial,
}

/// What was tried on a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    pub extent: Extent,
    /// What was not copied, though it was to be, and why.
    pub not_tried: Option<String>,
    /// How the run has to be split.
    pub parts: Vec<Part>,
    /// What each migration did to rows of protected tables, by its version.
    pub measured: BTreeMap<String, Measured>,
}

impl<T> Rehearsed<T> {
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Rehearsed<U> {
        Rehearsed {
            target: change(self.target),
            trial: self.trial,
        }
    }
}

/// Rehearses what is pending. The target is only read; what the lookup tables hold now is noted
/// with it, because the comparison sees what the rehearsal made of them.
///
/// # Errors
/// See [`Rehearsal`].
pub(in crate::sync) fn rehearse(
    config: &Config,
    environment: &Environment,
    source: &Snapshot,
    target: &mut Observed,
    known: &MigrationSet,
) -> Rehearsal<Observed> {
    let pending = missing_migrations(source, &target.snapshot, known);
    let is_off = environment.rehearsal.mode == RehearsalSetting::Off;
    if is_off && target.snapshot.requires_rehearsal && !pending.is_empty() && !source.is_folder {
        return Err(not_rehearsed(
            &target.snapshot,
            &anyhow::anyhow!("rehearsal is \"off\" there"),
        ));
    }
    if pending.is_empty()
        || source.is_folder
        || is_off
        || !ends::wrong_ends(source, &target.snapshot).is_empty()
        || pending
            .iter()
            .any(|migration| gate::not_transactional(migration, source.backend).is_some())
    {
        return Ok(None);
    }
    let snapshot = target.snapshot.clone();
    let not_rehearsed = |error: anyhow::Error| not_rehearsed(&snapshot, &error);
    check_reach(&pending, known).map_err(not_rehearsed)?;
    let copy = make_copy(config, environment, target).map_err(not_rehearsed)?;
    let (scratch, mut session, mut trial) = (copy.scratch, copy.session, copy.trial);
    let on = match trial.extent {
        Extent::Full => Measuring::Copy,
        Extent::Schema => Measuring::Schema,
    };
    let tables = with_own_rows(config, &target.snapshot.catalog);
    session.measure(&tables, on).map_err(not_rehearsed)?;
    let tried = try_migrations(&mut *session, known, &pending, &config.lookups)
        .map_err(|error| failed(&error, &target.snapshot, trial.extent))?;
    trial.parts = tried.parts;
    trial.measured = tried.measured;
    for done in trial.measured.values_mut() {
        let is_own = |effect: &RowEffect| is_own(config, &target.snapshot.catalog, effect);
        done.effects.retain(is_own);
    }
    if trial.extent == Extent::Schema {
        count_at(target, &mut trial.measured).map_err(not_rehearsed)?;
    }
    let catalog = session.catalog().map_err(not_rehearsed)?;
    let snapshot = Snapshot {
        applied: session.applied_migrations().map_err(not_rehearsed)?,
        catalog,
        ..target.snapshot.clone()
    };
    let live = match scratch.copied.is_some() {
        true => Some(live(config, environment, target, &snapshot).map_err(not_rehearsed)?),
        false => None,
    };
    for settings in &config.lookups {
        if can_ask(&target.snapshot.catalog, &snapshot.catalog, settings) {
            target.digest_lookup(settings, &config.lookups);
        }
    }
    let after = Observed {
        snapshot,
        session: Box::new(RehearsedSession::new(session, scratch, live)),
        lookups: BTreeMap::new(),
    };
    Ok(Some(Rehearsed {
        target: after,
        trial,
    }))
}

/// Counts at the target the rows that a copy without them would have lost.
fn count_at(
    target: &mut Observed,
    measured: &mut BTreeMap<String, Measured>,
) -> anyhow::Result<()> {
    for found in measured.values_mut() {
        for effect in &mut found.effects {
            let rows = target.session.count_rows(&effect.table)?;
            // How many values a column has is not known with that.
            if rows == 0 || effect.kind == EffectKind::TableDropped {
                effect.rows = Some(rows);
            }
        }
        found.effects.retain(|effect| effect.rows != Some(0));
    }
    Ok(())
}

/// The tables that were not copied are asked for at the target itself.
fn live(
    config: &Config,
    environment: &Environment,
    target: &Observed,
    after: &Snapshot,
) -> anyhow::Result<Live> {
    Ok(Live {
        session: database::open(environment.url()?)?,
        catalog: target.snapshot.catalog.clone(),
        after: after.catalog.clone(),
        lookups: config.lookups.clone(),
        label: target.snapshot.label.clone(),
    })
}

/// How a migration failed on the copy; or why there was no rehearsal after all.
fn failed(error: &anyhow::Error, target: &Snapshot, extent: Extent) -> Problem {
    let problem = Problem::of(error);
    let hint = match (problem.code, extent) {
        (Code::MigrationFailed, Extent::Full) => {
            "nothing was touched; mend the migration or the rows that it meets"
        }
        (Code::MigrationFailed, Extent::Schema) => {
            "nothing was touched; mend the migration or the rows that it meets. The copy had no rows of protected tables: \
             where the migration needs them, set rehearsal = \"full\" and a larger rehearsal_limit for this environment in data-sync/sync.toml"
        }
        (Code::NotTransactional, _) if problem.target_changed => {
            "nothing was touched; take what begins or ends a transaction out of up.sql"
        }
        // On the target, with all its rows, it would hardly be faster.
        (Code::StatementTimeout | Code::NotTransactional | Code::ValueUncommitted, _) => {
            problem.hint.as_deref().unwrap_or_default()
        }
        _ => return not_rehearsed(target, error),
    };
    Problem::new(
        problem.code,
        format!(
            "rehearsed on a copy of {}: {}",
            target.label, problem.message
        ),
    )
    .hint(hint)
}

fn not_rehearsed(target: &Snapshot, error: &anyhow::Error) -> Problem {
    let problem = Problem::of(error);
    let hint = match problem.hint {
        Some(cure) if problem.code == Code::NotRehearsed => format!("{cure}; until then "),
        _ => String::new(),
    };
    let consequence = match target.requires_rehearsal {
        true => format!(
            "nothing is promoted to {}; require_rehearsal = false for `{}` in data-sync/sync.toml lets it pass with approximate counts",
            target.label, target.environment
        ),
        false => "row counts are approximate, and drift is found before the commit; rehearsal = \"off\" in data-sync/sync.toml takes this warning away".to_owned(),
    };
    Problem::new(
        Code::NotRehearsed,
        format!(
            "the migrations were not rehearsed on a copy of {}: {}",
            target.label, problem.message
        ),
    )
    .hint(format!("{hint}{consequence}"))
}
