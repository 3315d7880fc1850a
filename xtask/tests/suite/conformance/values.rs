//! Whatever a value's type: what a database wrote to CSV comes back as it was, and is written the
//! same again.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use xtask::database;
use xtask::sync::environment::Backend;
use xtask::sync::export::export;
use xtask::sync::load::load;
use xtask::sync::lookup::Lookup;

use super::writing::open_target;
use super::{lookup, open};
use crate::support::database::{Database, folder};

mod postgres;
mod sqlite;

/// A column's declared type, and an SQL expression for each of its values.
#[derive(Debug, Clone)]
struct Column {
    declared: &'static str,
    cells: Vec<String>,
}

/// How many rows a table has at each end; row N of one end is row N of the other.
const ROWS: usize = 4;

#[derive(Debug, Clone)]
struct Table {
    columns: Vec<Column>,
    /// What follows the columns.
    options: &'static str,
}

type Cell = BoxedStrategy<String>;

/// Columns of these types, with cells for both ends.
fn columns(
    types: Vec<(&'static str, Cell)>,
    options: &'static str,
) -> impl Strategy<Value = Table> {
    let columns: Vec<BoxedStrategy<Column>> = types
        .into_iter()
        .map(|(declared, cell)| {
            let cell = prop_oneof![1 => Just("NULL".to_owned()), 9 => cell];
            prop::collection::vec(cell, 2 * ROWS)
                .prop_map(move |cells| Column { declared, cells })
                .boxed()
        })
        .collect();
    prop::collection::vec(prop::strategy::Union::new(columns), 1..6)
        .prop_map(move |columns| Table { columns, options })
}

/// Any text that PostgreSQL can hold, and those that mean something to CSV or to its spelling.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            " ",
            "\\N",
            "\\\\N",
            "\\.",
            "NULL",
            "null",
            "'",
            "\"",
            "\"\"",
            "a,b",
            "a;b",
            "\n",
            "\r\n",
            "\r",
            "\t",
            " a ",
            "\\",
            "\\x41",
            "\\i:1",
            "é",
            "e\u{301}",
            "😀",
            "\u{feff}a",
            "\u{fffd}",
            "1.0",
            "01",
            "+1",
            "1e5",
            "=1+1",
            "true",
        ])
        .prop_map(str::to_owned),
        any::<String>().prop_map(|text| text.replace('\0', "")),
    ]
    .boxed()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Table {
    /// Statements that make the table, with the rows of one end.
    fn statements(&self, first: usize) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| format!("c{at} {}", column.declared))
            .collect();
        let rows: Vec<String> = (0..ROWS)
            .map(|row| {
                let cells = self.columns.iter().map(|column| &column.cells[first + row]);
                let cells: Vec<&str> = cells.map(String::as_str).collect();
                format!("({row}, {})", cells.join(", "))
            })
            .collect();
        format!(
            "DROP TABLE IF EXISTS fees; CREATE TABLE fees (id integer PRIMARY KEY, {}) {}; INSERT INTO fees VALUES {}",
            columns.join(", "),
            self.options,
            rows.join(", ")
        )
    }
}

/// The file that the table is exported to, after loading the file in `from` where one is given.
fn csv(
    database: &Database,
    lookup: &Lookup,
    from: Option<&std::path::Path>,
) -> anyhow::Result<(tempfile::TempDir, String)> {
    if let Some(from) = from {
        let mut target = open_target(database);
        let lookups = std::slice::from_ref(lookup);
        load(
            &mut *target,
            lookups,
            &Default::default(),
            from,
            "Test",
            &mut |_| {},
        )?;
        target.commit()?;
    }
    let folder = folder();
    let mut session = database::open(&database.checked_url())?;
    let lookups = std::slice::from_ref(lookup);
    export(
        &mut *session,
        lookups,
        folder.path(),
        "dev",
        true,
        &mut |_| {},
    )?;
    let text = std::fs::read_to_string(folder.path().join("dev/fees.csv"))?;
    Ok((folder, text))
}

/// Loads each table from one end to the other by way of a file; `cells` reads what a column
/// holds without any spelling of the program's.
fn check(
    source: &Database,
    target: &Database,
    tables: BoxedStrategy<Table>,
    cases: u32,
    cells: fn(&str) -> String,
) {
    let config = Config {
        cases: std::env::var("PROPTEST_CASES")
            .ok()
            .and_then(|cases| cases.parse().ok())
            .unwrap_or(cases),
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&tables, |table| {
        source.run(&table.statements(0));
        target.run(&table.statements(ROWS));
        let lookup = lookup(&mut *open(source), "fees");
        let failed = |error: anyhow::Error| TestCaseError::fail(format!("{error:#}"));
        let (folder, written) = csv(source, &lookup, None).map_err(failed)?;
        let (_, again) = csv(target, &lookup, Some(&folder.path().join("dev"))).map_err(failed)?;
        prop_assert_eq!(written, again);
        for at in 0..table.columns.len() {
            let cells = format!("SELECT {} FROM fees ORDER BY id", cells(&format!("c{at}")));
            prop_assert_eq!(source.texts(&cells), target.texts(&cells));
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

pub(super) fn every_value_comes_back_as_it_was(backend: Backend) {
    match backend {
        Backend::Postgres => postgres::every_value(),
        Backend::Sqlite => sqlite::every_value(),
    }
}
