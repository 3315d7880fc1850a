//! Whatever a value's type: what a database wrote to CSV comes back as it was, and is written the
//! same again.

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;
use xtask::model::backend::Backend;
use xtask::model::rows::lookup::Lookup;
use xtask::sync::exports::export::export;
use xtask::sync::promoting::load::load;

use super::writing::open_target;
use super::{open, settings};
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
    fn statements(&self, name: &str, first: usize) -> String {
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
            "DROP TABLE IF EXISTS {name}; CREATE TABLE {name} (id integer PRIMARY KEY, {}) {}; INSERT INTO {name} VALUES {};",
            columns.join(", "),
            self.options,
            rows.join(", ")
        )
    }
}

/// How many tables travel together, on average: a session costs more than a table.
const TOGETHER: u32 = 20;

fn name(number: usize) -> String {
    format!("fees{number}")
}

/// Statements that make these tables, with the rows of one end.
fn statements(tables: &[Table], first: usize) -> String {
    let tables = tables.iter().enumerate();
    tables
        .map(|(number, table)| table.statements(&name(number), first))
        .collect()
}

/// The files that the tables are exported to, and their texts, after loading the files in `from`
/// where that is given.
fn csv(
    database: &Database,
    lookups: &[Lookup],
    from: Option<&Path>,
) -> anyhow::Result<(TempDir, Vec<String>)> {
    if let Some(from) = from {
        let mut target = open_target(database);
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
    export(
        &mut *open(database),
        lookups,
        folder.path(),
        "dev",
        true,
        &mut |_| {},
    )?;
    let texts: std::io::Result<Vec<String>> = (0..lookups.len())
        .map(|number| {
            std::fs::read_to_string(folder.path().join(format!("dev/{}.csv", name(number))))
        })
        .collect();
    Ok((folder, texts?))
}

/// Loads tables from one end to the other by way of files; `cells` reads what a column holds
/// without any spelling of the program's.
fn check(
    source: &Database,
    target: &Database,
    table: BoxedStrategy<Table>,
    cases: u32,
    cells: fn(&str) -> String,
) {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(cases);
    let config = Config {
        cases: cases.div_ceil(TOGETHER),
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let tables = prop::collection::vec(table, 1..2 * TOGETHER as usize);
    let outcome = TestRunner::new(config).run(&tables, |tables| {
        source.run(&statements(&tables, 0));
        target.run(&statements(&tables, ROWS));
        let catalog = open(source).catalog().unwrap();
        let lookups: Vec<Lookup> = (0..tables.len())
            .map(|number| Lookup::resolve(&settings(&name(number)), &[], &catalog, "Test").unwrap())
            .collect();
        let failed = |error: anyhow::Error| TestCaseError::fail(format!("{error:#}"));
        let (folder, written) = csv(source, &lookups, None).map_err(failed)?;
        let (_, again) = csv(target, &lookups, Some(&folder.path().join("dev"))).map_err(failed)?;
        prop_assert_eq!(written, again);
        for (number, table) in tables.iter().enumerate() {
            let columns: Vec<String> = (0..table.columns.len())
                .map(|at| cells(&format!("c{at}")))
                .collect();
            let cells = format!(
                "SELECT {} FROM {} ORDER BY id",
                columns.join(" || ' ' || "),
                name(number)
            );
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
