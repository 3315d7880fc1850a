//! Values with their storage class, and how a field of a CSV export spells them.
//! <https://www.sqlite.org/datatype3.html>

use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::query_builder::BoxedSqlQuery;
use diesel::row::{Field as _, NamedRow, Row};
use diesel::sql_types::{BigInt, Binary, Double, Integer, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteType};

use crate::sync::rows::row::{self, Field};
use crate::sync::schema::catalog::{Reading, hex};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// What a column's declared type makes of plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affinity {
    /// `INTEGER` and `NUMERIC`: integers where the text is one, then reals.
    Numeric,
    Real,
    /// `TEXT`, and columns that take values as they come.
    Text,
}

impl Affinity {
    /// <https://www.sqlite.org/datatype3.html#determination_of_column_affinity>
    pub(super) fn of(declared: &str) -> Affinity {
        let declared = declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        if has("INT") {
            Affinity::Numeric
        } else if has("CHAR")
            || has("CLOB")
            || has("TEXT")
            || has("BLOB")
            || declared.is_empty()
            || declared == "ANY"
        {
            Affinity::Text
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }

    pub(super) fn reading(self) -> Reading {
        match self {
            Affinity::Numeric | Affinity::Real => Reading::Number,
            Affinity::Text => Reading::Text,
        }
    }

    /// The value that plain text stands for in such a column.
    fn natural(self, text: &str) -> Value {
        if self == Affinity::Numeric
            && let Ok(number) = text.parse::<i64>()
            && number.to_string() == text
        {
            return Value::Integer(number);
        }
        if self != Affinity::Text
            && let Ok(number) = text.parse::<f64>()
            && real(number) == text
        {
            return Value::Real(number);
        }
        Value::Text(text.to_owned())
    }
}

/// The shortest digits that read back as the same number, to the last bit.
fn real(number: f64) -> String {
    format!("{number:?}")
}

impl Value {
    /// The spelling of a value in a column: plain where the column gives it back, else tagged.
    pub(super) fn spell(&self, affinity: Affinity) -> String {
        let (text, tag) = match self {
            Value::Null => return row::NULL.to_owned(),
            Value::Blob(bytes) => return format!("\\x{}", hex(bytes)),
            Value::Integer(number) => (number.to_string(), "i"),
            Value::Real(number) => (real(*number), "r"),
            Value::Text(text) => (text.clone(), "t"),
        };
        if affinity.natural(&text) == *self {
            row::encode(Some(&text)).into_owned()
        } else {
            format!("\\{tag}:{text}")
        }
    }

    /// The value that a field stands for in a column.
    ///
    /// # Errors
    /// A sentence, when the field is spelled as nothing that was ever written.
    pub(super) fn read(field: &str, affinity: Affinity) -> Result<Value, String> {
        Ok(match row::decode(field)? {
            Field::Null => Value::Null,
            Field::Plain(text) => affinity.natural(text),
            Field::Integer(number) => Value::Integer(number),
            Field::Real(number) => Value::Real(number),
            Field::Text(text) => Value::Text(text.to_owned()),
            Field::Blob(bytes) => Value::Blob(bytes),
        })
    }
}

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
                Value::Real(number) => Ok(Some(real(number))),
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
                let Some(value) = field.value() else {
                    return Ok(Ok(Value::Null));
                };
                Ok(Ok(match value.value_type() {
                    None => Value::Null,
                    Some(SqliteType::Integer | SqliteType::Long | SqliteType::SmallInt) => {
                        Value::Integer(<i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?)
                    }
                    Some(SqliteType::Float | SqliteType::Double) => {
                        Value::Real(<f64 as FromSql<Double, Sqlite>>::from_sql(value)?)
                    }
                    Some(SqliteType::Text) => {
                        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)
                            .unwrap_or_else(|_| char::REPLACEMENT_CHARACTER.to_string());
                        // What stands for bytes that are no text may also have been there.
                        if text.contains(char::REPLACEMENT_CHARACTER)
                            && let Some(value) = field.value()
                        {
                            let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
                            if !is_stored_as(&text, &bytes) {
                                return Ok(Err(bytes));
                            }
                        }
                        Value::Text(text)
                    }
                    Some(_) => Value::Blob(<Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?),
                }))
            })
            .collect::<deserialize::Result<_>>()
            .map(ReadValues)
    }
}

/// Whether these bytes are that text in one of the encodings that a database may have.
/// <https://www.sqlite.org/pragma.html#pragma_encoding>
fn is_stored_as(text: &str, bytes: &[u8]) -> bool {
    let utf16 = |order: fn(u16) -> [u8; 2]| {
        let stored = text.encode_utf16().flat_map(order);
        stored.eq(bytes.iter().copied())
    };
    text.as_bytes() == bytes || utf16(u16::to_le_bytes) || utf16(u16::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_survives_in_every_column() {
        let values = [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Integer(5),
            Value::Real(5.0),
            Value::Real(-0.0),
            Value::Real(1e300),
            Value::Real(f64::INFINITY),
            Value::Real(0.1 + 0.2),
            Value::Text(String::new()),
            Value::Text("5".to_owned()),
            Value::Text("5.0".to_owned()),
            Value::Text("inf".to_owned()),
            Value::Text("\\N".to_owned()),
            Value::Text("\\i:5".to_owned()),
            Value::Text("2024-01-01".to_owned()),
            Value::Blob(Vec::new()),
            Value::Blob(b"\\x".to_vec()),
        ];
        for affinity in [Affinity::Numeric, Affinity::Real, Affinity::Text] {
            let mut spellings = std::collections::BTreeSet::new();
            for value in &values {
                let field = value.spell(affinity);
                assert_eq!(
                    Value::read(&field, affinity).as_ref(),
                    Ok(value),
                    "{field} in {affinity:?}"
                );
                assert!(
                    spellings.insert(field.clone()),
                    "{field} twice in {affinity:?}"
                );
            }
        }
    }

    #[test]
    fn everyday_values_are_plain() {
        assert_eq!(Value::Integer(5).spell(Affinity::of("INTEGER")), "5");
        assert_eq!(Value::Integer(1).spell(Affinity::of("BOOLEAN")), "1");
        assert_eq!(Value::Real(1.5).spell(Affinity::of("REAL")), "1.5");
        assert_eq!(
            Value::Text("5".to_owned()).spell(Affinity::of("varchar(3)")),
            "5"
        );
        assert_eq!(
            Value::Text("2024-01-01".to_owned()).spell(Affinity::of("TIMESTAMP")),
            "2024-01-01"
        );
    }
}
