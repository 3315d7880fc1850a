//! A copy of a whole database, to try migrations on.

use std::path::Path;

use super::super::Scratch;
use super::{SqliteSession, backup};
use crate::files::leftovers::Folder;
use crate::model::url::DatabaseUrl;

impl SqliteSession {
    pub(super) fn copy_to_scratch(&self) -> anyhow::Result<Scratch> {
        filled(|path| backup::copy(self.moment.as_ref(), self.url.path(), path))
    }
}

pub(in super::super) fn restore_into_scratch(archive: &Path) -> anyhow::Result<Scratch> {
    filled(|path| backup::copy(None, archive, path))
}

fn filled(fill: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<Scratch> {
    let folder = Folder::temporary()?;
    // Nothing in it is to live through a power cut.
    let path = folder.path().join("rehearsal.sqlite3");
    fill(&path)?;
    backup::stand_alone(&path)?;
    Ok(Scratch {
        url: DatabaseUrl::of_file(&path),
        copied: None,
        complaint: None,
        _place: Box::new(folder),
    })
}

pub(super) fn make_empty() -> anyhow::Result<Scratch> {
    filled(|path| Ok(std::fs::File::create_new(path).map(drop)?))
}
