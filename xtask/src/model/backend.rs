//! The kinds of database there are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of database behind a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    Postgres,
    Sqlite,
}

impl Backend {
    /// The folder below `migrations/` and the word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Postgres => "postgres",
            Backend::Sqlite => "sqlite",
        }
    }

    /// The file ending of a backup.
    pub fn backup_ending(self) -> &'static str {
        match self {
            Backend::Postgres => "dump",
            Backend::Sqlite => "sqlite3",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Backend::Postgres => "PostgreSQL",
            Backend::Sqlite => "SQLite",
        })
    }
}
