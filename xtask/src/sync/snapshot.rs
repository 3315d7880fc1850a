//! What an environment holds, read at one moment.

use std::collections::BTreeMap;

use crate::database::{self, Identity, Session};
use crate::model::backend::Backend;
use crate::model::ledger::Ledger;
use crate::model::max_delete::MaxDelete;
use crate::model::migrations::migration::{AppliedMigration, OutOfOrder};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::rows::row::LookupState;
use crate::model::schema::catalog::Catalog;
use crate::model::schema::table::TableName;
use crate::problem::Problem;
use crate::settings::config::Config;
use crate::settings::environment::{Environment, OnTargetEdit};
use crate::sync::rows::compare::{Side, digest};

/// Everything about one environment that decisions are made from, rows aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub environment: String,
    pub label: String,
    /// The variable that leads to it.
    pub url_variable: String,
    /// The project that it is to belong to, where the configuration names it.
    pub project: Option<String>,
    /// Unclassified tables block, because the environment asks more than once.
    pub strict: bool,
    /// Drift blocks.
    pub refuses_drift: bool,
    /// How many rows of a lookup table may go, where the table says nothing.
    pub max_delete: Option<MaxDelete>,
    /// Migrations that were not tried on a copy block, and those of which it is not known what ran.
    pub requires_rehearsal: bool,
    pub refuses_unrecorded: bool,
    /// Files, whose schema and history are those of the database that they are loaded into.
    pub is_folder: bool,
    pub on_target_edit: OnTargetEdit,
    pub out_of_order: OutOfOrder,
    pub backend: Backend,
    pub identity: Identity,
    pub ledger: Ledger,
    pub applied: Vec<AppliedMigration>,
    pub catalog: Catalog,
}

impl Snapshot {
    /// A lookup table as this environment has it; `all` are the settings of every lookup table.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub fn lookup(
        &self,
        settings: &LookupSettings,
        all: &[LookupSettings],
    ) -> Result<Lookup, Problem> {
        Lookup::resolve(settings, all, &self.catalog, &self.label)
    }

    /// Whether a pending migration is older than the newest that was applied.
    pub fn is_past(&self, version: &str) -> bool {
        self.applied
            .iter()
            .any(|migration| migration.version.as_str() > version)
    }

    pub fn has_applied(&self, version: &str) -> bool {
        self.run_of(version).is_some()
    }

    /// What is known of a migration that was applied.
    pub fn run_of(&self, version: &str) -> Option<&AppliedMigration> {
        self.applied
            .iter()
            .find(|migration| migration.version == version)
    }
}

/// A snapshot, and the session that still sees the same moment.
pub struct Observed {
    pub snapshot: Snapshot,
    pub session: Box<dyn Session>,
    /// What the lookup tables hold, by the names that the configuration uses, once that was
    /// asked for.
    pub lookups: BTreeMap<TableName, LookupState>,
}

impl Observed {
    /// Reads every lookup table that the environment has. One that cannot be read as a lookup
    /// table is left out: comparing it says why.
    pub fn digest_lookups(&mut self, all: &[LookupSettings]) {
        for settings in all {
            self.digest_lookup(settings, all);
        }
    }

    /// Reads one of them.
    pub(super) fn digest_lookup(&mut self, settings: &LookupSettings, all: &[LookupSettings]) {
        let Ok(lookup) = self.snapshot.lookup(settings, all) else {
            return;
        };
        let label = &self.snapshot.label;
        let session = &mut self.session;
        let state = session.begin_trial().and_then(|()| {
            let rows = session.hashes(&lookup);
            let read = rows.and_then(|rows| digest(&lookup, Side { rows, label }));
            session.end_trial(read.is_err())?;
            read
        });
        if let Ok(state) = state {
            self.lookups.insert(settings.table.clone(), state);
        }
    }
}

/// Looks at one environment.
///
/// # Errors
/// `env_not_set`, `url_invalid`, `unreachable`, or what the database reports.
pub fn observe(environment: &Environment) -> anyhow::Result<Observed> {
    let url = environment.url()?;
    let mut session = database::open(url).map_err(|error| environment.blame(error))?;
    let snapshot = Snapshot {
        environment: environment.name.clone(),
        label: environment.label.clone(),
        url_variable: environment.url_variable.clone(),
        project: environment.project.clone(),
        strict: environment.is_strict(),
        refuses_drift: environment.refuses_drift(),
        max_delete: environment.max_delete,
        requires_rehearsal: environment.requires_rehearsal(),
        refuses_unrecorded: environment.refuses_unrecorded(),
        is_folder: false,
        on_target_edit: environment.on_target_edit,
        out_of_order: environment.out_of_order,
        backend: url.backend(),
        identity: session.identity()?,
        ledger: session.ledger()?,
        applied: session.applied_migrations()?,
        catalog: session.catalog()?,
    };
    Ok(Observed {
        snapshot,
        session,
        lookups: BTreeMap::new(),
    })
}

/// Looks at several environments at once, with what `more` asks of each.
pub fn observe_all<'environment>(
    environments: impl IntoIterator<Item = &'environment Environment>,
    more: impl Fn(&mut Observed) + Copy + Send,
) -> Vec<anyhow::Result<Observed>> {
    std::thread::scope(|scope| {
        let looking: Vec<_> = environments
            .into_iter()
            .map(|environment| {
                scope.spawn(move || {
                    let mut observed = observe(environment)?;
                    more(&mut observed);
                    Ok(observed)
                })
            })
            .collect();
        looking
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(anyhow::anyhow!("looking at an environment broke off")))
            })
            .collect()
    })
}

/// Every lookup table as an environment has it.
///
/// # Errors
/// What keeps one from being a lookup table.
pub fn resolve_all(config: &Config, snapshot: &Snapshot) -> Result<Vec<Lookup>, Problem> {
    config
        .lookups
        .iter()
        .map(|settings| snapshot.lookup(settings, &config.lookups))
        .collect()
}
