//! How `sync.toml` is written.

use std::path::PathBuf;

use serde::Deserialize;

use super::config::Verify;
use super::pipeline::EnvironmentFile;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};
use crate::sync::schema::drift::{DriftPolicy, DriftSettings, Pattern};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sync) struct File {
    pub(in crate::sync) project: Option<String>,
    #[serde(default)]
    pub(in crate::sync) environment: Vec<EnvironmentFile>,
    #[serde(default)]
    pub(in crate::sync) backup: BackupFile,
    #[serde(default)]
    pub(in crate::sync) export: ExportFile,
    #[serde(default)]
    pub(in crate::sync) drift: DriftFile,
    #[serde(default)]
    pub(in crate::sync) protected: Vec<TableName>,
    #[serde(default)]
    pub(in crate::sync) lookup: Vec<LookupSettings>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sync) struct BackupFile {
    #[serde(default = "default_backup_dir")]
    pub(in crate::sync) dir: PathBuf,
    #[serde(default = "default_keep")]
    pub(in crate::sync) keep: usize,
    #[serde(default)]
    pub(in crate::sync) verify: Verify,
    #[serde(default)]
    pub(in crate::sync) protected: Vec<TableName>,
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
pub(in crate::sync) struct ExportFile {
    #[serde(default = "default_export_dir")]
    pub(in crate::sync) dir: PathBuf,
    #[serde(default)]
    pub(in crate::sync) protected: Vec<TableName>,
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
pub(in crate::sync) struct DriftFile {
    pub(in crate::sync) policy: Option<DriftPolicy>,
    #[serde(default)]
    pub(in crate::sync) ignore: Vec<String>,
    #[serde(default)]
    pub(in crate::sync) comments: bool,
    #[serde(default)]
    pub(in crate::sync) grants: bool,
    #[serde(default)]
    pub(in crate::sync) storage: bool,
    #[serde(default)]
    pub(in crate::sync) protected: Vec<TableName>,
}

impl DriftFile {
    /// # Errors
    /// `config_invalid`, for what names no object.
    pub(in crate::sync) fn settings(&self) -> Result<DriftSettings, Problem> {
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
pub(in crate::sync) fn readable(error: &toml::de::Error, text: &str) -> Problem {
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
