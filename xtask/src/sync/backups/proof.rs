//! What proves a backup: restored, it holds every figure that its manifest has.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::backup::{Backup, BackupManifest};
use crate::database::{self, Contents, Sequences, Session};
use crate::files::private;
use crate::model::backend::Backend;
use crate::model::ledger::Ledger;
use crate::model::rows::row::hex;
use crate::model::schema::catalog::Catalog;
use crate::model::url::DatabaseUrl;
use crate::model::words::{and_more, counted};
use crate::problem::{Code, Problem};
use crate::settings::config::Verify;

/// How far a backup was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// It was restored, and every figure compared.
    Restored,
    /// The file was read to its end: every entry decoded, or every page checked.
    Archive,
}

/// What a backup is compared by once it is restored, beside what else its manifest says. A manifest
/// of an older program has none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Rows and digest of every table.
    pub tables: Contents,
    /// Where each sequence stands.
    pub sequences: Sequences,
    /// Of all objects, with grants, comments and storage.
    pub catalog_fingerprint: String,
}

impl Figures {
    /// # Errors
    /// What the database reports.
    pub fn read(session: &mut dyn Session, catalog: &Catalog) -> anyhow::Result<Self> {
        Ok(Figures {
            tables: session.contents()?,
            sequences: session.sequences()?,
            catalog_fingerprint: fingerprint(catalog),
        })
    }
}

/// The rights on `public` are left out where the schema is the server's: it is not replaced.
fn fingerprint(catalog: &Catalog) -> String {
    let mut hash = Sha256::new();
    hash.update(dumped(catalog).fingerprint());
    for (object, definition) in &catalog.optional {
        if !object.name.starts_with("schema public ") {
            hash.update(format!("{object}\0{definition}\0"));
        }
    }
    hex(&hash.finalize()[..16])
}

/// No dump has indexes that were never finished.
fn dumped(catalog: &Catalog) -> Catalog {
    let mut dumped = catalog.clone();
    dumped
        .objects
        .retain(|object, definition| object.kind != "index" || !definition.ends_with(" INVALID"));
    dumped
}

/// The file is one that this program made for such a database, as it was then, and can be read to
/// its end.
///
/// # Errors
/// `backup_unproved`.
pub fn check_file(backup: &Backup, backend: Backend) -> anyhow::Result<()> {
    let (manifest, path) = (&backup.manifest, backup.path.display());
    let unfit = if manifest.version != BackupManifest::VERSION {
        format!("the manifest of {path} has version {}", manifest.version)
    } else if manifest.backend != backend.name() {
        format!("{path} is a backup of a {} database", manifest.backend)
    } else if private::sha256(&backup.path)? != manifest.sha256 {
        format!("{path} changed since it was made")
    } else {
        return database::read_backup(backend, &backup.path);
    };
    Err(Problem::new(Code::BackupUnproved, unfit)
        .hint(ANOTHER)
        .into())
}

const ANOTHER: &str = "use another backup: `cargo xtask sync backups` lists them";

/// A backup is put back into the database that it is of. One that says nothing else is known by the
/// run that made it, since the first promotion stamps a database.
///
/// # Errors
/// `wrong_stamp`.
pub fn check_origin(backup: &Backup, ledger: &Ledger, label: &str) -> Result<(), Problem> {
    let manifest = &backup.manifest;
    let made_here = |run: &crate::model::ledger::Run| {
        run.id == manifest.run_id
            && run
                .backup
                .as_deref()
                .is_some_and(|path| path.ends_with(&manifest.file))
    };
    match &ledger.stamp {
        Some(stamp)
            if manifest.database_id.as_ref() != Some(&stamp.database_id)
                && !ledger.runs.iter().any(made_here) =>
        {
            Err(Problem::new(
                Code::WrongStamp,
                format!(
                    "{} is a backup of another database than the one that {label} is now (its id is {}, not {})",
                    manifest.file,
                    manifest.database_id.as_deref().unwrap_or("unknown"),
                    stamp.database_id
                ),
            )
            .hint("use a backup of this database; into an empty one any backup of the environment can be restored"))
        }
        _ => Ok(()),
    }
}

/// What was restored is what the manifest says; `original` is the catalog that it was made of, where
/// that is at hand.
///
/// # Errors
/// `backup_unproved`, with what differs.
pub fn check_restored(
    manifest: &BackupManifest,
    session: &mut dyn Session,
    original: Option<&Catalog>,
) -> anyhow::Result<()> {
    let catalog = session.catalog()?;
    let found = Figures::read(session, &catalog)?;
    let mut differences = Vec::new();
    let applied = session.applied_migrations()?;
    let applied: Vec<&str> = applied.iter().map(|run| run.version.as_str()).collect();
    if applied != manifest.migrations {
        differences.push(format!(
            "it has {}, not {}",
            counted(applied.len() as u64, "migration"),
            manifest.migrations.len()
        ));
    }
    let stamp = session.ledger()?.stamp;
    if stamp.map(|stamp| stamp.database_id) != manifest.database_id {
        differences.push("the id of the database is another".to_owned());
    }
    for (table, rows) in &manifest.rows {
        match found.tables.get(table) {
            Some(state) if state.rows != *rows => differences.push(format!(
                "`{table}` has {}, not {rows}",
                counted(state.rows, "row")
            )),
            _ => {}
        }
    }
    let figures = &manifest.figures;
    if !figures.catalog_fingerprint.is_empty() {
        let names: BTreeSet<_> = figures.tables.keys().chain(found.tables.keys()).collect();
        for table in names {
            match (figures.tables.get(table), found.tables.get(table)) {
                (Some(_), None) => differences.push(format!("`{table}` is not in it")),
                (None, Some(_)) => differences.push(format!("`{table}` was not in it")),
                (Some(one), Some(other)) if one.rows == other.rows && one != other => {
                    differences.push(format!("the rows of `{table}` are others"));
                }
                _ => {}
            }
        }
        for (sequence, stands) in &figures.sequences {
            if found.sequences.get(sequence) != Some(stands) {
                differences.push(format!("the sequence `{sequence}` stands elsewhere"));
            }
        }
        if figures.catalog_fingerprint != found.catalog_fingerprint {
            let named = original.and_then(|original| {
                let found = dumped(original).differences(
                    &dumped(&catalog),
                    "the database",
                    "the restored backup",
                );
                let first = found.first()?;
                Some(format!("{} ({})", first.object, first.difference))
            });
            let schema = "schema, grants or comments are others";
            differences.push(named.unwrap_or_else(|| schema.to_owned()));
        }
    }
    match differences.first() {
        None => Ok(()),
        Some(first) => Err(Problem::new(
            Code::BackupUnproved,
            format!(
                "restored, {} does not hold what its manifest says: {first}{}",
                manifest.file,
                and_more(differences.len(), 1)
            ),
        )
        .details(differences)
        .hint(ANOTHER)
        .into()),
    }
}

/// Restores a backup into a database of its own beside the one at `beside`, and has it compared;
/// where the configuration says so, the file is only read to its end.
///
/// # Errors
/// `backup_unproved`, with the way out where no such database can be made.
pub fn prove(
    verify: Verify,
    beside: &DatabaseUrl,
    path: &std::path::Path,
    compare: impl FnOnce(&mut dyn Session) -> anyhow::Result<()>,
) -> anyhow::Result<Proof> {
    if verify == Verify::Archive {
        database::read_backup(beside.backend(), path)?;
        return Ok(Proof::Archive);
    }
    let restored = database::restore_into_scratch(beside, path);
    let scratch = restored.map_err(|error| {
        let problem = Problem::of(&error);
        let cure = problem.hint.as_deref().unwrap_or("mend what it names");
        Problem::new(
            Code::BackupUnproved,
            format!("the backup cannot be proved by a restore: {}", problem.message),
        )
        .hint(format!(
            "{cure}; or set verify = \"archive\" in [backup] of data-sync/sync.toml, and a backup is only read to its end"
        ))
    })?;
    compare(&mut *database::open(&scratch.url)?)?;
    Ok(Proof::Restored)
}
