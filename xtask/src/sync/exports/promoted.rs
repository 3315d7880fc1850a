//! The rows that were promoted last, kept beside an environment's exports.
//!
//! The ledger has their digest, and only a file that fits it is used. So it does not matter when a
//! run is killed between its commit and the moment in which the files get their names, nor what
//! anybody does to them: what was edited is then known for the whole table only.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use crate::files::{leftovers, ordinary, private};
use crate::model::ledger::PromotedLookup;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::rows::lookup::{Lookup, Source};
use crate::model::rows::row::{LookupState, Record, TableDigest, compare_keys};
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::sync::exports::export;
use crate::sync::rows::compare::KeyedRow;

/// Where the rows are that an environment was given last.
pub fn folder(export_dir: &Path, environment: &str) -> PathBuf {
    export::folder(export_dir, environment).join("promoted")
}

/// Files that are written, and wait for the commit to get their names.
pub struct Waiting {
    files: Vec<private::Part>,
}

impl Waiting {
    /// Copies what is being loaded.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn prepare(
        config: &Config,
        environment: &str,
        lookups: &[Lookup],
        exported: &Path,
    ) -> anyhow::Result<Waiting> {
        let folder = folder(&config.export_dir, environment);
        private::create_folder(&folder)?;
        remove_leftovers(&folder);
        let mut files = Vec::new();
        for (settings, lookup) in config.lookups.iter().zip(lookups) {
            let path = folder.join(export::file_name(&settings.table));
            let (part, _) = private::Part::write(&path, |output| {
                let mut from = ordinary::open(&exported.join(export::file_name(&lookup.table)))?;
                Ok(std::io::copy(&mut from, output)?)
            })?;
            files.push(part);
        }
        Ok(Waiting { files })
    }

    /// Gives the files their names, after the commit. What cannot be kept is a warning: the
    /// promotion is done.
    pub fn keep(self) -> Option<Problem> {
        let mut problem = None;
        for file in self.files {
            if let Err(error) = file.persist() {
                problem = Some(
                    Problem::new(
                        Code::Failed,
                        format!("failed to keep the promoted rows: {error:#}"),
                    )
                    .hint("the promotion is done; until the next one, edits on the target are only known for whole tables"),
                );
            }
        }
        problem
    }
}

/// What a run of an older version has left that was killed. Only one run at a time has the lock of
/// the target, and so these files.
fn remove_leftovers(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(".part") && !leftovers::is_named(&name) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The file of one table, which is what the ledger remembers.
pub struct Promoted {
    folder: PathBuf,
    /// With the fields of the file, compared by those that the ledger names.
    lookup: Lookup,
}

impl Promoted {
    /// `None` where there is no file, or not the one that was promoted. `lookup` says how keys
    /// sort.
    pub fn open(
        folder: &Path,
        settings: &LookupSettings,
        lookup: &Lookup,
        known: &PromotedLookup,
    ) -> Option<Promoted> {
        let promoted = Promoted {
            folder: folder.to_path_buf(),
            lookup: in_file(folder, &settings.table, lookup, &known.columns)?,
        };
        promoted.fits(known).then_some(promoted)
    }

    /// The file is read once as a whole, before anything is decided by it.
    fn fits(&self, known: &PromotedLookup) -> bool {
        let digest = || -> anyhow::Result<_> {
            let mut digest = TableDigest::new(self.lookup.compared_columns());
            let mut before: Option<Record> = None;
            for row in export::read_rows(&self.lookup, &self.folder)? {
                let keyed = row?.keyed;
                let follows = before.is_none_or(|before| {
                    compare_keys(&before, &keyed.key, &self.lookup.key_readings) == Ordering::Less
                });
                anyhow::ensure!(follows, "the rows are in another order");
                digest.add(keyed.hash);
                before = Some(keyed.key);
            }
            Ok(digest.finish())
        };
        digest().is_ok_and(|state| state == known.promoted)
    }

    pub fn columns(&self) -> &[String] {
        &self.lookup.columns
    }

    /// The rows, with hashes over `compared`, as far as the file has these columns.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rows(
        &self,
        compared: &[&str],
    ) -> anyhow::Result<impl Iterator<Item = anyhow::Result<KeyedRow>> + use<>> {
        let columns = &self.lookup.columns;
        let compared = compared
            .iter()
            .filter_map(|name| columns.iter().position(|column| column == name))
            .collect();
        let lookup = Lookup {
            compared,
            ..self.lookup.clone()
        };
        export::read_rows(&lookup, &self.folder)
    }
}

/// A table as its file has it.
fn in_file(folder: &Path, table: &TableName, like: &Lookup, compared: &[String]) -> Option<Lookup> {
    let columns = export::read_header(&folder.join(export::file_name(table))).ok()?;
    let position = |name: &str| columns.iter().position(|column| column == name);
    let positions: Option<Vec<usize>> = compared.iter().map(|name| position(name)).collect();
    Some(Lookup {
        table: table.clone(),
        sources: vec![Source::Column; columns.len()],
        key: like.key_columns().map(position).collect::<Option<_>>()?,
        compared: positions?,
        columns,
        ..like.clone()
    })
}

/// What the ledger is to remember of every lookup table; `held` has what the
/// target holds of each.
pub(crate) fn promoted_lookups(
    config: &Config,
    lookups: &[Lookup],
    manifest: &export::Manifest,
    held: &[LookupState],
) -> Vec<PromotedLookup> {
    let settings = config.lookups.iter();
    settings
        .zip(lookups)
        .zip(held)
        .filter_map(|((settings, lookup), held)| {
            let mut tables = manifest.tables.iter();
            let exported = tables.find(|exported| exported.table == lookup.table)?;
            Some(PromotedLookup {
                table: settings.table.clone(),
                promoted: exported.state.clone(),
                held: held.clone(),
                columns: lookup.compared_columns().map(str::to_owned).collect(),
                key: lookup.key_columns().map(str::to_owned).collect(),
                filter: lookup.filter.clone(),
            })
        })
        .collect()
}
