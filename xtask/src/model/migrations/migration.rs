//! The migrations of this checkout: their names, their text, and what they are worth comparing by.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::files::ordinary;
use crate::model::backend::Backend;
use crate::model::rows::row::hex;
use crate::model::words::nearest;
use crate::problem::{Code, Problem};

mod embedded {
    use super::EmbeddedText;
    include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
}

struct EmbeddedText {
    directory: &'static str,
    up: Option<&'static str>,
    metadata: Option<&'static str>,
}

/// One migration, as its folder has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The folder's name up to the first `_`, without `-`, as diesel has it.
    pub version: String,
    /// The folder's name.
    pub name: String,
    pub up: String,
    /// Whether diesel runs it in a transaction, as its metadata says.
    pub transactional: bool,
}

impl Migration {
    pub(crate) fn new(directory: &str, up: String, metadata: Option<&str>) -> anyhow::Result<Self> {
        let transactional = match metadata {
            None => true,
            // Without the key, diesel reads the file as `run_in_transaction = false`.
            Some(text) => {
                toml::from_str::<Metadata>(text)
                    .with_context(|| {
                        format!("failed to read metadata.toml of migration {directory}")
                    })?
                    .run_in_transaction
            }
        };
        Ok(Migration {
            version: version_of(directory),
            name: directory.to_owned(),
            transactional,
            up,
        })
    }

    /// What runs: `up.sql`, and below it what `metadata.toml` says, unless that is the default.
    pub fn text(&self) -> String {
        match self.transactional {
            true => self.up.clone(),
            false => format!("{}\n{OUTSIDE}\n", self.up.trim_end()),
        }
    }

    /// What ran, byte for byte, line endings and trailing white space at the end aside.
    pub fn checksum(&self) -> String {
        let text = self.text().replace("\r\n", "\n");
        hex(&Sha256::digest(text.trim_end().as_bytes()))
    }

    /// Whether it differs from what ran in nothing but its `metadata.toml`.
    pub fn is_text_of(&self, checksum: &str) -> bool {
        let other = Migration {
            transactional: !self.transactional,
            ..self.clone()
        };
        other.checksum() == checksum
    }
}

/// How a text tells that it runs outside a transaction.
const OUTSIDE: &str = "-- metadata.toml: run_in_transaction = false";

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    run_in_transaction: bool,
}

/// The version of a migration's folder, by diesel's rule.
pub fn version_of(directory: &str) -> String {
    directory
        .split('_')
        .next()
        .unwrap_or_default()
        .replace('-', "")
}

/// Where the migrations of a set come from, which decides how diesel runs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built into this program by `embed_migrations!`.
    Embedded,
    Folder(PathBuf),
}

/// All migrations of one backend, in the order in which diesel runs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationSet {
    pub backend: Backend,
    pub origin: Origin,
    migrations: Vec<Migration>,
}

impl MigrationSet {
    /// The migrations of a workspace.
    ///
    /// # Errors
    /// `duplicate_version`; `stale_build` when the folder is not what this program was built from.
    pub fn load(origin: &Origin, backend: Backend, root: &Path) -> anyhow::Result<Self> {
        match origin {
            Origin::Embedded => {
                let set = Self::embedded(backend)?;
                set.check_against_folder(root)?;
                Ok(set)
            }
            Origin::Folder(folder) => Self::from_folder(backend, folder),
        }
    }

    /// The migrations built into this program.
    ///
    /// # Errors
    /// `duplicate_version`.
    pub fn embedded(backend: Backend) -> anyhow::Result<Self> {
        let texts = match backend {
            Backend::Postgres => embedded::POSTGRES,
            Backend::Sqlite => embedded::SQLITE,
        };
        let migrations = texts
            .iter()
            .map(|text| {
                Migration::new(
                    text.directory,
                    text.up.unwrap_or_default().to_owned(),
                    text.metadata,
                )
            })
            .collect::<anyhow::Result<_>>()?;
        Self::checked(backend, Origin::Embedded, migrations)
    }

    /// The migrations of a folder.
    ///
    /// # Errors
    /// `duplicate_version`, or when a file cannot be read.
    pub fn from_folder(backend: Backend, folder: &Path) -> anyhow::Result<Self> {
        let unreadable = || format!("failed to read the migrations in {}", folder.display());
        let mut migrations = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(unreadable)? {
            let path = entry.with_context(unreadable)?.path();
            if !path.join("up.sql").is_file() {
                continue;
            }
            let directory = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            let up = ordinary::read_text(&path.join("up.sql")).with_context(unreadable)?;
            let metadata = ordinary::read_text(&path.join("metadata.toml")).ok();
            migrations.push(Migration::new(
                &directory.unwrap_or_default(),
                up,
                metadata.as_deref(),
            )?);
        }
        Self::checked(backend, Origin::Folder(folder.to_path_buf()), migrations)
    }

    fn checked(
        backend: Backend,
        origin: Origin,
        mut migrations: Vec<Migration>,
    ) -> anyhow::Result<Self> {
        migrations.sort_by(|one, other| one.version.cmp(&other.version));
        if let Some(pair) = migrations
            .windows(2)
            .find(|pair| pair[0].version == pair[1].version)
        {
            return Err(Problem::new(
                Code::DuplicateVersion,
                format!(
                    "two migrations have the version {}: {} and {}",
                    pair[0].version, pair[0].name, pair[1].name
                ),
            )
            .hint("rename one of the two folders in migrations/: diesel would run only one of them")
            .into());
        }
        Ok(MigrationSet {
            backend,
            origin,
            migrations,
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.migrations.iter()
    }

    pub fn get(&self, version: &str) -> Option<&Migration> {
        self.migrations
            .iter()
            .find(|migration| migration.version == version)
    }

    /// Compares what this program was built with against the folder it was built from.
    ///
    /// # Errors
    /// `stale_build`, naming the first migration whose text or metadata differs.
    pub fn check_against_folder(&self, root: &Path) -> anyhow::Result<()> {
        let Some(folder) = folder(root, self.backend) else {
            return Ok(());
        };
        let on_disk = Self::from_folder(self.backend, &folder)?;
        let texts = |set: &MigrationSet| -> BTreeMap<String, (String, bool)> {
            set.iter()
                .map(|migration| {
                    let what = (migration.checksum(), migration.transactional);
                    (migration.name.clone(), what)
                })
                .collect()
        };
        let (built, found) = (texts(self), texts(&on_disk));
        let differing = built
            .iter()
            .find(|(name, text)| found.get(*name) != Some(text))
            .or_else(|| found.iter().find(|(name, _)| !built.contains_key(*name)));
        match differing {
            None => Ok(()),
            Some((name, _)) => Err(Problem::new(
                Code::StaleBuild,
                format!("migration {name} is not as it was when this program was built"),
            )
            .hint("run it again as `cargo xtask …`, which builds it anew")
            .into()),
        }
    }
}

/// What happens where a migration is pending that is older than the newest applied one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutOfOrder {
    #[default]
    Warn,
    Refuse,
}

/// What happens where it is not recorded what ran of a migration that is to be promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnrecordedPolicy {
    Warn,
    Refuse,
}

/// The folder with the migrations of a backend, if the workspace has one.
fn folder(root: &Path, backend: Backend) -> Option<PathBuf> {
    let folder = root.join("migrations").join(backend.name());
    folder.is_dir().then_some(folder)
}

/// A migration that a database says was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedMigration {
    pub version: String,
    /// As the database has it, in UTC.
    pub run_on: String,
    /// The checksum of what ran, where this tool ran it or was told.
    pub checksum: Option<String>,
    /// What ran; a ledger of an older program has its checksum only.
    pub up: Option<String>,
}

/// The migration of that version or name.
///
/// # Errors
/// `usage`, with what it may have been meant to be.
pub fn find<'known>(
    known: &'known MigrationSet,
    named: &str,
) -> Result<&'known Migration, Problem> {
    let is_called = |file: &&Migration| {
        named == file.name || (!named.contains('_') && version_of(named) == file.version)
    };
    known.iter().find(is_called).ok_or_else(|| {
        let names = known
            .iter()
            .flat_map(|file| [file.name.as_str(), file.version.as_str()]);
        let hint = match nearest(named, names) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "name it by its folder in migrations/, or by its version".to_owned(),
        };
        Problem::new(Code::Usage, format!("there is no migration `{named}`")).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(directory: &str, up: &str) -> Migration {
        Migration::new(directory, up.to_owned(), None).unwrap()
    }

    #[test]
    fn versions_follow_diesel() {
        assert_eq!(
            version_of("2024-01-15-090000_create_merchants"),
            "20240115090000"
        );
        assert_eq!(
            version_of("00000000000000_diesel_initial_setup"),
            "00000000000000"
        );
    }

    #[test]
    fn checksums_ignore_line_endings_alone() {
        let one = migration("1_a", "create table a;\ncreate table b;\n").checksum();
        assert_eq!(
            one,
            migration("1_a", "create table a;\r\ncreate table b;").checksum()
        );
        assert_ne!(
            one,
            migration("1_a", "create table a; create table b;").checksum()
        );
    }

    #[test]
    fn two_folders_with_one_version_are_refused() {
        let pair = vec![migration("2024-01_a", ""), migration("202401_b", "")];
        let error = MigrationSet::checked(Backend::Sqlite, Origin::Embedded, pair).unwrap_err();
        assert_eq!(Problem::of(&error).code, Code::DuplicateVersion);
    }

    #[test]
    fn metadata_without_the_key_means_no_transaction() {
        let read = |text| {
            Migration::new("1_a", String::new(), Some(text))
                .unwrap()
                .transactional
        };
        assert!(!read(""));
        assert!(read("run_in_transaction = true"));
    }

    #[test]
    fn a_changed_folder_makes_the_build_stale() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("migrations/sqlite/1_a");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("up.sql"), "select 1;").unwrap();
        let set =
            MigrationSet::from_folder(Backend::Sqlite, &root.path().join("migrations/sqlite"))
                .unwrap();
        set.check_against_folder(root.path()).unwrap();
        let metadata = folder.join("metadata.toml");
        std::fs::write(&metadata, "run_in_transaction = true").unwrap();
        set.check_against_folder(root.path()).unwrap();
        let stale = || {
            let error = set.check_against_folder(root.path()).unwrap_err();
            let problem = Problem::of(&error);
            assert_eq!(problem.code, Code::StaleBuild);
            assert_eq!(
                problem.message,
                "migration 1_a is not as it was when this program was built"
            );
        };
        std::fs::write(&metadata, "run_in_transaction = false").unwrap();
        stale();
        std::fs::remove_file(&metadata).unwrap();
        std::fs::write(folder.join("up.sql"), "select 2;").unwrap();
        stale();
    }
}
