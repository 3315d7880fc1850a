//! A folder of CSV files that people may have edited, as the source of lookup rows.

mod check;
mod findings;
mod folder;
mod header;
mod rows;
mod session;
mod spool;
mod spreadsheet;
mod text;

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::database::Identity;
use crate::model::ledger::Ledger;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{KeySet, owned};
use crate::model::words::{counted, nearest};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::settings::pipeline::Promotion;
use crate::settings::row_source::{Folder, RowSource};
use crate::sync::exports::export::{self, file_name, is_as_written};
use crate::sync::snapshot::{Observed, Snapshot, resolve_all};
use check::Check;
use findings::Findings;

use session::{FileRows, FolderSession};
use spool::{Filling, Spool};

/// The first environment, where every change of lookup rows starts; `name` must be its name.
///
/// # Errors
/// `golden_rule` for any other environment, `usage` where there is none of that name.
pub fn importing_to<'config>(
    config: &'config Config,
    name: &str,
) -> Result<&'config Environment, Problem> {
    let environment = config.environment(name)?;
    let names: Vec<&str> = config
        .pipeline
        .iter()
        .map(|known| known.name.as_str())
        .collect();
    let first = names.first().copied().unwrap_or_default();
    if first == name {
        return Ok(environment);
    }
    let way: Vec<String> = config
        .promotions()
        .map(|promotion| format!("`cargo xtask sync {}`", promotion.name()))
        .take(
            names
                .iter()
                .position(|known| *known == name)
                .unwrap_or_default(),
        )
        .collect();
    Err(Problem::new(
        Code::GoldenRule,
        format!(
            "files are not imported into {}; the golden rule is {}",
            environment.label,
            names.join(" → ")
        ),
    )
    .hint(format!(
        "import with --env {first}, then run {}",
        way.join(", then ")
    )))
}

/// Reads and checks the files of the lookup tables. A table without a file is as the target has
/// it. Beside the source comes what is worth a warning.
///
/// # Errors
/// `csv_invalid` with everything that is wrong with the files; `usage` where there is none.
pub(super) fn observe_folder(
    config: &Config,
    folder: &Folder,
    target: &mut Observed,
) -> anyhow::Result<(Observed, Vec<Problem>)> {
    let lookups = resolve_all(config, &target.snapshot)?;
    let mut files = files(folder, &lookups)?;
    let manifest = export::tables_of(&folder.path);
    let mut tables = BTreeMap::new();
    let mut details = Vec::new();
    let (mut count, mut broken, mut is_suspected) = (0, 0, false);
    for lookup in &lookups {
        let name = file_name(&lookup.table);
        let rows = if files.tables.contains(&name) {
            let shown = format!("{}/{name}", folder.name.trim_end_matches('/'));
            let mut findings = Findings::new(shown);
            let is_as_written = is_as_written(&folder.path, &name)?;
            let mut check = Check {
                lookup,
                catalog: &target.snapshot.catalog,
                backend: target.snapshot.backend,
                target: &mut *target.session,
                is_as_written,
            };
            let rows = check.file(&folder.path.join(&name), &mut findings)?;
            count += findings.count as u64;
            broken += u64::from(findings.count > 0);
            is_suspected |= findings.is_suspected;
            details.extend(findings.details());
            let adopted = manifest
                .get(&lookup.table)
                .and_then(|known| known.adopted.as_ref());
            match (rows, adopted) {
                (Some(mut rows), Some(adopted)) if is_as_written => {
                    Some(with_adopted(lookup, target, &mut rows, &adopted.keys)?)
                }
                (rows, adopted) => {
                    files
                        .warnings
                        .extend(adopted.map(|_| edited_since(folder, &name)));
                    rows
                }
            }
        } else {
            Some(as_it_is(lookup, target)?)
        };
        if let Some(rows) = rows {
            let columns = lookup.columns.clone();
            tables.insert(lookup.table.clone(), FileRows { columns, rows });
        }
    }
    if count > 0 {
        let meant = match is_suspected {
            true => format!(
                "; if a value that looks like a spreadsheet's work is meant, write it into {} itself",
                target.snapshot.label
            ),
            false => String::new(),
        };
        return Err(Problem::new(
            Code::CsvInvalid,
            format!(
                "{} cannot be imported: {} in {}",
                folder.name,
                counted(count, "mistake"),
                counted(broken, "file")
            ),
        )
        .details(details)
        .hint(format!("nothing was loaded; correct these lines in a text editor, or begin anew from `cargo xtask sync export`{meant}"))
        .into());
    }
    let path = folder.path.canonicalize().context("the folder is gone")?;
    let there = &target.snapshot;
    let snapshot = Snapshot {
        environment: folder.name.clone(),
        label: folder.name.clone(),
        url_variable: String::new(),
        project: None,
        strict: false,
        refuses_drift: false,
        max_delete: None,
        requires_rehearsal: false,
        refuses_unrecorded: false,
        is_folder: true,
        on_target_edit: there.on_target_edit,
        out_of_order: there.out_of_order,
        backend: there.backend,
        identity: Identity {
            instance: format!("folder {}", path.display()),
            place: format!("folder {}", path.display()),
            server_version: there.identity.server_version.clone(),
        },
        ledger: Ledger::default(),
        applied: there.applied.clone(),
        catalog: there.catalog.clone(),
    };
    let session = FolderSession {
        identity: snapshot.identity.clone(),
        applied: snapshot.applied.clone(),
        catalog: snapshot.catalog.clone(),
        tables,
    };
    let source = Observed {
        snapshot,
        session: Box::new(session),
        lookups: BTreeMap::new(),
    };
    Ok((source, files.warnings))
}

struct Files {
    /// The files of lookup tables, by name.
    tables: Vec<String>,
    warnings: Vec<Problem>,
}

fn files(folder: &Folder, lookups: &[Lookup]) -> anyhow::Result<Files> {
    let unreadable = || format!("failed to read the folder {}", folder.path.display());
    let wanted: Vec<String> = lookups
        .iter()
        .filter(|lookup| folder.takes(&lookup.table))
        .map(|lookup| file_name(&lookup.table))
        .collect();
    let mut found = Files {
        tables: Vec::new(),
        warnings: Vec::new(),
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder.path).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() {
            names.push(name);
        } else if wanted.contains(&name) {
            return Err(Problem::new(
                Code::CsvInvalid,
                format!(
                    "{}/{name} is no file that can be read: a folder, a pipe, or a link that leads nowhere",
                    folder.name.trim_end_matches('/')
                ),
            )
            .hint("put a file in its place, or take it away: a table without a file stays as it is")
            .into());
        }
    }
    names.sort();
    for name in names {
        if wanted.contains(&name) {
            found.tables.push(name);
        } else if folder.tables.is_empty() && name.to_lowercase().ends_with(".csv") {
            let hint = match nearest(&name, wanted.iter().map(String::as_str)) {
                Some(known) => format!("did you mean `{known}`?"),
                None => named_after(&wanted),
            };
            found.warnings.push(
                Problem::new(
                    Code::CsvInvalid,
                    format!(
                        "{}/{name} belongs to no lookup table, and is not loaded",
                        folder.name.trim_end_matches('/')
                    ),
                )
                .hint(hint),
            );
        }
    }
    if found.tables.is_empty() {
        let hint = match found
            .warnings
            .first()
            .and_then(|warning| warning.hint.as_deref())
        {
            Some(meant) => meant.to_owned(),
            None => named_after(&wanted),
        };
        return Err(Problem::new(
            Code::Usage,
            format!("{} has no file of a lookup table", folder.name),
        )
        .hint(hint)
        .into());
    }
    Ok(found)
}

fn named_after(wanted: &[String]) -> String {
    match wanted {
        [] => "data-sync/sync.toml lists no lookup table, so there is nothing to import: add a [[lookup]] section".to_owned(),
        _ => format!("the files are named after the tables: {}", wanted.join(", ")),
    }
}

/// The rows that the target has, but for those that were adopted: a file has all rows of its table,
/// as they were when it was written.
fn with_adopted(
    lookup: &Lookup,
    target: &mut Observed,
    file: &mut Spool,
    adopted: &KeySet,
) -> anyhow::Result<Spool> {
    let mut filling = Filling::new()?;
    for row in target.session.rows(lookup)? {
        let row = row?;
        let key = lookup.key_of(&row);
        if !adopted.contains(&owned(&key)) {
            filling.add(key, 0, &row)?;
        }
    }
    for at in 0..file.entries.len() {
        let (key, line) = (file.entries[at].key.clone(), file.entries[at].line);
        if adopted.contains(&owned(&key)) {
            let row = file.row(at)?;
            filling.add(key, line, &row)?;
        }
    }
    filling.sorted(&lookup.key_readings)
}

fn edited_since(folder: &Folder, file: &str) -> Problem {
    Problem::new(
        Code::CsvInvalid,
        format!(
            "{}/{file} was edited after its rows were adopted, so all its rows are imported",
            folder.name.trim_end_matches('/')
        ),
    )
    .hint("what others changed since it was adopted is undone; to have the adopted rows alone, adopt them again")
}

/// The rows that the target has.
fn as_it_is(lookup: &Lookup, target: &mut Observed) -> anyhow::Result<Spool> {
    let mut filling = Filling::new()?;
    for row in target.session.rows(lookup)? {
        let row = row?;
        filling.add(lookup.key_of(&row), 0, &row)?;
    }
    filling.sorted(&lookup.key_readings)
}

/// What the first environment is asked before files are loaded into it: `yes`, if nothing else.
pub fn asking(environment: &Environment) -> Environment {
    let mut asking = environment.clone();
    if asking.confirm.is_empty() {
        // It is never promoted to, so its list may be empty; what a person does asks all the same.
        asking.confirm.push("yes".to_owned());
    }
    asking.require_plan = false;
    asking.checklist.clear();
    asking
}

/// The promotion that an import is.
pub fn import<'given>(folder: &'given Folder, to: &'given Environment) -> Promotion<'given> {
    Promotion {
        from: RowSource::Folder(folder),
        to,
    }
}
