//! Where the workspace is.

use std::path::{Component, Path, PathBuf};

use crate::problem::{Code, Problem};
use crate::settings::config::DEFAULT_FILE;

/// The workspace of the configuration that was named; else the nearest folder, from the current
/// one upwards, that has a configuration.
///
/// # Errors
/// `usage`, where there is none: a folder that nobody named would get backups and rows.
pub fn root(configuration: Option<&Path>) -> Result<PathBuf, Problem> {
    match configuration {
        Some(file) => Ok(of(file)),
        None => found().ok_or_else(|| {
            Problem::new(
                Code::Usage,
                format!(
                    "there is no workspace here: neither the current folder nor one above it has {DEFAULT_FILE}"
                ),
            )
            .hint("change into the workspace, or name its configuration with --config FILE; the workspace is then the one that the file is in")
        }),
    }
}

/// From the current folder upwards.
pub(crate) fn found() -> Option<PathBuf> {
    nearest(&std::env::current_dir().ok()?)
}

/// The nearest folder above a configuration that is a workspace, or else the folder it is in.
fn of(configuration: &Path) -> PathBuf {
    let folder = match configuration.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // What stands before `..` is not above the file.
    let goes_up = folder.components().any(|part| part == Component::ParentDir);
    let absolute = match goes_up {
        true => folder.canonicalize(),
        false => std::path::absolute(folder),
    };
    let folder = absolute.unwrap_or_else(|_| folder.to_path_buf());
    nearest(&folder).unwrap_or(folder)
}

fn nearest(folder: &Path) -> Option<PathBuf> {
    folder
        .ancestors()
        .find(|folder| folder.join(DEFAULT_FILE).is_file())
        .map(Path::to_path_buf)
}
