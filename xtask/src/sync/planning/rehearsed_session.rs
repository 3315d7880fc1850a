//! The target as rehearsed migrations leave it. Where only lookup rows were copied, all other rows
//! are asked for at the target itself, as far as it has their tables and columns already.

use std::path::Path;

use crate::database::{Canonical, Check, CopiedRows, Identity, Rows, Scratch, Session, Target};
use crate::model::ledger::Ledger;
use crate::model::migrations::migration::AppliedMigration;
use crate::model::reference::{Step, Touched};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::rows::row::{KeyedHash, Record};
use crate::model::schema::catalog::Catalog;
use crate::model::schema::table::TableName;
use crate::model::unresolved::Unresolved;
use crate::sync::rows::condition::can_ask;

/// The target itself, before the migrations.
pub(in crate::sync) struct Live {
    pub(in crate::sync) session: Box<dyn Session>,
    pub(in crate::sync) catalog: Catalog,
    /// As the migrations leave it.
    pub(in crate::sync) after: Catalog,
    pub(in crate::sync) lookups: Vec<LookupSettings>,
    pub(in crate::sync) label: String,
}

pub(in crate::sync) struct RehearsedSession {
    session: Box<dyn Target>,
    live: Option<Live>,
    /// Dropped after the session that is connected to it.
    scratch: Scratch,
}

impl RehearsedSession {
    pub(in crate::sync) fn new(
        session: Box<dyn Target>,
        scratch: Scratch,
        live: Option<Live>,
    ) -> Self {
        RehearsedSession {
            session,
            live,
            scratch,
        }
    }

    /// The target itself, where the rows of one of these tables are only there.
    fn elsewhere<'table>(
        &mut self,
        tables: impl IntoIterator<Item = &'table TableName>,
    ) -> Option<&mut Live> {
        let live = self.live.as_mut()?;
        let copied = self.scratch.copied.as_ref()?;
        let is_there =
            |table: &TableName| live.catalog.tables.contains_key(table) && !copied.contains(table);
        tables.into_iter().any(is_there).then_some(live)
    }
}

impl Live {
    fn has(&self, table: &TableName, columns: &[String]) -> bool {
        self.catalog.tables.get(table).is_some_and(|table| {
            columns
                .iter()
                .all(|name| table.columns.iter().any(|column| column.name == *name))
        })
    }

    /// `None` where the migrations make what the path leads through, so that nobody can tell yet.
    fn ask(&self, touched: &Touched<'_>, path: &[Step]) -> Option<Lookup> {
        let mut parent = &touched.lookup.table;
        for step in path {
            if !self.has(parent, &step.parent_columns) || !self.has(&step.child, &step.columns) {
                return None;
            }
            parent = &step.child;
        }
        self.before(touched.lookup)
    }

    /// The same lookup table before the migrations, with nothing but its key.
    fn before(&self, lookup: &Lookup) -> Option<Lookup> {
        let settings = self.lookups.iter().find(|settings| {
            let found = self.catalog.find(&settings.table);
            found.is_some_and(|table| table.name == lookup.table)
        })?;
        if !can_ask(&self.catalog, &self.after, settings) {
            return None;
        }
        let names: Vec<String> = lookup.key_columns().map(str::to_owned).collect();
        let wanted = lookup.with_fields(&names)?;
        let before = Lookup::resolve(settings, &self.lookups, &self.catalog, &self.label).ok()?;
        let before = before.with_fields(&names)?;
        (before.columns == wanted.columns).then_some(Lookup {
            key: wanted.key,
            key_readings: wanted.key_readings,
            ..before
        })
    }
}

impl Session for RehearsedSession {
    fn begin_trial(&mut self) -> anyhow::Result<()> {
        if let Some(live) = &mut self.live {
            live.session.begin_trial()?;
        }
        self.session.begin_trial()
    }

    fn end_trial(&mut self, was_refused: bool) -> anyhow::Result<()> {
        if let Some(live) = &mut self.live {
            live.session.end_trial(was_refused)?;
        }
        self.session.end_trial(was_refused)
    }

    fn identity(&mut self) -> anyhow::Result<Identity> {
        self.session.identity()
    }

    fn applied_migrations(&mut self) -> anyhow::Result<Vec<AppliedMigration>> {
        self.session.applied_migrations()
    }

    fn catalog(&mut self) -> anyhow::Result<Catalog> {
        self.session.catalog()
    }

    fn ledger(&mut self) -> anyhow::Result<Ledger> {
        self.session.ledger()
    }

    fn count_rows(&mut self, table: &TableName) -> anyhow::Result<u64> {
        match self.elsewhere([table]) {
            Some(live) => live.session.count_rows(table),
            None => self.session.count_rows(table),
        }
    }

    fn hashes<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, KeyedHash>> {
        self.session.hashes(lookup)
    }

    fn rows<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, Record>> {
        self.session.rows(lookup)
    }

    /// Parents are looked for in this way too, and may be rows of a table that was not copied.
    fn rows_by_key(&mut self, lookup: &Lookup, keys: &[Record]) -> anyhow::Result<Vec<Record>> {
        match self.elsewhere([&lookup.table]) {
            Some(live) if live.has(&lookup.table, &lookup.columns) => {
                live.session.rows_by_key(lookup, keys)
            }
            _ => self.session.rows_by_key(lookup, keys),
        }
    }

    fn rows_with_values(
        &mut self,
        lookup: &Lookup,
        values: &[Record],
    ) -> anyhow::Result<Vec<(usize, Record)>> {
        self.session.rows_with_values(lookup, values)
    }

    fn can_release_unique(&mut self, lookup: &Lookup, columns: &[String]) -> anyhow::Result<bool> {
        self.session.can_release_unique(lookup, columns)
    }

    fn canonical(&mut self, lookup: &Lookup, rows: &[Record]) -> anyhow::Result<Canonical> {
        self.session.canonical(lookup, rows)
    }

    fn computed(
        &mut self,
        lookup: &Lookup,
        rows: &[Record],
        column: &str,
    ) -> anyhow::Result<Vec<String>> {
        self.session.computed(lookup, rows, column)
    }

    fn checks(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<Check>> {
        self.session.checks(lookup)
    }

    fn outside(&mut self, lookup: &Lookup, rows: &[Record]) -> anyhow::Result<Vec<usize>> {
        self.session.outside(lookup, rows)
    }

    fn equal_keys(
        &mut self,
        lookup: &Lookup,
        keys: &[Record],
    ) -> anyhow::Result<Vec<(usize, usize)>> {
        self.session.equal_keys(lookup, keys)
    }

    fn unretired(&mut self, lookup: &Lookup, keys: &[Record]) -> anyhow::Result<Vec<Record>> {
        self.session.unretired(lookup, keys)
    }

    fn count_references(
        &mut self,
        touched: &Touched<'_>,
        path: &[Step],
    ) -> anyhow::Result<Vec<(usize, u64)>> {
        let Some(live) = self.elsewhere(path.iter().map(|step| &step.child)) else {
            return self.session.count_references(touched, path);
        };
        let Some(asked) = live.ask(touched, path) else {
            return Ok(Vec::new());
        };
        let touched = Touched {
            lookup: &asked,
            rows: touched.rows,
        };
        live.session.count_references(&touched, path)
    }

    fn referring_keys<'session>(
        &'session mut self,
        touched: &Touched<'_>,
        path: &[Step],
        child: &Lookup,
    ) -> anyhow::Result<Rows<'session, (usize, Record)>> {
        // Asked twice, as a borrow that is returned would last in every branch.
        if self
            .elsewhere(path.iter().map(|step| &step.child))
            .is_none()
        {
            return self.session.referring_keys(touched, path, child);
        }
        let nobody = || Ok(Box::new(std::iter::empty()) as Rows<'session, (usize, Record)>);
        let Some(live) = self.live.as_mut() else {
            return nobody();
        };
        let (Some(asked), Some(child)) = (live.ask(touched, path), live.before(child)) else {
            return nobody();
        };
        let touched = Touched {
            lookup: &asked,
            rows: touched.rows,
        };
        live.session.referring_keys(&touched, path, &child)
    }

    fn unresolved(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<Unresolved>> {
        self.session.unresolved(lookup)
    }

    fn has_orphans(
        &mut self,
        lookup: &Lookup,
        reference: &Step,
        parent: &TableName,
    ) -> anyhow::Result<bool> {
        self.session.has_orphans(lookup, reference, parent)
    }

    fn back_up(&mut self, _path: &Path) -> anyhow::Result<()> {
        anyhow::bail!("a rehearsal is nothing to back up")
    }

    fn size(&mut self) -> anyhow::Result<u64> {
        self.session.size()
    }

    fn scratch(&mut self, _rows: &CopiedRows) -> anyhow::Result<Scratch> {
        anyhow::bail!("a rehearsal is not rehearsed")
    }

    fn empty_scratch(&mut self) -> anyhow::Result<Scratch> {
        anyhow::bail!("a rehearsal is not rehearsed")
    }
}
