//! `target/demo`: what the demo leaves there, and how to go on from it.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::Context as _;

use crate::files::private;
use crate::model::backend::Backend;
use crate::model::words::shell_word;
use crate::server::Running;
use crate::settings::environment::Environment;
use crate::terminal::Way;

/// A change to Development that is worth promoting.
const CHANGE: &str = include_str!("rows/change.sql");

const SETTINGS_FILE: &str = "sync.toml";

const SERVER_FILE: &str = "server.json";

/// The folder of the demo, which each demo makes anew.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Where it is, from the workspace's root.
    pub(super) const IN_WORKSPACE: &'static str = "target/demo";

    /// Removes what an earlier demo left, its server first, and makes an empty folder.
    ///
    /// # Errors
    /// When the server cannot be stopped, or the folder not be removed or made.
    pub(super) fn afresh(root: &Path) -> anyhow::Result<Self> {
        let path = root.join(Self::IN_WORKSPACE);
        stop_server(&path.join(SERVER_FILE))?;
        if path.exists() {
            fs::remove_dir_all(&path)
                .with_context(|| format!("failed to remove {}", path.display()))?;
        }
        private::create_folder(&path)?;
        Ok(Folder { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the folder as a person in the current folder can name it.
    pub(super) fn shown(&self, file: &str) -> String {
        // Joining an empty name would leave a separator at the end.
        let path = match file {
            "" => self.path.clone(),
            file => self.path.join(file),
        };
        let here = env::current_dir().unwrap_or_default();
        let shown = path.strip_prefix(&here).unwrap_or(&path);
        shell_word(&shown.to_string_lossy())
    }

    /// The options that lead back to the demo's databases, and away from all others.
    pub(super) fn options(&self) -> String {
        format!(
            "--config {} --env-file {}",
            self.shown(SETTINGS_FILE),
            self.shown(".env")
        )
    }

    /// Writes the configuration to go on with, and returns its text.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write_settings(&self, settings: &toml::Table) -> anyhow::Result<String> {
        let text = toml::to_string(settings)?;
        private::write_file(&self.path.join(SETTINGS_FILE), |file| {
            Ok(file.write_all(text.as_bytes())?)
        })?;
        Ok(text)
    }

    /// Writes the variables of the pipeline, with the passwords in them, for their owner alone.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write_variables(
        &self,
        environments: &[Environment],
        urls: &[String],
    ) -> anyhow::Result<()> {
        private::write_file(&self.path.join(".env"), |file| {
            writeln!(file, "# The databases that `cargo xtask demo` made.")?;
            for (environment, url) in environments.iter().zip(urls) {
                writeln!(file, "{}={url}", environment.url_variable)?;
            }
            Ok(())
        })
    }

    /// Notes which server the next demo has to stop.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn remember(&self, server: &Running) -> anyhow::Result<()> {
        private::write_file(&self.path.join(SERVER_FILE), |file| {
            Ok(serde_json::to_writer_pretty(file, server)?)
        })
    }

    /// What a person may want to do next with the databases.
    pub(super) fn ways_on(
        &self,
        environments: &[Environment],
        server: Option<&Running>,
    ) -> Vec<Way> {
        let option = self.options();
        let mut ways = Vec::new();
        let set: Vec<&str> = environments
            .iter()
            .map(|environment| environment.url_variable.as_str())
            .filter(|variable| env::var_os(variable).is_some())
            .collect();
        if !set.is_empty() {
            ways.push(Way {
                purpose: "First unset your own variables, which would go before the file"
                    .to_owned(),
                commands: vec![format!("unset {}", set.join(" "))],
            });
        }
        ways.push(Way {
            purpose: "Look at them again".to_owned(),
            commands: vec![format!("cargo xtask sync status {option}")],
        });
        if let [development, next, ..] = environments {
            let with = if server.is_none() {
                " (here with sqlite3)"
            } else {
                ""
            };
            ways.push(Way {
                purpose: format!(
                    "Change a price in {}{with}, and promote it",
                    development.label
                ),
                commands: vec![
                    self.change(development, server),
                    format!(
                        "cargo xtask sync {}-to-{} {option}",
                        development.name, next.name
                    ),
                ],
            });
        }
        if let Some(server) = server {
            ways.push(Way {
                purpose: "Stop the PostgreSQL server when you are done (the next demo does it too)"
                    .to_owned(),
                commands: vec![server.stop_command.clone()],
            });
        }
        ways
    }

    /// The command that changes a row of Development.
    fn change(&self, development: &Environment, server: Option<&Running>) -> String {
        let change = CHANGE.trim();
        match (server, development.url.as_ref().map(|url| url.backend())) {
            (Some(server), Ok(Backend::Postgres)) => format!(
                "(. {} && {} \"${}\" -c \"{change}\")",
                self.shown(".env"),
                shell_word(&server.programs.join("psql").to_string_lossy()),
                development.url_variable
            ),
            _ => format!(
                "sqlite3 {} \"{change}\"",
                self.shown(&format!("{}.sqlite3", development.name))
            ),
        }
    }
}

/// Stops the server that an earlier demo left running.
fn stop_server(file: &Path) -> anyhow::Result<()> {
    let Ok(text) = fs::read(file) else {
        return Ok(());
    };
    let server: Running = serde_json::from_slice(&text).with_context(|| {
        format!(
            "failed to read {}, which tells of a server that an earlier demo left running; stop it and remove the file",
            file.display()
        )
    })?;
    server.stop()
}
