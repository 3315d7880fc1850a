//! Temporary databases of both kinds, and the migrations to fill them with.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use app::address::DatabaseAddress;
use app::database::{AnyConnection, connect};
use diesel::connection::{Connection, SimpleConnection};
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query};
use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Postgresql,
    Sqlite,
}

impl Backend {
    /// Where this backend's migrations are.
    pub(crate) fn folder(self) -> PathBuf {
        let name = match self {
            Self::Postgresql => "postgres",
            Self::Sqlite => "sqlite",
        };
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../migrations")
            .join(name)
    }
}

pub(crate) struct Migration {
    pub(crate) name: String,
    pub(crate) up: String,
    pub(crate) down: String,
}

/// Every migration of the backend, oldest first.
pub(crate) fn migrations(backend: Backend) -> Vec<Migration> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(backend.folder())
        .expect("the migrations folder")
        .map(|entry| entry.expect("a migration").path())
        .collect();
    folders.sort();
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    folders
        .into_iter()
        .map(|folder| Migration {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            up: read(folder.join("up.sql")),
            down: read(folder.join("down.sql")),
        })
        .collect()
}

/// A database that vanishes with this value.
pub(crate) struct Database {
    pub(crate) address: DatabaseAddress,
    place: Place,
}

enum Place {
    Server {
        administration_url: String,
        name: String,
    },
    Directory {
        _directory: TempDir,
    },
}

impl Database {
    pub(crate) fn empty(backend: Backend) -> Self {
        match backend {
            Backend::Postgresql => Self::on_server(),
            Backend::Sqlite => Self::in_directory(),
        }
    }

    pub(crate) fn migrated(backend: Backend) -> Self {
        let database = Self::empty(backend);
        let mut connection = database.migrator();
        for migration in migrations(backend) {
            run(&mut connection, &migration.up)
                .unwrap_or_else(|error| panic!("{}: {error}", migration.name));
        }
        database
    }

    fn in_directory() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("app.db");
        std::fs::write(&path, "").expect("an empty file is an empty database");
        Self {
            address: DatabaseAddress::Sqlite(path),
            place: Place::Directory {
                _directory: directory,
            },
        }
    }

    fn on_server() -> Self {
        let administration_url = std::env::var("XTASK_TEST_POSTGRES")
            .unwrap_or_else(|_| panic!("XTASK_TEST_POSTGRES is not set: run `cargo xtask test`"));
        let name = unique_name();
        let mut connection = PgConnection::establish(&administration_url).expect("the test server");
        connection
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .expect("the right to create databases");
        let (server, parameters) = match administration_url.split_once('?') {
            Some((server, parameters)) => (server, format!("?{parameters}")),
            None => (administration_url.as_str(), String::new()),
        };
        let (server, _) = server
            .rsplit_once('/')
            .expect("a URL that ends in /DATABASE");
        Self {
            address: DatabaseAddress::Postgresql(format!("{server}/{name}{parameters}")),
            place: Place::Server {
                administration_url,
                name,
            },
        }
    }

    /// A connection as the application opens it.
    pub(crate) fn connect(&self) -> AnyConnection {
        connect(&self.address).expect("a connection to the test database")
    }

    /// A connection as migrations need it: SQLite rebuilds tables with foreign keys unchecked.
    pub(crate) fn migrator(&self) -> AnyConnection {
        let mut connection = self.connect();
        if matches!(connection, AnyConnection::Sqlite(_)) {
            connection
                .batch_execute("PRAGMA foreign_keys = OFF")
                .expect("a setting");
        }
        connection
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Place::Server {
            administration_url,
            name,
        } = &self.place
        else {
            return;
        };
        // A failure here must not hide why the test itself failed.
        if let Ok(mut connection) = PgConnection::establish(administration_url) {
            let _ = connection.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// Several test runs may share a server, hence the process and the time.
fn unique_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    format!("app_test_{}_{now}_{counter}", std::process::id())
}

/// Runs a script in one transaction, as migrations are run.
pub(crate) fn run(connection: &mut AnyConnection, script: &str) -> QueryResult<()> {
    connection.transaction(|connection| connection.batch_execute(script))
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The rows of a query whose only column is a text called `line`.
pub(crate) fn lines(connection: &mut AnyConnection, query: &str) -> Vec<String> {
    sql_query(query)
        .load::<Line>(connection)
        .unwrap_or_else(|error| panic!("{query}: {error}"))
        .into_iter()
        .map(|row| row.line)
        .collect()
}
