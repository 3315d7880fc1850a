//! Changing lookup rows and the ledger.

use diesel::connection::{Connection, SimpleConnection, TransactionManager};
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::{Nullable, Text};
use diesel::{RunQueryDsl, sql_query};

use super::super::ledger::{LEDGER, record_statements};
use super::super::load::Loading;
use super::super::lookup_select::lookup_select;
use super::super::staged::{Staged, position, refuse_unlinked};
use super::super::unchanged_rows::unstaged;
use super::super::{Measuring, Rows, Session, Target, migrations, sql};
use super::PostgresSession;
use super::bookkeeping::{qualified, qualified_in};
use super::connection::{connect, failed};
use super::copy::{STAGING, copy_changes};
use super::names::Words;
use super::read::{DEFAULT_SCHEMA, retired_value};
use super::staging::{names, staging_table};
use crate::model::ledger::LedgerEntry;
use crate::model::migrations::effects::{Measured, Touch};
use crate::model::migrations::migration::{Migration, MigrationSet};
use crate::model::rows::change_log::Change;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{KeyedHash, Record};
use crate::model::schema::catalog::DefaultValue;
use crate::model::schema::table::TableName;

impl PostgresSession {
    pub(super) fn run(&mut self, sql: &str, what: &str) -> anyhow::Result<u64> {
        let count = self
            .theirs()
            .and_then(|connection| sql_query(sql).execute(connection))
            .map_err(|error| self.failed(&error, what))?;
        Ok(count as u64)
    }

    pub(super) fn batch(&mut self, sql: &str, what: &str) -> anyhow::Result<()> {
        self.batch_for(Words::Ours, sql, what)
    }

    pub(super) fn batch_for(&mut self, words: Words, sql: &str, what: &str) -> anyhow::Result<()> {
        self.for_words(words)
            .and_then(|connection| connection.batch_execute(sql))
            .map_err(|error| self.failed(&error, what))
    }
}

impl Target for PostgresSession {
    fn run_migration(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<()> {
        self.migrate(migrations, migration)
    }

    fn run_measured(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
        expected: &[Touch],
    ) -> anyhow::Result<Measured> {
        self.migrate_measured(migrations, migration, expected)
    }

    fn run_without_transaction(
        &mut self,
        migrations: &MigrationSet,
        migration: &Migration,
    ) -> anyhow::Result<Measured> {
        let before = self.counts()?;
        self.commit_part()?;
        self.migrate_outside(migrations, migration)?;
        // Whatever the migration left in its session ends with it.
        self.connection = connect(&self.url)?;
        self.begin()?;
        self.fewer(&before)
    }

    fn changed_server(&mut self) -> anyhow::Result<Option<String>> {
        self.shared_catalogs_written()
    }

    fn uncommitted_enum(&mut self, table: &TableName) -> anyhow::Result<Option<String>> {
        self.enum_with_uncommitted_value(table)
    }

    fn commit_part(&mut self) -> anyhow::Result<()> {
        self.keep_lock()?;
        if let Err(error) = <PgConnection as Connection>::TransactionManager::commit_transaction(
            &mut self.connection,
        ) {
            let error = self.failed(&error, "commit");
            (self.keeper, self.lookout) = (None, None);
            return Err(error);
        }
        self.words = None;
        // What is done concurrently waits for everybody who looks.
        self.lookout = None;
        Ok(())
    }

    fn begin_part(&mut self) -> anyhow::Result<()> {
        self.begin()
    }

    fn sign_of_life(&mut self) -> anyhow::Result<()> {
        self.batch("SELECT", "reach the server")
    }

    fn watch(&mut self, tables: &[TableName]) -> anyhow::Result<()> {
        self.start_watching(tables)
    }

    fn watched_changes(&mut self) -> anyhow::Result<Vec<(TableName, u64)>> {
        self.touched_since()
    }

    fn measure(&mut self, tables: &[TableName], on: Measuring) -> anyhow::Result<()> {
        self.start_measuring(tables, on)
    }

    fn lock_table(&mut self, table: &TableName) -> anyhow::Result<()> {
        let name = sql::table(table, DEFAULT_SCHEMA);
        self.batch(
            &format!("LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"),
            &format!("lock `{table}`"),
        )
    }

    fn stage(
        &mut self,
        lookup: &Lookup,
        changes: &mut dyn Iterator<Item = anyhow::Result<(Change, Record)>>,
    ) -> anyhow::Result<()> {
        let what = format!("stage the rows of `{}`", lookup.table);
        let behind = Loading::behind(lookup);
        let columns = self.unconstrained_columns(lookup, &behind)?.join(", ");
        self.define(
            &format!(
                "SET CONSTRAINTS ALL DEFERRED; CREATE TEMPORARY TABLE __sync_staging ON COMMIT DROP AS \
                 SELECT ''::text AS __change, {columns} FROM {} AS lookup WITH NO DATA",
                lookup_select(lookup, &behind, DEFAULT_SCHEMA)
            ),
            &what,
        )?;
        let connection = self.theirs().map_err(|error| failed(&error, &what))?;
        copy_changes(
            connection,
            lookup,
            lookup.columns.len() + behind.len(),
            changes,
        )?;
        let at = self.staged.len();
        self.define(
            &format!(
                "ALTER TABLE {STAGING} RENAME TO __sync_staging_{at}; ANALYZE pg_temp.__sync_staging_{at}"
            ),
            &what,
        )?;
        let references = self.references_to(&lookup.table)?;
        let unique_keys = self.unique_keys_of(lookup)?;
        self.staged.push(Staged {
            lookup: lookup.clone(),
            references,
            unique_keys,
            at_once: false,
        });
        Ok(())
    }

    fn check_links(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        for (at, link) in lookup.links.iter().enumerate() {
            let parent = position(&self.staged, &link.parent.table)
                .ok()
                .map(staging_table);
            let query = self.loading(lookup)?.unlinked(at, parent.as_deref());
            refuse_unlinked(lookup, at, &self.query_theirs(&query)?)?;
        }
        Ok(())
    }

    fn identify_staged(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let what = format!("tell the rows of `{}` apart", lookup.table);
        if let Some(statement) = self.loading(lookup)?.identify() {
            self.run(&statement, &what)?;
        }
        if !lookup.own.is_empty() {
            // The next number is to be one that no row has.
            self.raise_sequences_of(&lookup.table)?;
        }
        for own in &lookup.own {
            if let DefaultValue::Expression(expression) = &own.default {
                let statement = self.loading(lookup)?.number(&own.name, expression);
                self.run(&statement, &what)?;
            }
        }
        for (column, default) in self.plain_defaults(lookup)? {
            let statement = self.loading(lookup)?.number(&column, &default);
            self.run(&statement, &what)?;
        }
        Ok(())
    }

    fn link_staged(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let what = format!("find what rows of `{}` refer to", lookup.table);
        for statement in self.loading(lookup)?.unlink() {
            self.run(&statement, &what)?;
        }
        for (at, link) in lookup.links.iter().enumerate() {
            let parent = position(&self.staged, &link.parent.table)
                .ok()
                .map(staging_table);
            let statement = self.loading(lookup)?.link(at, parent.as_deref());
            self.run(&statement, &what)?;
        }
        Ok(())
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
            .delete_unreferenced(references, Loading::nobody_refers);
        self.run(&statement, &format!("delete rows of `{}`", lookup.table))
    }

    fn release_unique_values(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let at = position(&self.staged, &lookup.table)?;
        let unique_keys = std::mem::take(&mut self.staged[at].unique_keys);
        let what = format!("free unique values of `{}`", lookup.table);
        for statement in self.loading(lookup)?.keep(retired_value) {
            self.run(&statement, &what)?;
        }
        if !unique_keys.is_empty() {
            // Columns were filled in since the rows came, and the server joins by them now.
            self.batch(&format!("ANALYZE {}", staging_table(at)), &what)?;
        }
        unique_keys
            .iter()
            .try_for_each(|unique| self.release(lookup, unique))
    }

    /// In one statement, because the server checks at the end of each.
    fn write_staged(&mut self, group: &[&Lookup]) -> anyhow::Result<()> {
        let mut statements = Vec::new();
        for lookup in group {
            let fixed = self.fixed_columns(lookup)?;
            self.refuse_fixed(lookup, &fixed)?;
            let loading = self.loading(lookup)?;
            let mut behind = String::new();
            if self.staged[position(&self.staged, &lookup.table)?].at_once {
                // Counting them makes the server take all of them out first.
                behind = format!(" AND (SELECT count(*) FROM part_{}) >= 0", statements.len());
                statements.push(format!("{} RETURNING 1", loading.take_out("'R'")));
            }
            for change in ["I", "R"] {
                let insert = loading.insert(change, " OVERRIDING SYSTEM VALUE");
                statements.push(insert + &behind);
            }
            statements.extend(loading.update(&fixed).map(|update| update + &behind));
        }
        self.run_at_once(&statements, &format!("write rows of {}", names(group)))
    }

    fn retire_staged(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        if let Some(statement) = self.loading(lookup)?.retire(retired_value) {
            self.run(&statement, &format!("retire rows of `{}`", lookup.table))?;
        }
        Ok(())
    }

    fn delete_staged(&mut self, group: &[&Lookup]) -> anyhow::Result<()> {
        let mut statements = Vec::new();
        for lookup in group {
            self.refuse_references(lookup)?;
            statements.push(self.loading(lookup)?.delete());
        }
        self.run_at_once(&statements, &format!("delete rows of {}", names(group)))
    }

    fn raise_sequences(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        self.raise_sequences_of(&lookup.table)
    }

    fn check_constraints(&mut self) -> anyhow::Result<()> {
        // What was put off runs now.
        let all = "SET CONSTRAINTS ALL IMMEDIATE";
        self.batch_for(Words::Theirs, all, "check the constraints")
    }

    fn set_applied(&mut self, applied: &[&str], not_applied: &[&str]) -> anyhow::Result<()> {
        let table = self.create_applied()?;
        for (statement, version) in
            migrations::set_applied(applied, not_applied, |at| format!("${at}"))
        {
            let statement = sql_query(qualified(&statement, [&table])).bind::<Text, _>(version);
            let done = self
                .ours()
                .and_then(|connection| statement.execute(connection));
            done.map_err(|error| self.failed(&error, "record migrations"))?;
        }
        Ok(())
    }

    fn record(&mut self, entry: &LedgerEntry) -> anyhow::Result<()> {
        const WHAT: &str = "write the ledger";
        let schema = self.ledger_schema()?;
        for table in LEDGER {
            // Without the right to create, not even a table that is there may be named here.
            let found = self.bookkeeping(table.name)?;
            for statement in table.complete(found.as_ref().map(|found| &*found.columns)) {
                self.define(&qualified_in(&schema, &statement), WHAT)?;
            }
        }
        let (stamp, place) = (self.ledger()?.stamp, self.identity()?.place);
        let statements = record_statements(entry, stamp.as_ref(), &place, |at| format!("${at}"));
        for (statement, values) in statements {
            let mut query = sql_query(qualified_in(&schema, &statement)).into_boxed::<Pg>();
            for value in values {
                query = query.bind::<Nullable<Text>, _>(value);
            }
            self.ours()
                .and_then(|connection| query.execute(connection))
                .map_err(|error| self.failed(&error, WHAT))?;
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> anyhow::Result<()> {
        if self.keeper.is_some() {
            self.keep_lock()?;
        }
        <PgConnection as Connection>::TransactionManager::commit_transaction(&mut self.connection)
            .map_err(|error| self.failed(&error, "commit"))
    }
}
