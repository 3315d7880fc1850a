//! How much of a target is copied to try pending migrations on.

use serde::{Deserialize, Serialize};

use crate::problem::{Code, Problem};

/// What the configuration says of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RehearsalSettings {
    pub mode: RehearsalSetting,
    /// A database of more bytes is copied without the rows of protected tables.
    pub limit: u64,
}

/// Whether pending migrations are tried on a copy before they are planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RehearsalSetting {
    /// With all rows, up to the limit.
    #[default]
    #[serde(alias = "auto")]
    Full,
    /// With the schema and the rows of lookup tables.
    Schema,
    Off,
}

/// What a copy had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// All rows.
    Full,
    /// The schema and the rows of lookup tables.
    Schema,
}

/// 10 GB.
const DEFAULT_LIMIT: u64 = 10_000_000_000;

/// From large to small.
const UNITS: [(&str, u64); 5] = [
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

impl Default for RehearsalSettings {
    fn default() -> Self {
        RehearsalSettings {
            mode: RehearsalSetting::default(),
            limit: DEFAULT_LIMIT,
        }
    }
}

impl RehearsalSettings {
    /// Reads both keys of the environment of that name.
    ///
    /// # Errors
    /// `config_invalid`, naming the key.
    pub fn parse(
        environment: &str,
        mode: RehearsalSetting,
        limit: Option<&Size>,
    ) -> Result<Self, Problem> {
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(Size::Bytes(bytes)) => *bytes,
            Some(Size::Text(text)) => bytes(text).ok_or_else(|| {
                let message = format!(
                    "environment `{environment}`: `rehearsal_limit` is no size: \"{text}\""
                );
                Problem::new(Code::ConfigInvalid, message)
                    .hint("write a number of bytes, or one with its unit, such as \"500 MB\" or \"10 GB\"")
            })?,
        };
        Ok(RehearsalSettings { mode, limit })
    }
}

/// A size as a configuration has it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Size {
    Bytes(u64),
    Text(String),
}

fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_uppercase();
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
        .unwrap_or((&text, 1));
    number.trim().parse::<u64>().ok()?.checked_mul(unit)
}

/// Such as `12 GB`.
pub fn readable_size(bytes: u64) -> String {
    let unit = UNITS.iter().find(|(_, unit)| bytes >= *unit);
    let (name, unit) = unit.unwrap_or(&("B", 1));
    format!("{} {name}", bytes / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, expected) in [
            ("10 GB", Some(10_000_000_000)),
            ("500mb", Some(500_000_000)),
            ("7", Some(7)),
            ("7 B", Some(7)),
            ("-1", None),
            ("GB", None),
            ("99999999999 TB", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
        assert_eq!(readable_size(12_500_000_000), "12 GB");
        assert_eq!(readable_size(0), "0 B");
    }
}
