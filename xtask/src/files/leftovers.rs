//! Files and folders that are not to stay, and those that a killed run has left.
//!
//! Each has the number of its process in its name and is locked by it. A lock goes with its process,
//! so whoever gets it knows that nobody uses the file any more; the number tells one that is not
//! locked yet.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::files::ordinary;

/// What the names begin with; then come the process and random letters. The dot keeps them out of
/// listings, and from being taken for exports or backups.
const FILE: &str = ".sync-";

const FILE_ENDING: &str = ".part";

const FOLDER: &str = ".scratch-";

/// After this time even a file of a process that lives is locked, if it ever will be.
const LOCKED_BY_NOW: Duration = Duration::from_secs(60);

/// A file beside the place that it is for.
///
/// # Errors
/// When it cannot be made.
pub fn file_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    sweep(folder);
    // Only its owner may read a temporary file, and the name it gets keeps that.
    let file = tempfile::Builder::new()
        .prefix(&prefix(FILE))
        .suffix(FILE_ENDING)
        .tempfile_in(folder)?;
    lock(file.as_file())?;
    Ok(file)
}

/// A folder for files that are not to stay; nobody else can enter it.
pub struct Folder {
    folder: tempfile::TempDir,
    _lock: File,
}

impl Folder {
    /// # Errors
    /// When it cannot be made.
    pub fn within(parent: &Path) -> anyhow::Result<Folder> {
        sweep(parent);
        let make = || -> io::Result<Folder> {
            let prefix = prefix(FOLDER);
            let mut builder = tempfile::Builder::new();
            builder.prefix(&prefix);
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                builder.permissions(fs::Permissions::from_mode(0o700));
            }
            let folder = builder.tempdir_in(parent)?;
            let handle = File::open(folder.path())?;
            lock(&handle)?;
            Ok(Folder {
                folder,
                _lock: handle,
            })
        };
        make().with_context(|| format!("failed to create a folder in {}", parent.display()))
    }

    /// In the folder for temporary files.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn temporary() -> anyhow::Result<Folder> {
        Folder::within(&std::env::temp_dir())
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Some file systems have no locks; the number of the process has to do there.
fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(fs::TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => {
            Err(error)
        }
        _ => Ok(()),
    }
}

fn prefix(kind: &str) -> String {
    format!("{kind}{}_", std::process::id())
}

/// Removes what killed runs have left in a folder. What cannot be removed, such as another user's,
/// is not this run's concern.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(process) = process(&name.to_string_lossy()) else {
            continue;
        };
        let path = entry.path();
        if is_abandoned(&path, process).unwrap_or(false) {
            let _ = match path.is_dir() {
                true => fs::remove_dir_all(path),
                false => fs::remove_file(path),
            };
        }
    }
}

/// Whether the name is one that is made here.
pub(crate) fn is_named(name: &str) -> bool {
    process(name).is_some()
}

/// The process that a name of ours has in it.
fn process(name: &str) -> Option<i32> {
    let rest = name
        .strip_prefix(FILE)
        .or_else(|| name.strip_prefix(FOLDER));
    rest?.split_once('_')?.0.parse().ok()
}

fn is_abandoned(path: &Path, process: i32) -> io::Result<bool> {
    let found = path.symlink_metadata()?;
    // A name is made by anybody; opening a pipe or a device may have effects.
    if !(found.is_file() || found.is_dir()) || !ordinary::is_own(&found) {
        return Ok(false);
    }
    let is_young = found
        .modified()?
        .elapsed()
        .is_ok_and(|age| age < LOCKED_BY_NOW);
    if is_alive(process) && is_young {
        return Ok(false);
    }
    Ok(match ordinary::open_as_is(path)?.try_lock() {
        Ok(()) => true,
        Err(fs::TryLockError::WouldBlock) => false,
        Err(fs::TryLockError::Error(_)) => !is_alive(process),
    })
}

#[cfg(unix)]
fn is_alive(process: i32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    Pid::from_raw(process).is_some_and(|process| {
        // Without the right to signal it, it is there all the same.
        test_kill_process(process) != Err(rustix::io::Errno::SRCH)
    })
}

#[cfg(not(unix))]
fn is_alive(_process: i32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// A process that has ended.
    fn gone() -> u32 {
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        ended.id()
    }

    #[test]
    fn what_killed_runs_have_left_is_swept() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: String| place.path().join(name);
        let [file, folder] = [FILE, FOLDER].map(|kind| path(format!("{kind}{}_abc", gone())));
        fs::write(&file, "rows").unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("schema.dump"), "rows").unwrap();
        // Neither a name of ours, nor ordinary, nor given up.
        let others = path(".other.part".to_owned());
        fs::write(&others, "").unwrap();
        let own = file_in(place.path()).unwrap();
        let in_use = Folder::within(place.path()).unwrap();
        fs::write(in_use.path().join("schema.dump"), "rows").unwrap();
        sweep(place.path());
        assert!(!file.exists() && !folder.exists());
        assert!(others.exists() && own.path().exists() && in_use.path().exists());
    }

    #[test]
    fn what_is_locked_is_in_use_however_old_it_is() {
        let place = tempfile::tempdir().unwrap();
        let age = |path: &Path| {
            let before = SystemTime::now() - 2 * LOCKED_BY_NOW;
            File::open(path).unwrap().set_modified(before).unwrap();
        };
        let in_use = Folder::within(place.path()).unwrap();
        // Its number is another process's by now.
        let left = place
            .path()
            .join(format!("{FOLDER}{}_abc", std::process::id()));
        fs::create_dir(&left).unwrap();
        sweep(place.path());
        assert!(left.exists());
        age(&left);
        age(in_use.path());
        sweep(place.path());
        assert!(!left.exists() && in_use.path().exists());
        // The same goes for other processes.
        let locked = place.path().join(format!("{FILE}{}_abc.part", gone()));
        let file = File::create(&locked).unwrap();
        file.lock().unwrap();
        sweep(place.path());
        assert!(locked.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_the_way_is_waited_for_by_nobody() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join(format!("{FOLDER}{}_abc", gone()));
        let mut mkfifo = std::process::Command::new("mkfifo");
        assert!(mkfifo.arg(&pipe).status().unwrap().success());
        let folder = Folder::within(place.path()).unwrap();
        assert!(pipe.symlink_metadata().is_ok());
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(ordinary::read(&pipe).is_err());
        assert!(ordinary::check_place(&pipe).is_err());
    }
}
