//! One row as text: how values are spelled, hashed and put in order, the same everywhere.
//!
//! A [`Record`] holds the fields exactly as they stand in a CSV export: `\N` is NULL, a value
//! that begins with a backslash has one more in front, and (SQLite only) a value whose storage
//! class its column does not suggest carries a tag: `\i:` integer, `\r:` real, `\t:` text,
//! `\x` blob in hexadecimal digits. `\?` is a reference that cannot be looked up, which no export has.

use std::borrow::Cow;
use std::collections::BTreeSet;

use csv::StringRecord;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

pub use crate::key_order::{compare_key_values, compare_keys};

/// The fields of a row, or of its key, spelled as in a CSV export.
pub type Record = StringRecord;

/// Rows to look keys up in.
pub type KeySet = BTreeSet<Vec<String>>;

/// How many keys go to a database at once. Where the column that refers has no index, each batch
/// is one pass over the table that refers.
pub const BATCH: usize = 2000;

/// A key as it is looked up.
pub fn owned(key: &Record) -> Vec<String> {
    key.iter().map(str::to_owned).collect()
}

/// The field that stands for NULL.
pub const NULL: &str = "\\N";

/// How the field of a reference begins that cannot be looked up; what is stored stands behind it.
const UNRESOLVED: &str = "\\?";

/// The field of a reference that cannot be looked up. No database takes it for a value.
pub fn unresolved(stored: &str) -> String {
    format!("{UNRESOLVED}{stored}")
}

/// Whether a field says that a reference cannot be looked up.
pub fn is_unresolved(field: &str) -> bool {
    field.starts_with(UNRESOLVED)
}

/// The first half of the SHA-256 of a row's compared columns; 128 bits leave no chance collision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowHash(pub [u8; 16]);

/// A row as it is compared: its key and its hash.
#[derive(Debug, Clone)]
pub struct KeyedHash {
    pub key: Record,
    pub hash: RowHash,
}

/// The spelling of a value that means its plain text, or of NULL.
pub fn encode(value: Option<&str>) -> Cow<'_, str> {
    match value {
        None => Cow::Borrowed(NULL),
        Some(text) if text.starts_with('\\') => Cow::Owned(format!("\\{text}")),
        Some(text) => Cow::Borrowed(text),
    }
}

/// What a field means.
#[derive(Debug, PartialEq)]
pub enum Field<'field> {
    Null,
    /// Text that the column gives its meaning.
    Plain(&'field str),
    Integer(i64),
    Real(f64),
    Text(&'field str),
    Blob(Vec<u8>),
}

/// Reads a field.
///
/// # Errors
/// A sentence, when a single backslash begins something unknown.
pub fn decode(field: &str) -> Result<Field<'_>, String> {
    let Some(rest) = field.strip_prefix('\\') else {
        return Ok(Field::Plain(field));
    };
    let unknown = || format!("`{field}` begins with a backslash that has no meaning: double it");
    if rest == "N" {
        Ok(Field::Null)
    } else if rest.starts_with('\\') {
        Ok(Field::Plain(rest))
    } else if let Some(digits) = rest.strip_prefix("i:") {
        digits.parse().map(Field::Integer).map_err(|_| unknown())
    } else if let Some(digits) = rest.strip_prefix("r:") {
        digits.parse().map(Field::Real).map_err(|_| unknown())
    } else if let Some(text) = rest.strip_prefix("t:") {
        Ok(Field::Text(text))
    } else if is_unresolved(field) {
        Err(format!(
            "`{field}` stands for a reference that could not be looked up, and is no value"
        ))
    } else if let Some(digits) = rest.strip_prefix('x') {
        unhex(digits).map(Field::Blob).ok_or_else(unknown)
    } else {
        Err(unknown())
    }
}

/// Column names with their values, as JSON has them.
pub fn cells(columns: &[String], row: &Record) -> Map<String, Value> {
    columns
        .iter()
        .zip(row)
        .map(|(column, field)| {
            let value = match decode(field) {
                Ok(Field::Null) => Value::Null,
                Ok(Field::Plain(text)) => Value::from(text),
                _ => Value::from(field),
            };
            (column.clone(), value)
        })
        .collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fields that stand in these columns.
pub fn pick(row: &Record, columns: &[usize]) -> Record {
    columns.iter().filter_map(|at| row.get(*at)).collect()
}

/// Hashes the fields of a row that stand in these columns, in the order given.
///
/// The text that is hashed is `quote_nullable()` of every value, joined by commas, which is what
/// PostgreSQL computes for the same row on its side.
pub fn hash(row: &Record, columns: &[usize]) -> RowHash {
    let mut text = String::with_capacity(128);
    for (at, field) in columns.iter().filter_map(|at| row.get(*at)).enumerate() {
        if at > 0 {
            text.push(',');
        }
        quote_nullable(field, &mut text);
    }
    let digest = Sha256::digest(text.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    RowHash(half)
}

/// What PostgreSQL's `quote_nullable()` makes of the value; tagged values keep their tag, which
/// no plain value can be mistaken for.
fn quote_nullable(field: &str, text: &mut String) {
    let value = match field.strip_prefix('\\') {
        None => field,
        Some("N") => return text.push_str("NULL"),
        Some(plain) if plain.starts_with('\\') => plain,
        Some(tagged) => {
            text.push('T');
            tagged
        }
    };
    if value.contains('\\') {
        text.push('E');
    }
    text.push('\'');
    for piece in value.split_inclusive(['\'', '\\']) {
        text.push_str(piece);
        if piece.ends_with(['\'', '\\']) {
            text.push_str(&piece[piece.len() - 1..]);
        }
    }
    text.push('\'');
}

/// The digest of a table: its compared columns and the hashes of its rows in key order.
pub struct TableDigest {
    hash: Sha256,
    rows: u64,
}

impl TableDigest {
    pub fn new<'name>(columns: impl Iterator<Item = &'name str>) -> Self {
        let mut hash = Sha256::new();
        for column in columns {
            hash.update(column);
            hash.update([0]);
        }
        TableDigest { hash, rows: 0 }
    }

    pub fn add(&mut self, row: RowHash) {
        self.hash.update(row.0);
        self.rows += 1;
    }

    pub fn finish(self) -> LookupState {
        LookupState {
            rows: self.rows,
            digest: hex(&self.hash.finalize()[..16]),
        }
    }
}

/// What a lookup table holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LookupState {
    pub rows: u64,
    /// Hexadecimal digits; equal for equal rows.
    pub digest: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_and_null_round_trip() {
        for text in [
            "", "x", "\\", "\\N", "\\\\N", "NULL", " a ", "\\x00", "\\t:a",
        ] {
            let spelled = encode(Some(text));
            assert_ne!(spelled, NULL);
            assert_eq!(decode(&spelled), Ok(Field::Plain(text)));
        }
        assert_eq!(decode(&encode(None)), Ok(Field::Null));
    }

    #[test]
    fn tags_are_read_and_nonsense_refused() {
        assert_eq!(decode("\\i:-5"), Ok(Field::Integer(-5)));
        assert_eq!(decode("\\r:0.5"), Ok(Field::Real(0.5)));
        assert_eq!(decode("\\t:\\N"), Ok(Field::Text("\\N")));
        assert_eq!(decode("\\x00ff"), Ok(Field::Blob(vec![0, 255])));
        for nonsense in [
            "\\", "\\q", "\\?7", "\\x0", "\\xzz", "\\i:", "\\i:1.5", "\\xé",
        ] {
            assert!(decode(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn hashes_tell_apart_what_differs() {
        let all = [
            vec!["a", "b"],
            vec!["a,b"],
            vec!["a','b"],
            vec![NULL, "b"],
            vec!["NULL", "b"],
            vec!["\\\\N", "b"],
            vec!["", "b"],
            vec!["\\x00"],
            vec!["\\\\x00"],
            vec!["1"],
            vec!["\\i:1"],
            vec!["\\t:1"],
            vec!["\\?1"],
            vec!["\\\\?1"],
        ];
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                let [one, other] = [one, other].map(|row| Record::from(row.clone()));
                let hashed = |row| hash(row, &[0, 1]);
                assert_ne!(hashed(&one), hashed(&other), "{one:?} {other:?}");
            }
        }
    }
}
