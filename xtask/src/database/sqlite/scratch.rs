//! A copy of a whole database, to try migrations on.

use super::super::Scratch;
use super::{SqliteSession, backup};
use crate::sync::environment::DatabaseUrl;

impl SqliteSession {
    pub(super) fn copy_to_scratch(&self) -> anyhow::Result<Scratch> {
        // Nobody else can enter the folder, and nothing in it is to live through a power cut.
        let folder = tempfile::Builder::new()
            .prefix("sync-rehearsal-")
            .tempdir()?;
        let path = folder.path().join("rehearsal.sqlite3");
        backup::copy(self.moment.as_ref(), self.url.path(), &path)?;
        backup::stand_alone(&path)?;
        Ok(Scratch {
            url: DatabaseUrl::of_file(&path),
            copied: None,
            complaint: None,
            _place: Box::new(folder),
        })
    }
}
