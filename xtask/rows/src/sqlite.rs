//! Values and rows as SQLite returns them.

use diesel::deserialize::{self, FromSql};
use diesel::sql_types::{BigInt, Binary, Double, Text};
use diesel::sqlite::{Sqlite, SqliteType, SqliteValue};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};

use crate::storage::Value;

/// The value of a field, which may be asked for twice; the bytes of a text that is none.
///
/// # Errors
/// What diesel says of a value that is not of the class that SQLite says it is.
pub fn read<'row, 'statement, 'query>(
    field: &dyn Fn() -> Option<SqliteValue<'row, 'statement, 'query>>,
) -> deserialize::Result<Result<Value, Vec<u8>>> {
    let Some(value) = field() else {
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
                && let Some(value) = field()
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

/// The hash of a stored row: over class, length and bytes of each value, also of text that is none.
pub fn hash_stored(row: &Row<'_>, width: usize) -> rusqlite::Result<u128> {
    let mut hash = Sha256::new();
    for at in 0..width {
        let value = row.get_ref(at)?;
        let number = match value {
            ValueRef::Integer(number) => number.to_be_bytes(),
            ValueRef::Real(number) => number.to_bits().to_be_bytes(),
            _ => [0; 8],
        };
        let (class, bytes) = match value {
            ValueRef::Null => ("n", &[][..]),
            ValueRef::Integer(_) => ("i", &number[..]),
            ValueRef::Real(_) => ("r", &number[..]),
            ValueRef::Text(text) => ("t", text),
            ValueRef::Blob(bytes) => ("b", bytes),
        };
        hash.update(class);
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    Ok(u128::from_be_bytes(half))
}
