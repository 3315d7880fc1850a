//! Where the rows of a promotion come from.

use std::path::{Path, PathBuf};

use crate::files::leftovers;
use crate::model::ledger::RunKind;
use crate::model::words::shell_word;
use crate::problem::Problem;
use crate::settings::config::Config;
use crate::settings::pipeline::Promotion;
use crate::settings::row_source::RowSource;
use crate::sync::exports::export;
use crate::sync::import::observe_folder;
use crate::sync::snapshot::{Observed, observe, observe_all};

impl RowSource<'_> {
    /// The step that writes the files that are loaded.
    pub(crate) fn handing_over(&self) -> String {
        match self {
            RowSource::Environment(from) => format!("export the lookup tables of {}", from.label),
            RowSource::Folder(folder) => format!("copy {} in the database's spelling", folder.name),
        }
    }
}

/// Both ends at one moment each, and what is worth a warning about the source.
pub(crate) struct Ends {
    pub(crate) source: Observed,
    pub(crate) target: Observed,
    pub(crate) warnings: Vec<Problem>,
}

/// Looks at both ends.
///
/// # Errors
/// What keeps an end from being looked at; `csv_invalid` for files.
pub(crate) fn observe_ends(config: &Config, promotion: &Promotion<'_>) -> anyhow::Result<Ends> {
    match promotion.from {
        RowSource::Environment(from) => {
            let mut ends = observe_all([from, promotion.to], |_| {}).into_iter();
            let (Some(source), Some(target)) = (ends.next(), ends.next()) else {
                anyhow::bail!("a promotion has two ends");
            };
            Ok(Ends {
                source: source?,
                target: target?,
                warnings: Vec::new(),
            })
        }
        RowSource::Folder(folder) => {
            let mut target = observe(promotion.to)?;
            let (source, warnings) = observe_folder(config, folder, &mut target)?;
            Ok(Ends {
                source,
                target,
                warnings,
            })
        }
    }
}

impl Promotion<'_> {
    /// As people read it.
    pub fn title(&self) -> String {
        match self.from {
            RowSource::Environment(_) => self.name(),
            RowSource::Folder(folder) => format!("import {} → {}", folder.name, self.to.label),
        }
    }

    /// The words of the command that runs it.
    pub fn command(&self) -> String {
        match self.from {
            RowSource::Environment(_) => format!("sync {}", self.name()),
            RowSource::Folder(folder) => {
                let tables: String = folder
                    .tables
                    .iter()
                    .map(|table| format!(" {}", shell_word(&table.to_string())))
                    .collect();
                format!(
                    "sync import --env {} --from {}{tables}",
                    self.to.name,
                    shell_word(&folder.name)
                )
            }
        }
    }

    /// How the ledger names it: its kind, and what it was done with or to.
    pub(crate) fn recorded_as(&self) -> (RunKind, String) {
        match self.from {
            RowSource::Environment(_) => (RunKind::Promotion, self.name()),
            RowSource::Folder(_) => (RunKind::Import, self.to.name.clone()),
        }
    }
}

/// Where the files are that are loaded.
pub(crate) struct Loaded {
    /// The folder that has the folder of the files in it.
    pub(crate) dir: PathBuf,
    pub(crate) name: String,
    /// What the report says of it.
    pub(crate) reported: PathBuf,
    /// What people wrote stays as it is: a copy in the database's spelling is loaded.
    _copy: Option<leftovers::Folder>,
}

impl Loaded {
    pub(crate) fn of(source: RowSource<'_>, export_dir: &Path) -> anyhow::Result<Self> {
        match source {
            RowSource::Environment(from) => Ok(Loaded {
                dir: export_dir.to_owned(),
                name: from.name.clone(),
                reported: export::folder(export_dir, &from.name),
                _copy: None,
            }),
            RowSource::Folder(folder) => {
                let copy = leftovers::Folder::temporary()?;
                Ok(Loaded {
                    dir: copy.path().to_owned(),
                    name: "import".to_owned(),
                    reported: folder.path.clone(),
                    _copy: Some(copy),
                })
            }
        }
    }
}
