//! The ordered changes that take a target to its source: plain data, made by a pure function.

use serde::{Deserialize, Serialize};

use super::contract::{Contract, End};
use super::gate;
use super::rehearse::Rehearsal;
use super::scope::{Scope, Until};
use crate::database::hazards;
use crate::model::migrations::effects::{Measured, RowEffect, Touch};
use crate::model::migrations::hazard::Hazard;
use crate::model::migrations::migration::{Migration, MigrationSet, version_of};
use crate::model::schema::catalog::Drift;
use crate::model::schema::table::TableName;
use crate::problem::Problem;
use crate::settings::rehearsal::Extent;
use crate::sync::comparing::difference::{Outcome, TableComparison};
use crate::sync::comparing::edits::EditedRow;
use crate::sync::comparing::row_changes::RowChange;
use crate::sync::migrations::parts::{Part, Splits, parts};
use crate::sync::snapshot::Snapshot;

/// What a promotion would do, and what speaks against it.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Of this document's form.
    pub version: u32,
    /// Equal for equal plans: made from everything that the run depends on, which is its
    /// [`Contract`].
    pub id: String,
    /// Of the program that made it.
    pub program_version: String,
    pub promotion: String,
    /// The same as people read it.
    #[serde(skip)]
    pub title: String,
    pub from: String,
    pub to: String,
    pub source: End,
    pub target: End,
    /// The migration that it ends at, where it does not carry all that the source has.
    pub until: Option<Until>,
    /// All of it commits in one transaction.
    pub atomic: bool,
    /// The migrations were tried on a copy, so that row counts and drift are those after them.
    pub rehearsed: bool,
    /// What the copy had; null where there was none.
    pub rehearsal: Option<Extent>,
    /// Why the copy had less than the configuration says.
    pub not_tried: Option<String>,
    /// What commits by itself, in order; one where all of it does together.
    pub parts: Vec<Part>,
    /// There is nothing to do.
    pub empty: bool,
    pub migrations: Vec<PlannedMigration>,
    pub lookups: Vec<PlannedLookup>,
    /// Differences of the schemas that the migrations of this plan do not explain, as far as
    /// that is known before they run.
    pub drift: Vec<Drift>,
    pub blockers: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

impl Plan {
    /// The schemas are the same, but for what is meant to differ.
    pub fn is_free_of_drift(&self) -> bool {
        self.drift.iter().all(|drift| drift.ignored)
    }

    /// The source, or as much of it as is promoted.
    pub(in crate::sync) fn source_label(&self, label: &str) -> String {
        match &self.until {
            Some(until) if !until.later.is_empty() => format!("{label} up to {}", until.name),
            _ => label.to_owned(),
        }
    }

    /// Why nothing is to be done.
    pub fn nothing_to_do(&self) -> String {
        match &self.until {
            Some(until) if !until.later.is_empty() => {
                format!("the target has run all migrations up to {}", until.name)
            }
            _ => "schema and lookup data are the same".to_owned(),
        }
    }

    /// What is known of rows and schemas holds when the rows are loaded.
    pub(in crate::sync) fn is_exact(&self) -> bool {
        self.rehearsed || self.migrations.is_empty()
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct PlannedMigration {
    pub version: String,
    pub name: String,
    pub checksum: String,
    pub transactional: bool,
    /// Older than the newest migration that the target has.
    pub out_of_order: bool,
    /// What in it may hurt the target.
    pub hazards: Vec<Hazard>,
    /// What it did to rows of protected tables on a copy; empty too where there was none.
    pub effects: Vec<RowEffect>,
    /// What it touched there.
    #[serde(skip)]
    pub touched: Vec<Touch>,
    /// Somebody said that this is meant.
    pub destructive_allowed: bool,
}

impl PlannedMigration {
    /// Whether a person means this migration: by its name or its version.
    pub fn is_called(&self, named: &str) -> bool {
        named == self.name || (!named.contains('_') && version_of(named) == self.version)
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct PlannedLookup {
    pub table: TableName,
    /// Which table that is at each end, with its schema; null where there is none.
    pub source_table: Option<String>,
    pub target_table: Option<String>,
    pub state: LookupComparison,
    pub insert: u64,
    pub update: u64,
    pub delete: u64,
    /// Rows that only the target has and that are switched off.
    pub retire: u64,
    /// Rows that only the target has and that stay.
    pub keep: u64,
    pub unchanged: u64,
    /// The counts hold; without it they were made before migrations that may change them.
    pub exact: bool,
    pub source_digest: Option<String>,
    pub target_digest: Option<String>,
    pub rows: Vec<RowChange>,
    /// How many rows were edited on the target since they were promoted.
    pub edited_rows: u64,
    /// The first of these, or all, with their values.
    pub edited: Vec<EditedRow>,
    /// The target was changed since its last promotion, and it cannot be said in which rows.
    pub changed_since: bool,
    /// It was named as one that may lose more rows than `max_delete` allows.
    pub deletes_allowed: bool,
    /// It could not be read; a blocker says why.
    #[serde(skip)]
    pub is_refused: bool,
    /// Of all edits and of what happens to them, where there are any.
    pub edits_digest: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LookupComparison {
    Same,
    Different,
    /// One of the two ends does not have the table.
    Missing,
}

/// Decides what a promotion would do. Nothing here looks at a database. Where there was a
/// `rehearsal`, the rows were compared with what it left of the target.
pub(in crate::sync) fn plan(
    scope: &Scope,
    promotion: &str,
    target: &Snapshot,
    known: &MigrationSet,
    comparisons: &[TableComparison],
    rehearsal: &Rehearsal<Snapshot>,
) -> Plan {
    let Scope { config, source, .. } = scope;
    let migrations = missing_migrations(source, target, known);
    let rehearsed = rehearsal.as_ref().ok().and_then(Option::as_ref);
    let exact = rehearsed.is_some() || migrations.is_empty();
    let mut planned: Vec<PlannedMigration> = migrations
        .iter()
        .map(|migration| {
            let measured = rehearsed.and_then(|done| done.trial.measured.get(&migration.version));
            let Measured { effects, touched } = measured.cloned().unwrap_or_default();
            let hazards = hazards(target.backend, &migration.up).into_iter();
            PlannedMigration {
                version: migration.version.clone(),
                name: migration.name.clone(),
                checksum: migration.checksum(),
                transactional: migration.transactional,
                out_of_order: target.is_past(&migration.version),
                hazards: hazards
                    .filter(|hazard| hazard.is_about(&target.catalog))
                    .collect(),
                effects,
                touched,
                destructive_allowed: false,
            }
        })
        .collect();
    for migration in &mut planned {
        let mut allowed = config.allow_data_loss.iter();
        migration.destructive_allowed = allowed.any(|named| migration.is_called(named));
    }
    let parts = match rehearsed {
        Some(rehearsed) => rehearsed.trial.parts.clone(),
        None => parts(&migrations, &Splits::default()),
    };
    let mut lookups: Vec<PlannedLookup> = comparisons
        .iter()
        .map(|comparison| {
            let is_new = target.catalog.find(&comparison.table).is_none();
            planned_lookup(comparison, exact, is_new)
        })
        .collect();
    for lookup in &mut lookups {
        lookup.deletes_allowed = config.allow_deletes.contains(&lookup.table);
        lookup.source_table = resolved(&lookup.table, source);
        let after = rehearsed.map_or(target, |rehearsed| &rehearsed.target);
        lookup.target_table = resolved(&lookup.table, after);
    }
    let mut plan = Plan {
        version: 1,
        id: String::new(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        promotion: promotion.to_owned(),
        title: promotion.to_owned(),
        from: source.environment.clone(),
        to: target.environment.clone(),
        source: scope.end.clone(),
        target: End::of(target),
        until: scope.until.clone(),
        rehearsed: rehearsed.is_some(),
        rehearsal: rehearsed.map(|rehearsed| rehearsed.trial.extent),
        not_tried: rehearsed.and_then(|rehearsed| rehearsed.trial.not_tried.clone()),
        atomic: parts.len() == 1,
        parts,
        empty: planned.is_empty()
            && lookups
                .iter()
                .all(|lookup| lookup.insert + lookup.update + lookup.delete + lookup.retire == 0)
            && lookups
                .iter()
                .all(|lookup| lookup.state != LookupComparison::Missing),
        migrations: planned,
        lookups,
        drift: Vec::new(),
        blockers: Vec::new(),
        warnings: Vec::new(),
    };
    plan.id = Contract::of(&plan).id();
    let mut applied = target.applied.iter();
    // While one end has run more than the other, the schemas differ for that reason.
    if exact && applied.all(|applied| source.has_applied(&applied.version)) {
        let after = rehearsed.map_or(target, |rehearsed| &rehearsed.target);
        let label = plan.source_label(&source.label);
        let settings = &config.drift;
        let catalogs = (&source.catalog, &after.catalog);
        plan.drift = settings.differences(catalogs.0, catalogs.1, &label, &target.label);
    }
    gate::judge(
        &mut plan,
        config,
        source,
        target,
        known,
        comparisons,
        rehearsal,
    );
    plan
}

fn resolved(table: &TableName, end: &Snapshot) -> Option<String> {
    let table = end.catalog.find(table)?;
    Some(table.name.qualified(end.backend))
}

/// The migrations that the source has run and the target has not, in order. What this program
/// does not know is left to the gate.
pub(in crate::sync) fn missing_migrations<'known>(
    source: &Snapshot,
    target: &Snapshot,
    known: &'known MigrationSet,
) -> Vec<&'known Migration> {
    known
        .iter()
        .filter(|migration| {
            source.has_applied(&migration.version) && !target.has_applied(&migration.version)
        })
        .collect()
}

fn planned_lookup(comparison: &TableComparison, exact: bool, is_new: bool) -> PlannedLookup {
    let mut planned = PlannedLookup {
        table: comparison.table.clone(),
        source_table: None,
        target_table: None,
        state: LookupComparison::Missing,
        insert: 0,
        update: 0,
        delete: 0,
        retire: 0,
        keep: 0,
        unchanged: 0,
        exact,
        source_digest: None,
        target_digest: None,
        rows: Vec::new(),
        edited_rows: 0,
        edited: Vec::new(),
        changed_since: false,
        deletes_allowed: false,
        is_refused: false,
        edits_digest: None,
    };
    match &comparison.outcome {
        Outcome::Compared {
            difference,
            same_columns,
            rows,
            edits,
            ..
        } => {
            planned.edited_rows = edits.keys.len() as u64;
            planned.edited.clone_from(&edits.shown);
            planned.changed_since = edits.changed_since;
            planned.edits_digest =
                (planned.edited_rows > 0 || planned.changed_since).then(|| edits.fingerprint());
            planned.state = match difference.is_empty() && *same_columns {
                _ if is_new => LookupComparison::Missing,
                true => LookupComparison::Same,
                false => LookupComparison::Different,
            };
            planned.insert = difference.insert;
            planned.update = difference.update;
            planned.delete = difference.delete;
            planned.retire = difference.retire;
            planned.keep = difference.keep;
            planned.unchanged = difference.unchanged;
            planned.source_digest = Some(difference.source.digest.clone());
            planned.target_digest = Some(match &comparison.held {
                Some(held) => held.digest.clone(),
                None => difference.target.digest.clone(),
            });
            planned.rows.clone_from(rows);
        }
        Outcome::Missing { rows } => planned.insert = *rows,
        Outcome::Refused(_) => planned.is_refused = true,
    }
    planned
}
