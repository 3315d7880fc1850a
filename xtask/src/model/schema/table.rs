//! The name of a table, as people write it and as the database knows it.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::model::backend::Backend;

/// A table, qualified with its schema where there is one.
///
/// It is written `name` or `schema.name`; a part that holds a dot or a quote is put in double
/// quotes, as in SQL. SQLite tables have no schema. In a configuration the schema may be left
/// out; in what a database reports it is left out for the schema `public` alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    pub schema: Option<String>,
    pub name: String,
}

impl TableName {
    pub fn new(schema: Option<&str>, name: &str) -> Self {
        TableName {
            schema: schema
                .filter(|schema| *schema != "public")
                .map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// A name as people write it.
    ///
    /// # Errors
    /// A sentence, when a quote is not closed or a part is empty.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = vec![String::new()];
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '.' => parts.push(String::new()),
                '"' => loop {
                    match letters.next() {
                        Some('"') if letters.peek() == Some(&'"') => {
                            letters.next();
                            push(&mut parts, '"');
                        }
                        Some('"') => break,
                        Some(quoted) => push(&mut parts, quoted),
                        None => return Err(format!("the table name {text} has an open quote")),
                    }
                },
                _ => push(&mut parts, letter),
            }
        }
        if parts.iter().any(String::is_empty) {
            return Err(format!("`{text}` is not a table name"));
        }
        match parts.as_slice() {
            [name] => Ok(TableName::new(None, name)),
            [schema, name] => Ok(TableName::new(Some(schema), name)),
            _ => Err(format!(
                "`{text}` has more than two parts: use schema.table"
            )),
        }
    }

    /// With its schema even where that is `public`; `backend` says whether there are schemas.
    pub fn qualified(&self, backend: Backend) -> String {
        match (&self.schema, backend) {
            (None, Backend::Postgres) => format!("public.{self}"),
            _ => self.to_string(),
        }
    }

    /// The name of a file for this table, fit for every file system.
    pub fn file_stem(&self) -> String {
        self.to_string()
            .chars()
            .map(|letter| match letter {
                '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%' => {
                    format!("%{:02X}", u32::from(letter))
                }
                letter if letter.is_control() => format!("%{:02X}", u32::from(letter)),
                letter => letter.to_string(),
            })
            .collect()
    }
}

fn push(parts: &mut [String], letter: char) {
    if let Some(last) = parts.last_mut() {
        last.push(letter);
    }
}

/// A name as SQL has it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl TableName {
    /// As SQL has it.
    pub fn quoted(&self) -> String {
        let parts = self.schema.iter().chain([&self.name]);
        let parts: Vec<String> = parts.map(|part| quoted(part)).collect();
        parts.join(".")
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &str| {
            if part.contains(['.', '"']) {
                quoted(part)
            } else {
                part.to_owned()
            }
        };
        if let Some(schema) = &self.schema {
            write!(formatter, "{}.", part(schema))?;
        }
        formatter.write_str(&part(&self.name))
    }
}

impl Serialize for TableName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TableName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        TableName::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for text in [
            "fees",
            "billing.fees",
            "\"odd.name\"",
            "a.\"b \"\"c\"\".d\"",
            "Größe",
        ] {
            assert_eq!(TableName::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(TableName::parse("public.fees"), TableName::parse("fees"));
        for bad in ["", ".", "a.b.c", "\"open", "a."] {
            assert!(TableName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn file_names_never_leave_their_folder() {
        assert_eq!(
            TableName::new(None, "../a/b").file_stem(),
            "\"..%2Fa%2Fb\"".replace('"', "%22")
        );
    }
}
