//! Running migrations on a copy as the run will, in its transactions, and finding out by that where
//! the run has to be split.

use std::collections::BTreeMap;

use crate::database::Target;
use crate::model::migrations::effects::Measured;
use crate::model::migrations::migration::{Migration, MigrationSet};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::schema::catalog::Catalog;
use crate::model::schema::table::TableName;
use crate::model::words::listed;
use crate::problem::{Code, Problem};
use crate::sync::migrations::parts::{Part, Splits, parts};
use crate::sync::migrations::server_wide;

/// What came of it.
pub(super) struct Tried {
    pub(super) parts: Vec<Part>,
    /// What each migration did to rows, by its version.
    pub(super) measured: BTreeMap<String, Measured>,
}

/// Checks that no migration writes to somewhere else as soon as it runs, where no copy keeps it.
///
/// # Errors
/// Which one does.
pub(super) fn check_reach(migrations: &[&Migration], known: &MigrationSet) -> anyhow::Result<()> {
    for migration in migrations {
        let words = server_wide::at_once(&migration.up, known.backend);
        let words = words.or_else(|| match migration.transactional {
            // In a transaction it is seen before the commit.
            true => None,
            false => server_wide::shared(&migration.up, known.backend),
        });
        if let Some(words) = words {
            anyhow::bail!("{} reaches beyond its database ({words})", migration.name);
        }
    }
    Ok(())
}

/// Runs migrations on a copy, and commits there what the run would commit. The rows of `lookups` are
/// loaded after them, and may mend what refers to them.
///
/// # Errors
/// `migration_failed`, and what the database reports; why nothing was to be committed on a copy.
pub(super) fn try_migrations(
    session: &mut dyn Target,
    known: &MigrationSet,
    migrations: &[&Migration],
    lookups: &[LookupSettings],
) -> anyhow::Result<Tried> {
    let tables: Vec<TableName> = lookups.iter().map(|lookup| lookup.table.clone()).collect();
    let mut trying = Trying {
        session,
        known,
        splits: Splits::default(),
        measured: BTreeMap::new(),
        open: Vec::new(),
        broken: None,
    };
    for (at, migration) in migrations.iter().enumerate() {
        let is_last_part = migrations[at..].iter().all(|later| later.transactional);
        trying.run(migration, if is_last_part { &tables } else { &[] })?;
    }
    trying.check()?;
    if !trying.open.is_empty()
        && let Some(why) = trying.uncommitted_for(lookups)?
    {
        trying.end_part()?;
        trying.splits.before_rows = Some(why);
    }
    Ok(Tried {
        parts: parts(migrations, &trying.splits),
        measured: trying.measured,
    })
}

struct Trying<'run> {
    session: &'run mut dyn Target,
    known: &'run MigrationSet,
    splits: Splits,
    measured: BTreeMap<String, Measured>,
    /// What ran in the transaction that is open.
    open: Vec<&'run Migration>,
    /// A reference that a migration broke, unless a later one mends it.
    broken: Option<Problem>,
}

impl<'run> Trying<'run> {
    fn run(&mut self, migration: &'run Migration, except: &[TableName]) -> anyhow::Result<()> {
        let done = match migration.transactional {
            true => self.run_within(migration)?,
            false => {
                self.end_part()?;
                self.session
                    .run_without_transaction(self.known, migration)?
            }
        };
        self.measured.insert(migration.version.clone(), done);
        self.broken = match self.session.check_references(except) {
            Ok(()) => None,
            Err(error) => self
                .broken
                .take()
                .or_else(|| Some(breaks(migration, &error))),
        };
        if migration.transactional {
            self.open.push(migration);
            return Ok(());
        }
        self.check()?;
        self.session.check_constraints().map_err(broken)
    }

    fn run_within(&mut self, migration: &Migration) -> anyhow::Result<Measured> {
        let done = self.session.run_measured(self.known, migration, &[]);
        let Err(error) = done else { return done };
        if Problem::of(&error).code != Code::ValueUncommitted || self.open.is_empty() {
            return Err(error);
        }
        self.end_part()?;
        self.splits.add(migration);
        self.session.run_measured(self.known, migration, &[])
    }

    fn check(&mut self) -> anyhow::Result<()> {
        self.broken
            .take()
            .map_or(Ok(()), |problem| Err(problem.into()))
    }

    /// Commits what is open on the copy, unless that would reach beyond it.
    fn end_part(&mut self) -> anyhow::Result<()> {
        let Some(last) = self.open.last() else {
            return Ok(());
        };
        if let Err(error) = self.session.check_references(&[]) {
            self.broken.get_or_insert(breaks(last, &error));
        }
        self.check()?;
        self.session.check_constraints().map_err(broken)?;
        if let Some(what) = self.session.changed_server()? {
            let names = self.open.iter().map(|migration| migration.name.clone());
            let names: Vec<String> = names.collect();
            let reach = if names.len() == 1 { "reaches" } else { "reach" };
            anyhow::bail!(
                "{} {reach} beyond the database ({what}), and the run commits that before it ends",
                listed(&names)
            );
        }
        self.session.commit_part()?;
        self.session.begin_part()?;
        self.open.clear();
        Ok(())
    }

    /// Why rows of a lookup table could not be loaded in the transaction that is open.
    fn uncommitted_for(&mut self, lookups: &[LookupSettings]) -> anyhow::Result<Option<String>> {
        let catalog: Catalog = self.session.catalog()?;
        for settings in lookups {
            let Ok(lookup) = Lookup::resolve(settings, lookups, &catalog, "the copy") else {
                continue;
            };
            if let Some(enumeration) = self.session.uncommitted_enum(&lookup.table)? {
                return Ok(Some(format!(
                    "rows of `{}` may use a new value of `{enumeration}`, which has to be committed first",
                    lookup.table
                )));
            }
        }
        Ok(None)
    }
}

fn breaks(migration: &Migration, error: &anyhow::Error) -> Problem {
    let message = Problem::of(error).message;
    Problem::new(
        Code::MigrationFailed,
        format!(
            "migration {} breaks a constraint: {message}",
            migration.name
        ),
    )
}

/// A constraint that is checked at the end of a transaction only.
pub(in crate::sync) fn broken(error: anyhow::Error) -> anyhow::Error {
    let problem = Problem::of(&error);
    if matches!(problem.code, Code::LockTimeout | Code::StatementTimeout) {
        return error;
    }
    Problem::new(
        Code::MigrationFailed,
        format!("the migrations break a constraint: {}", problem.message),
    )
    .hint(problem.hint.unwrap_or_default())
    .into()
}
