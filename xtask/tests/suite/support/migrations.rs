//! A folder of migrations for a test of its own.

use std::path::Path;

use tempfile::TempDir;
use xtask::model::backend::Backend;
use xtask::model::migrations::migration::{MigrationSet, Origin};

use super::database::folder;

pub(crate) struct Migrations {
    folder: TempDir,
}

impl Migrations {
    pub(crate) fn new() -> Self {
        Migrations { folder: folder() }
    }

    /// Writes a migration, or writes it anew.
    pub(crate) fn write(&self, name: &str, up: &str) {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("up.sql"), up).unwrap();
    }

    pub(crate) fn write_metadata(&self, name: &str, metadata: &str) {
        std::fs::write(self.path().join(name).join("metadata.toml"), metadata).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_dir_all(self.path().join(name)).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin::Folder(self.path().to_path_buf())
    }

    pub(crate) fn set(&self, backend: Backend) -> MigrationSet {
        MigrationSet::from_folder(backend, self.path()).unwrap()
    }
}
