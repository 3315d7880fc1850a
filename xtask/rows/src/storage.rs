//! Values of SQLite with their storage class, and how a field of a CSV export spells them.
//! <https://www.sqlite.org/datatype3.html>

use crate::key_order::Reading;
use crate::row::{self, Field, Record, hex};

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// What a column's declared type makes of plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// `INTEGER` and `NUMERIC`: integers where the text is one, then reals.
    Numeric,
    Real,
    /// `TEXT`, and columns that take values as they come.
    Text,
}

impl Affinity {
    /// <https://www.sqlite.org/datatype3.html#determination_of_column_affinity>
    pub fn of(declared: &str) -> Affinity {
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

    pub fn reading(self) -> Reading {
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

/// The fields of a row; a value beyond the columns is text.
pub fn spell(values: &[Value], affinities: &[Affinity]) -> Record {
    let behind = std::iter::repeat(&Affinity::Text);
    let fields = values.iter().zip(affinities.iter().chain(behind));
    fields.map(|(value, column)| value.spell(*column)).collect()
}

impl Value {
    /// The spelling of a value in a column: plain where the column gives it back, else tagged.
    pub fn spell(&self, affinity: Affinity) -> String {
        match self {
            Value::Null => row::NULL.to_owned(),
            Value::Integer(number) if affinity == Affinity::Numeric => number.to_string(),
            Value::Integer(number) => format!("\\i:{number}"),
            Value::Real(number) if affinity != Affinity::Text => real(*number),
            Value::Real(number) => format!("\\r:{}", real(*number)),
            Value::Text(text) if affinity == Affinity::Text || affinity.natural(text) == *self => {
                row::encode(Some(text)).into_owned()
            }
            Value::Text(text) => format!("\\t:{text}"),
            Value::Blob(bytes) => format!("\\x{}", hex(bytes)),
        }
    }

    /// The value that a field stands for in a column.
    ///
    /// # Errors
    /// A sentence, when the field is spelled as nothing that was ever written.
    pub fn read(field: &str, affinity: Affinity) -> Result<Value, String> {
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
