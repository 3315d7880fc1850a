//! The rows of a table in a temporary file without a name, found by their keys: memory holds keys
//! only.

use std::fs::File;
use std::io::{BufWriter, Seek as _, Write as _};

use anyhow::Context as _;

use crate::model::rows::key_order::Reading;
use crate::model::rows::row::{Record, compare_keys};

/// Where a row is.
pub(super) struct Entry {
    pub(super) key: Record,
    /// The line of the file that it comes from.
    pub(super) line: u64,
    at: u64,
}

/// Rows that are being put away.
pub(super) struct Filling {
    file: BufWriter<File>,
    entries: Vec<Entry>,
    at: u64,
}

/// Rows in the order of their keys.
pub(super) struct Spool {
    file: csv::Reader<File>,
    pub(super) entries: Vec<Entry>,
}

impl Filling {
    pub(super) fn new() -> anyhow::Result<Self> {
        let file = tempfile::tempfile().context("failed to create a temporary file")?;
        Ok(Filling {
            file: BufWriter::new(file),
            entries: Vec::new(),
            at: 0,
        })
    }

    pub(super) fn add(&mut self, key: Record, line: u64, row: &Record) -> anyhow::Result<()> {
        let mut bytes = csv::WriterBuilder::new().from_writer(Vec::new());
        bytes.write_record(row)?;
        let bytes = bytes.into_inner().context("failed to spell a row")?;
        self.file
            .write_all(&bytes)
            .context("failed to write a temporary file")?;
        self.entries.push(Entry {
            key,
            line,
            at: self.at,
        });
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Rows with one key stay in the order of their lines.
    pub(super) fn sorted(mut self, readings: &[Reading]) -> anyhow::Result<Spool> {
        self.entries
            .sort_by(|one, other| compare_keys(&one.key, &other.key, readings));
        let mut file = self
            .file
            .into_inner()
            .context("failed to write a temporary file")?;
        // The reader takes itself to be at the start.
        file.rewind().context("failed to read a temporary file")?;
        Ok(Spool {
            file: csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(file),
            entries: self.entries,
        })
    }
}

impl Spool {
    pub(super) fn row(&mut self, entry: usize) -> anyhow::Result<Record> {
        let mut position = csv::Position::new();
        position.set_byte(self.entries[entry].at);
        let mut row = Record::new();
        let unreadable = "failed to read a temporary file";
        self.file.seek(position).context(unreadable)?;
        let is_there = self.file.read_record(&mut row).context(unreadable)?;
        anyhow::ensure!(is_there, unreadable);
        Ok(row)
    }
}
