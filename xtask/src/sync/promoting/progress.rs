//! Carrying out the migrations of a run part by part, and saying how far it came.

use std::time::Instant;

use super::commit::Commit;
use super::promote::milliseconds;
use super::report::MigrationReport;
use crate::database::Target;
use crate::model::ledger::{self, LedgerEntry, RecordedMigration, RunKind};
use crate::model::migrations::effects::RowEffect;
use crate::model::migrations::migration::{AppliedMigration, Migration, MigrationSet};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::LookupState;
use crate::model::schema::catalog::Catalog;
use crate::model::words::listed;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::sync::event::{Event, Events};
use crate::sync::history::moment::Moment;
use crate::sync::migrations::parts::Part;
use crate::sync::planning::plan::PlannedMigration;
use crate::sync::planning::trying::broken;
use crate::sync::rows::compare::{Side, digest};

/// How far a run has come.
#[derive(Debug, Default)]
pub struct Progress {
    /// Every migration that ran, in order.
    ran: Vec<MigrationReport>,
    /// How many of them are committed.
    committed: usize,
    /// The migration that is running outside any transaction.
    outside: Option<String>,
    /// What is worth saying of what they did.
    warnings: Vec<Problem>,
}

/// What every part of a run has in common.
pub struct Run<'run> {
    pub parts: &'run [Part],
    pub known: &'run MigrationSet,
    /// The entry of the ledger, without what the parts did.
    pub entry: &'run LedgerEntry,
    /// The environment that is written.
    pub label: &'run str,
    /// How to find out whether a part was committed.
    pub commit: Commit<'run>,
    /// Keeps others from writing to the lookup tables until the part ends, and reads them.
    pub lock_lookups: &'run dyn Fn(&mut dyn Target) -> anyhow::Result<LockedLookups>,
    /// The migrations as they were planned; none where nobody planned.
    pub planned: &'run [PlannedMigration],
    /// Whether an effect met something that does not come from the source.
    pub is_own: &'run dyn Fn(&RowEffect) -> bool,
    /// Whether a migration in a transaction may have done this to protected rows.
    pub after: &'run After<'run>,
}

/// What is wrong may only be worth a warning.
pub type After<'run> = dyn Fn(&Migration, &[RowEffect]) -> anyhow::Result<Option<Problem>> + 'run;

/// The lookup tables that are there, with what they hold.
pub type LockedLookups = Vec<(Lookup, LookupState)>;

impl Progress {
    /// Runs every migration. What the last part did is left uncommitted; its migrations are
    /// returned, to be recorded.
    ///
    /// # Errors
    /// `migration_failed`, `plan_stale` when somebody else ran migrations in between, or what
    /// the database reports. [`Progress::explain`] says what stays.
    pub fn run(
        &mut self,
        target: &mut dyn Target,
        run: &Run<'_>,
        events: &mut Events<'_>,
    ) -> anyhow::Result<Vec<RecordedMigration>> {
        let mut expected = versions(&target.applied_migrations()?);
        let mut recorded = Vec::new();
        for (at, part) in run.parts.iter().enumerate() {
            if part.loads {
                recorded = self.run_part(target, run, part, events)?;
                break;
            }
            let before = (run.lock_lookups)(target)?;
            recorded = self.run_part(target, run, part, events)?;
            target.check_constraints().map_err(broken)?;
            if !part.transaction {
                refuse_changes(run, part, &before, &(run.lock_lookups)(target)?)?;
            }
            let what = format!(
                "part {} of {}: {}",
                at + 1,
                run.parts.len(),
                listed(&part.names)
            );
            let entry = LedgerEntry {
                run: ledger::Run {
                    kind: RunKind::Unfinished,
                    finished_at: Moment::now().readable(),
                    summary: what.clone(),
                    ..run.entry.run.clone()
                },
                migrations: std::mem::take(&mut recorded),
                ..run.entry.clone()
            };
            target.record(&entry)?;
            let left = (run.lock_lookups)(target)?;
            if let Err(error) = target.commit_part() {
                let message = format!("{error}, when {what} was committed");
                run.commit.settle(error, &entry.run, events)?;
                // It is there, but the session that would go on is not.
                self.committed = self.ran.len();
                return Err(Problem::new(Code::Unreachable, message).into());
            }
            self.committed = self.ran.len();
            events(Event::Note(format!("committed {what}")));
            target.begin_part()?;
            expected.extend(part.migrations.iter().cloned());
            expected.sort();
            if versions(&target.applied_migrations()?) != expected {
                return Err(overtaken(run.label));
            }
            refuse_changes(run, part, &left, &(run.lock_lookups)(target)?)?;
        }
        Ok(recorded)
    }

    fn run_part(
        &mut self,
        target: &mut dyn Target,
        run: &Run<'_>,
        part: &Part,
        events: &mut Events<'_>,
    ) -> anyhow::Result<Vec<RecordedMigration>> {
        let mut recorded = Vec::new();
        let planned = part.migrations.iter();
        for migration in planned.filter_map(|version| run.known.get(version)) {
            events(Event::Detail(migration.name.clone()));
            let clock = Instant::now();
            let measured = if part.transaction {
                let mut planned = run.planned.iter();
                let planned = planned.find(|planned| planned.version == migration.version);
                let expected = planned.map_or(&[][..], |planned| &planned.touched);
                target.run_measured(run.known, migration, expected)?
            } else {
                self.outside = Some(migration.name.clone());
                let done = target.run_without_transaction(run.known, migration)?;
                self.outside = None;
                done
            };
            let mut effects = measured.effects;
            effects.retain(run.is_own);
            if part.transaction {
                self.warnings.extend((run.after)(migration, &effects)?);
            }
            self.ran.push(MigrationReport {
                version: migration.version.clone(),
                name: migration.name.clone(),
                duration_ms: milliseconds(clock),
                effects,
            });
            if !part.transaction {
                self.committed = self.ran.len();
            }
            recorded.push(RecordedMigration::of(migration));
        }
        Ok(recorded)
    }

    /// Forgets what was rolled back, so that it can run again.
    pub fn go_back(&mut self) {
        self.ran.truncate(self.committed);
    }

    /// The migrations that ran.
    pub fn ran(&self) -> &[MigrationReport] {
        &self.ran
    }

    /// What is worth saying of what they did.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The migrations that stay when the transaction that is open is dropped.
    pub fn committed(&self) -> &[MigrationReport] {
        &self.ran[..self.committed]
    }

    /// Something stays when the transaction that is open is dropped, or may stay.
    pub fn has_changed(&self) -> bool {
        self.committed > 0 || self.outside.is_some()
    }

    /// An error, with what stays and the ways on and back; `way_back` is a command.
    pub fn explain(
        &self,
        error: anyhow::Error,
        label: &str,
        way_back: Option<&str>,
    ) -> anyhow::Error {
        if !self.has_changed() {
            return error;
        }
        let problem = Problem::of(&error);
        let names: Vec<String> = self
            .committed()
            .iter()
            .map(|migration| migration.name.clone())
            .collect();
        let stays = match names.as_slice() {
            [] => format!("{label} may be changed"),
            [one] => format!("{label} is changed: {one} is applied"),
            several => format!("{label} is changed: {} are applied", listed(several)),
        };
        let begun = self.outside.as_ref().map_or(String::new(), |name| {
            let also = if names.is_empty() { ": " } else { ", and " };
            format!("{also}what {name} did before it failed stays")
        });
        let back = way_back.map_or(String::new(), |command| {
            format!("; the way back is `{command}`")
        });
        let hint = match problem.code {
            // How to find out comes first, and the way back with it.
            Code::OutcomeUnknown => problem.hint,
            _ => Some(format!(
                "mend what it names, then run it again, and it goes on from there{back}"
            )),
        };
        Problem {
            message: format!("{}. {stays}{begun}", problem.message),
            hint,
            target_changed: true,
            ..problem
        }
        .into()
    }
}

/// Keeps others from writing to the lookup tables that are there, and reads them.
pub(in crate::sync) fn lock_lookups(
    config: &Config,
    target: &mut dyn Target,
    label: &str,
) -> anyhow::Result<LockedLookups> {
    let mut held = Vec::new();
    for lookup in resolve_present(config, &target.catalog()?, label) {
        target.lock_table(&lookup.table)?;
        let rows = target.hashes(&lookup)?;
        let state = digest(&lookup, Side { rows, label })?;
        held.push((lookup, state));
    }
    Ok(held)
}

/// The lookup tables that are there already; a migration may still bring others.
pub(in crate::sync) fn resolve_present(
    config: &Config,
    catalog: &Catalog,
    label: &str,
) -> Vec<Lookup> {
    config
        .lookups
        .iter()
        .filter_map(|settings| Lookup::resolve(settings, &config.lookups, catalog, label).ok())
        .collect()
}

fn versions(applied: &[AppliedMigration]) -> Vec<String> {
    let mut versions: Vec<String> = applied
        .iter()
        .map(|applied| applied.version.clone())
        .collect();
    versions.sort();
    versions
}

/// Rows that somebody edited while no transaction kept them from it would be overwritten unseen. A
/// migration that names the table may have changed them itself.
fn refuse_changes(
    run: &Run<'_>,
    part: &Part,
    before: &LockedLookups,
    now: &LockedLookups,
) -> anyhow::Result<()> {
    let is_named = |lookup: &Lookup| {
        !part.transaction
            && part
                .migrations
                .iter()
                .filter_map(|version| run.known.get(version))
                .any(|migration| migration.up.contains(&lookup.table.name))
    };
    let changed = now.iter().find(|(lookup, state)| {
        !is_named(lookup)
            && before
                .iter()
                .any(|(known, held)| known == lookup && held != state)
    });
    let Some((lookup, _)) = changed else {
        return Ok(());
    };
    Err(Problem::new(
        Code::PlanStale,
        format!(
            "somebody changed rows of `{}` in {} between two parts of this run",
            lookup.table, run.label
        ),
    )
    .hint("look at the new plan, and run it again")
    .into())
}

fn overtaken(label: &str) -> anyhow::Error {
    Problem::new(
        Code::PlanStale,
        format!("somebody else ran migrations on {label} between two parts of this run"),
    )
    .hint("look at the new plan, and run it again")
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(name: &str) -> MigrationReport {
        MigrationReport {
            version: name.to_owned(),
            name: name.to_owned(),
            duration_ms: 0,
            effects: Vec::new(),
        }
    }

    fn explained(progress: &Progress) -> Problem {
        let failed = Problem::new(Code::MigrationFailed, "migration c failed").hint("as before");
        let error = progress.explain(failed.into(), "Test", Some("restore it"));
        Problem::of(&error)
    }

    #[test]
    fn what_stays_is_said() {
        let mut progress = Progress::default();
        let untouched = explained(&progress);
        assert_eq!(
            (untouched.hint.as_deref(), untouched.exit_code()),
            (Some("as before"), 1)
        );

        progress.ran = vec![migration("a"), migration("b"), migration("c")];
        progress.committed = 2;
        let two = explained(&progress);
        assert_eq!(
            two.message,
            "migration c failed. Test is changed: a and b are applied"
        );
        assert_eq!(
            two.hint.as_deref(),
            Some(
                "mend what it names, then run it again, and it goes on from there; the way back is `restore it`"
            )
        );
        assert_eq!((two.code, two.exit_code()), (Code::MigrationFailed, 6));

        progress.outside = Some("c".to_owned());
        assert_eq!(
            explained(&progress).message,
            "migration c failed. Test is changed: a and b are applied, and what c did before it failed stays"
        );
        progress.committed = 0;
        assert_eq!(
            explained(&progress).message,
            "migration c failed. Test may be changed: what c did before it failed stays"
        );
    }
}
