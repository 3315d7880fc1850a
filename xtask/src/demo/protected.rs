//! Protected rows before and after: counted, and compared by a fingerprint.

use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::rows::row::LookupState;
use crate::model::schema::table::TableName;
use crate::model::words::counted;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::rows::compare::{Side, digest};
use crate::sync::snapshot::{Observed, Snapshot, observe};

/// The protected rows of one environment at one moment.
pub(super) struct Protected {
    tables: Vec<(Lookup, LookupState)>,
}

impl Protected {
    /// Reads them in those columns that Development has too: a migration that is still to come
    /// may add a column or drop one, which changes no row of what stays.
    ///
    /// # Errors
    /// What the databases report.
    pub(super) fn read(config: &Config, environment: &Environment) -> anyhow::Result<Self> {
        let mut observed = observe(environment)?;
        let development = match config.pipeline.first() {
            Some(first) => observe(first)?.snapshot,
            None => observed.snapshot.clone(),
        };
        let mut tables = Vec::new();
        for table in &config.protected {
            let Some(lookup) = readable(table, &observed.snapshot)? else {
                continue;
            };
            let shared =
                readable(table, &development)?.and_then(|other| lookup.common_with(&other));
            if let Some(lookup) = shared {
                let state = fingerprint(&lookup, &mut observed)?;
                tables.push((lookup, state));
            }
        }
        Ok(Protected { tables })
    }

    /// Reads them again.
    ///
    /// # Errors
    /// `protected_rows_changed`, naming the first table that is not as it was.
    pub(super) fn check(&self, environment: &Environment) -> anyhow::Result<()> {
        let mut observed = observe(environment)?;
        for (lookup, before) in &self.tables {
            let now = fingerprint(lookup, &mut observed)?;
            if now != *before {
                return Err(Problem::new(
                    Code::ProtectedRowsChanged,
                    format!(
                        "`{}` in {} had {} (fingerprint {}) and has {} (fingerprint {})",
                        lookup.table,
                        environment.label,
                        counted(before.rows, "row"),
                        before.digest,
                        counted(now.rows, "row"),
                        now.digest
                    ),
                )
                .hint("a migration that changes such rows on purpose belongs before those that the demo begins with: see xtask/src/demo/rows.rs")
                .into());
            }
        }
        Ok(())
    }

    /// `users: 5 rows, merchants: 6 rows`.
    pub(super) fn counts(&self) -> String {
        let counts: Vec<String> = self
            .tables
            .iter()
            .map(|(lookup, state)| format!("{}: {}", lookup.table, counted(state.rows, "row")))
            .collect();
        counts.join(", ")
    }
}

/// The table with all its rows, where the environment has it already.
fn readable(table: &TableName, snapshot: &Snapshot) -> Result<Option<Lookup>, Problem> {
    if snapshot.catalog.find(table).is_none() {
        return Ok(None);
    }
    let settings = LookupSettings::of(table.clone());
    Lookup::resolve(&settings, &[], &snapshot.catalog, &snapshot.label).map(Some)
}

fn fingerprint(lookup: &Lookup, observed: &mut Observed) -> anyhow::Result<LookupState> {
    let label = &observed.snapshot.label;
    let rows = observed.session.hashes(lookup)?;
    digest(lookup, Side { rows, label })
}
