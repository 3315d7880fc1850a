//! A copy of a whole database, to try migrations on.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::super::Scratch;
use super::{SqliteSession, backup};
use crate::sync::settings::environment::DatabaseUrl;

/// What the names of the folders begin with.
const PREFIX: &str = "sync-rehearsal-";

/// A file that is locked for as long as the copy beside it is in use.
const LOCK: &str = "in-use";

/// A folder is not old enough to be swept before its lock is sure to be taken.
const ABANDONED: Duration = Duration::from_secs(60);

impl SqliteSession {
    pub(super) fn copy_to_scratch(&self) -> anyhow::Result<Scratch> {
        sweep(&std::env::temp_dir());
        let (folder, lock) = make_folder(&std::env::temp_dir())?;
        // Nothing in it is to live through a power cut.
        let path = folder.path().join("rehearsal.sqlite3");
        backup::copy(self.moment.as_ref(), self.url.path(), &path)?;
        backup::stand_alone(&path)?;
        Ok(Scratch {
            url: DatabaseUrl::of_file(&path),
            copied: None,
            complaint: None,
            _place: Box::new((folder, lock)),
        })
    }
}

pub(super) fn make_empty() -> anyhow::Result<Scratch> {
    sweep(&std::env::temp_dir());
    let (folder, lock) = make_folder(&std::env::temp_dir())?;
    let path = folder.path().join("empty.sqlite3");
    File::create_new(&path)?;
    Ok(Scratch {
        url: DatabaseUrl::of_file(&path),
        copied: None,
        complaint: None,
        _place: Box::new((folder, lock)),
    })
}

/// A folder that nobody else can enter, and its lock: every row of the database is in the copy.
fn make_folder(parent: &Path) -> io::Result<(TempDir, File)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    let folder = builder.tempdir_in(parent)?;
    let lock = File::create_new(folder.path().join(LOCK))?;
    lock.lock()?;
    Ok((folder, lock))
}

/// Removes the copies of programs that were stopped before they could. What cannot be removed,
/// such as another user's, is not this run's concern.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let folder = entry.path();
        let is_old = || {
            let age = entry.metadata()?.modified()?.elapsed();
            Ok::<bool, io::Error>(age.is_ok_and(|age| age > ABANDONED))
        };
        let is_in_use = || File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err());
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            && is_old().unwrap_or(false)
            && !is_in_use()
        {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_was_left_behind_is_swept() {
        let parent = tempfile::tempdir().unwrap();
        let age = |folder: &Path| {
            let before = SystemTime::now() - 2 * ABANDONED;
            File::open(folder).unwrap().set_modified(before).unwrap();
        };
        let (in_use, _lock) = make_folder(parent.path()).unwrap();
        let (left, lock) = make_folder(parent.path()).unwrap();
        let (young, _) = make_folder(parent.path()).unwrap();
        drop(lock);
        let others = parent.path().join("others");
        fs::create_dir(&others).unwrap();
        for folder in [in_use.path(), left.path(), &others] {
            age(folder);
        }
        sweep(parent.path());
        let there = [in_use.path(), left.path(), young.path(), &others].map(Path::exists);
        assert_eq!(there, [true, false, true, true]);
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_may_look() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, _lock) = make_folder(&std::env::temp_dir()).unwrap();
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
