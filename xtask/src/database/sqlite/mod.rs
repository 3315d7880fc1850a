//! SQLite.

mod backup;
mod boundary;
mod catalog;
mod compare;
mod conditions;
mod contents;
mod hazards;
mod keys;
mod measure;
mod migrate;
mod read;
mod references;
mod row_checks;
mod scratch;
mod spelling;
mod staging;
mod statements;
mod tokens;
mod value;
mod words;
mod write;

pub(super) use backup::{open_replacement, read as read_backup};
pub(super) use hazards::hazards;
pub(super) use scratch::restore_into_scratch;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use diesel::connection::{AnsiTransactionManager, SimpleConnection};
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{Connection, RunQueryDsl, sql_query};

use super::staged::Staged;
use super::{Session, Target};
use crate::model::limits::Limits;
use crate::model::schema::table::TableName;
use crate::model::url::DatabaseUrl;
use crate::problem::{BROKEN_RULE, Code, Problem};
use value::{Values, bind};

/// How often to try to see one moment with two connections, which others keep from by writing.
const ATTEMPTS: u32 = 100;

/// The moment is fixed by the first read, not by BEGIN.
const FIRST_READ: &str = "SELECT count(*) FROM sqlite_schema";

#[diesel::declare_sql_function]
extern "SQL" {
    /// A text's bytes in UTF-8, whatever the database stores.
    fn utf8_bytes(text: diesel::sql_types::Text) -> diesel::sql_types::Binary;
}

/// A session of either kind; what it may do was decided when it was opened.
pub(super) struct SqliteSession {
    connection: SqliteConnection,
    /// Whether text is stored in UTF-16, once that was asked for.
    is_utf16: Option<bool>,
    url: DatabaseUrl,
    /// SQLite has no limit for a statement.
    limits: Limits,
    /// A second connection that sees the moment of a session that looks, for its backup.
    moment: Option<rusqlite::Connection>,
    /// The tables in which it is measured what migrations do to rows.
    tracked: Vec<measure::Tracked>,
    /// How many rows were changed by the time of the last look.
    changes: u64,
    /// Tables whose rows are watched, in the order of their numbers in `__sync_watch`.
    watched: Vec<TableName>,
    /// Lookup tables that were staged, in order: the first is `__sync_staging_0`.
    staged: Vec<Staged<Vec<String>>>,
    /// Broken references before anything was changed, by child, row and parent.
    broken: BTreeMap<Vec<Option<String>>, u64>,
    /// The migrations that ran since references were checked.
    ran: Vec<String>,
}

pub(super) fn open(url: &DatabaseUrl) -> anyhow::Result<Box<dyn Session>> {
    let limits = Limits::default();
    let mut session = SqliteSession::connect(url, "ro", limits)?;
    match session.batch(FIRST_READ) {
        // A program was killed while it wrote: what it left half done has to be rolled back
        // before anybody can read, and a session that may write does that by reading.
        Err(error) if error.to_string().contains("readonly database") => {
            SqliteSession::connect(url, "rw", limits)?
                .batch(FIRST_READ)
                .map_err(|error| unreadable(url, &error))?;
            session = SqliteSession::connect(url, "ro", limits)?;
        }
        looked => looked.map_err(|error| unreadable(url, &error))?,
    }
    session.fix_moment()?;
    Ok(Box::new(session))
}

pub(super) fn open_target(url: &DatabaseUrl, limits: Limits) -> anyhow::Result<Box<dyn Target>> {
    let mut session = SqliteSession::connect(url, "rw", limits)?;
    session.begin()?;
    Ok(Box::new(session))
}

pub(super) fn run_script(url: &DatabaseUrl, script: &str) -> anyhow::Result<()> {
    let mut session = SqliteSession::connect(url, "rw", Limits::default())?;
    session
        .batch("PRAGMA foreign_keys = ON")
        .and_then(|()| {
            session
                .connection
                .immediate_transaction(|connection| connection.batch_execute(script))
        })
        .map_err(|error| failed(&error, &format!("run a script on {url}")))
}

impl SqliteSession {
    fn connect(url: &DatabaseUrl, mode: &str, limits: Limits) -> anyhow::Result<Self> {
        must_exist(url)?;
        let mut connection = SqliteConnection::establish(&address(url.path(), mode))
            .map_err(|error| unreadable(url, &error))?;
        connection
            .batch_execute(&format!(
                "PRAGMA busy_timeout = {}; {}",
                limits.lock_timeout.as_millis(),
                boundary::SETTINGS
            ))
            .map_err(|error| unreadable(url, &error))?;
        Ok(SqliteSession {
            connection,
            is_utf16: None,
            url: url.clone(),
            limits,
            moment: None,
            tracked: Vec::new(),
            changes: 0,
            watched: Vec::new(),
            staged: Vec::new(),
            broken: BTreeMap::new(),
            ran: Vec::new(),
        })
    }

    /// What sorts a column by its storage class, and text by its bytes in UTF-8. The collation
    /// BINARY compares what is stored, which sorts otherwise where that is UTF-16.
    fn in_order(&mut self, column: &str) -> anyhow::Result<String> {
        let is_utf16 = match self.is_utf16 {
            Some(known) => known,
            None => {
                let encoding = self.value("PRAGMA encoding")?.unwrap_or_default();
                let is_utf16 = encoding.starts_with("UTF-16");
                if is_utf16 {
                    utf8_bytes_utils::register_impl(&mut self.connection, String::into_bytes)
                        .map_err(|error| failed(&error, "register a function"))?;
                }
                *self.is_utf16.insert(is_utf16)
            }
        };
        Ok(match is_utf16 {
            true => format!(
                "CASE typeof({column}) WHEN 'text' THEN hex(utf8_bytes({column})) ELSE {column} END"
            ),
            false => format!("{column} COLLATE BINARY"),
        })
    }

    /// Begins a transaction that writes.
    fn begin(&mut self) -> anyhow::Result<()> {
        let url = self.url.clone();
        // With foreign keys on, rebuilding a parent table in a transaction would silently empty
        // its children, and the pragma does nothing once a transaction is open. References are
        // checked before COMMIT instead.
        self.batch("PRAGMA foreign_keys = OFF")
            .map_err(|error| unreadable(&url, &error))?;
        AnsiTransactionManager::begin_transaction_sql(&mut self.connection, "BEGIN IMMEDIATE")
            .map_err(|error| {
                if is_busy(&error) {
                    busy(&url)
                } else {
                    unreadable(&url, &error)
                }
            })?;
        self.broken = self.broken_references()?;
        self.note_again()
    }

    /// Begins to read on both connections, again and again until nobody wrote in between.
    fn fix_moment(&mut self) -> anyhow::Result<()> {
        let url = self.url.clone();
        let begin = format!("BEGIN; {FIRST_READ}");
        self.batch(&begin)
            .map_err(|error| unreadable(&url, &error))?;
        for _ in 0..ATTEMPTS {
            // A number that changes with what others have committed.
            let before = self.value("PRAGMA data_version")?;
            let moment =
                backup::open_moment(url.path()).map_err(|error| unreadable(&url, &error))?;
            self.batch(&format!("COMMIT; {begin}"))
                .map_err(|error| unreadable(&url, &error))?;
            if self.value("PRAGMA data_version")? == before {
                self.moment = Some(moment);
                return Ok(());
            }
        }
        Err(Problem::new(
            Code::Busy,
            format!("other programs write to {url} without a pause"),
        )
        .hint("wait until they have ended, or stop them, then try again")
        .into())
    }

    fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.connection.batch_execute(sql)
    }

    /// Runs a query; every column comes as text.
    fn query(
        &mut self,
        sql: &str,
        parameters: &[Option<String>],
    ) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        let mut query = sql_query(sql).into_boxed::<Sqlite>();
        for parameter in parameters {
            query = query
                .bind::<diesel::sql_types::Nullable<diesel::sql_types::Text>, _>(parameter.clone());
        }
        let rows: Vec<Values> = query
            .load(&mut self.connection)
            .map_err(|error| failed(&error, "query"))?;
        rows.into_iter().map(Values::into_texts).collect()
    }

    /// The first field of the first row.
    fn value(&mut self, sql: &str) -> anyhow::Result<Option<String>> {
        let rows = self.query(sql, &[])?;
        Ok(rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next())
            .flatten())
    }

    fn run(&mut self, sql: &str, what: &str) -> anyhow::Result<u64> {
        let count = sql_query(sql)
            .execute(&mut self.connection)
            .map_err(|error| failed(&error, what))?;
        Ok(count as u64)
    }

    fn run_with(
        &mut self,
        sql: &str,
        values: Vec<value::Value>,
        what: &str,
    ) -> anyhow::Result<u64> {
        let query = values
            .into_iter()
            .fold(sql_query(sql).into_boxed::<Sqlite>(), bind);
        let count = query
            .execute(&mut self.connection)
            .map_err(|error| failed(&error, what))?;
        Ok(count as u64)
    }
}

/// # Errors
/// `unreachable` where there is no file: a mistyped path must not become a new database.
fn must_exist(url: &DatabaseUrl) -> anyhow::Result<()> {
    if url.path().is_file() {
        return Ok(());
    }
    Err(Problem::new(
        Code::Unreachable,
        format!("there is no database file {}", url.path().display()),
    )
    .hint("correct the path; for a new database make an empty file first")
    .into())
}

/// A URI for SQLite, in which a path may hold any character.
/// <https://www.sqlite.org/uri.html>
fn address(path: &Path, parameters: &str) -> String {
    let mut address = "file:".to_owned();
    for letter in path.to_string_lossy().chars() {
        if matches!(letter, '%' | '?' | '#') {
            let _ = write!(address, "%{:02X}", u32::from(letter));
        } else {
            address.push(letter);
        }
    }
    format!("{address}?mode={parameters}")
}

fn unreadable(url: &DatabaseUrl, error: &dyn std::fmt::Display) -> anyhow::Error {
    Problem::new(Code::Unreachable, format!("failed to open {url}: {error}"))
        .hint("check that the file is a SQLite database, and that it may be read and written")
        .into()
}

/// Another program has the file. What SQLite says of a table that is locked is about statements of
/// one's own.
fn is_busy(error: &dyn std::fmt::Display) -> bool {
    error.to_string().contains("database is locked")
}

fn busy(url: &DatabaseUrl) -> anyhow::Error {
    Problem::new(Code::Busy, format!("another program is writing to {url}"))
        .hint("wait until it has ended, or stop it, then try again")
        .into()
}

/// Whoever holds a lock on the file, it has left no name.
fn locked(what: &str, words: &str) -> Problem {
    Problem::new(Code::LockTimeout, format!("failed to {what}: {words}")).hint(
        "another program reads or writes the database, and SQLite does not tell which: run it again when that has ended",
    )
}

/// An error in words, with a code where SQLite gave it a kind. `what` follows "failed to".
fn failed(error: &Error, what: &str) -> anyhow::Error {
    let message = format!("failed to {what}: {error}");
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation,
            _,
        ) => Problem::new(Code::ConstraintViolated, message)
            .hint(BROKEN_RULE)
            .into(),
        error if is_busy(error) => locked(what, &error.to_string()).into(),
        _ => Problem::new(Code::Failed, message)
            .hint("these are SQLite's own words: mend what they name, then run it again")
            .into(),
    }
}
