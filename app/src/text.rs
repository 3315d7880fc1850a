//! Text as clients send it.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, de::Error as _};

/// Text that every database can store: PostgreSQL has no NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.contains('\0') {
            true => Err(D::Error::custom("text may not hold the character NUL")),
            false => Ok(Self(text)),
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}
