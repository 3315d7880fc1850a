//! Values as they come from SQLite and go to it.

use diesel::deserialize::{self, QueryableByName};
use diesel::query_builder::BoxedSqlQuery;
use diesel::row::{Field as _, NamedRow, Row};
use diesel::sql_types::{BigInt, Binary, Double, Integer, Nullable, Text};
use diesel::sqlite::Sqlite;
pub(super) use xtask_rows::storage::{Affinity, Value};

pub(super) fn bind<'query, Query>(
    query: BoxedSqlQuery<'query, Sqlite, Query>,
    value: Value,
) -> BoxedSqlQuery<'query, Sqlite, Query> {
    match value {
        Value::Null => query.bind::<Nullable<Integer>, _>(None::<i32>),
        Value::Integer(number) => query.bind::<BigInt, _>(number),
        Value::Real(number) => query.bind::<Double, _>(number),
        Value::Text(text) => query.bind::<Text, _>(text),
        Value::Blob(bytes) => query.bind::<Binary, _>(bytes),
    }
}

const NO_TEXT: &str =
    "a text value holds bytes that are no text: store it as a blob, or correct it";

/// A row of whatever columns.
pub(super) struct Values(pub(super) Vec<Value>);

impl Values {
    /// Every value as text, NULL as `None`; for queries of the program's own.
    pub(super) fn into_texts(self) -> anyhow::Result<Vec<Option<String>>> {
        self.0
            .into_iter()
            .map(|value| match value {
                Value::Null => Ok(None),
                Value::Integer(number) => Ok(Some(number.to_string())),
                Value::Real(number) => Ok(Some(format!("{number:?}"))),
                Value::Text(text) => Ok(Some(text)),
                Value::Blob(_) => {
                    anyhow::bail!("the database returned a blob where text was expected")
                }
            })
            .collect()
    }
}

impl QueryableByName<Sqlite> for Values {
    fn build<'row>(row: &impl NamedRow<'row, Sqlite>) -> deserialize::Result<Self> {
        let values = ReadValues::build(row)?.0.into_iter();
        let values: Result<Vec<Value>, Vec<u8>> = values.collect();
        Ok(Values(values.map_err(|_| NO_TEXT)?))
    }
}

/// A row of whatever columns, with the bytes of each text that is none.
pub(super) struct ReadValues(pub(super) Vec<Result<Value, Vec<u8>>>);

impl QueryableByName<Sqlite> for ReadValues {
    fn build<'row>(row: &impl NamedRow<'row, Sqlite>) -> deserialize::Result<Self> {
        (0..row.field_count())
            .map(|at| {
                let field = Row::get(row, at)
                    .ok_or("the database returned fewer columns than it was asked for")?;
                xtask_rows::sqlite::read(&|| field.value())
            })
            .collect::<deserialize::Result<_>>()
            .map(ReadValues)
    }
}
