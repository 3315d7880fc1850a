//! The variables of the process, and those of a file behind them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::problem::{Code, Problem};
use crate::sync::ordinary;

/// The variables: the process's first, then those of the file.
pub(in crate::sync) struct Variables {
    from_file: BTreeMap<String, String>,
}

impl Variables {
    pub(in crate::sync) fn read(root: &Path, env_file: Option<&Path>) -> Result<Self, Problem> {
        let path = env_file.map_or_else(|| root.join(".env"), Path::to_path_buf);
        if env_file.is_none() && !path.exists() {
            return Ok(Variables {
                from_file: BTreeMap::new(),
            });
        }
        // What dotenvy says of a bad line repeats the line, which may hold a password.
        let unreadable = |what: &str| {
            Problem::new(
                Code::ConfigInvalid,
                format!("failed to read {}: {what}", path.display()),
            )
            .hint("every line of it is NAME=value; quote values with spaces or `#`")
        };
        let text = ordinary::read(&path).map_err(|error| unreadable(&error.to_string()))?;
        let entries = dotenvy::from_read_iter(&*text);
        let from_file = entries
            .collect::<Result<_, _>>()
            .map_err(|error| match error {
                dotenvy::Error::Io(error) => unreadable(&error.to_string()),
                _ => unreadable("a line is not NAME=value"),
            })?;
        Ok(Variables { from_file })
    }

    pub(in crate::sync) fn get(&self, name: &str) -> Option<String> {
        std::env::var(name)
            .ok()
            .or_else(|| self.from_file.get(name).cloned())
    }
}
