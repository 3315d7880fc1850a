//! What a run did: the value that text and JSON are made from, and the ledger's sentence.

use std::path::PathBuf;

use serde::Serialize;

use super::load::LoadedTable;
use crate::model::migrations::effects::RowEffect;
use crate::model::schema::table::TableName;
use crate::model::words::{counted, counts, shell_word};
use crate::problem::Problem;
use crate::settings::config::Config;
use crate::sync::backups::backup::Backup;
use crate::sync::backups::proof::Proof;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Applied,
    NothingToDo,
    Refused,
    Failed,
    Cancelled,
}

/// A promotion from its start to its end.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub version: u32,
    pub run_id: String,
    pub promotion: String,
    /// The same as people read it.
    #[serde(skip)]
    pub title: String,
    pub outcome: Outcome,
    pub plan_id: String,
    pub backup: Option<BackupReport>,
    /// The folder with the files that were loaded.
    pub exports: Option<PathBuf>,
    pub migrations: Vec<MigrationReport>,
    pub lookups: Vec<LookupReport>,
    /// How many rows of protected tables are gone or others after the run.
    pub protected_rows_changed: u64,
    /// What the engine counted on protected tables while lookup rows were loaded; with any of it the
    /// run is rolled back.
    pub protected_by_load: Vec<TouchedRows>,
    /// The target is not as it was: the run is done, or what is in `migrations` stays.
    pub target_changed: bool,
    /// Rows and schema were compared with the source's before they were committed.
    pub verified: bool,
    pub duration_ms: u64,
    pub error: Option<Problem>,
    pub warnings: Vec<Problem>,
}

#[derive(Debug, Clone, Serialize)]
pub struct BackupReport {
    pub path: PathBuf,
    pub sha256: String,
    pub proved: Proof,
    /// The command that puts it back.
    pub way_back: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct MigrationReport {
    pub version: String,
    pub name: String,
    pub duration_ms: u64,
    /// What it did to rows of protected tables.
    pub effects: Vec<RowEffect>,
}

/// Rows of a table that were inserted, updated or deleted.
#[derive(Debug, Clone, Serialize)]
pub struct TouchedRows {
    pub table: TableName,
    pub rows: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct LookupReport {
    pub table: TableName,
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    pub retired: u64,
    pub kept: u64,
    pub unchanged: u64,
    pub digest: String,
}

impl Report {
    pub fn new(promotion: &str, plan_id: &str, warnings: &[Problem]) -> Self {
        Report {
            version: 1,
            run_id: String::new(),
            promotion: promotion.to_owned(),
            title: promotion.to_owned(),
            outcome: Outcome::NothingToDo,
            plan_id: plan_id.to_owned(),
            backup: None,
            exports: None,
            migrations: Vec::new(),
            lookups: Vec::new(),
            protected_rows_changed: 0,
            protected_by_load: Vec::new(),
            target_changed: false,
            verified: false,
            duration_ms: 0,
            error: None,
            warnings: warnings.to_vec(),
        }
    }

    /// Each migration that met rows of protected tables, with what it did.
    pub fn effects(&self) -> impl Iterator<Item = (&str, &RowEffect)> {
        let migrations = self.migrations.iter();
        migrations.flat_map(|migration| {
            let effects = migration.effects.iter();
            effects.map(|effect| (&*migration.name, effect))
        })
    }

    /// `2 migrations; fee_items: 1 inserted, 2 updated`.
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        if !self.migrations.is_empty() {
            parts.push(counted(self.migrations.len() as u64, "migration"));
        }
        parts.extend(self.effects().map(|(_, effect)| effect.words()));
        for lookup in &self.lookups {
            let counts = counts(&[
                (lookup.inserted, "inserted"),
                (lookup.updated, "updated"),
                (lookup.deleted, "deleted"),
                (lookup.retired, "retired"),
            ]);
            if !counts.is_empty() {
                parts.push(format!("{}: {counts}", lookup.table));
            }
        }
        parts.join("; ")
    }
}

impl BackupReport {
    pub fn of(backup: &Backup, config: &Config) -> Self {
        BackupReport {
            path: backup.path.clone(),
            sha256: backup.manifest.sha256.clone(),
            proved: backup.manifest.proved,
            way_back: way_back(backup, config),
        }
    }
}

/// The command that puts a backup back, fit to be pasted.
pub fn way_back(backup: &Backup, config: &Config) -> String {
    let path = backup
        .path
        .strip_prefix(&config.root)
        .unwrap_or(&backup.path);
    format!(
        "cargo xtask sync restore --env {} {}{}",
        backup.manifest.environment,
        shell_word(&path.display().to_string()),
        config.options
    )
}

impl From<&LoadedTable> for LookupReport {
    fn from(loaded: &LoadedTable) -> Self {
        LookupReport {
            table: loaded.table.clone(),
            inserted: loaded.difference.insert,
            updated: loaded.difference.update,
            deleted: loaded.difference.delete,
            retired: loaded.difference.retire,
            kept: loaded.difference.keep,
            unchanged: loaded.difference.unchanged,
            digest: loaded.difference.source.digest.clone(),
        }
    }
}
