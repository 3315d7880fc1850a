//! What in a migration may hurt the target, whatever rows it has.

use serde::Serialize;

/// One statement of a migration that deserves a second look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hazard {
    /// The rule that found it, such as `ban-drop-column`.
    pub rule: String,
    /// In `up.sql`, counted from 1.
    pub line: usize,
    pub message: String,
    /// What to do instead.
    pub help: Option<String>,
}

impl Hazard {
    /// A statement that cannot be seen into.
    pub fn opaque(line: usize, reason: &str) -> Self {
        Hazard {
            rule: "opaque-statement".to_owned(),
            line,
            message: format!("It is not known which rows this destroys: {reason}."),
            help: Some("See for yourself, or write it as plain statements.".to_owned()),
        }
    }
}
