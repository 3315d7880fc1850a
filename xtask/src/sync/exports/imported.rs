//! Which exported files were imported as they are: the next export may replace them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::files::{ordinary, private};
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::pipeline::Promotion;
use crate::settings::row_source::{Folder, RowSource};
use crate::sync::exports::export::{self, ExportedTable, Manifest};

/// The SHA-256 of each file.
pub(crate) type Files = BTreeMap<TableName, String>;

/// The files of lookup tables that are imported, where they are exports; elsewhere none, since
/// nothing is ever written there.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn files(config: &Config, promotion: &Promotion<'_>) -> anyhow::Result<Files> {
    let mut files = Files::new();
    let Some((folder, _)) = exports(config, promotion) else {
        return Ok(files);
    };
    for lookup in &config.lookups {
        let path = folder.path.join(export::file_name(&lookup.table));
        if folder.takes(&lookup.table) && ordinary::is_ordinary(&path) {
            files.insert(lookup.table.clone(), private::sha256(&path)?);
        }
    }
    Ok(files)
}

/// Notes in the manifest that the files are imported. `loaded` is what was loaded, and the files
/// that it was read from; without it the database held it all before.
///
/// # Errors
/// When a file cannot be read, or the manifest not be written.
pub fn note(
    config: &Config,
    promotion: &Promotion<'_>,
    loaded: Option<(&Manifest, &Files)>,
) -> anyhow::Result<()> {
    let Some((folder, environment)) = exports(config, promotion) else {
        return Ok(());
    };
    let before = export::tables_of(&folder.path);
    let mut tables = before.clone();
    for (table, sha256) in files(config, promotion)? {
        // One that was written meanwhile is another.
        if loaded.is_some_and(|(_, read)| read.get(&table) != Some(&sha256)) {
            continue;
        }
        let written = match loaded {
            Some((manifest, _)) => manifest.tables.iter().find(|found| found.table == table),
            None => before.get(&table),
        };
        if let Some(written) = written {
            let noted = ExportedTable {
                sha256: Some(sha256),
                replaces: None,
                adopted: None,
                ..written.clone()
            };
            tables.insert(table, noted);
        }
    }
    if tables != before {
        export::write_manifest(&folder.path, &environment, tables.into_values().collect())?;
    }
    Ok(())
}

/// As [`note`], after a load, which nothing undoes: what cannot be noted is a warning.
pub(crate) fn note_loaded(
    config: &Config,
    promotion: &Promotion<'_>,
    manifest: &Manifest,
    read: &Files,
) -> Option<Problem> {
    let error = note(config, promotion, Some((manifest, read))).err()?;
    let message = format!("failed to note that the files are imported: {error:#}");
    let hint = "the import is done; the next export may ask for --discard-edits";
    Some(Problem::new(Code::Failed, message).hint(hint))
}

/// The folder of an import, where it has the exports of an environment.
fn exports<'given>(
    config: &Config,
    promotion: &Promotion<'given>,
) -> Option<(&'given Folder, String)> {
    let RowSource::Folder(folder) = promotion.from else {
        return None;
    };
    let whole = |path: &Path| path.canonicalize().ok();
    let path = whole(&folder.path)?;
    let mut environments = config.pipeline.iter();
    let environment = environments.find(|environment| {
        whole(&export::folder(&config.export_dir, &environment.name)).as_ref() == Some(&path)
    })?;
    Some((folder, environment.name.clone()))
}
