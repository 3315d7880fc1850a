//! Following foreign keys from rows that go or change to those that refer to them.

use diesel::deserialize::{self, QueryableByName};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::row::NamedRow;
use diesel::{RunQueryDsl, sql_query};

use super::super::lookup_select::lookup_select;
use super::super::references::Chain;
use super::super::{Rows, sql};
use super::PostgresSession;
use super::connection::{Fields, failed, text_at};
use super::fields::given_arrays;
use super::read::{DEFAULT_SCHEMA, bind_keys};
use crate::model::reference::{Step, Touched};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{self, Record};
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};

impl PostgresSession {
    pub(super) fn references(
        &mut self,
        touched: &Touched<'_>,
        path: &[Step],
    ) -> anyhow::Result<Vec<(usize, u64)>> {
        let query = self.chain(touched, path, None)?.counts();
        let query = bind_keys(
            sql_query(query).into_boxed(),
            touched.rows,
            touched.lookup.key.len(),
        );
        let rows: Vec<Fields> = self
            .theirs()
            .and_then(|connection| query.load(connection))
            .map_err(|error| failed(&error, &what(touched, path)))?;
        rows.into_iter()
            .map(|row| {
                let mut fields = row.0.into_iter();
                let at = position(fields.next().flatten().as_deref())?;
                Ok((at, sql::count(fields.next().flatten())?))
            })
            .collect()
    }

    pub(super) fn referring<'session>(
        &'session mut self,
        touched: &Touched<'_>,
        path: &[Step],
        child: &Lookup,
    ) -> anyhow::Result<Rows<'session, (usize, Record)>> {
        let keys: Vec<String> = child
            .key_columns()
            .map(|name| format!("child.{}::text", sql::identifier(name)))
            .collect();
        let query = self.chain(touched, path, Some(child))?.rows(&keys);
        let query = bind_keys(
            sql_query(query).into_boxed(),
            touched.rows,
            touched.lookup.key.len(),
        );
        let what = what(touched, path);
        let rows = self
            .theirs()
            .and_then(|connection| query.load_iter::<Numbered, PgRowByRowLoadingMode>(connection))
            .map_err(|error| failed(&error, &what))?;
        Ok(Box::new(rows.map(move |row| {
            row.map(|row| (row.0, row.1))
                .map_err(|error| failed(&error, &what))
        })))
    }

    fn chain<'path>(
        &mut self,
        touched: &Touched<'_>,
        path: &'path [Step],
        last: Option<&Lookup>,
    ) -> anyhow::Result<Chain<'path>> {
        let mut alone = Vec::new();
        for (at, step) in path.iter().enumerate() {
            let next = path
                .get(at + 1)
                .map_or(&[][..], |next| &next.parent_columns);
            self.refuse_unreadable(touched, step, next)?;
            alone.push(self.refers_alone(&step.child)?);
        }
        let lookup = touched.lookup;
        let referred: Vec<&str> = path
            .first()
            .into_iter()
            .flat_map(|step| step.parent_columns.iter().map(String::as_str))
            .collect();
        let wanted: Vec<String> = (0..lookup.key.len())
            .map(|at| format!("wanted_{at}"))
            .collect();
        // By bytes, as keys are compared everywhere: a collation may take two for one.
        let conditions: Vec<String> = lookup
            .key_columns()
            .zip(&wanted)
            .map(|(name, wanted)| {
                format!(
                    "lookup.{}::text COLLATE \"C\" = wanted.{wanted}",
                    sql::identifier(name)
                )
            })
            .collect();
        Ok(Chain {
            path,
            start: format!(
                "{} WITH ORDINALITY AS wanted ({}, number) JOIN {} AS lookup ON {}",
                given_arrays(wanted.len()),
                wanted.join(", "),
                lookup_select(lookup, &referred, DEFAULT_SCHEMA),
                conditions.join(" AND ")
            ),
            number: "wanted.number",
            join: "JOIN",
            default_schema: DEFAULT_SCHEMA,
            last: last.map(|child| {
                let columns = path.last().map_or(&[][..], |step| &step.columns);
                let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                lookup_select(child, &columns, DEFAULT_SCHEMA)
            }),
            alone,
        })
    }

    /// Foreign keys are not inherited, but a partitioned table has those of its partitions.
    fn refers_alone(&mut self, child: &TableName) -> anyhow::Result<bool> {
        let alone = self.value(
            "SELECT (relkind <> 'p')::text FROM pg_class WHERE oid = $1::regclass",
            &[&sql::table(child, DEFAULT_SCHEMA)],
        )?;
        Ok(alone.as_deref() == Some("true"))
    }

    /// Says so beforehand, because after an error the server answers nothing more.
    fn refuse_unreadable(
        &mut self,
        touched: &Touched<'_>,
        step: &Step,
        next: &[String],
    ) -> anyhow::Result<()> {
        let columns: Vec<&String> = step.columns.iter().chain(next).collect();
        let schema = step.child.schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
        let readable = self.value(
            "SELECT (has_schema_privilege(n.oid, 'USAGE') AND bool_and(has_column_privilege(c.oid, a.attnum, 'SELECT')))::text \
             FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname IN (SELECT json_array_elements_text($3::json)) \
             WHERE n.nspname = $1 AND c.relname = $2 GROUP BY n.oid",
            &[
                schema,
                &step.child.name,
                &serde_json::to_string(&columns)?,
            ],
        )?;
        if readable.as_deref() != Some("false") {
            return Ok(());
        }
        Err(Problem::new(
            Code::Failed,
            format!(
                "`{}` cannot be read, so nobody knows which of its rows refer to `{}`",
                step.child, touched.lookup.table
            ),
        )
        .hint("give the role of this URL the right to read the table: GRANT SELECT")
        .into())
    }
}

fn what(touched: &Touched<'_>, path: &[Step]) -> String {
    let child = path.last().map(|step| step.child.to_string());
    format!(
        "count the rows of `{}` that refer to `{}`",
        child.unwrap_or_default(),
        touched.lookup.table
    )
}

/// Numbers begin at 1.
fn position(text: Option<&str>) -> anyhow::Result<usize> {
    let number: usize = text.unwrap_or_default().parse()?;
    Ok(number.saturating_sub(1))
}

/// A number, and columns as text.
pub(super) struct Numbered(pub(super) usize, pub(super) Record);

impl QueryableByName<Pg> for Numbered {
    fn build<'row>(row: &impl NamedRow<'row, Pg>) -> deserialize::Result<Self> {
        let at = position(text_at(row, 0)?.as_deref())?;
        let mut key = Record::new();
        for column in 1..row.field_count() {
            key.push_field(&row::encode(text_at(row, column)?.as_deref()));
        }
        Ok(Numbered(at, key))
    }
}
