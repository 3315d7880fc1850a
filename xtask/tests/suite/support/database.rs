//! A real database for a test of its own, which goes away with the test.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use diesel::connection::SimpleConnection as _;
use diesel::deserialize::QueryableByName;
use diesel::pg::PgConnection;
use diesel::sql_types::{Nullable, Text};
use diesel::sqlite::SqliteConnection;
use diesel::{Connection as _, RunQueryDsl as _, sql_query};
use tempfile::TempDir;
use xtask::model::backend::Backend;
use xtask::model::url::DatabaseUrl;

/// The URL of the server that the tests make their databases on.
const SERVER: &str = "XTASK_TEST_POSTGRES";

/// The URLs of servers of other versions, with blanks between them, where there are any.
const OTHER_SERVERS: &str = "XTASK_TEST_POSTGRES_OTHER";

/// Databases of tests that were killed are dropped by a later run, this many seconds afterwards.
const LEFT_OVER: u64 = 3600;

/// A new and empty database.
pub(crate) struct Database {
    pub(crate) backend: Backend,
    /// As an environment variable would have it.
    pub(crate) url: String,
    place: Place,
    /// For the statements of the test itself: connecting to a server takes longer than most.
    /// A file is opened anew each time, because it may be replaced.
    kept: RefCell<Option<Connection>>,
}

enum Place {
    Folder(TempDir),
    Server { name: String, server: String },
}

/// A connection that a test keeps.
pub(crate) enum Connection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

impl Database {
    pub(crate) fn create(backend: Backend) -> Self {
        match backend {
            // The only template that nobody can be connected to.
            Backend::Postgres => Self::on(&server_url()),
            Backend::Sqlite => {
                let folder = folder();
                let file = folder.path().join("test.sqlite3");
                std::fs::write(&file, "").unwrap();
                Database {
                    backend,
                    url: format!("sqlite:{}", file.display()),
                    place: Place::Folder(folder),
                    kept: RefCell::default(),
                }
            }
        }
    }

    /// A database on which these statements were run.
    pub(crate) fn with(backend: Backend, sql: &str) -> Self {
        let database = Self::create(backend);
        database.run(sql);
        database
    }

    /// A database of the same server that holds the same.
    pub(crate) fn copy_on_server(&self) -> Self {
        let template = self.line("SELECT current_database()");
        // A template that somebody is connected to is refused.
        self.kept.take();
        Self::on_server(&server_url(), &template)
    }

    /// Takes everything away that a test put here, for its next round.
    pub(crate) fn empty(&self) {
        match self.backend {
            Backend::Postgres => {
                let schemas = "SELECT n.oid::regnamespace FROM pg_namespace n WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'";
                self.session(|connection| {
                    for schema in names(connection, schemas) {
                        connection.run(&format!("DROP SCHEMA {schema} CASCADE"));
                    }
                    connection.run("CREATE SCHEMA public");
                });
            }
            Backend::Sqlite => std::fs::write(self.file(), "").unwrap(),
        }
    }

    /// A database of the server that is made of a template, with what may follow its name.
    pub(crate) fn create_like(template: &str) -> Self {
        Self::on_server(&server_url(), template)
    }

    /// A new and empty database of a server.
    pub(crate) fn on(server: &str) -> Self {
        Self::on_server(server, "template0")
    }

    fn on_server(url: &str, template: &str) -> Self {
        static SWEEP: Once = Once::new();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut server = Connection::to_server(url);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        SWEEP.call_once(|| sweep(&mut server, now));
        let name = format!(
            "xtask_test_{now}_{}_{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        server.run(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Database {
            backend: Backend::Postgres,
            url: with_database(url, &name),
            place: Place::Server {
                name,
                server: url.to_owned(),
            },
            kept: RefCell::default(),
        }
    }

    pub(crate) fn checked_url(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&self.url, "A_TEST", Path::new("/")).unwrap()
    }

    /// The file of a SQLite database.
    pub(crate) fn file(&self) -> PathBuf {
        match &self.place {
            Place::Folder(folder) => folder.path().join("test.sqlite3"),
            Place::Server { name, .. } => panic!("{name} is no file"),
        }
    }

    pub(crate) fn connect(&self) -> Connection {
        match self.backend {
            Backend::Postgres => Connection::Postgres(PgConnection::establish(&self.url).unwrap()),
            Backend::Sqlite => {
                let file = self.file().display().to_string();
                let mut connection = SqliteConnection::establish(&file).unwrap();
                connection
                    .batch_execute("PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000")
                    .unwrap();
                Connection::Sqlite(connection)
            }
        }
    }

    fn session<T>(&self, work: impl FnOnce(&mut Connection) -> T) -> T {
        match self.backend {
            Backend::Postgres => work(self.kept.borrow_mut().get_or_insert_with(|| self.connect())),
            Backend::Sqlite => work(&mut self.connect()),
        }
    }

    /// Runs statements that leave the session as it was.
    pub(crate) fn run(&self, sql: &str) {
        self.session(|connection| connection.run(sql));
    }

    /// The one column of a query, as text.
    pub(crate) fn texts(&self, query: &str) -> Vec<Option<String>> {
        self.session(|connection| connection.texts(query))
    }

    /// The one column of a query, none of it NULL, joined by spaces.
    pub(crate) fn line(&self, query: &str) -> String {
        let texts: Vec<String> = self.texts(query).into_iter().map(Option::unwrap).collect();
        texts.join(" ")
    }

    /// Everything that the database holds, such that every kind of change shows: on PostgreSQL
    /// each row with the transaction that wrote it, on SQLite the very bytes of the file.
    pub(crate) fn everything(&self) -> Vec<String> {
        match self.backend {
            Backend::Postgres => {
                self.session(|connection| rows_and_sequences(connection, "xmin::text || ' ' || "))
            }
            Backend::Sqlite => vec![format!("{:?}", std::fs::read(self.file()).unwrap())],
        }
    }

    /// The rows of every table, and where each sequence stands.
    pub(crate) fn contents(&self) -> Vec<String> {
        match self.backend {
            Backend::Postgres => self.session(|connection| rows_and_sequences(connection, "")),
            Backend::Sqlite => {
                let mut connection = self.connect();
                let mut contents = Vec::new();
                for table in names(&mut connection, SQLITE_TABLES) {
                    let columns = names(
                        &mut connection,
                        &format!(
                            "SELECT 'quote(\"' || name || '\")' FROM pragma_table_xinfo('{table}')"
                        ),
                    );
                    let rows = names(
                        &mut connection,
                        &format!(
                            "SELECT {} FROM \"{table}\" ORDER BY 1",
                            columns.join(" || ' ' || ")
                        ),
                    );
                    contents.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
                }
                contents
            }
        }
    }
}

const SQLITE_TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY name";

const POSTGRES_TABLES: &str = "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY c.oid::regclass::text";

const POSTGRES_SEQUENCES: &str =
    "SELECT seqrelid::regclass FROM pg_sequence ORDER BY seqrelid::regclass::text";

const POSTGRES_COLUMNS: &str = "SELECT concat_ws(' ', table_schema, table_name, column_name, data_type) \
     FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1";

fn rows_and_sequences(connection: &mut Connection, before: &str) -> Vec<String> {
    let mut contents = names(connection, POSTGRES_COLUMNS);
    for table in names(connection, POSTGRES_TABLES) {
        let rows = format!("SELECT {before}lookup::text FROM {table} AS lookup ORDER BY 1");
        let rows = names(connection, &rows);
        contents.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
    }
    for sequence in names(connection, POSTGRES_SEQUENCES) {
        let at = format!("SELECT last_value || ' ' || is_called FROM {sequence}");
        contents.push(format!("{sequence}: {}", names(connection, &at)[0]));
    }
    contents
}

fn names(connection: &mut Connection, query: &str) -> Vec<String> {
    connection
        .texts(query)
        .into_iter()
        .map(Option::unwrap_or_default)
        .collect()
}

impl Connection {
    pub(crate) fn to_server(url: &str) -> Self {
        Connection::Postgres(PgConnection::establish(url).unwrap())
    }

    pub(crate) fn run(&mut self, sql: &str) {
        // PostgreSQL takes nothing at all for a mistake.
        if !sql.is_empty() {
            self.attempt(sql)
                .unwrap_or_else(|error| panic!("{error}\n{sql}"));
        }
    }

    /// Runs statements that may fail.
    pub(crate) fn attempt(&mut self, sql: &str) -> Result<(), String> {
        let done = match self {
            Connection::Postgres(connection) => connection.batch_execute(sql),
            Connection::Sqlite(connection) => connection.batch_execute(sql),
        };
        done.map_err(|error| error.to_string())
    }

    pub(crate) fn texts(&mut self, query: &str) -> Vec<Option<String>> {
        let query =
            format!("WITH q(value) AS ({query}) SELECT CAST(value AS text) AS value FROM q");
        let cells: Result<Vec<Cell>, _> = match self {
            Connection::Postgres(connection) => sql_query(&query).load(connection),
            Connection::Sqlite(connection) => sql_query(&query).load(connection),
        };
        let cells = cells.unwrap_or_else(|error| panic!("{error}\n{query}"));
        cells.into_iter().map(|cell| cell.value).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Place::Server { name, server } = &self.place {
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            // A second panic would hide the first; what is left is swept by a later run.
            if let Ok(mut server) = PgConnection::establish(server) {
                let _ = server.batch_execute(&drop);
            }
        }
    }
}

/// A folder of a test's own, in memory where the system has a place for that: nothing here is to
/// live through a power cut, but xtask makes sure that everything would.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    folder.unwrap()
}

pub(crate) fn other_servers() -> Vec<String> {
    let urls = std::env::var(OTHER_SERVERS).unwrap_or_default();
    urls.split_whitespace().map(str::to_owned).collect()
}

pub(crate) fn server_url() -> String {
    std::env::var(SERVER)
        .ok()
        .filter(|url| !url.is_empty())
        .unwrap_or_else(|| panic!("{SERVER} is not set: run `cargo xtask test`"))
}

/// The URL of another database of the same server.
fn with_database(server: &str, name: &str) -> String {
    let (address, query) = match server.split_once('?') {
        Some((address, query)) => (address, format!("?{query}")),
        None => (server, String::new()),
    };
    let (scheme, rest) = address.split_once("://").unwrap();
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}/{name}{query}")
}

/// The same server under another name for this machine.
pub(crate) fn another_host(url: &str) -> String {
    if url.contains("localhost") {
        url.replace("localhost", "127.0.0.1")
    } else {
        url.replace("127.0.0.1", "localhost")
    }
}

fn sweep(server: &mut Connection, now: u64) {
    for name in names(
        server,
        "SELECT datname FROM pg_database WHERE datname ~ '^xtask_test_'",
    ) {
        let made: Option<u64> = name.split('_').nth(2).and_then(|time| time.parse().ok());
        if made.is_some_and(|made| made + LEFT_OVER < now) {
            server.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}
