//! Putting a backup in the place of everything that a database holds.

use std::collections::BTreeMap;
use std::path::Path;

use super::Session;
use crate::model::ledger::Run;
use crate::model::rows::row::LookupState;
use crate::model::schema::table::TableName;

/// The rows of every table that a backup holds, whoever made it.
pub type Contents = BTreeMap<TableName, LookupState>;

/// Where each sequence stands: its last value, and whether that was given out.
pub type Sequences = BTreeMap<TableName, String>;

/// Looks at what was restored, before anybody else can.
pub type Inspection<'inspection> =
    &'inspection mut dyn FnMut(&mut dyn Session) -> anyhow::Result<()>;

/// A database from which everybody else who writes is kept away, while readers read on, until it is
/// replaced or this value is dropped.
pub trait Replacement {
    /// Everything or nothing: objects and rows that came after the backup go too, but the runs are
    /// added to the ledger that the backup has. What `inspect` refuses is not done.
    ///
    /// # Errors
    /// `restore_failed`, or what `inspect` reports, and then the database is as it was; but the answer
    /// to the commit may be lost.
    fn replace(
        self: Box<Self>,
        archive: &Path,
        runs: &[Run],
        inspect: Inspection<'_>,
    ) -> anyhow::Result<()>;
}
