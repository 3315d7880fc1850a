//! Connection strings.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::backend::Backend;
use crate::model::limits::{Limits, keepalives};
use crate::model::url_spelling::{check_spelling, redacted, scrubbed, secrets, with_defaults};
use crate::problem::{Code, Problem};

/// A connection string. It prints without its password; only the database modules see the whole.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    backend: Backend,
    text: String,
    /// The file of a SQLite database, absolute.
    path: PathBuf,
    /// Every spelling of the password that a message could repeat.
    secrets: Vec<String>,
    /// How long a network that carries nothing is waited for.
    network_timeout: Duration,
}

impl DatabaseUrl {
    /// Checks a connection string; relative SQLite paths are taken from `root`.
    ///
    /// # Errors
    /// `url_invalid`, naming `variable` and never the text, which may hold a password.
    pub fn parse(text: &str, variable: &str, root: &Path) -> Result<Self, Problem> {
        let invalid = |what: &str| {
            Problem::new(
                Code::UrlInvalid,
                format!("{variable} is not a database URL: {what}"),
            )
            .hint("use postgres://user:password@host/database or sqlite:path/to/file.sqlite3")
        };
        let text = text.trim();
        if let Some(rest) = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
        {
            if rest.is_empty() {
                return Err(invalid("it names neither a host nor a database"));
            }
            check_spelling(rest).map_err(invalid)?;
            return Ok(DatabaseUrl {
                backend: Backend::Postgres,
                text: text.to_owned(),
                path: PathBuf::new(),
                secrets: secrets(rest),
                network_timeout: Limits::default().network_timeout,
            });
        }
        if let Some(rest) = text.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() {
                return Err(invalid("it names no file"));
            }
            if path.starts_with(":memory:") {
                return Err(invalid("a database in memory cannot be an environment"));
            }
            return Ok(DatabaseUrl {
                backend: Backend::Sqlite,
                text: text.to_owned(),
                path: root.join(path),
                secrets: Vec::new(),
                network_timeout: Limits::default().network_timeout,
            });
        }
        let scheme = text.split(':').next().unwrap_or_default();
        let plain = !scheme.is_empty()
            && scheme.len() < text.len()
            && scheme.len() <= 20
            && scheme
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
        Err(if plain {
            invalid(&format!("the scheme `{scheme}:` is not supported"))
        } else {
            invalid("it has no scheme")
        })
    }

    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The same with another limit on waiting for a network that carries nothing.
    #[must_use]
    pub fn with_network_timeout(self, network_timeout: Duration) -> Self {
        DatabaseUrl {
            network_timeout,
            ..self
        }
    }

    /// The whole connection string, for the database modules alone, with what ends a connection
    /// whose network carries nothing, unless it says that itself.
    pub(crate) fn secret_text(&self) -> String {
        with_defaults(&self.text, &keepalives(self.network_timeout))
    }

    /// The file of a SQLite database.
    #[cfg(feature = "sqlite")]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The URL of a SQLite database in this file.
    #[cfg(feature = "sqlite")]
    pub(crate) fn of_file(path: &Path) -> Self {
        DatabaseUrl {
            backend: Backend::Sqlite,
            text: format!("sqlite:{}", path.display()),
            path: path.to_owned(),
            secrets: Vec::new(),
            network_timeout: Limits::default().network_timeout,
        }
    }

    /// The URL of another database of the same server; `name` needs no escapes.
    #[cfg(feature = "postgres")]
    pub(crate) fn with_database(&self, name: &str) -> Self {
        let (scheme, rest) = self.text.split_once("://").unwrap_or(("postgres", ""));
        let (before_query, query) = match rest.split_once('?') {
            Some((before, query)) => (before, query),
            None => (rest, ""),
        };
        let authority = before_query.split('/').next().unwrap_or_default();
        let kept: Vec<&str> = query
            .split('&')
            .filter(|parameter| !parameter.is_empty() && !parameter.starts_with("dbname="))
            .collect();
        let query = match kept.is_empty() {
            true => String::new(),
            false => format!("?{}", kept.join("&")),
        };
        DatabaseUrl {
            text: format!("{scheme}://{authority}/{name}{query}"),
            ..self.clone()
        }
    }

    /// The same with a limit, in seconds, on waiting for a server, unless it has one of its own.
    pub fn hurried(&self, limit: u32) -> Self {
        let mut hurried = self.clone();
        if self.backend == Backend::Postgres {
            hurried.text = with_defaults(&self.text, &[("connect_timeout", limit.into())]);
        }
        hurried
    }

    /// The connection string without its password, and the password, for programs that take it
    /// from their environment rather than from their arguments.
    pub(crate) fn without_password(&self) -> (String, Option<String>) {
        use super::percent::percent_decoded;
        let text = self.secret_text();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None => return (text, None),
        };
        let (before_query, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = match before_query.find('/') {
            Some(slash) => before_query.split_at(slash),
            None => (before_query, ""),
        };
        let mut password = None;
        let authority = match authority.rsplit_once('@') {
            Some((user_info, hosts)) => match user_info.split_once(':') {
                Some((user, secret)) => {
                    password = Some(percent_decoded(secret));
                    format!("{user}@{hosts}")
                }
                None => authority.to_owned(),
            },
            None => authority.to_owned(),
        };
        let mut kept = Vec::new();
        for parameter in query.into_iter().flat_map(|query| query.split('&')) {
            match parameter.split_once('=') {
                Some(("password", secret)) => password = Some(percent_decoded(secret)),
                _ => kept.push(parameter),
            }
        }
        let query = if kept.is_empty() {
            String::new()
        } else {
            format!("?{}", kept.join("&"))
        };
        (format!("{scheme}://{authority}{path}{query}"), password)
    }

    /// `text` without any password of this URL; for messages that come from elsewhere.
    pub fn scrub(&self, text: &str) -> String {
        scrubbed(&text.replace(&self.text, &self.to_string()), &self.secrets)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.backend {
            Backend::Sqlite => formatter.write_str(&self.text),
            Backend::Postgres => formatter.write_str(&redacted(&self.text)),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "postgres")]
    #[test]
    fn another_database_of_the_same_server_has_the_same_way_to_it() {
        for (url, other) in [
            (
                "postgres://ann:secret@one,two:5433/shop?sslmode=require&dbname=shop",
                "postgres://ann:secret@one,two:5433/copy?sslmode=require",
            ),
            ("postgres:///shop?host=/run", "postgres:///copy?host=/run"),
            ("postgres://host", "postgres://host/copy"),
        ] {
            let url = DatabaseUrl::parse(url, "URL", Path::new("/")).unwrap();
            assert_eq!(url.with_database("copy").text, other);
        }
    }

    fn parse(text: &str) -> Result<DatabaseUrl, Problem> {
        DatabaseUrl::parse(text, "TEST_DATABASE_URL", Path::new("/root-of-workspace"))
    }

    #[test]
    fn passwords_never_print() {
        for text in [
            "postgres://ann:s3cr3t%40x@db.example:5432/shop?sslmode=require",
            "postgresql://ann@h1,h2:5433/shop?password=s3cr3t%40x&sslmode=require",
        ] {
            let url = parse(text).unwrap();
            for shown in [
                url.to_string(),
                format!("{url:?}"),
                url.without_password().0,
            ] {
                assert!(!shown.contains("s3cr3t"), "{shown}");
                assert!(shown.contains("sslmode=require"), "{shown}");
            }
            assert_eq!(url.without_password().1.as_deref(), Some("s3cr3t@x"));
            assert!(
                !url.scrub(&format!("bad uri {text} or s3cr3t@x"))
                    .contains("s3cr3t")
            );
        }
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        for text in [
            "postgres://ann:hun?hunter2@h/d",
            "postgres://ann:hun/hunter2@h/d",
            "postgres://ann:hun@hunter2@h/d",
            "postgres://h/d?p%61ssword=hunter2",
            "postgres://h/d?sslpassword=hunter2",
            "",
            "mysql://u:hunter2@h/d",
            "hunter2",
            "sqlite:",
            "sqlite::memory:",
            "postgres://",
            "host=db password=hunter2",
            "sqlite://",
        ] {
            let problem = parse(text).unwrap_err();
            assert_eq!(problem.code, Code::UrlInvalid, "{text}");
            assert!(problem.message.contains("TEST_DATABASE_URL"));
            assert!(!problem.message.contains("hunter2"), "{}", problem.message);
        }
    }

    #[test]
    fn sqlite_paths_are_taken_from_the_root() {
        for (text, path) in [
            ("sqlite:a/b.db", "/root-of-workspace/a/b.db"),
            ("sqlite://a/b.db", "/root-of-workspace/a/b.db"),
            ("sqlite:///a/b.db", "/a/b.db"),
            ("sqlite:/a/b.db", "/a/b.db"),
        ] {
            assert_eq!(parse(text).unwrap().path(), Path::new(path));
        }
    }
}
