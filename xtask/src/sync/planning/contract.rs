//! What a plan binds: everything that its run depends on, in a form that can be compared.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::plan::{LookupComparison, Plan};
use crate::model::backend::Backend;
use crate::model::migrations::effects::{BoundEffect, RowEffect};
use crate::model::rows::row::hex;
use crate::model::schema::table::TableName;
use crate::settings::rehearsal::Extent;
use crate::sync::snapshot::Snapshot;

/// One end of a promotion, as it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub environment: String,
    pub backend: Backend,
    pub server_version: String,
    /// Tells this database from its copies. It is a hash, because the names behind it are
    /// nobody's business who reads a plan.
    pub instance: String,
    /// Of the stamp.
    pub database_id: Option<String>,
    pub schema_fingerprint: String,
    pub applied: Applied,
}

/// How far the migrations of one end are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub count: u64,
    /// The newest version.
    pub last: Option<String>,
}

impl End {
    pub fn of(snapshot: &Snapshot) -> End {
        let stamp = snapshot.ledger.stamp.as_ref();
        let versions = snapshot.applied.iter().map(|applied| &applied.version);
        End {
            environment: snapshot.environment.clone(),
            backend: snapshot.backend,
            server_version: snapshot.identity.server_version.clone(),
            instance: hex(&Sha256::digest(&snapshot.identity.place)[..16]),
            database_id: stamp.map(|stamp| stamp.database_id.clone()),
            schema_fingerprint: snapshot.catalog.fingerprint(),
            applied: Applied {
                count: snapshot.applied.len() as u64,
                last: versions.max().cloned(),
            },
        }
    }
}

/// The part of a plan that its id is made from. It is read back from a plan file by the same
/// names, so that what was approved can be compared with what is planned now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Contract {
    pub program_version: String,
    pub promotion: String,
    pub source: End,
    pub target: End,
    /// The migration that it ends at.
    pub until: Option<BoundUntil>,
    /// What is known of rows and schemas after the migrations depends on it.
    pub rehearsed: bool,
    /// What the copy had.
    pub rehearsal: Option<Extent>,
    pub migrations: Vec<BoundMigration>,
    pub parts: Vec<BoundPart>,
    pub lookups: Vec<BoundLookup>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BoundUntil {
    pub version: String,
    pub name: String,
    pub other_columns: Vec<TableName>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BoundMigration {
    pub version: String,
    pub name: String,
    pub checksum: String,
    /// What it does to rows of protected tables. How many there are changes with every user, so that
    /// is not part of it.
    pub effects: Vec<BoundEffect>,
    pub destructive_allowed: bool,
}

/// What commits by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BoundPart {
    pub migrations: Vec<String>,
    pub transaction: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BoundLookup {
    pub table: TableName,
    pub state: LookupComparison,
    pub insert: u64,
    pub update: u64,
    pub delete: u64,
    pub retire: u64,
    pub keep: u64,
    pub source_digest: Option<String>,
    pub target_digest: Option<String>,
    pub edits_digest: Option<String>,
    pub deletes_allowed: bool,
}

impl Contract {
    pub fn of(plan: &Plan) -> Contract {
        let migrations = plan.migrations.iter().map(|migration| BoundMigration {
            version: migration.version.clone(),
            name: migration.name.clone(),
            checksum: migration.checksum.clone(),
            effects: migration.effects.iter().map(RowEffect::bound).collect(),
            destructive_allowed: migration.destructive_allowed,
        });
        let parts = plan.parts.iter().map(|part| BoundPart {
            migrations: part.migrations.clone(),
            transaction: part.transaction,
        });
        let lookups = plan.lookups.iter().map(|lookup| BoundLookup {
            table: lookup.table.clone(),
            state: lookup.state,
            insert: lookup.insert,
            update: lookup.update,
            delete: lookup.delete,
            retire: lookup.retire,
            keep: lookup.keep,
            source_digest: lookup.source_digest.clone(),
            target_digest: lookup.target_digest.clone(),
            edits_digest: lookup.edits_digest.clone(),
            deletes_allowed: lookup.deletes_allowed,
        });
        Contract {
            program_version: plan.program_version.clone(),
            promotion: plan.promotion.clone(),
            source: plan.source.clone(),
            target: plan.target.clone(),
            until: plan.until.as_ref().map(|until| BoundUntil {
                version: until.version.clone(),
                name: until.name.clone(),
                other_columns: until.other_columns.clone(),
            }),
            rehearsed: plan.rehearsed,
            rehearsal: plan.rehearsal,
            migrations: migrations.collect(),
            parts: parts.collect(),
            lookups: lookups.collect(),
        }
    }

    /// Equal for equal contracts: `Debug` spells every field, and texts in quotes.
    pub fn id(&self) -> String {
        hex(&Sha256::digest(format!("{self:?}"))[..8])
    }
}
