//! Looking: identity, migrations, ledger and rows.

use std::path::Path;

use anyhow::Context as _;
use diesel::connection::SimpleConnection as _;
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::result::Error;
use diesel::sql_types::{Array, Nullable, Text};
use diesel::{RunQueryDsl, sql_query};

use super::super::filtered::of_where;
use super::super::ledger;
use super::super::lookup_select::{lookup_select, with_unresolved};
use super::super::retired::{of_retire, unretired};
use super::super::unresolved::{select_orphan, select_unresolved, unresolved_of};
use super::super::{
    Canonical, Check, Contents, CopiedRows, Identity, Rows, Scratch, Sequences, Session, sql,
};
use super::PostgresSession;
use super::bookkeeping::qualified;
use super::connection::failed;
use super::fields::{HashedKey, Spelled, among_keys, hashed, order, text_columns};
use crate::model::ledger::Ledger;
use crate::model::migrations::migration::AppliedMigration;
use crate::model::reference::{Step, Touched};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::RetiredValue;
use crate::model::rows::row::{KeyedHash, Record};
use crate::model::schema::catalog::Catalog;
use crate::model::schema::table::TableName;
use crate::model::unresolved::Unresolved;

pub(super) const DEFAULT_SCHEMA: &str = "public";

impl PostgresSession {
    fn among(&mut self, lookup: &Lookup, keys: &[Record]) -> anyhow::Result<Vec<Record>> {
        let query = format!(
            "SELECT {} FROM {} AS lookup WHERE {}",
            text_columns("", lookup),
            lookup_select(lookup, &[], DEFAULT_SCHEMA),
            among_keys(lookup)
        );
        let query = bind_keys(sql_query(query).into_boxed(), keys, lookup.key.len());
        let rows: Vec<Spelled> = self
            .theirs()
            .and_then(|connection| query.load(connection))
            .map_err(|error| failed(&error, "read rows by their keys"))?;
        let rows = rows.into_iter();
        Ok(rows.map(|row| with_unresolved(lookup, row.0)).collect())
    }

    /// When a column has another value. Compared as text, since not every type has operators.
    fn differs(
        &mut self,
        lookup: &Lookup,
        column: &str,
        to: &RetiredValue,
    ) -> anyhow::Result<String> {
        let condition = self.value(
            "SELECT format('%I::text IS DISTINCT FROM (%L::%s)::text', attname, $3, format_type(atttypid, atttypmod)) \
             FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2",
            &[
                &sql::table(&lookup.table, DEFAULT_SCHEMA),
                column,
                &to.to_string(),
            ],
        )?;
        condition.with_context(|| format!("`{}` has no column `{column}`", lookup.table))
    }
}

impl Session for PostgresSession {
    fn begin_trial(&mut self) -> anyhow::Result<()> {
        self.connection
            .batch_execute("SAVEPOINT __sync_trial")
            .map_err(|error| self.failed(&error, "begin a trial"))
    }

    /// A savepoint that stayed would keep the session's moment from being exported.
    fn end_trial(&mut self, was_refused: bool) -> anyhow::Result<()> {
        let end = match was_refused {
            true => "ROLLBACK TO __sync_trial; RELEASE __sync_trial",
            false => "RELEASE __sync_trial",
        };
        if was_refused {
            // The path goes back as well.
            self.words = None;
        }
        self.connection
            .batch_execute(end)
            .map_err(|error| self.failed(&error, "end a trial"))
    }

    fn identity(&mut self) -> anyhow::Result<Identity> {
        // A copy keeps the system's and the database's numbers but not the moment of its
        // server's start, which two ways to one server share.
        let rows = self.query(
            "SELECT (SELECT system_identifier FROM pg_control_system())::text, d.oid::text, \
             extract(epoch FROM pg_postmaster_start_time())::text, current_setting('server_version') \
             FROM pg_database d WHERE datname = current_database()",
            &[],
        )?;
        let fields: Vec<String> = rows
            .into_iter()
            .flatten()
            .map(Option::unwrap_or_default)
            .collect();
        let field = |at: usize| fields.get(at).cloned().unwrap_or_default();
        Ok(Identity {
            instance: format!("postgres {} {} {}", field(0), field(1), field(2)),
            place: format!("postgres {} {}", field(0), field(1)),
            server_version: field(3),
        })
    }

    fn applied_migrations(&mut self) -> anyhow::Result<Vec<AppliedMigration>> {
        let Some(diesels) = self.bookkeeping(ledger::DIESELS)? else {
            return Ok(Vec::new());
        };
        let recorded = self.bookkeeping(ledger::MIGRATIONS.name)?;
        let run_on = "to_char(m.run_on, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
        let columns = recorded.as_ref().map(|table| &*table.columns);
        let select = ledger::select_applied(run_on, columns)?;
        let found = [Some(diesels), recorded];
        let rows = self.query(&qualified(&select, found.iter().flatten()), &[])?;
        Ok(ledger::applied_of(rows))
    }

    fn catalog(&mut self) -> anyhow::Result<Catalog> {
        self.read_catalog()
    }

    fn ledger(&mut self) -> anyhow::Result<Ledger> {
        let runs = self.ledger_rows(&ledger::RUNS)?;
        let stamps = self.ledger_rows(&ledger::STAMP)?;
        let lookups = self.ledger_rows(&ledger::LOOKUPS)?;
        Ok(ledger::ledger_of(&runs, stamps, &lookups))
    }

    fn count_rows(&mut self, table: &TableName) -> anyhow::Result<u64> {
        let table = sql::table(table, DEFAULT_SCHEMA);
        let count = self.value(&format!("SELECT count(*)::text FROM {table}"), &[])?;
        sql::count(count)
    }

    fn hashes<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, KeyedHash>> {
        self.refuse_bytes(lookup)
            .map_err(|error| of_where(lookup, error))?;
        let keys = lookup
            .key_columns()
            .map(|name| format!("{}::text", sql::identifier(name)))
            .collect::<Vec<_>>()
            .join(", ");
        let values = lookup
            .compared
            .iter()
            .map(|at| hashed(lookup, *at))
            .collect::<Vec<_>>()
            .join(", ");
        // The text is what `row::hash` makes of the same fields.
        let query = format!(
            "SELECT {keys}, substr(sha256(pg_catalog.convert_to(pg_catalog.array_to_string(ARRAY[{values}], ','), 'UTF8')), 1, 16) \
             FROM {} AS lookup{}",
            lookup_select(lookup, &[], DEFAULT_SCHEMA),
            order(lookup)
        );
        let rows = self
            .theirs()
            .and_then(|connection| {
                sql_query(query).load_iter::<HashedKey, PgRowByRowLoadingMode>(connection)
            })
            .map_err(|error| unread(lookup, &error))?;
        let lookup = lookup.clone();
        Ok(Box::new(rows.map(move |row| {
            row.map(|row| row.0)
                .map_err(|error| unread(&lookup, &error))
        })))
    }

    fn rows<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, Record>> {
        self.refuse_bytes(lookup)
            .map_err(|error| of_where(lookup, error))?;
        let query = format!(
            "SELECT {} FROM {} AS lookup{}",
            text_columns("", lookup),
            lookup_select(lookup, &[], DEFAULT_SCHEMA),
            order(lookup)
        );
        let rows = self
            .theirs()
            .and_then(|connection| {
                sql_query(query).load_iter::<Spelled, PgRowByRowLoadingMode>(connection)
            })
            .map_err(|error| unread(lookup, &error))?;
        let lookup = lookup.clone();
        Ok(Box::new(rows.map(move |row| {
            row.map(|row| with_unresolved(&lookup, row.0))
                .map_err(|error| unread(&lookup, &error))
        })))
    }

    fn rows_by_key(&mut self, lookup: &Lookup, keys: &[Record]) -> anyhow::Result<Vec<Record>> {
        self.among(lookup, keys)
            .map_err(|error| of_where(lookup, error))
    }

    fn rows_with_values(
        &mut self,
        lookup: &Lookup,
        values: &[Record],
    ) -> anyhow::Result<Vec<(usize, Record)>> {
        self.find_rows_with_values(lookup, values)
    }

    fn can_release_unique(&mut self, lookup: &Lookup, columns: &[String]) -> anyhow::Result<bool> {
        self.may_hold_something_else(lookup, columns)
    }

    fn canonical(&mut self, lookup: &Lookup, rows: &[Record]) -> anyhow::Result<Canonical> {
        self.spell(lookup, rows)
    }

    fn computed(
        &mut self,
        lookup: &Lookup,
        rows: &[Record],
        column: &str,
    ) -> anyhow::Result<Vec<String>> {
        self.generated_values(lookup, rows, column)
    }

    fn checks(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<Check>> {
        self.checks_of(lookup)
    }

    fn outside(&mut self, lookup: &Lookup, rows: &[Record]) -> anyhow::Result<Vec<usize>> {
        self.rows_failing(lookup, rows)
    }

    fn equal_keys(
        &mut self,
        lookup: &Lookup,
        keys: &[Record],
    ) -> anyhow::Result<Vec<(usize, usize)>> {
        self.duplicate_keys(lookup, keys)
    }

    fn unretired(&mut self, lookup: &Lookup, keys: &[Record]) -> anyhow::Result<Vec<Record>> {
        let unretired = unretired(lookup, |(column, to)| self.differs(lookup, column, to))?;
        let rows = self
            .among(&unretired, keys)
            .map_err(|error| of_retire(lookup, &error))?;
        Ok(rows.iter().map(|row| lookup.key_of(row)).collect())
    }

    fn count_references(
        &mut self,
        touched: &Touched<'_>,
        path: &[Step],
    ) -> anyhow::Result<Vec<(usize, u64)>> {
        self.references(touched, path)
    }

    fn referring_keys<'session>(
        &'session mut self,
        touched: &Touched<'_>,
        path: &[Step],
        child: &Lookup,
    ) -> anyhow::Result<Rows<'session, (usize, Record)>> {
        self.referring(touched, path, child)
    }

    fn unresolved(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<Unresolved>> {
        let mut found = Vec::new();
        for link in 0..lookup.links.len() {
            let select = select_unresolved(lookup, link, DEFAULT_SCHEMA);
            let rows = self.query_theirs(&select);
            let rows = rows.map_err(|error| of_where(lookup, error))?;
            found.extend(unresolved_of(lookup, link, rows)?);
        }
        Ok(found)
    }

    fn has_orphans(
        &mut self,
        lookup: &Lookup,
        reference: &Step,
        parent: &TableName,
    ) -> anyhow::Result<bool> {
        let select = select_orphan(lookup, reference, parent, DEFAULT_SCHEMA);
        let found = self.query_theirs(&select);
        Ok(!found.map_err(|error| of_where(lookup, error))?.is_empty())
    }

    fn contents(&mut self) -> anyhow::Result<Contents> {
        self.contents_of_all()
    }

    fn sequences(&mut self) -> anyhow::Result<Sequences> {
        self.all_sequences()
    }

    fn back_up(&mut self, path: &Path) -> anyhow::Result<()> {
        let snapshot = self
            .value("SELECT pg_export_snapshot()", &[])?
            .unwrap_or_default();
        let version = self.identity()?.server_version;
        super::backup::dump(&self.url, &version, &snapshot, path)
    }

    fn size(&mut self) -> anyhow::Result<u64> {
        let size = "SELECT pg_database_size(current_database())::text";
        sql::count(self.value(size, &[])?)
    }

    fn scratch(&mut self, rows: &CopiedRows) -> anyhow::Result<Scratch> {
        self.copy_to_scratch(rows)
    }

    fn empty_scratch(&mut self) -> anyhow::Result<Scratch> {
        self.make_empty_scratch()
    }
}

fn unread(lookup: &Lookup, error: &Error) -> anyhow::Error {
    of_where(lookup, failed(error, &format!("read `{}`", lookup.table)))
}

/// Binds keys as one array for each of their fields.
pub(super) fn bind_keys<'query>(
    mut query: BoxedSqlQuery<'query, Pg, SqlQuery>,
    keys: &[Record],
    width: usize,
) -> BoxedSqlQuery<'query, Pg, SqlQuery> {
    for column in 0..width {
        let values: Vec<Option<String>> = keys
            .iter()
            .map(|key| plain(key.get(column).unwrap_or_default()).map(str::to_owned))
            .collect();
        query = query.bind::<Array<Nullable<Text>>, _>(values);
    }
    query
}

/// A literal that takes the type of its column.
pub(super) fn retired_value(value: &RetiredValue) -> String {
    sql::literal(&value.to_string())
}

/// What a field of a PostgreSQL row means: its text, or NULL.
pub(super) fn plain(field: &str) -> Option<&str> {
    match field.strip_prefix('\\') {
        None => Some(field),
        Some("N") => None,
        Some(rest) => Some(rest),
    }
}
