//! One row as text: how values are spelled, hashed and put in order, the same everywhere.
//!
//! A [`Record`] holds the fields exactly as they stand in a CSV export: `\N` is NULL, a value
//! that begins with a backslash has one more in front, and (SQLite only) a value whose storage
//! class its column does not suggest carries a tag: `\i:` integer, `\r:` real, `\t:` text,
//! `\x` blob in hexadecimal digits.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use csv::StringRecord;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::catalog::{Reading, hex};

/// The fields of a row, or of its key, spelled as in a CSV export.
pub type Record = StringRecord;

/// Rows to look keys up in.
pub type KeySet = BTreeSet<Vec<String>>;

/// A key as it is looked up.
pub fn owned(key: &Record) -> Vec<String> {
    key.iter().map(str::to_owned).collect()
}

/// The field that stands for NULL.
pub const NULL: &str = "\\N";

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

/// Hashes the compared fields of a row, in the order given.
///
/// The text that is hashed is `quote_nullable()` of every value, joined by commas, which is what
/// PostgreSQL computes for the same row on its side.
pub fn hash<'field>(fields: impl Iterator<Item = &'field str>) -> RowHash {
    let mut text = String::with_capacity(128);
    for (at, field) in fields.enumerate() {
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
    for letter in value.chars() {
        if letter == '\'' || letter == '\\' {
            text.push(letter);
        }
        text.push(letter);
    }
    text.push('\'');
}

/// Compares two keys field by field, in the order in which both backends return rows.
pub fn compare_keys(one: &Record, other: &Record, readings: &[Reading]) -> Ordering {
    one.iter()
        .zip(other.iter())
        .zip(readings)
        .map(|((one, other), reading)| compare_fields(one, other, *reading))
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// NULL, then numbers by value, then text by bytes, then blobs by bytes.
fn compare_fields(one: &str, other: &str, reading: Reading) -> Ordering {
    let (one, other) = (Sortable::of(one, reading), Sortable::of(other, reading));
    one.rank()
        .cmp(&other.rank())
        .then_with(|| match (one, other) {
            (Sortable::Integer(one), Sortable::Integer(other)) => one.cmp(&other),
            (Sortable::Bytes(one), Sortable::Bytes(other))
            | (Sortable::Blob(one), Sortable::Blob(other)) => one.as_bytes().cmp(other.as_bytes()),
            (one, other) => one.number().total_cmp(&other.number()),
        })
}

/// A number as it is spelled; `infinity` and its like are words to a database.
fn real(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (format!("{number:?}") == text).then_some(number)
}

enum Sortable<'field> {
    Null,
    Integer(i64),
    Real(f64),
    Bytes(&'field str),
    /// Hexadecimal digits sort as the bytes do.
    Blob(&'field str),
}

impl<'field> Sortable<'field> {
    fn of(field: &'field str, reading: Reading) -> Self {
        match decode(field) {
            Ok(Field::Null) => Sortable::Null,
            Ok(Field::Integer(number)) => Sortable::Integer(number),
            Ok(Field::Real(number)) => Sortable::Real(number),
            Ok(Field::Blob(_)) => Sortable::Blob(field),
            Ok(Field::Plain(text)) if reading == Reading::Number => {
                if let Ok(number) = text.parse() {
                    Sortable::Integer(number)
                } else if let Some(number) = real(text) {
                    Sortable::Real(number)
                } else {
                    Sortable::Bytes(text)
                }
            }
            Ok(Field::Plain(text) | Field::Text(text)) => Sortable::Bytes(text),
            Err(_) => Sortable::Bytes(field),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Sortable::Null => 0,
            Sortable::Integer(_) | Sortable::Real(_) => 1,
            Sortable::Bytes(_) => 2,
            Sortable::Blob(_) => 3,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "only an integer beside a real is compared so"
    )]
    fn number(&self) -> f64 {
        match self {
            Sortable::Integer(number) => *number as f64,
            Sortable::Real(number) => *number,
            _ => 0.0,
        }
    }
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
        for nonsense in ["\\", "\\q", "\\x0", "\\xzz", "\\i:", "\\i:1.5", "\\xé"] {
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
        ];
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                assert_ne!(
                    hash(one.iter().copied()),
                    hash(other.iter().copied()),
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn keys_sort_as_databases_sort() {
        let sorted = [
            "\\N", "-5", "2", "10", "\\r:10.5", "\\t:1", "\\t:2", "\\x00", "\\x01",
        ];
        for pair in sorted.windows(2) {
            assert_eq!(
                compare_fields(pair[0], pair[1], Reading::Number),
                Ordering::Less,
                "{pair:?}"
            );
        }
        assert_eq!(compare_fields("10", "2", Reading::Text), Ordering::Less);
        assert_eq!(compare_fields("Z", "a", Reading::Text), Ordering::Less);
    }
}
