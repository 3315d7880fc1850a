//! Backups: made, read back, listed, and thinned out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::private;
use crate::database;
use crate::problem::{Code, Problem};
use crate::sync::history::moment::Moment;
use crate::sync::planning::gate;
use crate::sync::rows::row::LookupState;
use crate::sync::schema::catalog::TableKind;
use crate::sync::schema::table::TableName;
use crate::sync::settings::config::{BackupSettings, Config};
use crate::sync::settings::environment::{Backend, Environment};
use crate::sync::snapshot::{Observed, Snapshot};
use crate::sync::{leftovers, ordinary};

/// How far a backup was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// The file was read to its end: every entry decoded, or every page checked.
    Archive,
}

/// What stands beside a backup, in a JSON file of the same name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackupManifest {
    pub version: u32,
    pub environment: String,
    pub backend: String,
    /// Of the stamp, where the database has one.
    pub database_id: Option<String>,
    /// UTC.
    pub made_at: String,
    pub run_id: String,
    pub program_version: String,
    pub server_version: String,
    /// The file's name, beside this manifest.
    pub file: String,
    /// Bytes.
    pub size: u64,
    pub sha256: String,
    pub proved: Proof,
    pub migrations: Vec<String>,
    /// Rows of every table.
    pub rows: BTreeMap<TableName, u64>,
    /// Digests of the lookup tables.
    pub lookups: BTreeMap<TableName, LookupState>,
}

/// A backup on disk.
#[derive(Debug, Clone, Serialize)]
pub struct Backup {
    pub path: PathBuf,
    #[serde(flatten)]
    pub manifest: BackupManifest,
}

/// Checks that a backup can be made, before anything else is begun.
///
/// # Errors
/// `backup_failed`, naming the program or the folder.
pub fn check(settings: &BackupSettings, snapshot: &Snapshot) -> anyhow::Result<()> {
    database::check_backup_programs(snapshot.backend, &snapshot.identity.server_version)?;
    prepare_folder(&settings.dir)
}

fn prepare_folder(folder: &Path) -> anyhow::Result<()> {
    private::create_folder(folder)
        .and_then(|()| private::check_rights(folder))
        .and_then(|_| Ok(tempfile::tempfile_in(folder)?))
        .map(|_| ())
        .map_err(|error| {
            Problem::new(
                Code::BackupFailed,
                format!(
                    "the backup folder {} cannot be used: {:#}",
                    folder.display(),
                    error
                ),
            )
            .hint("give its owner alone the right to write to it (chmod 700), or name another one as [backup] dir in data-sync/sync.toml")
            .into()
        })
}

/// Makes a backup of what `observed` sees, reads it back, and only then gives it its name.
///
/// # Errors
/// `backup_failed` or `backup_unproved`; then no backup is left behind.
pub fn make(
    settings: &BackupSettings,
    observed: &mut Observed,
    lookups: BTreeMap<TableName, LookupState>,
    run_id: &str,
) -> anyhow::Result<Backup> {
    let snapshot = observed.snapshot.clone();
    if let Some(problem) = gate::wrong_stamp(&snapshot) {
        return Err(problem.into());
    }
    check(settings, &snapshot)?;
    let moment = Moment::now();
    let stem = format!("{}-{}-{run_id}", snapshot.environment, moment.compact());
    let file = format!("{stem}.{}", snapshot.backend.backup_ending());
    let path = settings.dir.join(&file);
    // A folder of its own that goes away by itself: a broken backup never has a backup's name.
    let scratch = leftovers::Folder::within(&settings.dir)?;
    let unnamed = scratch.path().join(&file);
    observed.session.back_up(&unnamed)?;
    make_private(&unnamed)?;
    database::prove_backup(snapshot.backend, &unnamed)?;
    let mut rows = BTreeMap::new();
    for table in snapshot
        .catalog
        .tables
        .values()
        .filter(|table| table.kind != TableKind::NotATable)
    {
        rows.insert(
            table.name.clone(),
            observed.session.count_rows(&table.name)?,
        );
    }
    let manifest = BackupManifest {
        version: 1,
        environment: snapshot.environment.clone(),
        backend: snapshot.backend.name().to_owned(),
        database_id: snapshot
            .ledger
            .stamp
            .as_ref()
            .map(|stamp| stamp.database_id.clone()),
        made_at: moment.readable(),
        run_id: run_id.to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        server_version: snapshot.identity.server_version.clone(),
        file,
        size: std::fs::metadata(&unnamed)
            .map(|file| file.len())
            .unwrap_or_default(),
        sha256: private::sha256(&unnamed)?,
        proved: Proof::Archive,
        migrations: snapshot
            .applied
            .iter()
            .map(|migration| migration.version.clone())
            .collect(),
        rows,
        lookups,
    };
    private::write_file(&settings.dir.join(format!("{stem}.json")), |output| {
        serde_json::to_writer_pretty(&mut *output, &manifest)?;
        Ok(())
    })?;
    std::fs::rename(&unnamed, &path)
        .with_context(|| format!("failed to name the backup {}", path.display()))?;
    Ok(Backup { path, manifest })
}

/// What is to be said of the backup folder, where others can enter it.
pub fn open_rights(settings: &BackupSettings) -> Option<Problem> {
    let said = private::check_rights(&settings.dir).ok().flatten()?;
    let way = "`chmod 700` makes it private; a folder that this program makes is so from the start";
    Some(Problem::new(Code::BackupFailed, said).hint(way))
}

fn make_private(path: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .with_context(|| format!("failed to make {} private", path.display()))?;
    }
    std::fs::File::open(path)
        .and_then(|file| file.sync_all())
        .with_context(|| format!("failed to write {} to disk", path.display()))
}

/// The backups in a folder, the newest first; of one environment, or of all.
///
/// # Errors
/// When the folder is there and cannot be read.
pub fn list(settings: &BackupSettings, environment: Option<&str>) -> anyhow::Result<Vec<Backup>> {
    if !settings.dir.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(&settings.dir)
        .with_context(|| format!("failed to read the folder {}", settings.dir.display()))?;
    let mut backups: Vec<Backup> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .filter_map(|path| read(&path))
        .filter(|backup| environment.is_none_or(|name| backup.manifest.environment == name))
        .collect();
    backups.sort_by(|one, other| {
        (&other.manifest.made_at, &other.manifest.file)
            .cmp(&(&one.manifest.made_at, &one.manifest.file))
    });
    Ok(backups)
}

/// The backup of a manifest, when both files are there.
fn read(manifest_path: &Path) -> Option<Backup> {
    let manifest: BackupManifest =
        serde_json::from_slice(&ordinary::read(manifest_path).ok()?).ok()?;
    // Anybody may have written the manifest: it speaks for the file beside it and for no other.
    if Path::new(&manifest.file).file_stem() != manifest_path.file_stem()
        || Path::new(&manifest.file).file_name()? != manifest.file.as_str()
    {
        return None;
    }
    let path = manifest_path.with_file_name(&manifest.file);
    path.is_file().then_some(Backup { path, manifest })
}

/// The backup that a person named: a path, from here or from the workspace's root as the way back
/// has it, or the name of a file in the backup folder.
///
/// # Errors
/// `backup_unknown`, with the newest backups there are.
pub fn find(config: &Config, environment: &Environment, named: &Path) -> anyhow::Result<Backup> {
    let settings = &config.backup;
    let candidates = [
        named.to_path_buf(),
        config.root.join(named),
        settings.dir.join(named),
    ];
    let found = candidates
        .iter()
        .filter(|path| path.is_file())
        .find_map(|path| read(&path.with_extension("json")));
    match found {
        Some(backup) if backup.manifest.environment == environment.name => Ok(backup),
        Some(backup) => Err(Problem::new(
            Code::WrongStamp,
            format!(
                "{} is a backup of `{}`, not of `{}`",
                named.display(),
                backup.manifest.environment,
                environment.name
            ),
        )
        .hint("an environment is only ever restored from its own backups")
        .into()),
        None => {
            let known = list(settings, Some(&environment.name))?;
            let names: Vec<_> = known
                .iter()
                .take(3)
                .map(|backup| backup.manifest.file.clone())
                .collect();
            Err(Problem::new(
                Code::BackupUnknown,
                format!("there is no backup {} with its manifest", named.display()),
            )
            .hint(if names.is_empty() {
                format!("there is no backup of {} at all", environment.label)
            } else {
                format!(
                    "the newest backups of {} are {}",
                    environment.label,
                    names.join(", ")
                )
            })
            .into())
        }
    }
}

/// Checks a backup against its manifest, and reads it to its end.
///
/// # Errors
/// `backup_unproved`.
pub fn prove(backup: &Backup, backend: Backend) -> anyhow::Result<()> {
    let unproved = |message: String| {
        Problem::new(Code::BackupUnproved, message)
            .hint("use another backup: `cargo xtask sync backups` lists them")
    };
    if backup.manifest.backend != backend.name() {
        return Err(unproved(format!(
            "{} is a backup of a {} database",
            backup.path.display(),
            backup.manifest.backend
        ))
        .into());
    }
    if private::sha256(&backup.path)? != backup.manifest.sha256 {
        return Err(unproved(format!(
            "{} changed since it was made",
            backup.path.display()
        ))
        .into());
    }
    database::prove_backup(backend, &backup.path)
}
