//! The order of keys: the same in the program as in both databases.

use std::cmp::Ordering;

use crate::row::{Field, Record, decode};

/// What the plain text of a value means where order and storage are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Number,
    Text,
    /// Text of a type that takes some values for equal that are spelled differently, such as the
    /// numbers 1.0 and 1.00. Here they are as different as they look.
    Spelling,
}

/// Compares two keys field by field, in the order in which both backends return rows. Keys of equal
/// numbers that are not of one storage class come behind each other, integers first.
pub fn compare_keys(one: &Record, other: &Record, readings: &[Reading]) -> Ordering {
    compare_key_values(one, other, readings).then_with(|| {
        compare_fields_with(one, other, readings, |one, other| {
            one.compare_classes(other)
        })
    })
}

/// As [`compare_keys`], but keys that no unique constraint would tell apart are equal.
pub fn compare_key_values(one: &Record, other: &Record, readings: &[Reading]) -> Ordering {
    compare_fields_with(one, other, readings, |one, other| one.compare(other))
}

fn compare_fields_with(
    one: &Record,
    other: &Record,
    readings: &[Reading],
    compare: fn(&Sortable<'_>, &Sortable<'_>) -> Ordering,
) -> Ordering {
    one.iter()
        .zip(other.iter())
        .zip(readings)
        .map(|((one, other), reading)| {
            compare(&Sortable::of(one, *reading), &Sortable::of(other, *reading))
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Compares to the last digit, which a conversion to a real would lose.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the real was found to be within the range"
)]
fn integer_and_real(integer: i64, real: f64) -> Ordering {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if real >= BEYOND {
        Ordering::Less
    } else if real < -BEYOND {
        Ordering::Greater
    } else {
        let fraction = 0.0_f64.partial_cmp(&real.fract());
        integer
            .cmp(&(real.trunc() as i64))
            .then(fraction.unwrap_or(Ordering::Equal))
    }
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

    /// NULL, then numbers by value, then text by bytes, then blobs by bytes.
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Sortable::Integer(one), Sortable::Integer(other)) => one.cmp(other),
            (Sortable::Integer(one), Sortable::Real(other)) => integer_and_real(*one, *other),
            (Sortable::Real(one), Sortable::Integer(other)) => {
                integer_and_real(*other, *one).reverse()
            }
            (Sortable::Real(one), Sortable::Real(other)) => one
                .partial_cmp(other)
                .unwrap_or_else(|| one.total_cmp(other)),
            (Sortable::Bytes(one), Sortable::Bytes(other))
            | (Sortable::Blob(one), Sortable::Blob(other)) => one.as_bytes().cmp(other.as_bytes()),
            (one, other) => one.rank().cmp(&other.rank()),
        }
    }

    /// Tells numbers apart that have one value: 1, 1.0 and, before them, -0.0.
    fn compare_classes(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Sortable::Real(one), Sortable::Real(other)) => one.total_cmp(other),
            (Sortable::Integer(_), Sortable::Real(_)) => Ordering::Less,
            (Sortable::Real(_), Sortable::Integer(_)) => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare_fields(one: &str, other: &str, reading: Reading) -> Ordering {
        let record = |field: &str| Record::from(vec![field]);
        compare_keys(&record(one), &record(other), &[reading])
    }

    #[test]
    fn numbers_sort_to_the_last_digit() {
        let sorted = [
            "-9223372036854775808",
            "-1",
            "-0.5",
            "-0.0",
            "0.0",
            "0.5",
            "1",
            "1.0",
            "1.5",
            "9007199254740992",
            "9007199254740992.0",
            "9007199254740993",
            "9223372036854775807",
            "9.223372036854776e18",
        ];
        for (at, one) in sorted.iter().enumerate() {
            for other in &sorted[at + 1..] {
                let spell = |text: &str| {
                    let tag = if text.contains('.') { "r" } else { "i" };
                    format!("\\{tag}:{text}")
                };
                let found = compare_fields(&spell(one), &spell(other), Reading::Text);
                assert_eq!(found, Ordering::Less, "{one} {other}");
            }
        }
        // Values come before classes, whatever field they are in.
        let (one, other) = (
            Record::from(vec!["\\r:1.0", "a"]),
            Record::from(vec!["\\i:1", "b"]),
        );
        let readings = [Reading::Text, Reading::Text];
        assert_eq!(compare_keys(&one, &other, &readings), Ordering::Less);
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
