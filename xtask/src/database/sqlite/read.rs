//! Looking: identity, migrations, ledger and rows.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::connection::DefaultLoadingMode;
use diesel::{RunQueryDsl, sql_query};
use xtask_rows::storage;

use super::super::filtered::of_where;
use super::super::ledger::{self, LedgerTable};
use super::super::lookup_select::{lookup_select, unresolved_columns, with_unresolved};
use super::super::no_text::{no_text, shown};
use super::super::retired::{of_retire, unretired};
use super::super::unresolved::{select_orphan, select_unresolved, unresolved_of};
use super::super::{Canonical, Check, Contents, CopiedRows, Identity, Rows, Scratch, Session, sql};
use super::keys::wanted_key;
use super::value::{Affinity, ReadValues, Value};
use super::words::words;
use super::{SqliteSession, conditions, failed};
use crate::model::ledger::Ledger;
use crate::model::migrations::migration::AppliedMigration;
use crate::model::reference::{Step, Touched};
use crate::model::rows::lookup::settings::RetiredValue;
use crate::model::rows::lookup::{Lookup, Source};
use crate::model::rows::row::{KeyedHash, Record};
use crate::model::schema::catalog::Catalog;
use crate::model::schema::table::TableName;
use crate::model::unresolved::Unresolved;
use crate::problem::{Code, Problem};

pub(super) const DEFAULT_SCHEMA: &str = "main";

impl SqliteSession {
    /// The columns of a table; none where it is not there.
    pub(super) fn columns(&mut self, table: &str) -> anyhow::Result<Option<Vec<String>>> {
        let found = self.query(
            "SELECT c.name FROM main.sqlite_schema AS t, pragma_table_info(t.name, 'main') AS c \
             WHERE t.type = 'table' AND t.name = ?",
            &[Some(table.to_owned())],
        )?;
        let columns: Vec<String> = found.into_iter().flatten().flatten().collect();
        Ok((!columns.is_empty()).then_some(columns))
    }

    fn ledger_rows(&mut self, table: &LedgerTable) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        match self.columns(table.name)? {
            Some(found) => self.query(&table.select(&found)?, &[]),
            None => Ok(Vec::new()),
        }
    }

    /// The affinity of each of a lookup table's fields, in their order.
    pub(super) fn affinities(&mut self, lookup: &Lookup) -> anyhow::Result<Vec<Affinity>> {
        let rows = self.query(
            "SELECT name, type FROM pragma_table_xinfo(?)",
            &[Some(lookup.table.name.clone())],
        )?;
        let declared: BTreeMap<String, String> = rows
            .into_iter()
            .filter_map(|mut row| {
                let declared = row.pop()?.unwrap_or_default();
                Some((row.pop()??, declared))
            })
            .collect();
        let parents = lookup
            .links
            .iter()
            .map(|link| self.affinities(&link.parent))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let affinities = lookup
            .columns
            .iter()
            .zip(&lookup.sources)
            .map(|(column, source)| match source {
                Source::Column => Affinity::of(declared.get(column).map_or("", String::as_str)),
                Source::Link { link, field } => parents[*link][*field],
            });
        Ok(affinities.collect())
    }

    pub(super) fn spelled_rows<'session>(
        &'session mut self,
        lookup: &Lookup,
        query: &str,
    ) -> anyhow::Result<Rows<'session, Record>> {
        let affinities = self.affinities(lookup)?;
        let lookup = lookup.clone();
        let what = format!("read `{}`", lookup.table);
        let rows = sql_query(query)
            .load_iter::<ReadValues, DefaultLoadingMode>(&mut self.connection)
            .map_err(|error| failed(&error, &what))?;
        Ok(Box::new(rows.map(move |row| {
            let values = row.map_err(|error| failed(&error, &what))?.0;
            let values = all_text(&lookup, &affinities, values)?;
            Ok(spelled(&lookup, &values, &affinities))
        })))
    }

    fn among(&mut self, lookup: &Lookup, keys: &[Record]) -> anyhow::Result<Vec<Record>> {
        self.hold_keys(lookup, keys)?;
        let query = format!(
            "SELECT {} FROM temp.__sync_keys AS wanted CROSS JOIN {} AS lookup ON {}",
            fields(lookup),
            lookup_select(lookup, &[], DEFAULT_SCHEMA),
            wanted_key(lookup)
        );
        self.spelled_rows(lookup, &query)?.collect()
    }
}

impl Session for SqliteSession {
    fn identity(&mut self) -> anyhow::Result<Identity> {
        let path = self.url.path();
        let instance = path.canonicalize().map_or_else(
            |_| path.display().to_string(),
            |path| path.display().to_string(),
        );
        let place = format!("sqlite {instance}");
        // Hard links are one database under two paths.
        #[cfg(unix)]
        let instance = std::fs::metadata(path).map_or(instance, |file| {
            use std::os::unix::fs::MetadataExt as _;
            format!("{} {}", file.dev(), file.ino())
        });
        Ok(Identity {
            instance: format!("sqlite {instance}"),
            place,
            server_version: self.value("SELECT sqlite_version()")?.unwrap_or_default(),
        })
    }

    fn applied_migrations(&mut self) -> anyhow::Result<Vec<AppliedMigration>> {
        if self.columns(ledger::DIESELS)?.is_none() {
            return Ok(Vec::new());
        }
        let recorded = self.columns(ledger::MIGRATIONS.name)?;
        let run_on = "strftime('%Y-%m-%dT%H:%M:%SZ', m.run_on)";
        let select = ledger::select_applied(run_on, recorded.as_deref())?;
        Ok(ledger::applied_of(self.query(&select, &[])?))
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
        let count = self.value(&format!(
            "SELECT count(*) FROM {}",
            sql::table(table, DEFAULT_SCHEMA)
        ))?;
        sql::count(count)
    }

    fn hashes<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, KeyedHash>> {
        let shape = lookup.clone();
        let rows = self.rows(lookup)?;
        Ok(Box::new(
            rows.map(move |row| row.map(|row| shape.keyed_hash(&row))),
        ))
    }

    fn rows<'session>(
        &'session mut self,
        lookup: &Lookup,
    ) -> anyhow::Result<Rows<'session, Record>> {
        refuse_parameters(lookup)?;
        // The order that `row::compare_keys` checks, whatever collation the columns have.
        let order = lookup
            .key_columns()
            .map(|name| self.in_order(&format!("lookup.{}", sql::identifier(name))))
            .collect::<anyhow::Result<Vec<String>>>()?;
        let query = format!(
            "SELECT {} FROM {} AS lookup ORDER BY {}",
            fields(lookup),
            lookup_select(lookup, &[], DEFAULT_SCHEMA),
            order.join(", ")
        );
        let rows = self.spelled_rows(lookup, &query);
        let rows = rows.map_err(|error| of_where(lookup, error))?;
        let lookup = lookup.clone();
        Ok(Box::new(rows.map(move |row| {
            row.map_err(|error| of_where(&lookup, error))
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
        self.holding(lookup, values)
    }

    /// With foreign keys off, a row can be taken out and put back whatever refers to it.
    fn can_release_unique(
        &mut self,
        _lookup: &Lookup,
        _columns: &[String],
    ) -> anyhow::Result<bool> {
        Ok(true)
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
        Ok(conditions::checks(&self.statement_of(lookup)?))
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
        let unretired = unretired(lookup, |(column, to)| {
            let (column, to) = (sql::identifier(column), retired_value(to));
            Ok(format!("{column} IS NOT {to}"))
        })?;
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
            let rows = self.query(&select, &[]);
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
        let found = self.query(&select, &[]);
        Ok(!found.map_err(|error| of_where(lookup, error))?.is_empty())
    }

    fn contents(&mut self) -> anyhow::Result<Contents> {
        super::contents::contents(self.moment.as_ref(), &self.url)
    }

    fn back_up(&mut self, path: &Path) -> anyhow::Result<()> {
        super::backup::copy(self.moment.as_ref(), self.url.path(), path)
    }

    fn size(&mut self) -> anyhow::Result<u64> {
        let pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        sql::count(self.value(pages)?)
    }

    /// The copy of a file has every row.
    fn scratch(&mut self, _rows: &CopiedRows) -> anyhow::Result<Scratch> {
        self.copy_to_scratch()
    }

    fn empty_scratch(&mut self) -> anyhow::Result<Scratch> {
        super::scratch::make_empty()
    }
}

/// The fields, and behind them the references that cannot be looked up.
pub(super) fn fields(lookup: &Lookup) -> String {
    format!(
        "{}{}",
        sql::list("lookup.", lookup.columns.iter().map(String::as_str)),
        unresolved_columns("lookup.", lookup)
    )
}

/// A row of [`fields`].
pub(super) fn spelled(lookup: &Lookup, values: &[Value], affinities: &[Affinity]) -> Record {
    with_unresolved(lookup, storage::spell(values, affinities))
}

/// The values of a row, where every text is one.
fn all_text(
    lookup: &Lookup,
    affinities: &[Affinity],
    values: Vec<Result<Value, Vec<u8>>>,
) -> Result<Vec<Value>, Problem> {
    let Some(bad) = values.iter().position(Result::is_err) else {
        return Ok(values.into_iter().flatten().collect());
    };
    let key = lookup.key.iter().filter_map(|at| {
        Some(match values.get(*at)? {
            Ok(value) => value.spell(*affinities.get(*at)?),
            Err(bytes) => shown(bytes),
        })
    });
    let key: Vec<String> = key.collect();
    let column = lookup.columns.get(bad).map_or("", String::as_str);
    Err(no_text(lookup, column, &key))
}

/// SQLite takes a parameter that nobody gave a value for NULL, so that a condition would be met by no
/// row.
fn refuse_parameters(lookup: &Lookup) -> Result<(), Problem> {
    let condition = words(lookup.filter.as_deref().unwrap_or_default());
    let mut parameters = condition
        .iter()
        .filter(|word| word.starts_with(['?', ':', '@', '$', '#']));
    match parameters.next() {
        None => Ok(()),
        Some(parameter) => Err(Problem::new(
            Code::ConfigInvalid,
            format!(
                "`where` of `{}` has a parameter (`{parameter}`), and nobody gives a value for it",
                lookup.table
            ),
        )
        .hint("write the value itself in data-sync/sync.toml, a text in single quotes, a name that begins with such a sign in double quotes")),
    }
}

/// A literal; SQLite's booleans are numbers.
pub(super) fn retired_value(value: &RetiredValue) -> String {
    match value {
        RetiredValue::Boolean(value) => u8::from(*value).to_string(),
        RetiredValue::Integer(value) => value.to_string(),
        RetiredValue::Text(value) => sql::literal(value),
    }
}
