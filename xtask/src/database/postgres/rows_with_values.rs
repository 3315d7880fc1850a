//! Which rows have a value, as the server takes values to be equal.

use diesel::{QueryResult, RunQueryDsl, sql_query};

use super::super::lookup_select::{lookup_select, with_unresolved};
use super::super::sql;
use super::PostgresSession;
use super::connection::failed;
use super::fields::{given_arrays, text_columns};
use super::read::{DEFAULT_SCHEMA, bind_keys};
use super::references::Numbered;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::Record;

impl PostgresSession {
    pub(super) fn find_rows_with_values(
        &mut self,
        lookup: &Lookup,
        values: &[Record],
    ) -> anyhow::Result<Vec<(usize, Record)>> {
        let what = format!("find rows of `{}` by their values", lookup.table);
        let types = self.field_types(lookup)?;
        let by_value = self.tried(&what, |session| {
            session.rows_with_values_where(lookup, values, |at, field| {
                let kind = &types[lookup.key[at]];
                format!(
                    "lookup.{field} {} wanted.wanted_{at}::{}",
                    kind.equals, kind.name
                )
            })
        })?;
        let found = match by_value {
            Ok(found) => found,
            // A value may be none of the column's, where the types of the two ends differ.
            Err(_) => self
                .rows_with_values_where(lookup, values, |at, field| {
                    format!("lookup.{field}::text COLLATE \"C\" = wanted.wanted_{at}")
                })
                .map_err(|error| failed(&error, &what))?,
        };
        let found = found.into_iter();
        Ok(found
            .map(|row| (row.0, with_unresolved(lookup, row.1)))
            .collect())
    }

    fn rows_with_values_where(
        &mut self,
        lookup: &Lookup,
        values: &[Record],
        is_equal: impl Fn(usize, &str) -> String,
    ) -> QueryResult<Vec<Numbered>> {
        let everywhere = Lookup {
            filter: None,
            ..lookup.clone()
        };
        let list = |part: &dyn Fn(usize) -> String, between: &str| {
            let parts: Vec<String> = (0..lookup.key.len()).map(part).collect();
            parts.join(between)
        };
        let fields: Vec<String> = lookup.key_columns().map(sql::identifier).collect();
        let query = format!(
            "SELECT wanted.number::text, {} FROM {} WITH ORDINALITY AS wanted ({}, number) JOIN {} AS lookup ON {}",
            text_columns("lookup.", lookup),
            given_arrays(lookup.key.len()),
            list(&|at| format!("wanted_{at}"), ", "),
            lookup_select(&everywhere, &[], DEFAULT_SCHEMA),
            list(&|at| is_equal(at, &fields[at]), " AND ")
        );
        let query = bind_keys(sql_query(query).into_boxed(), values, lookup.key.len());
        self.theirs().and_then(|connection| query.load(connection))
    }
}
