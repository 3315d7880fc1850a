//! What a database remembers about itself: which environment it is, and what was run on it.

use serde::{Deserialize, Serialize};

use crate::model::migrations::migration::Migration;
use crate::model::rows::row::LookupState;
use crate::model::schema::table::TableName;

/// Which environment a database is, as the database itself says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub environment: String,
    /// The project that it belongs to, where the configuration had a name for it.
    pub project: Option<String>,
    /// Drawn when the stamp was written; it travels with every copy of the database.
    pub database_id: String,
    /// UTC.
    pub since: String,
    /// Where the database stood when the stamp was written, as its identity says; none in a stamp of
    /// an older program.
    pub place: Option<String>,
}

/// One thing that was done to a database by this tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub id: String,
    pub kind: RunKind,
    /// Such as `dev-to-test`; for the other kinds the environment.
    pub subject: String,
    pub plan_id: Option<String>,
    /// The commit of the checkout that ran it.
    pub commit: Option<String>,
    /// The login name of the person or job.
    pub operator: String,
    pub program_version: String,
    /// UTC.
    pub started_at: String,
    /// UTC.
    pub finished_at: String,
    /// The file that takes it back.
    pub backup: Option<String>,
    /// What changed, in one sentence.
    pub summary: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    Promotion,
    Migrate,
    Restore,
    Import,
    Stamp,
    /// Part of a split run that was committed; the run's last part puts its own kind here.
    Unfinished,
    /// A promotion or an import that changed nothing; kept beside its backup and in no ledger.
    Failed,
}

impl RunKind {
    pub fn name(self) -> &'static str {
        match self {
            RunKind::Promotion => "promotion",
            RunKind::Migrate => "migrate",
            RunKind::Restore => "restore",
            RunKind::Import => "import",
            RunKind::Stamp => "stamp",
            RunKind::Unfinished => "unfinished",
            RunKind::Failed => "failed",
        }
    }

    pub fn of(name: &str) -> RunKind {
        match name {
            "migrate" => RunKind::Migrate,
            "restore" => RunKind::Restore,
            "import" => RunKind::Import,
            "stamp" => RunKind::Stamp,
            "unfinished" => RunKind::Unfinished,
            _ => RunKind::Promotion,
        }
    }
}

/// Everything the ledger of one database holds, the newest run first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    pub stamp: Option<Stamp>,
    pub runs: Vec<Run>,
    /// What each lookup table was given by the last promotion.
    pub lookups: Vec<PromotedLookup>,
}

impl Ledger {
    /// What a lookup table was given last, by the name that the configuration uses.
    pub fn promoted(&self, table: &TableName) -> Option<&PromotedLookup> {
        self.lookups.iter().find(|known| known.table == *table)
    }
}

/// What a promotion left in a lookup table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotedLookup {
    /// As the configuration has it.
    pub table: TableName,
    /// The rows that were loaded.
    pub promoted: LookupState,
    /// The rows that the target held then, which are more where some are kept.
    pub held: LookupState,
    /// The columns that were compared.
    pub columns: Vec<String>,
    pub key: Vec<String>,
    pub filter: Option<String>,
}

/// What one run adds to the ledger, inside the transaction that it describes.
#[derive(Debug, Clone)]
pub struct LedgerEntry {
    pub run: Run,
    /// The environment that the database now is.
    pub environment: String,
    /// The project that it belongs to, where the configuration names it.
    pub project: Option<String>,
    /// Drawn for a database that has no stamp yet.
    pub new_database_id: String,
    /// Takes the place of the stamp that is there.
    pub stamp_anew: bool,
    /// Every migration that this run applied, or that it says was applied.
    pub migrations: Vec<RecordedMigration>,
    /// The lookup tables that this run loaded.
    pub lookups: Vec<PromotedLookup>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedMigration {
    pub version: String,
    pub name: String,
    pub checksum: String,
    /// The text itself, to show what changed when its file was edited.
    pub up: String,
}

impl RecordedMigration {
    pub fn of(migration: &Migration) -> Self {
        RecordedMigration {
            version: migration.version.clone(),
            name: migration.name.clone(),
            checksum: migration.checksum(),
            up: migration.text(),
        }
    }
}
