//! One connection type for both databases, and a pool of them.

use std::path::Path;
use std::time::Duration;

use diesel::connection::{Connection, SimpleConnection};
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::{ConnectionError, ConnectionResult};

use crate::address::DatabaseAddress;

/// How long a request waits for a free connection, or SQLite for another process's lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// Requests that ask the database at the same time; the others wait.
const CONNECTIONS: u32 = 8;

/// A connection to either database, so that every query is written once.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// PostgreSQL.
    Postgresql(diesel::PgConnection),
    /// SQLite.
    Sqlite(diesel::SqliteConnection),
}

/// Opens one connection; a missing SQLite file is refused, never created.
///
/// # Errors
/// When the database cannot be reached.
pub fn connect(address: &DatabaseAddress) -> ConnectionResult<AnyConnection> {
    match address {
        DatabaseAddress::Postgresql(url) => {
            diesel::PgConnection::establish(url).map(AnyConnection::Postgresql)
        }
        DatabaseAddress::Sqlite(path) => connect_sqlite(path).map(AnyConnection::Sqlite),
    }
}

fn connect_sqlite(path: &Path) -> ConnectionResult<diesel::SqliteConnection> {
    let refuse = |reason: &str| {
        let message = format!("cannot open the SQLite file {}: {reason}", path.display());
        ConnectionError::BadConnection(message)
    };
    if !path.is_file() {
        return Err(refuse("there is no such file"));
    }
    let absolute = std::path::absolute(path).map_err(|error| refuse(&error.to_string()))?;
    let text = absolute
        .to_str()
        .ok_or_else(|| refuse("its path is not UTF-8"))?;
    // `mode=rw` keeps SQLite itself from creating the file, should it vanish just now.
    let uri = format!("file://{}?mode=rw", percent_encode(text));
    let mut connection = diesel::SqliteConnection::establish(&uri)?;
    let settings = format!(
        "PRAGMA busy_timeout = {}; PRAGMA foreign_keys = ON;",
        PATIENCE.as_millis()
    );
    connection
        .batch_execute(&settings)
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Keeps `?`, `#` and `%` in a path from meaning something in a URI.
fn percent_encode(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Opens connections for the pool; diesel's own manager would guess the database from the URL.
pub struct Connector(DatabaseAddress);

impl ManageConnection for Connector {
    type Connection = AnyConnection;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<AnyConnection, Self::Error> {
        connect(&self.0).map_err(diesel::r2d2::Error::ConnectionError)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), Self::Error> {
        connection.ping().map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}

/// The application's connections.
pub type Pool = diesel::r2d2::Pool<Connector>;

/// Connects once, so that a wrong address is reported at once and in full, then makes the pool.
///
/// # Errors
/// When the database cannot be reached.
pub fn open_pool(address: &DatabaseAddress) -> ConnectionResult<Pool> {
    connect(address)?;
    Ok(Pool::builder()
        .max_size(CONNECTIONS)
        .min_idle(Some(1))
        .connection_timeout(PATIENCE)
        .build_unchecked(Connector(address.clone())))
}

#[cfg(test)]
mod tests {
    use super::percent_encode;

    #[test]
    fn paths_cannot_smuggle_uri_parameters() {
        assert_eq!(
            percent_encode("/a b/c?mode=rwc#%.db"),
            "/a%20b/c%3Fmode%3Drwc%23%25.db"
        );
    }
}
