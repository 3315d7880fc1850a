//! Following foreign keys from rows that go or change to those that refer to them.

use anyhow::Context as _;
use diesel::connection::DefaultLoadingMode;
use diesel::{RunQueryDsl, sql_query};

use super::super::lookup_select::lookup_select;
use super::super::references::Chain;
use super::super::{Rows, sql};
use super::keys::wanted_key;
use super::read::DEFAULT_SCHEMA;
use super::value::{Value, Values};
use super::{SqliteSession, failed};
use crate::model::reference::{Step, Touched};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::Record;

impl SqliteSession {
    pub(super) fn references(
        &mut self,
        touched: &Touched<'_>,
        path: &[Step],
    ) -> anyhow::Result<Vec<(usize, u64)>> {
        self.hold_keys(touched.lookup, touched.rows)?;
        let rows = self.query(&chain(touched, path, None).counts(), &[])?;
        rows.into_iter()
            .map(|row| {
                let mut fields = row.into_iter();
                let number: usize = fields.next().flatten().unwrap_or_default().parse()?;
                Ok((
                    number.saturating_sub(1),
                    sql::count(fields.next().flatten())?,
                ))
            })
            .collect()
    }

    pub(super) fn referring<'session>(
        &'session mut self,
        touched: &Touched<'_>,
        path: &[Step],
        child: &Lookup,
    ) -> anyhow::Result<Rows<'session, (usize, Record)>> {
        self.hold_keys(touched.lookup, touched.rows)?;
        let all = self.affinities(child)?;
        let affinities: Vec<_> = child.key.iter().map(|at| all[*at]).collect();
        let keys: Vec<String> = child
            .key_columns()
            .map(|name| format!("child.{}", sql::identifier(name)))
            .collect();
        let query = chain(touched, path, Some(child)).rows(&keys);
        let what = format!(
            "find the rows of `{}` that refer to `{}`",
            child.table, touched.lookup.table
        );
        let rows = sql_query(query)
            .load_iter::<Values, DefaultLoadingMode>(&mut self.connection)
            .map_err(|error| failed(&error, &what))?;
        Ok(Box::new(rows.map(move |row| {
            let values = row.map_err(|error| failed(&error, &what))?.0;
            let (number, key) = values
                .split_first()
                .context("the database returned fewer columns than it was asked for")?;
            let Value::Text(number) = number else {
                anyhow::bail!("the database returned no number of a row");
            };
            let key = key
                .iter()
                .zip(&affinities)
                .map(|(value, affinity)| value.spell(*affinity))
                .collect();
            Ok((number.parse::<usize>()?.saturating_sub(1), key))
        })))
    }
}

/// The session runs with foreign keys off, and whether they are on elsewhere it cannot know: what
/// is declared counts. A table is read in the order of the steps, so that an index on what refers
/// is used; where there is none, SQLite makes one for the query.
fn chain<'path>(touched: &Touched<'_>, path: &'path [Step], last: Option<&Lookup>) -> Chain<'path> {
    let lookup = touched.lookup;
    let referred: Vec<&str> = path
        .first()
        .into_iter()
        .flat_map(|step| step.parent_columns.iter().map(String::as_str))
        .collect();
    Chain {
        path,
        start: format!(
            "temp.__sync_keys AS wanted CROSS JOIN {} AS lookup ON {}",
            lookup_select(lookup, &referred, DEFAULT_SCHEMA),
            wanted_key(lookup)
        ),
        number: "wanted.rowid",
        join: "CROSS JOIN",
        default_schema: DEFAULT_SCHEMA,
        last: last.map(|child| {
            let columns = path.last().map_or(&[][..], |step| &step.columns);
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            lookup_select(child, &columns, DEFAULT_SCHEMA)
        }),
        alone: Vec::new(),
    }
}
