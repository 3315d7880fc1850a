//! Changing lookup rows and the ledger.

use diesel::connection::{Connection, SimpleConnection, TransactionManager};
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::{Nullable, Text};
use diesel::{RunQueryDsl, sql_query};

use super::super::{Session, Target, sql};
use super::PostgresSession;
use super::connection::failed;
use super::copy::{STAGING, copy_changes};
use super::read::DEFAULT_SCHEMA;
use super::staging::Staged;
use crate::sync::change_log::Change;
use crate::sync::ledger::LedgerEntry;
use crate::sync::lookup::Lookup;
use crate::sync::migration::{Migration, MigrationSet};
use crate::sync::row::Record;
use crate::sync::table::TableName;

impl PostgresSession {
    pub(super) fn run(&mut self, sql: &str, what: &str) -> anyhow::Result<u64> {
        let count = sql_query(sql)
            .execute(&mut self.connection)
            .map_err(|error| failed(&error, what))?;
        Ok(count as u64)
    }

    pub(super) fn batch(&mut self, sql: &str, what: &str) -> anyhow::Result<()> {
        self.connection
            .batch_execute(sql)
            .map_err(|error| failed(&error, what))
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

    fn watch(&mut self, tables: &[TableName]) -> anyhow::Result<()> {
        self.start_watching(tables)
    }

    fn watched_changes(&mut self) -> anyhow::Result<Vec<(TableName, u64)>> {
        self.touched_since()
    }

    fn hold(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let table = sql::table(&lookup.table, DEFAULT_SCHEMA);
        self.batch(
            &format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"),
            &format!("lock `{}`", lookup.table),
        )
    }

    fn stage(
        &mut self,
        lookup: &Lookup,
        changes: &mut dyn Iterator<Item = anyhow::Result<(Change, Record)>>,
    ) -> anyhow::Result<()> {
        let what = format!("stage the rows of `{}`", lookup.table);
        let table = sql::table(&lookup.table, DEFAULT_SCHEMA);
        let columns = self.unconstrained_columns(lookup)?.join(", ");
        self.batch(
            &format!(
                "SET CONSTRAINTS ALL DEFERRED; CREATE TEMPORARY TABLE lookup_staging ON COMMIT DROP AS \
                 SELECT ''::text AS __change, {columns} FROM {table} WITH NO DATA"
            ),
            &what,
        )?;
        copy_changes(
            &mut self.connection,
            &lookup.key,
            lookup.columns.len(),
            changes,
        )?;
        let at = self.staged.len();
        self.batch(
            &format!(
                "ALTER TABLE {STAGING} RENAME TO lookup_staging_{at}; ANALYZE pg_temp.lookup_staging_{at}"
            ),
            &what,
        )?;
        let references = self.references_to(&lookup.table)?;
        let unique_keys = self.unique_keys_of(lookup)?;
        self.staged.push(Staged {
            table: lookup.table.clone(),
            references,
            unique_keys,
        });
        Ok(())
    }

    fn delete_unreferenced(&mut self, lookup: &Lookup) -> anyhow::Result<u64> {
        let statement = self
            .loading(lookup)
            .delete_unreferenced(&self.staged[self.position(lookup)].references);
        self.run(&statement, &format!("delete rows of `{}`", lookup.table))
    }

    fn release_unique_values(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let at = self.position(lookup);
        let referenced = !self.staged[at].references.is_empty();
        let unique_keys = std::mem::take(&mut self.staged[at].unique_keys);
        unique_keys
            .iter()
            .try_for_each(|unique| self.release(lookup, unique, referenced))
    }

    fn insert_staged(&mut self, lookup: &Lookup) -> anyhow::Result<u64> {
        let statement = self.loading(lookup).insert(" OVERRIDING SYSTEM VALUE");
        self.run(&statement, &format!("insert rows into `{}`", lookup.table))
    }

    fn update_staged(&mut self, lookup: &Lookup) -> anyhow::Result<u64> {
        let fixed = self.fixed_columns(lookup)?;
        self.refuse_fixed(lookup, &fixed)?;
        match self.loading(lookup).update(&fixed) {
            Some(statement) => self.run(&statement, &format!("update rows of `{}`", lookup.table)),
            None => Ok(0),
        }
    }

    fn delete_staged(&mut self, lookup: &Lookup) -> anyhow::Result<u64> {
        self.refuse_references(lookup)?;
        let statement = self.loading(lookup).delete();
        self.run(&statement, &format!("delete rows of `{}`", lookup.table))
    }

    fn raise_sequences(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let table = sql::table(&lookup.table, DEFAULT_SCHEMA);
        for column in &lookup.columns {
            let Some(sequence) =
                self.value("SELECT pg_get_serial_sequence($1, $2)", &[&table, column])?
            else {
                continue;
            };
            let column = sql::identifier(column);
            // Sequences do not roll back, so this comes last; a later value stays as it is.
            self.query(
                &format!(
                    "SELECT setval($1::regclass, highest)::text FROM (SELECT max({column}) AS highest FROM {table}) AS rows, \
                     {sequence} AS sequence, pg_sequence AS definition WHERE definition.seqrelid = $1::regclass \
                     AND definition.seqincrement > 0 AND highest >= definition.seqmin \
                     AND (highest > sequence.last_value OR (highest = sequence.last_value AND NOT sequence.is_called))"
                ),
                &[&sequence],
            )?;
        }
        Ok(())
    }

    fn check_constraints(&mut self) -> anyhow::Result<()> {
        self.batch("SET CONSTRAINTS ALL IMMEDIATE", "check the constraints")
    }

    fn record(&mut self, entry: &LedgerEntry) -> anyhow::Result<()> {
        let is_stamped = self.ledger()?.stamp.is_some();
        for (statement, values) in sql::record_statements(entry, is_stamped, |at| format!("${at}"))
        {
            let mut query = sql_query(statement).into_boxed::<Pg>();
            for value in values {
                query = query.bind::<Nullable<Text>, _>(value);
            }
            query
                .execute(&mut self.connection)
                .map_err(|error| failed(&error, "write the ledger"))?;
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> anyhow::Result<()> {
        <PgConnection as Connection>::TransactionManager::commit_transaction(&mut self.connection)
            .map_err(|error| failed(&error, "commit"))
    }
}
