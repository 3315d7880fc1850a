//! Backups: made, proved, listed and found.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::proof::{self, Figures, Proof};
use crate::database::{self, Sequences};
use crate::files::{leftovers, ordinary, private};
use crate::model::ledger::Run;
use crate::model::rows::row::LookupState;
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};
use crate::settings::config::{BackupSettings, Config};
use crate::settings::environment::Environment;
use crate::sync::ends;
use crate::sync::history::moment::Moment;
use crate::sync::snapshot::{Observed, Snapshot};

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
    /// The run that made it, where that run failed: the database itself has no entry of it.
    #[serde(default)]
    pub failed_run: Option<Run>,
    #[serde(flatten)]
    pub figures: Figures,
}

impl BackupManifest {
    pub const VERSION: u32 = 1;
}

/// A backup on disk.
#[derive(Debug, Clone, Serialize)]
pub struct Backup {
    pub path: PathBuf,
    #[serde(flatten)]
    pub manifest: BackupManifest,
}

/// A backup of the list, with whether its file is still the one that was made.
#[derive(Debug, Clone, Serialize)]
pub struct ListedBackup {
    #[serde(flatten)]
    pub backup: Backup,
    pub intact: bool,
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
            .hint("make it a folder that only its owner can write to (chmod 700), or name another one as [backup] dir in data-sync/sync.toml")
            .into()
        })
}

/// Makes a backup of what `observed` sees, proves it, and only then gives it its name.
///
/// # Errors
/// `backup_failed` or `backup_unproved`; then no backup is left behind.
pub fn make(
    settings: &BackupSettings,
    environment: &Environment,
    observed: &mut Observed,
    lookups: BTreeMap<TableName, LookupState>,
    run_id: &str,
) -> anyhow::Result<Backup> {
    let snapshot = observed.snapshot.clone();
    if let Some(problem) = ends::wrong_stamp(&snapshot) {
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
    let figures = Figures::read(&mut *observed.session, &snapshot.catalog)?;
    observed.session.back_up(&unnamed)?;
    make_private(&unnamed)?;
    let mut manifest = BackupManifest {
        version: BackupManifest::VERSION,
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
        rows: figures
            .tables
            .iter()
            .map(|(table, state)| (table.clone(), state.rows))
            .collect(),
        lookups,
        failed_run: None,
        figures,
    };
    let moved = moved_sequences(&mut manifest, observed.session.sequences()?);
    manifest.proved = proof::prove(settings.verify, environment.url()?, &unnamed, |session| {
        for (sequence, stands) in session.sequences()? {
            if moved
                .get(&sequence)
                .is_some_and(|range| range.contains(&number(&stands)))
            {
                manifest.figures.sequences.insert(sequence, stands);
            }
        }
        proof::check_restored(&manifest, session, Some(&snapshot.catalog))
    })?;
    write_manifest(&path, &manifest)?;
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

/// Sequences belong to no moment. Those that moved meanwhile are taken out: the file has some number
/// of the range.
fn moved_sequences(
    manifest: &mut BackupManifest,
    after: Sequences,
) -> BTreeMap<TableName, RangeInclusive<i64>> {
    let before = &mut manifest.figures.sequences;
    after
        .into_iter()
        .filter_map(|(sequence, after)| {
            let stood = before.get(&sequence).filter(|stood| **stood != after)?;
            let (one, other) = (number(stood), number(&after));
            before.remove(&sequence);
            Some((sequence, one.min(other)..=one.max(other)))
        })
        .collect()
}

fn number(stands: &str) -> i64 {
    let number = stands.split(' ').next().unwrap_or_default();
    number.parse().unwrap_or_default()
}

fn write_manifest(backup: &Path, manifest: &BackupManifest) -> anyhow::Result<()> {
    private::write_file(&backup.with_extension("json"), |output| {
        serde_json::to_writer_pretty(&mut *output, manifest)?;
        Ok(())
    })
}

/// Proves a backup that was made before, and notes how far.
///
/// # Errors
/// `backup_unproved`.
pub fn verify(
    config: &Config,
    environment: &Environment,
    backup: &mut Backup,
) -> anyhow::Result<()> {
    let url = environment.url()?;
    proof::check_file(backup, url.backend())?;
    let proved = proof::prove(config.backup.verify, url, &backup.path, |session| {
        proof::check_restored(&backup.manifest, session, None)
    })?;
    // What an older program made lacks the figures.
    let is_whole = !backup.manifest.figures.catalog_fingerprint.is_empty();
    if proved == Proof::Restored && is_whole && backup.manifest.proved != proved {
        backup.manifest.proved = proved;
        write_manifest(&backup.path, &backup.manifest)?;
    }
    Ok(())
}

/// Notes in the manifest of a backup that the run which made it failed.
///
/// # Errors
/// When the manifest cannot be read or written.
pub fn note_failed(path: &Path, run: Run) -> anyhow::Result<()> {
    let Some(mut backup) = read(&path.with_extension("json")) else {
        anyhow::bail!("{} has no manifest", path.display());
    };
    backup.manifest.failed_run = Some(run);
    write_manifest(&backup.path, &backup.manifest)
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

/// The same, each file read again.
///
/// # Errors
/// As [`list`].
pub fn list_checked(
    settings: &BackupSettings,
    environment: Option<&str>,
) -> anyhow::Result<Vec<ListedBackup>> {
    let checked = list(settings, environment)?.into_iter().map(|backup| {
        let sha256 = private::sha256(&backup.path);
        let intact = sha256.is_ok_and(|sha256| sha256 == backup.manifest.sha256);
        ListedBackup { backup, intact }
    });
    Ok(checked.collect())
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

/// The backup of an environment that a person named, as at [`find_any`].
///
/// # Errors
/// `backup_unknown` or `wrong_stamp`.
pub fn find(config: &Config, environment: &Environment, named: &Path) -> anyhow::Result<Backup> {
    let found = find_any(config, Some(environment), named)?;
    if found.manifest.environment == environment.name {
        return Ok(found);
    }
    Err(Problem::new(
        Code::WrongStamp,
        format!(
            "{} is a backup of `{}`, not of `{}`",
            named.display(),
            found.manifest.environment,
            environment.name
        ),
    )
    .hint("an environment is only ever restored from its own backups")
    .into())
}

/// The backup that a person named: a path, from here or from the workspace's root as the way back
/// has it, or the name of a file in the backup folder.
///
/// # Errors
/// `backup_unknown`, with the newest backups there are of the environment that was meant.
pub fn find_any(
    config: &Config,
    meant: Option<&Environment>,
    named: &Path,
) -> anyhow::Result<Backup> {
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
    if let Some(found) = found {
        return Ok(found);
    }
    let known = list(settings, meant.map(|environment| environment.name.as_str()))?;
    let names: Vec<_> = known
        .iter()
        .take(3)
        .map(|backup| backup.manifest.file.clone())
        .collect();
    let of = meant.map_or(String::new(), |meant| format!(" of {}", meant.label));
    Err(Problem::new(
        Code::BackupUnknown,
        format!("there is no backup {} with its manifest", named.display()),
    )
    .hint(if names.is_empty() {
        format!("there is no backup{of} at all")
    } else {
        format!("the newest backups{of} are {}", names.join(", "))
    })
    .into())
}
