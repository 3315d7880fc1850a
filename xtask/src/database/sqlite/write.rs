//! Changing: migrations, lookup rows, the ledger, and the count of what was touched.

use std::collections::BTreeMap;

use diesel::connection::{Connection, TransactionManager};
use diesel::sqlite::SqliteConnection;

use super::super::ledger::{LEDGER, record_statements};
use super::super::load::Loading;
use super::super::staged::position;
use super::super::unchanged_rows::unstaged;
use super::super::{Measuring, Rows, Session, Target, migrations, sql};
use super::read::{DEFAULT_SCHEMA, retired_value};
use super::value::Value;
use super::{SqliteSession, failed};
use crate::model::ledger::LedgerEntry;
use crate::model::migrations::effects::{Measured, Touch};
use crate::model::migrations::migration::{Migration, MigrationSet};
use crate::model::rows::change_log::Change;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{KeyedHash, Record};
use crate::model::schema::table::TableName;
use crate::model::words::listed;
use crate::problem::{Code, Problem};

impl SqliteSession {
    /// References to rows that are not there: child, row and parent, with how many each.
    pub(super) fn broken_references(
        &mut self,
    ) -> anyhow::Result<BTreeMap<Vec<Option<String>>, u64>> {
        let mut broken = BTreeMap::new();
        for row in self.query(
            "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check",
            &[],
        )? {
            *broken.entry(row).or_default() += 1;
        }
        Ok(broken)
    }

    /// A reference that was not broken before, in words.
    fn broken_reference(&mut self, except: &[TableName]) -> anyhow::Result<Option<String>> {
        let is_left_out = |name: &str| {
            let mut tables = except.iter();
            tables.any(|table| table.name.eq_ignore_ascii_case(name))
        };
        for (reference, count) in self.broken_references()? {
            let text = |at: usize| reference.get(at).cloned().flatten().unwrap_or_default();
            let (child, parent) = (text(0), text(2));
            let before = self.broken.get(&reference).copied().unwrap_or_default();
            if count > before && !is_left_out(&child) && !is_left_out(&parent) {
                return Ok(Some(format!(
                    "a row of `{child}` would refer to a row of `{parent}` that is not there"
                )));
            }
        }
        Ok(None)
    }
}

impl Target for SqliteSession {
    fn run_migration(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<()> {
        self.migrate(migrations, migration)?;
        self.ran.push(migration.name.clone());
        Ok(())
    }

    fn measure(&mut self, tables: &[TableName], _on: Measuring) -> anyhow::Result<()> {
        self.start_measuring(tables)
    }

    fn run_measured(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
        _expected: &[Touch],
    ) -> anyhow::Result<Measured> {
        self.run_migration(migrations, migration)?;
        self.measured()
    }

    fn run_without_transaction(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<Measured> {
        // What is broken afterwards was not before.
        let broken = std::mem::take(&mut self.broken);
        self.commit_part()?;
        self.migrate_outside(migrations, migration)?;
        self.ran.push(migration.name.clone());
        let measured = self.measured()?;
        // Whatever the migration left behind, such as foreign keys that are on, ends with it.
        self.connection = SqliteSession::connect(&self.url, "rw", self.limits)?.connection;
        self.is_utf16 = None;
        self.begin()?;
        self.broken = broken;
        Ok(measured)
    }

    fn changed_server(&mut self) -> anyhow::Result<Option<String>> {
        Ok(None)
    }

    fn uncommitted_enum(&mut self, _table: &TableName) -> anyhow::Result<Option<String>> {
        Ok(None)
    }

    fn commit_part(&mut self) -> anyhow::Result<()> {
        let ended = <SqliteConnection as Connection>::TransactionManager::commit_transaction(
            &mut self.connection,
        );
        if ended.is_err()
            && let Ok(other) = SqliteSession::connect(&self.url, "rw", self.limits)
        {
            // Where the disk failed the transaction may be open still, and its lock held.
            self.connection = other.connection;
        }
        ended.map_err(|error| failed(&error, "commit"))
    }

    fn begin_part(&mut self) -> anyhow::Result<()> {
        self.begin()
    }

    /// SQLite keeps no count for each table, so temporary triggers do.
    fn watch(&mut self, tables: &[TableName]) -> anyhow::Result<()> {
        let what = "watch the protected tables";
        self.watched = tables.to_vec();
        self.batch("CREATE TEMPORARY TABLE __sync_watch (watched INTEGER NOT NULL)")
            .map_err(|error| failed(&error, what))?;
        for (at, table) in tables.iter().enumerate() {
            for event in ["INSERT", "UPDATE", "DELETE"] {
                self.batch(&format!(
                    "CREATE TEMPORARY TRIGGER __sync_watch_{at}_{event} AFTER {event} ON {} \
                     BEGIN INSERT INTO __sync_watch VALUES ({at}); END",
                    sql::table(table, DEFAULT_SCHEMA)
                ))
                .map_err(|error| failed(&error, what))?;
            }
        }
        Ok(())
    }

    fn watched_changes(&mut self) -> anyhow::Result<Vec<(TableName, u64)>> {
        let rows = self.query(
            "SELECT watched, count(*) FROM temp.__sync_watch GROUP BY watched ORDER BY watched",
            &[],
        )?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let number = |at: usize| {
                    row.get(at)
                        .cloned()
                        .flatten()
                        .and_then(|text| text.parse::<u64>().ok())
                };
                let at = usize::try_from(number(0)?).ok()?;
                Some((self.watched.get(at)?.clone(), number(1)?))
            })
            .collect())
    }

    /// The transaction has kept every other writer away from the start.
    fn lock_table(&mut self, _table: &TableName) -> anyhow::Result<()> {
        Ok(())
    }

    fn stage(
        &mut self,
        lookup: &Lookup,
        changes: &mut dyn Iterator<Item = anyhow::Result<(Change, Record)>>,
    ) -> anyhow::Result<()> {
        self.stage_changes(lookup, changes)
    }

    fn check_links(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        self.find_parents(lookup)
    }

    fn identify_staged(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        self.identify(lookup)
    }

    fn link_staged(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        self.link(lookup)
    }

    fn unstaged<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, KeyedHash>> {
        let rest = unstaged(lookup, self.loading(lookup).ok().as_ref());
        self.hashes(&rest)
    }

    fn delete_unreferenced(&mut self, lookup: &Lookup) -> anyhow::Result<u64> {
        let references = &self.staged[position(&self.staged, &lookup.table)?].references;
        let statement = self
            .loading(lookup)?
            .delete_unreferenced(references, Loading::is_not_referred_to);
        self.run(&statement, &format!("delete rows of `{}`", lookup.table))
    }

    /// With foreign keys off, a row can be taken out and put back whatever refers to it.
    fn release_unique_values(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let unique_keys = self.staged[position(&self.staged, &lookup.table)?]
            .unique_keys
            .clone();
        let what = format!("free unique values of `{}`", lookup.table);
        let loading = self.loading(lookup)?;
        let kept = loading.keep(retired_value).into_iter();
        for statement in kept.chain(loading.make_room()) {
            self.run(&statement, &what)?;
        }
        for unique in unique_keys {
            let loading = self.loading(lookup)?;
            let same = match unique.is_empty() {
                // Of an expression nothing is known: every row may hold what another takes.
                true => "1".to_owned(),
                false => {
                    let pairs = unique.iter().map(|name| (name.as_str(), name.as_str()));
                    sql::equal("lookup", "wanted", pairs)
                }
            };
            let held = format!(
                "SELECT 1 FROM {} AS lookup WHERE {} LIMIT 1",
                loading.table,
                loading.holds_wanted(&same, "'U', 'D'")
            );
            if self.value(&held)?.is_some() {
                self.run(&loading.mark_for_reinsert(&same), &what)?;
                self.run(&loading.take_out("'R', 'D'"), &what)?;
            }
        }
        Ok(())
    }

    /// One after the other, because references are checked at the end of everything.
    fn write_staged(&mut self, group: &[&Lookup]) -> anyhow::Result<()> {
        for lookup in group {
            let loading = self.loading(lookup)?;
            let what = format!("write rows of `{}`", lookup.table);
            for change in ["I", "R"] {
                self.run(&loading.insert(change, ""), &what)?;
            }
            if let Some(statement) = loading.update(&[]) {
                self.run(&statement, &what)?;
            }
        }
        Ok(())
    }

    fn retire_staged(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        if let Some(statement) = self.loading(lookup)?.retire(retired_value) {
            self.run(&statement, &format!("retire rows of `{}`", lookup.table))?;
        }
        Ok(())
    }

    fn delete_staged(&mut self, group: &[&Lookup]) -> anyhow::Result<()> {
        for lookup in group {
            self.refuse_references(lookup)?;
        }
        for lookup in group {
            let statement = self.loading(lookup)?.delete();
            self.run(&statement, &format!("delete rows of `{}`", lookup.table))?;
        }
        Ok(())
    }

    /// SQLite's AUTOINCREMENT notices given values by itself.
    fn raise_sequences(&mut self, _lookup: &Lookup) -> anyhow::Result<()> {
        Ok(())
    }

    fn check_constraints(&mut self) -> anyhow::Result<()> {
        if let Some(what) = self.broken_reference(&[])? {
            let (after, hint) = match self.ran.as_slice() {
                [] => (String::new(), "mend the row on the target, or keep"),
                names => (
                    format!(" after {}", listed(names)),
                    "mend the migration, or the row on the target, or keep",
                ),
            };
            return Err(
                Problem::new(Code::ConstraintViolated, format!("{what}{after}"))
                    .hint(format!("{hint} the row that it refers to"))
                    .into(),
            );
        }
        self.broken.clear();
        self.ran.clear();
        Ok(())
    }

    fn check_references(&mut self, except: &[TableName]) -> anyhow::Result<()> {
        let broken = self.broken_reference(except)?;
        broken.map_or(Ok(()), |what| {
            Err(Problem::new(Code::ConstraintViolated, what).into())
        })
    }

    fn set_applied(&mut self, applied: &[&str], not_applied: &[&str]) -> anyhow::Result<()> {
        self.create_applied()?;
        for (statement, version) in
            migrations::set_applied(applied, not_applied, |at| format!("?{at}"))
        {
            self.run_with(&statement, vec![Value::Text(version)], "record migrations")?;
        }
        Ok(())
    }

    fn record(&mut self, entry: &LedgerEntry) -> anyhow::Result<()> {
        const WHAT: &str = "write the ledger";
        for table in LEDGER {
            let found = self.columns(table.name)?;
            for statement in table.complete(found.as_deref()) {
                self.run_with(&statement, Vec::new(), WHAT)?;
            }
        }
        let (stamp, place) = (self.ledger()?.stamp, self.identity()?.place);
        let statements = record_statements(entry, stamp.as_ref(), &place, |at| format!("?{at}"));
        for (statement, values) in statements {
            let values = values
                .into_iter()
                .map(|value| value.map_or(Value::Null, Value::Text))
                .collect();
            self.run_with(&statement, values, WHAT)?;
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> anyhow::Result<()> {
        self.commit_part()
    }
}
