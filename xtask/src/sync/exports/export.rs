//! Lookup tables as CSV files: written from one moment of a database, read back to be loaded.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::database::Session;
use crate::files::{ordinary, private};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{KeySet, LookupState, Record, TableDigest};
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};
use crate::sync::constraints::orphans::check_references;
use crate::sync::event::{Event, Events, counted};
use crate::sync::rows::compare::KeyedRow;

/// The exports of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub environment: String,
    pub tables: Vec<ExportedTable>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedTable {
    pub table: TableName,
    /// The file's name beside the manifest.
    pub file: String,
    pub columns: Vec<String>,
    pub key: Vec<String>,
    #[serde(flatten)]
    pub state: LookupState,
    /// Of the file: while it is the same, everything in it is a database's work. Not known of what
    /// an older version of this program wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Of the file that is being replaced: a killed run may have left either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Rows of it were adopted and are not imported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<AdoptedRows>,
}

/// The rows of a file that were brought from another environment; the others are there because a
/// file holds its whole table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedRows {
    /// The environment.
    pub from: String,
    /// Of rows that are in the file, and of those that are to go.
    pub keys: KeySet,
}

/// A table's file that has not got its name yet.
pub(crate) struct Written {
    pub(crate) table: ExportedTable,
    part: private::Part,
}

/// Where an environment's exports are.
pub fn folder(export_dir: &Path, environment: &str) -> PathBuf {
    export_dir.join(environment)
}

/// Writes the tables to CSV, each from the session's one moment, and the manifest beside them.
/// Files of tables that are not in `lookups` stay when `all` is false; else they go.
///
/// # Errors
/// `missing_parent` where a reference that travels as a key cannot be looked up, and what the
/// database or the file system reports.
pub fn export(
    session: &mut dyn Session,
    lookups: &[Lookup],
    export_dir: &Path,
    environment: &str,
    all: bool,
    events: &mut Events<'_>,
) -> anyhow::Result<Manifest> {
    let folder = folder(export_dir, environment);
    private::create_folder(&folder)?;
    // Before the first file is written.
    for lookup in lookups {
        check_references(lookup, session, environment, false)?;
    }
    let mut written = Vec::new();
    for lookup in lookups {
        events(Event::Detail(lookup.table.to_string()));
        let rows = counted(session.rows(lookup)?, events);
        written.push(write_table(lookup, &folder, rows)?);
    }
    publish(&folder, environment, written, all)
}

/// Gives files their names, and the manifest their descriptions. Other files stay, or go where
/// these are `all`.
///
/// # Errors
/// What the file system reports.
pub(crate) fn publish(
    folder: &Path,
    environment: &str,
    written: Vec<Written>,
    all: bool,
) -> anyhow::Result<Manifest> {
    let mut others = tables_of(folder);
    // The manifest is a file that anybody can edit: only a plain name is a name of ours.
    others.retain(|table, old| {
        old.file == file_name(table) && written.iter().all(|new| new.table.table != *table)
    });
    let (tables, parts): (Vec<_>, Vec<_>) = written
        .into_iter()
        .map(|written| (written.table, written.part))
        .unzip();
    let mut either = Vec::new();
    for table in &tables {
        let path = folder.join(&table.file);
        let present = match ordinary::is_ordinary(&path) {
            true => Some(private::sha256(&path)?),
            false => None,
        };
        either.push(ExportedTable {
            replaces: present.filter(|present| Some(present) != table.sha256.as_ref()),
            ..table.clone()
        });
    }
    if either.iter().any(|table| table.replaces.is_some()) {
        let either = either.into_iter().chain(others.values().cloned());
        write_manifest(folder, environment, either.collect())?;
    }
    for part in parts {
        part.persist()?;
    }
    if all {
        for old in others.values() {
            let _ = std::fs::remove_file(folder.join(&old.file));
        }
        others.clear();
    }
    let tables = tables.into_iter().chain(others.into_values());
    write_manifest(folder, environment, tables.collect())
}

/// The manifest's tables; none where there is no manifest.
pub(crate) fn tables_of(folder: &Path) -> BTreeMap<TableName, ExportedTable> {
    read_manifest(folder)
        .map(|manifest| manifest.tables)
        .unwrap_or_default()
        .into_iter()
        .map(|table| (table.table.clone(), table))
        .collect()
}

pub(crate) fn write_manifest(
    folder: &Path,
    environment: &str,
    mut tables: Vec<ExportedTable>,
) -> anyhow::Result<Manifest> {
    tables.sort_by(|one, other| one.table.cmp(&other.table));
    let manifest = Manifest {
        version: 1,
        environment: environment.to_owned(),
        tables,
    };
    private::write_file(&folder.join("manifest.json"), |file| {
        serde_json::to_writer_pretty(&mut *file, &manifest)?;
        file.write_all(b"\n")?;
        Ok(())
    })?;
    Ok(manifest)
}

pub(crate) fn file_name(table: &TableName) -> String {
    format!("{}.csv", table.file_stem())
}

/// Whether a file beside the manifest is, byte for byte, what this program wrote.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn is_as_written(folder: &Path, file: &str) -> anyhow::Result<bool> {
    let tables = read_manifest(folder).map(|manifest| manifest.tables);
    let mut tables = tables.unwrap_or_default().into_iter();
    match tables.find(|table| table.file == file) {
        Some(ExportedTable {
            sha256: Some(written),
            ..
        }) => Ok(private::sha256(&folder.join(file))? == written),
        _ => Ok(false),
    }
}

fn read_manifest(folder: &Path) -> Option<Manifest> {
    serde_json::from_slice(&ordinary::read(&folder.join("manifest.json")).ok()?).ok()
}

/// Writes the file of one table, beside its place.
///
/// # Errors
/// What the rows report, or the file system.
pub(crate) fn write_table(
    lookup: &Lookup,
    folder: &Path,
    rows: impl Iterator<Item = anyhow::Result<Record>>,
) -> anyhow::Result<Written> {
    let file = file_name(&lookup.table);
    let (part, (state, sha256)) = private::Part::write(&folder.join(&file), |output| {
        write_rows(lookup, output, rows)
    })?;
    let table = ExportedTable {
        table: lookup.table.clone(),
        file,
        columns: lookup.columns.clone(),
        key: lookup.key_columns().map(str::to_owned).collect(),
        state,
        sha256: Some(sha256),
        replaces: None,
        adopted: None,
    };
    Ok(Written { table, part })
}

/// Writes rows as CSV, and returns their digest and the SHA-256 of the text.
///
/// # Errors
/// What the rows report, or the output.
pub(crate) fn write_rows(
    lookup: &Lookup,
    output: &mut dyn Write,
    rows: impl Iterator<Item = anyhow::Result<Record>>,
) -> anyhow::Result<(LookupState, String)> {
    let mut output = private::Hashed::new(output);
    let mut csv = csv::WriterBuilder::new()
        .terminator(csv::Terminator::Any(b'\n'))
        .from_writer(&mut output);
    let unwritten = || format!("failed to write the rows of `{}`", lookup.table);
    csv.write_record(&lookup.columns).with_context(unwritten)?;
    let mut digest = TableDigest::new(lookup.compared_columns());
    for row in rows {
        let row = row?;
        digest.add(lookup.hash_of(&row));
        csv.write_record(&row).with_context(unwritten)?;
    }
    csv.flush().with_context(unwritten)?;
    drop(csv);
    Ok((digest.finish(), output.sha256()))
}

/// The rows of an exported table, with their keys and hashes.
///
/// # Errors
/// `csv_invalid`, naming the file, when it does not have the columns of the table.
pub fn read_rows(
    lookup: &Lookup,
    folder: &Path,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<KeyedRow>> + use<>> {
    let path = folder.join(file_name(&lookup.table));
    let (header, csv) = open(&path)?;
    if !header.iter().eq(lookup.columns.iter().map(String::as_str)) {
        return Err(Problem::new(
            Code::CsvInvalid,
            format!(
                "{} does not have the columns {}",
                path.display(),
                lookup.columns.join(", ")
            ),
        )
        .hint("export the table again")
        .into());
    }
    let lookup = lookup.clone();
    Ok(csv.into_records().map(move |row| {
        let row = row.with_context(|| format!("failed to read {}", path.display()))?;
        Ok(KeyedRow {
            keyed: lookup.keyed_hash(&row),
            row,
        })
    }))
}

/// The columns of an exported file.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read_header(path: &Path) -> anyhow::Result<Vec<String>> {
    Ok(open(path)?.0.iter().map(str::to_owned).collect())
}

/// The first line of a file, and the reader that stands behind it.
fn open(path: &Path) -> anyhow::Result<(Record, csv::Reader<BufReader<File>>)> {
    let unreadable = || format!("failed to read {}", path.display());
    let file = ordinary::open(path).with_context(unreadable)?;
    let mut csv = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(BufReader::new(file));
    let mut header = Record::new();
    csv.read_record(&mut header).with_context(unreadable)?;
    Ok((header, csv))
}
