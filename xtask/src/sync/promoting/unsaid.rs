//! Whether a migration did to protected rows more than its text says, by what the server counts.

use crate::database::{Harm, Target};
use crate::problem::{Code, Problem};
use crate::sync::migrations::destructive::{self, Held, Saying, narrows};
use crate::sync::migrations::migration::{Migration, MigrationSet};
use crate::sync::planning::plan::Plan;
use crate::sync::planning::unsaid::way_out;
use crate::sync::schema::catalog::{Table, TableKind};
use crate::sync::schema::protected::protected;
use crate::sync::schema::table::TableName;
use crate::sync::settings::config::Config;
use crate::sync::settings::environment::Backend;
use crate::sync::snapshot::Snapshot;
use crate::sync::words::{counted_grouped, listed, shell_word};

/// What the planned migrations say.
pub(in crate::sync) struct Said<'run> {
    target: &'run Snapshot,
    /// Of each migration that has no leave to destroy rows, by its version.
    sayings: Vec<(String, Saying)>,
}

impl<'run> Said<'run> {
    /// Begins to count. `None` where nothing is to be held against a text: SQLite counts with
    /// triggers, which a migration would meet, and its rehearsal has compared every row.
    ///
    /// # Errors
    /// What the database reports.
    pub(in crate::sync) fn begin(
        config: &Config,
        plan: &Plan,
        before: &'run Snapshot,
        known: &MigrationSet,
        target: &mut dyn Target,
    ) -> anyhow::Result<Option<Self>> {
        if before.backend == Backend::Sqlite || plan.migrations.is_empty() {
            return Ok(None);
        }
        let planned = plan.migrations.iter();
        let migrations: Vec<&Migration> = planned
            .filter_map(|planned| known.get(&planned.version))
            .collect();
        let told = destructive::told(config, Held::by(before), &migrations);
        let sayings = plan.migrations.iter().zip(told.sayings);
        let without_leave = sayings.filter(|(planned, _)| !planned.destructive_allowed);
        target.guard(&protected(config, &before.catalog))?;
        Ok(Some(Said {
            target: before,
            sayings: without_leave
                .map(|(planned, saying)| (planned.version.clone(), saying))
                .collect(),
        }))
    }

    /// What is wrong with what a migration has just done, where that is only worth a warning.
    ///
    /// # Errors
    /// `protected_rows_changed` where the target asks more than once.
    pub(in crate::sync) fn check(
        &self,
        target: &mut dyn Target,
        migration: &Migration,
    ) -> anyhow::Result<Option<Problem>> {
        let harm = target.harm()?;
        let mut sayings = self.sayings.iter();
        let Some((_, saying)) = sayings.find(|(version, _)| *version == migration.version) else {
            return Ok(None);
        };
        let mut unsaid: Vec<String> = harm
            .iter()
            .filter_map(|(table, harm)| self.unsaid(saying, table, harm))
            .collect();
        if migration.up.to_lowercase().contains("track_counts") {
            unsaid.push("it may keep the server from counting rows (`track_counts`)".to_owned());
        }
        if unsaid.is_empty() {
            return Ok(None);
        }
        let problem = Problem::new(
            Code::ProtectedRowsChanged,
            format!(
                "migration {} did to rows of {} what its text does not say: {}",
                migration.name,
                self.target.label,
                unsaid.join("; ")
            ),
        );
        let option = format!("--allow-destructive {}", shell_word(&migration.name));
        let problem = problem.hint(way_out(self.target, &option));
        match self.target.strict {
            true => Err(problem.into()),
            false => Ok(Some(problem)),
        }
    }

    fn unsaid(&self, saying: &Saying, table: &TableName, harm: &Harm) -> Option<String> {
        let mut done = Vec::new();
        if !saying.takes_rows(table) {
            done.extend(self.taken(saying, table, harm));
        }
        let is_said = |column: &str| saying.changes_column(table, column);
        let lost = harm.lost_columns.iter().filter(|column| !is_said(column));
        done.extend(lost.map(|column| format!("column `{column}` dropped")));
        for (column, from, to) in &harm.retyped_columns {
            if narrows(from, to) && !is_said(column) {
                done.push(format!("`{column}` turned from {from} into {to}"));
            }
        }
        (!done.is_empty()).then(|| format!("{} in `{table}`", listed(&done)))
    }

    fn taken(&self, saying: &Saying, table: &TableName, harm: &Harm) -> Vec<String> {
        let rows = |count: u64, what: &str| format!("{} {what}", counted_grouped(count, "row"));
        let mut done = Vec::new();
        // A partition may be dropped by its own name.
        let is_told = |name: &String| {
            let name = TableName::parse(name);
            name.is_ok_and(|name| saying.takes_rows(&name))
        };
        let gone = harm.gone.iter().filter(|name| !is_told(name));
        done.extend(gone.map(|name| format!("`{name}` dropped")));
        if harm.emptied {
            done.push("all rows taken".to_owned());
        }
        let tables = &self.target.catalog.tables;
        let is_partitioned = |table: &Table| table.kind == TableKind::Partitioned;
        // An update moves a row to another partition by deleting it here and inserting it there.
        let may_move = saying.updates(table) && tables.get(table).is_some_and(is_partitioned);
        if harm.deleted > 0 && !may_move {
            done.push(rows(harm.deleted, "deleted"));
        }
        if harm.updated > 0 && !saying.updates(table) {
            done.push(rows(harm.updated, "updated"));
        }
        done
    }
}
