//! A promotion: the one place with order and effects.

use std::collections::BTreeMap;
use std::time::Instant;

use super::commit::Commit;
use super::keep_alive::keep_alive;
use super::look::{Seen, look_again};
use super::progress::{self, Progress, lock_lookups, resolve_present};
use super::report::{BackupReport, LookupReport, Outcome, Report};
use super::verify::{
    check_catalog, check_counts, check_export, check_loaded, check_protected, check_rehearsed,
    match_columns,
};
use super::{data_loss, failed, load};
use crate::database::{self, Measuring};
use crate::model::ledger::{LedgerEntry, Run};
use crate::model::random::random_id;
use crate::model::rows::row::LookupState;
use crate::model::schema::table::TableName;
use crate::problem::Problem;
use crate::settings::config::Config;
use crate::settings::pipeline::Promotion;
use crate::settings::protected::{is_own, protected, with_own_rows};
use crate::sync::backups::backup;
use crate::sync::backups::retention::thin_out;
use crate::sync::comparing::difference::TableComparison;
use crate::sync::event::{Event, Events};
use crate::sync::exports::{export, imported, promoted};
use crate::sync::history::moment::Moment;
use crate::sync::planning::scope::Scope;
use crate::sync::planning::stale::stale_problem;
use crate::sync::promoting::row_source::Loaded;
use crate::sync::snapshot::resolve_all;

const STEPS: usize = 7;

/// Carries out the plan that was seen and approved, and fills in the report as it goes.
///
/// # Errors
/// `plan_stale` when the plan is another by now; else what went wrong. The target is then as it
/// was, because everything happens in one transaction; but where the plan has several parts, those
/// that were committed stay, and the error and the report say so.
pub fn promote(
    config: &Config,
    promotion: &Promotion<'_>,
    seen: &Seen,
    report: &mut Report,
    events: &mut Events<'_>,
) -> anyhow::Result<()> {
    let mut progress = Progress::default();
    let (clock, started_at) = (Instant::now(), Moment::now().readable());
    let ended = carry_out(config, promotion, seen, report, &mut progress, events);
    report.duration_ms = milliseconds(clock);
    if let Err(error) = &ended {
        report.target_changed = progress.has_changed() || Problem::of(error).target_changed;
        report.migrations = progress.committed().to_vec();
    }
    let way_back = report.backup.as_ref().map(|backup| &*backup.way_back);
    let label = &promotion.to.label;
    let ended = ended.map_err(|error| progress.explain(error, label, way_back));
    if let Err(error) = &ended
        && !report.target_changed
        && let Some(backup) = &report.backup
    {
        let noted = failed::note(config, promotion, report, backup, started_at, error);
        if let Err(error) = noted {
            events(Event::Note(format!(
                "the history will not have this run: {error:#}"
            )));
        }
    }
    ended
}

fn carry_out(
    config: &Config,
    promotion: &Promotion<'_>,
    seen: &Seen,
    report: &mut Report,
    progress: &mut Progress,
    events: &mut Events<'_>,
) -> anyhow::Result<()> {
    let started_at = Moment::now().readable();
    let to = &promotion.to.label;
    let mut number = 0;
    let mut step = |events: &mut Events<'_>, title: String| {
        number += 1;
        events(Event::Step {
            number,
            total: STEPS,
            title,
        });
    };
    report.run_id = random_id(4)?;

    step(events, format!("lock {to}"));
    let mut target = database::open_target(promotion.to.url()?, promotion.to.limits)
        .map_err(|error| promotion.to.blame(error))?;

    // From here on nobody else changes a lookup row, so that what is looked at, backed up and
    // compared is one and the same.
    for lookup in resolve_present(config, &target.catalog()?, to) {
        target.lock_table(&lookup.table)?;
    }

    step(events, "look again".to_owned());
    let files_read = imported::files(config, promotion)?;
    let idle = promotion.to.limits.idle_timeout;
    let mut look = keep_alive(&mut *target, idle, || look_again(config, promotion, seen))?;
    let approved = &seen.plan;
    if look.seen.plan.id != approved.id || !look.seen.plan.blockers.is_empty() {
        return Err(stale_problem(approved, &look.seen.plan).into());
    }

    let mut digests = target_digests(&look.seen.comparisons);
    if look.seen.comparisons.is_empty() {
        look.target.digest_lookups(&config.lookups);
        digests = look.target.lookups.clone();
    }
    let Scope { config, source, .. } = &look.seen.scope;

    step(events, format!("back up {to}"));
    let backup = keep_alive(&mut *target, idle, || {
        backup::make(
            &config.backup,
            promotion.to,
            &mut look.target,
            digests,
            &report.run_id,
        )
    })?;
    // Now: a run that fails leaves its backup too.
    let runs = &look.target.snapshot.ledger.runs;
    thin_out(&config.backup, &promotion.to.name, runs, &backup);
    let way_back = report
        .backup
        .insert(BackupReport::of(&backup, config))
        .way_back
        .clone();
    let commit = Commit {
        environment: promotion.to,
        options: &config.options,
        way_back: Some(&way_back),
    };

    step(events, promotion.from.handing_over());
    let lookups = resolve_all(config, &look.source.snapshot)?;
    let files = Loaded::of(promotion.from, &config.export_dir)?;
    let manifest = keep_alive(&mut *target, idle, || {
        export::export(
            &mut *look.source.session,
            &lookups,
            &files.dir,
            &files.name,
            // Where no rows are loaded, those that were exported stay.
            !lookups.is_empty(),
            events,
        )
    })?;
    report.exports = (!lookups.is_empty()).then(|| files.reported.clone());
    check_export(config, &manifest, &lookups, &look.seen.comparisons)?;
    let before = look.target.snapshot;
    // An open reader would keep SQLite from committing.
    drop((look.source.session, look.target.session));

    step(events, format!("migrate {to}"));
    let (kind, subject) = promotion.recorded_as();
    let entry = LedgerEntry::new(
        promotion.to,
        Run {
            id: report.run_id.clone(),
            plan_id: Some(approved.id.clone()),
            backup: Some(backup.path.display().to_string()),
            ..Run::begun(config, kind, &subject, started_at)?
        },
    )?;
    if !look.seen.plan.migrations.is_empty() {
        target.measure(&with_own_rows(config, &before.catalog), Measuring::Live)?;
    }
    let run = progress::Run {
        parts: &look.seen.plan.parts,
        known: &look.seen.migrations,
        entry: &entry,
        label: to,
        commit,
        lock_lookups: &|target| lock_lookups(config, target, to),
        planned: &look.seen.plan.migrations,
        is_own: &|effect| is_own(config, &before.catalog, effect),
        after: &|migration, effects| data_loss::judge(&look.seen.plan, &before, migration, effects),
    };
    let migrations = progress.run(&mut *target, &run, events)?;
    report.migrations = progress.ran().to_vec();
    report.warnings.extend_from_slice(progress.warnings());

    step(events, format!("load the lookup tables into {to}"));
    let catalog = target.catalog()?;
    if let Some(rehearsed) = &look.seen.rehearsed {
        check_rehearsed(rehearsed, &catalog)?;
    }
    let on_target = match_columns(config, &lookups, &catalog, source, to)?;
    target.watch(&protected(config, &catalog))?;
    let folder = export::folder(&files.dir, &files.name);
    let kept = load::kept_rows(&look.seen.comparisons, &on_target);
    let (loaded, held) = load::load(&mut *target, &on_target, &kept, &folder, to, events)?;
    report.lookups = loaded.iter().map(LookupReport::from).collect();
    check_loaded(&manifest, lookups.iter().zip(&on_target), &loaded)?;
    check_counts(
        &look.seen.plan,
        look.seen.rehearsed.as_ref(),
        &on_target,
        &loaded,
    )?;
    check_protected(&mut *target, report)?;

    step(events, "verify, record and commit".to_owned());
    let expected = look.seen.rehearsed.as_ref().unwrap_or(&before);
    let label = look.seen.plan.source_label(&source.label);
    let wanted = (&source.catalog, &*label);
    check_catalog(config, wanted, expected, &target.catalog()?, to)?;
    for (lookup, loaded) in on_target.iter().filter_map(|lookup| {
        Some((
            lookup,
            loaded.iter().find(|loaded| loaded.table == lookup.table)?,
        ))
    }) {
        if !loaded.difference.is_empty() {
            target.raise_sequences(lookup)?;
        }
    }
    report.verified = true;
    let waiting = promoted::Waiting::prepare(config, &promotion.to.name, &lookups, &folder)?;
    let entry = LedgerEntry {
        run: Run {
            finished_at: Moment::now().readable(),
            summary: report.summary(),
            ..entry.run
        },
        migrations,
        lookups: promoted::promoted_lookups(config, &lookups, &manifest, &held),
        ..entry
    };
    target.record(&entry)?;
    commit.commit(target, &entry.run, events)?;
    report.warnings.extend(waiting.keep());
    report.warnings.extend(imported::note_loaded(
        config,
        promotion,
        &manifest,
        &files_read,
    ));
    report.outcome = Outcome::Applied;
    report.target_changed = true;
    Ok(())
}

/// What the lookup tables of the target hold, as the comparison has just read them.
fn target_digests(comparisons: &[TableComparison]) -> BTreeMap<TableName, LookupState> {
    comparisons
        .iter()
        .filter_map(|comparison| Some((comparison.table.clone(), comparison.target()?.clone())))
        .collect()
}

pub(in crate::sync) fn milliseconds(clock: Instant) -> u64 {
    u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX)
}
