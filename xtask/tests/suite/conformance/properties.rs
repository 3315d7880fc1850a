//! Whatever the rows, and whatever the target held before: after one load both ends hold the
//! same, and there is nothing left to do.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use xtask::model::backend::Backend;

use super::either;
use super::loading::Ends;

/// Nodes refer to each other, in circles too; notes have a key of two texts and refer to nodes.
const SCHEMA: &str = "CREATE TABLE nodes (id integer PRIMARY KEY, parent_id integer REFERENCES nodes (id), \
     code text UNIQUE, rank integer NOT NULL UNIQUE, label text, amount bigint); \
     CREATE TABLE notes (word text, region text, node_id integer NOT NULL REFERENCES nodes (id) ON DELETE CASCADE, \
     value text NOT NULL, PRIMARY KEY (region, word))";

#[derive(Debug, Clone)]
struct Node {
    parent: u8,
    code: Option<u8>,
    rank: u8,
    label: Option<String>,
    amount: Option<i64>,
}

#[derive(Debug, Clone)]
struct Rows {
    nodes: BTreeMap<u8, Node>,
    notes: BTreeMap<(String, String), (u8, String)>,
}

/// Few different texts, so that both ends share some, and any others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "", "\\N", "\\\\N", "NULL", "a", "A", "é", "'", "\"", "a,b", "\n", "\r\n", " ", "\t",
            "\\i:1", "10", "9"
        ])
        .prop_map(str::to_owned),
        any::<String>().prop_map(|text| text.replace('\0', "")),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let amount = prop_oneof![0..3i64, any::<i64>()];
    let fields = (
        any::<u8>(),
        prop::option::of(0..6u8),
        0..8u8,
        prop::option::of(text()),
        prop::option::of(amount),
    );
    fields.prop_map(|(parent, code, rank, label, amount)| Node {
        parent,
        code,
        rank,
        label,
        amount,
    })
}

fn rows() -> impl Strategy<Value = Rows> {
    let nodes = prop::collection::btree_map(0..12u8, node(), 0..9);
    let notes = prop::collection::btree_map((text(), text()), (any::<u8>(), text()), 0..7);
    (nodes, notes).prop_map(|(nodes, notes)| Rows { nodes, notes })
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn or_null<T>(value: Option<T>, spell: impl Fn(T) -> String) -> String {
    value.map_or("NULL".to_owned(), spell)
}

impl Rows {
    /// Statements that make these rows, with references to nodes that are there and unique
    /// values that are unique.
    fn statements(&self) -> String {
        let ids: Vec<u8> = self.nodes.keys().copied().collect();
        let (mut codes, mut ranks) = (BTreeSet::new(), BTreeSet::new());
        let mut nodes = Vec::new();
        for (id, node) in &self.nodes {
            let parent = (node.parent % 3 > 0).then(|| ids[usize::from(node.parent) % ids.len()]);
            let code = node.code.filter(|code| codes.insert(*code));
            let mut rank = node.rank;
            while !ranks.insert(rank) {
                rank += 1;
            }
            nodes.push(format!(
                "({id}, {}, {}, {rank}, {}, {})",
                or_null(parent, |id| id.to_string()),
                or_null(code, |code| format!("'c{code}'")),
                or_null(node.label.as_deref(), literal),
                // The smallest number has no literal.
                or_null(node.amount, |amount| amount.max(-i64::MAX).to_string()),
            ));
        }
        let notes =
            self.notes
                .iter()
                .filter(|_| !ids.is_empty())
                .map(|((word, region), (node, value))| {
                    let node = ids[usize::from(*node) % ids.len()];
                    format!(
                        "({}, {}, {node}, {})",
                        literal(word),
                        literal(region),
                        literal(value)
                    )
                });
        let mut statements = String::new();
        for (table, rows) in [("nodes", nodes), ("notes", notes.collect())] {
            if !rows.is_empty() {
                statements.push_str(&format!("INSERT INTO {table} VALUES {};", rows.join(", ")));
            }
        }
        statements
    }
}

pub(super) fn any_rows_arrive(backend: Backend) {
    let ends = Ends::empty(backend, &["notes", "nodes"]);
    for database in [&ends.source, &ends.target] {
        database.run(SCHEMA);
    }
    let empty = either(
        backend,
        "TRUNCATE nodes, notes;",
        "PRAGMA foreign_keys = OFF; DELETE FROM notes; DELETE FROM nodes; PRAGMA foreign_keys = ON;",
    );
    let cases = match backend {
        Backend::Postgres => 32,
        Backend::Sqlite => 400,
    };
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&(rows(), rows()), |(source, target)| {
        ends.source.run(&format!("{empty}{}", source.statements()));
        ends.target.run(&format!("{empty}{}", target.statements()));
        let load = || {
            let loaded = ends.try_load();
            loaded.map_err(|error| TestCaseError::fail(format!("{error:#}")))
        };
        load()?;
        let before = ends.target.everything();
        for table in load()? {
            prop_assert!(table.difference.is_empty());
            prop_assert_eq!(&table.difference.source, &table.difference.target);
        }
        prop_assert!(ends.target.everything() == before);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
