//! Where the workspace is.

use std::path::{Path, PathBuf};

use crate::sync::settings::config::DEFAULT_FILE;

/// The nearest folder, from the current one upwards, that has a configuration; else the folder
/// that this program was built in.
pub fn root() -> PathBuf {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    std::env::current_dir()
        .ok()
        .and_then(|current| {
            current
                .ancestors()
                .find(|folder| folder.join(DEFAULT_FILE).is_file())
                .map(Path::to_path_buf)
        })
        .unwrap_or_else(|| built_in.to_path_buf())
}
