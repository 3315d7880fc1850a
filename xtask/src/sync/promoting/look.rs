//! Looking at both ends of a promotion: once before anybody is asked, and again under the lock.

use super::export_edits;
use crate::model::ledger::{Run, RunKind};
use crate::model::migrations::migration::MigrationSet;
use crate::settings::config::Config;
use crate::settings::pipeline::Promotion;
use crate::sync::comparing::difference::{Outcome, TableComparison, compare_lookups};
use crate::sync::exports::promoted;
use crate::sync::planning::gate;
use crate::sync::planning::plan::{Plan, plan};
use crate::sync::planning::rehearse::rehearse;
use crate::sync::planning::scope::Scope;
use crate::sync::promoting::row_source::{Ends, observe_ends};
use crate::sync::snapshot::{Observed, Snapshot};
use crate::sync::{ends, one_environment};

/// Both ends of a promotion at one moment each, and what follows from them.
pub struct Look {
    pub seen: Seen,
    /// What still sees that moment.
    pub(super) source: Observed,
    pub(super) target: Observed,
}

/// What was seen of both ends, and what follows from it.
#[derive(Clone)]
pub struct Seen {
    pub plan: Plan,
    pub target: Snapshot,
    source: Snapshot,
    pub(super) migrations: MigrationSet,
    pub(super) scope: Scope,
    pub(super) comparisons: Vec<TableComparison>,
    /// The target as its migrations are to leave it.
    pub(super) rehearsed: Option<Snapshot>,
}

impl Seen {
    /// The promotion that made the source what it is, unless something was done to it since.
    pub fn promotion_to_source(&self) -> Option<Run> {
        let newest = self.source.ledger.runs.first()?;
        (newest.kind == RunKind::Promotion).then(|| newest.clone())
    }

    /// Whether trying it all again would come to the same: schema, history and lookup rows of both
    /// ends are what they were, and so are the migrations. Rows of other tables may have changed;
    /// what the migrations then do to them is judged in the run, and undone with it.
    fn holds(&self, ends: &mut Ends, migrations: &MigrationSet) -> bool {
        self.rehearsed.is_some()
            && self.plan.atomic
            && *migrations == self.migrations
            && ends.source.snapshot == self.source
            && ends.target.snapshot == self.target
            && self
                .comparisons
                .iter()
                .all(|was| self.has_same_rows(was, ends))
    }

    fn has_same_rows(&self, was: &TableComparison, ends: &mut Ends) -> bool {
        let Outcome::Compared { difference, .. } = &was.outcome else {
            return false;
        };
        let all = &self.scope.config.lookups;
        let Some(settings) = all.iter().find(|lookup| lookup.table == was.table) else {
            return false;
        };
        let is_new = self.target.catalog.find(&was.table).is_none();
        if was.held.is_none() && !is_new {
            return false;
        }
        for end in [&mut ends.source, &mut ends.target] {
            end.digest_lookup(settings, all);
        }
        ends.source.lookups.get(&was.table) == Some(&difference.source)
            && ends.target.lookups.get(&was.table) == was.held.as_ref()
    }
}

/// Looks at both ends and plans; nothing is written.
///
/// # Errors
/// What keeps an end from being looked at, or the migrations from being read.
pub fn look(config: &Config, promotion: &Promotion<'_>, every_row: bool) -> anyhow::Result<Look> {
    let ends = observe_ends(config, promotion)?;
    let migrations = load(config, &ends)?;
    look_at(config, promotion, ends, migrations, every_row)
}

/// Looks again. Where nothing changed since, what was tried on a copy is not tried again.
///
/// # Errors
/// As [`look`].
pub(super) fn look_again(
    config: &Config,
    promotion: &Promotion<'_>,
    seen: &Seen,
) -> anyhow::Result<Look> {
    let mut ends = observe_ends(config, promotion)?;
    let migrations = load(config, &ends)?;
    if !seen.holds(&mut ends, &migrations) {
        return look_at(config, promotion, ends, migrations, false);
    }
    let Ends {
        mut source, target, ..
    } = ends;
    let mut plan = seen.plan.clone();
    export_edits::judge(config, promotion, &mut source, &mut plan)?;
    let seen = Seen {
        plan,
        ..seen.clone()
    };
    Ok(Look {
        seen,
        source,
        target,
    })
}

fn load(config: &Config, ends: &Ends) -> anyhow::Result<MigrationSet> {
    MigrationSet::load(
        &config.migrations,
        ends.target.snapshot.backend,
        &config.root,
    )
}

fn look_at(
    config: &Config,
    promotion: &Promotion<'_>,
    ends: Ends,
    migrations: MigrationSet,
    every_row: bool,
) -> anyhow::Result<Look> {
    let (mut source, mut target) = (ends.source, ends.target);
    let (asked, from) = (config, &source.snapshot);
    let scope = Scope::of(asked, promotion, from, &mut target, &migrations)?;
    let config = &scope.config;
    let mut rehearsal = rehearse(
        config,
        promotion.to,
        &scope.source,
        &mut target,
        &migrations,
    );
    let comparisons = match &mut rehearsal {
        Ok(Some(after)) => {
            let after = &mut after.target;
            compare_ends(config, &mut source, after, Some(&mut target), every_row)?
        }
        _ => compare_ends(config, &mut source, &mut target, None, every_row)?,
    };
    // With its session the copy goes away.
    let rehearsal =
        rehearsal.map(|rehearsed| rehearsed.map(|done| done.map(|after| after.snapshot)));
    let mut plan = plan(
        &scope,
        &promotion.name(),
        &target.snapshot,
        &migrations,
        &comparisons,
        &rehearsal,
    );
    plan.title = promotion.title();
    plan.warnings.extend(ends.warnings);
    let identity = &target.snapshot.identity;
    let from = Some(promotion.from.name());
    if let Some(problem) = one_environment::another(config, promotion.to, identity, from) {
        plan.blockers.insert(0, problem.blocking());
    }
    export_edits::judge(config, promotion, &mut source, &mut plan)?;
    gate::check_allowed(config, &plan, &target.snapshot)?;
    gate::check_deletes_allowed(asked)?;
    let seen = Seen {
        plan,
        target: target.snapshot.clone(),
        source: source.snapshot.clone(),
        migrations,
        scope,
        comparisons,
        rehearsed: rehearsal.ok().flatten().map(|done| done.target),
    };
    Ok(Look {
        seen,
        source,
        target,
    })
}

/// Compares the lookup rows, unless the ends can be no ends of a promotion.
///
/// # Errors
/// What the databases report.
pub fn compare_ends(
    config: &Config,
    source: &mut Observed,
    target: &mut Observed,
    before: Option<&mut Observed>,
    every_row: bool,
) -> anyhow::Result<Vec<TableComparison>> {
    if ends::wrong_ends(&source.snapshot, &target.snapshot).is_empty() {
        let promoted = promoted::folder(&config.export_dir, &target.snapshot.environment);
        compare_lookups(
            &config.lookups,
            source,
            target,
            before,
            &promoted,
            every_row,
        )
    } else {
        Ok(Vec::new())
    }
}
