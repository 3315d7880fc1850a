//! How `sync.toml` is written.

use std::path::PathBuf;

use serde::Deserialize;

use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};
use crate::settings::config::Verify;
use crate::settings::drift::{DriftPolicy, DriftSettings, Pattern};
use crate::settings::pipeline::EnvironmentFile;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) project: Option<String>,
    #[serde(default)]
    pub(crate) environment: Vec<EnvironmentFile>,
    #[serde(default)]
    pub(crate) backup: BackupFile,
    #[serde(default)]
    pub(crate) export: ExportFile,
    #[serde(default)]
    pub(crate) drift: DriftFile,
    #[serde(default)]
    pub(crate) protected: Vec<TableName>,
    #[serde(default)]
    pub(crate) lookup: Vec<LookupSettings>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupFile {
    #[serde(default = "default_backup_dir")]
    pub(crate) dir: PathBuf,
    #[serde(default = "default_keep")]
    pub(crate) keep: usize,
    #[serde(default)]
    pub(crate) verify: Verify,
    #[serde(default)]
    pub(crate) protected: Vec<TableName>,
}

impl Default for BackupFile {
    fn default() -> Self {
        BackupFile {
            dir: default_backup_dir(),
            keep: default_keep(),
            verify: Verify::default(),
            protected: Vec::new(),
        }
    }
}

fn default_backup_dir() -> PathBuf {
    PathBuf::from("migrations/schema-backups")
}

fn default_keep() -> usize {
    20
}

/// `protected` is a key of the file, but TOML gives a key that is written below a section's
/// header to that section; the sections that people write before it therefore take it too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportFile {
    #[serde(default = "default_export_dir")]
    pub(crate) dir: PathBuf,
    #[serde(default)]
    pub(crate) protected: Vec<TableName>,
}

impl Default for ExportFile {
    fn default() -> Self {
        ExportFile {
            dir: default_export_dir(),
            protected: Vec::new(),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct DriftFile {
    pub(crate) policy: Option<DriftPolicy>,
    #[serde(default)]
    pub(crate) ignore: Vec<String>,
    #[serde(default)]
    pub(crate) comments: bool,
    #[serde(default)]
    pub(crate) grants: bool,
    #[serde(default)]
    pub(crate) storage: bool,
    #[serde(default)]
    pub(crate) protected: Vec<TableName>,
}

impl DriftFile {
    /// # Errors
    /// `config_invalid`, for what names no object.
    pub(crate) fn settings(&self) -> Result<DriftSettings, Problem> {
        let ignore = self.ignore.iter().map(|text| Pattern::parse(text));
        Ok(DriftSettings {
            ignore: ignore.collect::<Result<_, _>>()?,
            comments: self.comments,
            grants: self.grants,
            storage: self.storage,
        })
    }
}

fn default_export_dir() -> PathBuf {
    PathBuf::from("data-sync/exports")
}

/// A TOML error with its line, and for an unknown key the nearest known one.
pub(crate) fn readable(error: &toml::de::Error, text: &str) -> Problem {
    let line = error
        .span()
        .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let place = line.map_or(String::new(), |line| format!("line {line}: "));
    let message = error.message();
    let problem = Problem::new(Code::ConfigInvalid, format!("{place}{message}"));
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some(unknown) = quoted
        .next()
        .filter(|_| message.starts_with("unknown field"))
    else {
        return problem.hint("docs/REFERENCE.md lists every key");
    };
    let nearest = quoted
        .map(|known| (strsim::damerau_levenshtein(unknown, known), known))
        .min();
    match nearest {
        Some((_, known)) => Problem::new(
            Code::ConfigInvalid,
            format!("{place}unknown key `{unknown}`"),
        )
        .hint(format!(
            "did you mean `{known}`? docs/REFERENCE.md lists every key"
        )),
        None => problem,
    }
}
