//! A folder of files as a session: it answers what a promotion asks of its source.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;

use super::spool::Spool;
use crate::database::{Canonical, Check, CopiedRows, Identity, Rows, Scratch, Session};
use crate::model::ledger::Ledger;
use crate::model::migrations::migration::AppliedMigration;
use crate::model::reference::{Step, Touched};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{KeySet, KeyedHash, Record, owned};
use crate::model::schema::catalog::Catalog;
use crate::model::schema::table::TableName;
use crate::model::unresolved::Unresolved;

/// The rows of one table, with the names of their fields.
pub(super) struct FileRows {
    pub(super) columns: Vec<String>,
    pub(super) rows: Spool,
}

/// Schema and history are those of the database that the files are loaded into.
pub(super) struct FolderSession {
    pub(super) identity: Identity,
    pub(super) applied: Vec<AppliedMigration>,
    pub(super) catalog: Catalog,
    pub(super) tables: BTreeMap<TableName, FileRows>,
}

impl FolderSession {
    fn held(&mut self, table: &TableName) -> anyhow::Result<&mut FileRows> {
        self.tables
            .get_mut(table)
            .with_context(|| format!("`{table}` is not among the files"))
    }

    fn every_row<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, Record>> {
        let held = self.held(&lookup.table)?;
        let places: Vec<usize> = lookup
            .columns
            .iter()
            .map(|name| held.columns.iter().position(|column| column == name))
            .collect::<Option<_>>()
            .context("a file has other fields than it was read for")?;
        let rows = &mut held.rows;
        Ok(Box::new((0..rows.entries.len()).map(move |at| {
            let row = rows.row(at)?;
            Ok(places.iter().filter_map(|place| row.get(*place)).collect())
        })))
    }
}

impl Session for FolderSession {
    fn identity(&mut self) -> anyhow::Result<Identity> {
        Ok(self.identity.clone())
    }

    fn applied_migrations(&mut self) -> anyhow::Result<Vec<AppliedMigration>> {
        Ok(self.applied.clone())
    }

    fn catalog(&mut self) -> anyhow::Result<Catalog> {
        Ok(self.catalog.clone())
    }

    fn ledger(&mut self) -> anyhow::Result<Ledger> {
        Ok(Ledger::default())
    }

    fn count_rows(&mut self, table: &TableName) -> anyhow::Result<u64> {
        Ok(self.held(table)?.rows.entries.len() as u64)
    }

    fn hashes<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, KeyedHash>> {
        let shape = lookup.clone();
        let rows = self.every_row(lookup)?;
        Ok(Box::new(
            rows.map(move |row| row.map(|row| shape.keyed_hash(&row))),
        ))
    }

    fn rows<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, Record>> {
        self.every_row(lookup)
    }

    /// The key may be another than the one that the rows are sorted by.
    fn rows_by_key(&mut self, lookup: &Lookup, keys: &[Record]) -> anyhow::Result<Vec<Record>> {
        let wanted: KeySet = keys.iter().map(owned).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let is_wanted = |row: &anyhow::Result<Record>| {
            row.as_ref()
                .map_or(true, |row| wanted.contains(&owned(&lookup.key_of(row))))
        };
        self.every_row(lookup)?.filter(is_wanted).collect()
    }

    fn rows_with_values(
        &mut self,
        _lookup: &Lookup,
        _values: &[Record],
    ) -> anyhow::Result<Vec<(usize, Record)>> {
        anyhow::bail!("only a database knows which values are equal to it")
    }

    fn can_release_unique(
        &mut self,
        _lookup: &Lookup,
        _columns: &[String],
    ) -> anyhow::Result<bool> {
        anyhow::bail!("only a database has unique keys")
    }

    fn canonical(&mut self, _lookup: &Lookup, rows: &[Record]) -> anyhow::Result<Canonical> {
        Ok(Canonical {
            rows: rows.to_vec(),
            bad: Vec::new(),
        })
    }

    fn computed(
        &mut self,
        _lookup: &Lookup,
        _rows: &[Record],
        _column: &str,
    ) -> anyhow::Result<Vec<String>> {
        anyhow::bail!("only a database computes columns")
    }

    fn checks(&mut self, _lookup: &Lookup) -> anyhow::Result<Vec<Check>> {
        anyhow::bail!("only a database has constraints")
    }

    fn outside(&mut self, _lookup: &Lookup, _rows: &[Record]) -> anyhow::Result<Vec<usize>> {
        anyhow::bail!("only a database knows which rows meet a condition")
    }

    fn equal_keys(
        &mut self,
        _lookup: &Lookup,
        _keys: &[Record],
    ) -> anyhow::Result<Vec<(usize, usize)>> {
        anyhow::bail!("only a database knows which keys are equal")
    }

    fn unretired(&mut self, _lookup: &Lookup, _keys: &[Record]) -> anyhow::Result<Vec<Record>> {
        anyhow::bail!("only a database knows which rows are switched off")
    }

    fn count_references(
        &mut self,
        _touched: &Touched<'_>,
        _path: &[Step],
    ) -> anyhow::Result<Vec<(usize, u64)>> {
        anyhow::bail!("only a database knows which rows refer to others")
    }

    fn referring_keys<'session>(
        &'session mut self,
        _touched: &Touched<'_>,
        _path: &[Step],
        _child: &Lookup,
    ) -> anyhow::Result<Rows<'session, (usize, Record)>> {
        anyhow::bail!("only a database knows which rows refer to others")
    }

    /// A reference is named by the key of its row, and what a file names is looked for on the target.
    fn unresolved(&mut self, _lookup: &Lookup) -> anyhow::Result<Vec<Unresolved>> {
        Ok(Vec::new())
    }

    fn has_orphans(
        &mut self,
        _lookup: &Lookup,
        _reference: &Step,
        _parent: &TableName,
    ) -> anyhow::Result<bool> {
        anyhow::bail!("only a database knows which rows refer to others")
    }

    fn back_up(&mut self, _path: &Path) -> anyhow::Result<()> {
        anyhow::bail!("a folder of files is no database to back up")
    }

    fn size(&mut self) -> anyhow::Result<u64> {
        anyhow::bail!("files have no size as a database has it")
    }

    fn scratch(&mut self, _rows: &CopiedRows) -> anyhow::Result<Scratch> {
        anyhow::bail!("a folder of files is no database to copy")
    }

    fn empty_scratch(&mut self) -> anyhow::Result<Scratch> {
        anyhow::bail!("a folder of files is no database to copy")
    }
}
