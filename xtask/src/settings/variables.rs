//! The variables of the process, and those of a file behind them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::files::ordinary;
use crate::problem::{Code, Problem};

/// The variables: the process's first, then those of the file.
pub(crate) struct Variables {
    from_file: BTreeMap<String, String>,
}

impl Variables {
    pub(crate) fn read(root: &Path, env_file: Option<&Path>) -> Result<Self, Problem> {
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

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        std::env::var(name)
            .ok()
            .or_else(|| self.from_file.get(name).cloned())
    }
}

/// Who runs the program: as CI or the shell says, else the number of the account, which is always known.
pub(crate) fn operator(variable: impl Fn(&str) -> Option<String>) -> String {
    let names = [
        "GITHUB_ACTOR",
        "GITLAB_USER_LOGIN",
        "USER",
        "LOGNAME",
        "USERNAME",
    ];
    names
        .into_iter()
        .filter_map(variable)
        .find(|name| !name.trim().is_empty())
        .unwrap_or_else(account)
}

#[cfg(unix)]
fn account() -> String {
    format!("uid {}", rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn account() -> String {
    "unknown".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator_with(set: &[(&str, &str)]) -> String {
        operator(|name| {
            let found = set.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_operator_is_known_without_user() {
        assert_eq!(operator_with(&[("USER", "ann"), ("LOGNAME", "bob")]), "ann");
        assert_eq!(operator_with(&[("USER", ""), ("LOGNAME", "bob")]), "bob");
        assert_eq!(
            operator_with(&[("USER", "ci"), ("GITLAB_USER_LOGIN", "eve")]),
            "eve"
        );
        #[cfg(unix)]
        for set in [&[][..], &[("USER", " ")]] {
            assert!(operator_with(set).starts_with("uid "), "{set:?}");
        }
    }
}
