//! A workspace of its own for the built binary: a configuration, variables, and three databases.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
use xtask::model::backend::Backend;
use xtask::model::migrations::migration::MigrationSet;

/// The configuration of this repository, which the tests start from.
pub(crate) const CONFIGURATION: &str = include_str!("../../../../data-sync/sync.toml");

pub(crate) const LOOKUP_ROWS: &str = include_str!("lookup_rows.sql");
const PROTECTED_ROWS: &str = include_str!("protected_rows.sql");

/// Where the binary finds its workspace; it goes away with this value.
pub(crate) struct Workspace {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

/// What many tests start from, made once. It is kept in memory, because a folder that lives as
/// long as the program would stay behind.
struct Template {
    variables: BTreeMap<String, String>,
    contents: BTreeMap<PathBuf, Vec<u8>>,
}

impl Workspace {
    /// A configuration, and nothing set.
    pub(crate) fn bare() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("xtask-suite-")
            .tempdir()
            .unwrap();
        let workspace = Workspace {
            folder,
            variables: BTreeMap::new(),
        };
        workspace.write("data-sync/sync.toml", CONFIGURATION);
        workspace
    }

    /// Three empty SQLite files.
    pub(crate) fn fresh() -> Self {
        let mut workspace = Self::bare();
        for (variable, file) in [
            ("DEV_DATABASE_URL", "dev.sqlite3"),
            ("TEST_DATABASE_URL", "test.sqlite3"),
            ("DATABASE_URL", "prod.sqlite3"),
        ] {
            workspace.write(file, "");
            workspace.set(variable, &format!("sqlite:{file}"));
        }
        workspace
    }

    /// Development is migrated and has lookup rows; the others are empty files.
    pub(crate) fn filled() -> Self {
        static TEMPLATE: OnceLock<Template> = OnceLock::new();
        Self::copy_of(TEMPLATE.get_or_init(|| {
            let workspace = Self::fresh();
            workspace.succeeds(&["migrate"]);
            workspace.execute("dev", LOOKUP_ROWS);
            workspace.template()
        }))
    }

    /// Everything has been promoted to the last environment, Test and Production have rows of
    /// their own, and Development has then changed: one fee is raised, one is new, one is gone.
    pub(crate) fn promoted() -> Self {
        static TEMPLATE: OnceLock<Template> = OnceLock::new();
        Self::copy_of(TEMPLATE.get_or_init(|| {
            let workspace = Self::filled();
            workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
            workspace.succeeds(&TO_PRODUCTION);
            workspace.execute("test", PROTECTED_ROWS);
            workspace.execute("prod", PROTECTED_ROWS);
            workspace.change_development();
            workspace.template()
        }))
    }

    /// One row more, one changed and one gone.
    pub(crate) fn change_development(&self) {
        self.execute(
            "dev",
            "UPDATE fee_items SET rate_basis_points = 125 WHERE id = 1;
             DELETE FROM fee_items WHERE id = 3;
             INSERT INTO fee_items (id, fee_group_id, code, name, rate_basis_points, updated_at)
             VALUES (4, 2, 'GIFT', 'Gift, with \"quotes\"', 75, '2024-06-01 08:00:00');",
        );
    }

    fn template(&self) -> Template {
        Template {
            variables: self.variables.clone(),
            contents: self.contents(),
        }
    }

    fn copy_of(template: &Template) -> Self {
        let mut workspace = Self::bare();
        workspace.variables.clone_from(&template.variables);
        for (path, content) in &template.contents {
            workspace.write(path, content);
        }
        workspace
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        super::create_private(path.parent().unwrap());
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: impl AsRef<Path>) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The repository's configuration with one part replaced.
    pub(crate) fn configure(&self, part: &str, by: &str) {
        assert!(CONFIGURATION.contains(part), "no {part:?} to replace");
        self.write("data-sync/sync.toml", CONFIGURATION.replace(part, by));
    }

    pub(crate) fn set(&mut self, variable: &str, value: &str) {
        self.variables.insert(variable.to_owned(), value.to_owned());
    }

    pub(crate) fn unset(&mut self, variable: &str) {
        self.variables.remove(variable);
    }

    /// Opens the SQLite database of an environment.
    pub(crate) fn open(&self, environment: &str) -> Connection {
        let path = self.path(format!("{environment}.sqlite3"));
        assert!(path.is_file());
        Connection::open(path).unwrap()
    }

    pub(crate) fn execute(&self, environment: &str, sql: &str) {
        self.open(environment).execute_batch(sql).unwrap();
    }

    /// Runs the first migrations on an environment without the binary.
    pub(crate) fn migrate_by_hand(&self, environment: &str, count: usize) {
        self.execute(environment, &first_migrations(Backend::Sqlite, count));
    }

    /// The first column of the first row, as text.
    pub(crate) fn value(&self, environment: &str, sql: &str) -> String {
        self.open(environment)
            .query_row(&format!("SELECT CAST(({sql}) AS TEXT)"), [], |row| {
                row.get(0)
            })
            .unwrap()
    }

    /// Every file with what it holds.
    pub(crate) fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut contents = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.folder.path()).unwrap();
                    contents.insert(name.to_path_buf(), std::fs::read(&path).unwrap());
                }
            }
        }
        contents
    }

    /// The databases alone; what a run leaves beside them is not theirs. That goes for the journal
    /// of a killed run too: what counts is the database that SQLite makes of the two.
    pub(crate) fn databases(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut contents = self.contents();
        contents.retain(|path, _| path.extension().is_some_and(|ending| ending == "sqlite3"));
        contents.retain(|path, _| path.components().count() == 1);
        contents
    }

    /// No database differs in a byte; one that a killed run has left for SQLite to mend is mended
    /// by the first who looks.
    #[track_caller]
    pub(crate) fn assert_databases(&self, before: &BTreeMap<PathBuf, Vec<u8>>) {
        for environment in ["dev", "test", "prod"] {
            let check = "SELECT integrity_check FROM pragma_integrity_check";
            assert_eq!(self.value(environment, check), "ok");
        }
        let after = self.databases();
        assert!(before.keys().eq(after.keys()), "{:?}", after.keys());
        for (path, content) in before {
            assert!(after[path] == *content, "{} changed", path.display());
        }
    }

    /// The names of the files in a folder; none where there is no folder.
    pub(crate) fn names_in(&self, folder: &str) -> Vec<String> {
        let prefix = Path::new(folder);
        self.contents()
            .into_keys()
            .filter_map(|path| Some(path.strip_prefix(prefix).ok()?.display().to_string()))
            .collect()
    }

    /// The binary with these arguments, in this workspace and with nothing else around it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("GIT_CEILING_DIRECTORIES", self.folder.path())
            .env("USER", "tester")
            .envs(&self.variables);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments))
    }

    #[track_caller]
    pub(crate) fn succeeds(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {run}");
        run
    }

    /// The document of a command that succeeds.
    #[track_caller]
    pub(crate) fn document(&self, arguments: &[&str]) -> Value {
        self.succeeds(&[arguments, &["--format", "json"]].concat())
            .document()
    }

    /// Runs a command that must stop before it does anything: every file stays as it is. It runs
    /// once more with `--format json`, and then says the same as the one document.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &[&str]) -> Run {
        self.complains(arguments, Self::contents)
    }

    /// Runs a command that must fail halfway: the databases stay as they are, while an export or
    /// a backup may have been made.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str]) -> Run {
        self.complains(arguments, Self::databases)
    }

    #[track_caller]
    fn complains(
        &self,
        arguments: &[&str],
        state: impl Fn(&Self) -> BTreeMap<PathBuf, Vec<u8>>,
    ) -> Run {
        let before = state(self);
        let run = self.run(arguments);
        let json = self.run(&[arguments, &["--format", "json"]].concat());
        assert_ne!(run.code, 0, "{run}");
        assert_eq!(run.code, json.code, "{run}\n{json}");
        assert!(run.stderr.contains("error: "), "{run}");
        assert!(run.stderr.contains("hint: "), "{run}");
        let problem = json.document()["error"].clone();
        for field in ["code", "message", "hint"] {
            assert!(problem[field].is_string(), "no {field}: {json}");
        }
        let after = state(self);
        assert!(before.keys().eq(after.keys()), "{:?}: {run}", after.keys());
        for (path, content) in &before {
            assert!(after[path] == *content, "{path:?} changed: {run}");
        }
        run
    }
}

/// The promotion to Production with everything confirmed.
pub(crate) const TO_PRODUCTION: [&str; 5] = [
    "sync",
    "test-to-prod",
    "--yes",
    "--confirm",
    "SYNC TO PRODUCTION",
];

/// From here on, loading a new fee item into this database takes for ever.
pub(crate) const ENDLESS_INSERT: &str = "CREATE TRIGGER fee_items_endless BEFORE INSERT ON fee_items BEGIN
    SELECT count(*) FROM (WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT n FROM n);
END";

/// The first migrations of the workspace and the entries that diesel would make of them.
pub(crate) fn first_migrations(backend: Backend, count: usize) -> String {
    let mut sql =
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL,
        run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);\n"
            .to_owned();
    let migrations = MigrationSet::embedded(backend).unwrap();
    for migration in migrations.iter().take(count) {
        let version = &migration.version;
        sql.push_str(&migration.up);
        sql.push_str(&format!(
            ";\nINSERT INTO __diesel_schema_migrations (version) VALUES ('{version}');\n"
        ));
    }
    sql
}

/// How a run of the binary ended and what it printed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(mut command: Command) -> Self {
        let output = command.stdin(Stdio::null()).output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output as the one JSON document that it must be.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        let document: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one JSON document ({error}): {self}"));
        document
    }
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "exit status: {}\n----- stdout -----\n{}----- stderr -----\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

/// What differs from run to run and from machine to machine, and what stands for it.
pub(crate) const FILTERS: &[(&str, &str)] = &[
    (r#"[^\s"'`:]*/xtask-suite-\w+"#, "[root]"),
    (r"database id [0-9a-f]{32}", "database id [id]"),
    (r"SQLite 3\.\d+\.\d+", "SQLite [version]"),
    (r"\b[0-9a-f]{16}\b", "[plan]"),
    (r"\b[0-9a-f]{12}\b", "[digest]"),
    (r"20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time]"),
    (r"\((?:just now|\d+ (?:minute|hour)s? ago)\)", "[age]"),
    (r"20(2[6-9]|[3-9]\d)-\d\d-\d\d \d\d:\d\d", "[minute]"),
    (r"\d{8}T\d{6}Z-[0-9a-f]{8}", "[moment]-[run]"),
    (r"(run |\()[0-9a-f]{8}\b", "$1[run]"),
    (r"#[0-9a-f]{4}\b", "#...."),
    (r"Run `[0-9a-f]{8}`", "Run `[run]`"),
    (r"`[0-9a-f]{32}`", "`[hash]`"),
    (r"`[0-9a-f]{64}`", "`[sha256]`"),
    (r"in \d+ ms", "in [number] ms"),
    (r"\.scratch-\w+", ".scratch-[random]"),
    (r"\b\d+ (kB|KB|MB)\b", "[size]"),
    (
        r"process \d+ of user \w+ (.*), since \d\d:\d\d:\d\d UTC",
        "process [pid] of user [user] $1, since [time]",
    ),
    // Cells are filled up with spaces.
    (r"(?m) +$", ""),
];

/// Compares a run with the text in the test: exit status, standard output and standard error.
macro_rules! assert_run {
    ($run:expr, @$snapshot:literal) => {{
        let run: $crate::support::workspace::Run = $run;
        insta::with_settings!({filters => $crate::support::workspace::FILTERS.to_vec()}, {
            insta::assert_snapshot!(run.to_string(), @$snapshot);
        });
    }};
}
pub(crate) use assert_run;
