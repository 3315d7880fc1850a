//! Files of an export with work in them that is nowhere else: they are not replaced unasked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::files::{ordinary, private};
use crate::model::rows::lookup::Lookup;
use crate::model::schema::table::TableName;
use crate::model::words::{counted, shell_word};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::settings::pipeline::Promotion;
use crate::settings::row_source::RowSource;
use crate::sync::exports::export::{self, ExportedTable};
use crate::sync::planning::plan::Plan;
use crate::sync::snapshot::{Observed, resolve_all};

/// The SHA-256 of what would be written for a table.
pub(in crate::sync) type WouldWrite<'given> =
    &'given mut dyn FnMut(&Lookup) -> anyhow::Result<String>;

/// The files that are not what the manifest says, nor what would be written in their place; each
/// with what is the matter with it. With `all`, files of tables that are no longer lookup tables
/// count too, since they would go.
///
/// # Errors
/// When a file cannot be read, or `would_write` fails.
pub(in crate::sync) fn edited_files(
    folder: &Path,
    lookups: &[Lookup],
    all: bool,
    would_write: WouldWrite<'_>,
) -> anyhow::Result<BTreeMap<TableName, String>> {
    let manifest = export::tables_of(folder);
    let mut edited = BTreeMap::new();
    for lookup in lookups {
        let known = manifest.get(&lookup.table);
        if let Some((sha256, what)) = work_in(folder, &lookup.table, known)?
            && sha256.is_none_or(|present| would_write(lookup).map_or(true, |new| new != present))
        {
            edited.insert(lookup.table.clone(), what);
        }
    }
    let is_lookup = |table: &TableName| lookups.iter().any(|lookup| lookup.table == *table);
    for (table, known) in manifest
        .iter()
        .filter(|(table, _)| all && !is_lookup(table))
    {
        if let Some((_, what)) = work_in(folder, table, Some(known))? {
            edited.insert(table.clone(), what);
        }
    }
    Ok(edited)
}

/// What somebody wrote into a file, in words, and the file's SHA-256 where it is one.
fn work_in(
    folder: &Path,
    table: &TableName,
    known: Option<&ExportedTable>,
) -> anyhow::Result<Option<(Option<String>, String)>> {
    let path = folder.join(export::file_name(table));
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    if !ordinary::is_ordinary(&path) {
        return Ok(Some((None, "no ordinary file".to_owned())));
    }
    let present = Some(private::sha256(&path)?);
    let what = match known {
        None => "not in the manifest".to_owned(),
        Some(known) if known.sha256 != present && known.replaces != present => {
            "edited since it was written".to_owned()
        }
        Some(ExportedTable {
            adopted: Some(adopted),
            ..
        }) if !adopted.keys.is_empty() => {
            format!("adopted from {} and not imported yet", adopted.from)
        }
        Some(_) => return Ok(None),
    };
    Ok(Some((present, what)))
}

/// Which files would be replaced, and the two ways out.
pub(in crate::sync) fn problem(
    config: &Config,
    environment: &str,
    edited: &BTreeMap<TableName, String>,
) -> Option<Problem> {
    if edited.is_empty() {
        return None;
    }
    let folder = shown(config, environment);
    let files: Vec<String> = edited
        .iter()
        .map(|(table, what)| format!("{} ({what})", export::file_name(table)))
        .collect();
    let count = counted(edited.len() as u64, "file");
    let (verb, them) = match edited.len() {
        1 => ("is", "it"),
        _ => ("are", "them"),
    };
    let files = files.join(", ");
    if config.discard_edits {
        let message =
            format!("{count} of {folder} {verb} replaced, as --discard-edits says: {files}");
        return Some(
            Problem::new(Code::EditedExport, message)
                .hint("git may still have what was written there"),
        );
    }
    let message =
        format!("{count} of {folder} {verb} not as exported and would be replaced: {files}");
    let mut ways = Vec::new();
    let importable: String = edited
        .keys()
        .filter(|table| config.lookups.iter().any(|lookup| lookup.table == **table))
        .map(|table| format!(" {}", shell_word(&table.to_string())))
        .collect();
    if let Some(first) = config.pipeline.first()
        && !importable.is_empty()
    {
        let from = match first.name == environment {
            true => String::new(),
            false => format!(" --from {}", shell_word(&folder)),
        };
        ways.push(format!(
            "`cargo xtask sync import --env {}{from}{importable}{}` loads {them} into {}",
            first.name, config.options, first.label
        ));
    }
    ways.push(format!("--discard-edits replaces {them}"));
    Some(Problem::new(Code::EditedExport, message).hint(ways.join("; ")))
}

/// Refuses to replace files that were edited, or returns the warning that they are replaced.
///
/// # Errors
/// `edited_export`, or as [`edited_files`].
pub(in crate::sync) fn check(
    config: &Config,
    environment: &str,
    lookups: &[Lookup],
    all: bool,
    would_write: WouldWrite<'_>,
) -> anyhow::Result<Option<Problem>> {
    let folder = export::folder(&config.export_dir, environment);
    let edited = edited_files(&folder, lookups, all, would_write)?;
    match problem(config, environment, &edited) {
        Some(problem) if !config.discard_edits => Err(problem.into()),
        found => Ok(found),
    }
}

/// As [`check`], for what an environment would export now.
///
/// # Errors
/// As [`check`].
pub fn check_export(
    config: &Config,
    environment: &Environment,
    lookups: &[Lookup],
    all: bool,
    observed: &mut Observed,
) -> anyhow::Result<Option<Problem>> {
    check(config, &environment.name, lookups, all, &mut |lookup| {
        exported_sha256(observed, lookup)
    })
}

/// Adds to a plan that its export would replace edited files.
///
/// # Errors
/// As [`edited_files`].
pub(in crate::sync) fn judge(
    config: &Config,
    promotion: &Promotion<'_>,
    source: &mut Observed,
    plan: &mut Plan,
) -> anyhow::Result<()> {
    let RowSource::Environment(from) = promotion.from else {
        return Ok(());
    };
    // Where there is nothing to do nothing is exported.
    let Ok(lookups) = resolve_all(config, &source.snapshot) else {
        return Ok(());
    };
    if plan.empty || lookups.is_empty() {
        return Ok(());
    }
    let folder = export::folder(&config.export_dir, &from.name);
    let edited = edited_files(&folder, &lookups, true, &mut |lookup| {
        exported_sha256(source, lookup)
    })?;
    if let Some(problem) = problem(config, &from.name, &edited) {
        match config.discard_edits {
            true => plan.warnings.push(problem),
            false => plan.blockers.push(problem.blocking()),
        }
    }
    Ok(())
}

fn exported_sha256(observed: &mut Observed, lookup: &Lookup) -> anyhow::Result<String> {
    let rows = observed.session.rows(lookup)?;
    Ok(export::write_rows(lookup, &mut std::io::sink(), rows)?.1)
}

/// The folder of an environment's exports, from the workspace.
fn shown(config: &Config, environment: &str) -> String {
    let folder = export::folder(&config.export_dir, environment);
    let shown = folder.strip_prefix(&config.root).map(PathBuf::from);
    shown.unwrap_or(folder).display().to_string()
}
