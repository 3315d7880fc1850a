//! Reads `DATABASE_URL`: which database, and where.

use std::path::PathBuf;

/// Where the database is. Not printable, because a URL may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseAddress {
    /// A libpq connection URL.
    Postgresql(String),
    /// A SQLite file.
    Sqlite(PathBuf),
}

impl DatabaseAddress {
    /// Reads `postgres://…`, `postgresql://…`, `sqlite:PATH` or `sqlite://PATH`.
    ///
    /// # Errors
    /// When the scheme is another one, or the path is empty; the message never repeats the URL.
    pub fn parse(url: &str) -> Result<Self, String> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgresql(url.to_owned()));
        }
        let path = url
            .strip_prefix("sqlite://")
            .or_else(|| url.strip_prefix("sqlite:"));
        match path {
            Some("") => Err("the database URL names no SQLite file: write sqlite:PATH".to_owned()),
            Some(path) => Ok(Self::Sqlite(PathBuf::from(path))),
            None => Err(match url.split_once(':') {
                Some((scheme, _)) => format!(
                    "unknown database scheme {scheme}: use postgres://, postgresql:// or sqlite:"
                ),
                None => "the database URL has no scheme: use postgres://, postgresql:// or sqlite:"
                    .to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DatabaseAddress;

    fn path(url: &str) -> Option<String> {
        match DatabaseAddress::parse(url) {
            Ok(DatabaseAddress::Sqlite(path)) => path.to_str().map(str::to_owned),
            _ => None,
        }
    }

    #[test]
    fn sqlite_paths_are_taken_as_they_are() {
        assert_eq!(path("sqlite:data/app.db").as_deref(), Some("data/app.db"));
        assert_eq!(path("sqlite://data/app.db").as_deref(), Some("data/app.db"));
        assert_eq!(
            path("sqlite:///srv/a b%.db").as_deref(),
            Some("/srv/a b%.db")
        );
    }

    #[test]
    fn both_postgresql_schemes_are_known() {
        for url in ["postgres://localhost/app", "postgresql://localhost/app"] {
            assert!(DatabaseAddress::parse(url) == Ok(DatabaseAddress::Postgresql(url.to_owned())));
        }
    }

    #[test]
    fn other_schemes_are_refused_without_repeating_the_password() {
        let error = DatabaseAddress::parse("mysql://root:secret@localhost/app").err();
        assert_eq!(
            error.as_deref(),
            Some("unknown database scheme mysql: use postgres://, postgresql:// or sqlite:")
        );
        assert!(DatabaseAddress::parse("app.db").is_err());
        assert!(DatabaseAddress::parse("sqlite:").is_err());
        assert!(DatabaseAddress::parse("sqlite://").is_err());
    }
}
