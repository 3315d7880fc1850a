//! The rows that differ, on disk: what a comparison finds and a load or a report reads.

use std::io::{BufReader, BufWriter, Seek, SeekFrom};

use anyhow::Context;
use csv::StringRecord;

use crate::model::rows::row::Record;

/// What happens to a row of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Insert,
    Update,
    Delete,
    /// Switched off, as a row that the source no longer has.
    Retire,
}

impl Change {
    /// How a change log and a staging table spell it.
    pub fn letter(self) -> &'static str {
        match self {
            Change::Insert => "I",
            Change::Update => "U",
            Change::Delete => "D",
            Change::Retire => "T",
        }
    }

    fn of(letter: &str) -> Option<Change> {
        [
            Change::Insert,
            Change::Update,
            Change::Delete,
            Change::Retire,
        ]
        .into_iter()
        .find(|change| change.letter() == letter)
    }
}

/// The rows that differ, on disk in a file without a name, so that memory stays flat.
pub struct ChangeLog {
    writer: csv::Writer<BufWriter<std::fs::File>>,
}

impl ChangeLog {
    /// # Errors
    /// When there is no room for a temporary file.
    pub fn new() -> anyhow::Result<Self> {
        let file = tempfile::tempfile().context("failed to create a temporary file")?;
        Ok(ChangeLog {
            writer: csv::WriterBuilder::new()
                .flexible(true)
                .from_writer(BufWriter::new(file)),
        })
    }

    /// # Errors
    /// When there is no room for it.
    pub fn add(&mut self, change: Change, record: &Record) -> anyhow::Result<()> {
        self.writer
            .write_record(std::iter::once(change.letter()).chain(record.iter()))
            .context("failed to write a temporary file")
    }

    /// Reads the changes from the start, each with what was logged of its row.
    ///
    /// # Errors
    /// When the temporary file cannot be read back.
    pub fn read(
        &mut self,
    ) -> anyhow::Result<impl Iterator<Item = anyhow::Result<(Change, Record)>>> {
        self.writer
            .flush()
            .context("failed to write a temporary file")?;
        let mut file = self
            .writer
            .get_ref()
            .get_ref()
            .try_clone()
            .context("failed to read a temporary file")?;
        file.seek(SeekFrom::Start(0))
            .context("failed to read a temporary file")?;
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(BufReader::new(file));
        Ok(reader.into_records().map(|record| {
            let record: StringRecord = record.context("failed to read a temporary file")?;
            let change = record
                .get(0)
                .and_then(Change::of)
                .context("a temporary file does not hold what was written")?;
            Ok((change, record.iter().skip(1).collect()))
        }))
    }
}
