//! How a database would spell values that it does not hold yet.

use xtask::model::backend::Backend;
use xtask::model::rows::row::Record;

use super::loading::Ends;
use super::{either, lookup, open};
use crate::support::database::Database;

type Found = (Vec<Vec<String>>, Vec<(usize, usize, String)>);

fn spell(database: &Database, rows: &[&[&str]]) -> Found {
    let mut session = open(database);
    let lookup = lookup(&mut *session, "fees");
    let given: Vec<Record> = rows.iter().map(|row| Record::from(row.to_vec())).collect();
    let found = session.canonical(&lookup, &given).unwrap();
    // The session goes on, and another look finds the same.
    assert_eq!(session.canonical(&lookup, &given).unwrap(), found);
    let texts = |row: &Record| row.iter().map(str::to_owned).collect();
    let bad = found.bad.into_iter();
    (
        found.rows.iter().map(texts).collect(),
        bad.map(|bad| (bad.row, bad.field, bad.words)).collect(),
    )
}

pub(super) fn values_are_spelled_as_the_database_would(backend: Backend) {
    let database = Database::with(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, code text, amount numeric, day date)",
    );
    let before = database.everything();
    let (rows, bad) = spell(
        &database,
        &[
            &["007", "007", "1.5", "2024-01-05"],
            &["1", "\\\\x", "\\N", "\\N"],
        ],
    );
    assert_eq!(
        rows,
        [
            ["7", "007", "1.5", "2024-01-05"],
            ["1", "\\\\x", "\\N", "\\N"]
        ]
    );
    assert_eq!(bad, []);
    // What is spelled as nothing is found on both, in every row and field, and stands as it is.
    let (rows, bad) = spell(
        &database,
        &[
            &["1", "\\q", "1", "\\z"],
            &["02", "a", "1", "\\N"],
            &["3", "\\", "1", "\\N"],
        ],
    );
    let places: Vec<(usize, usize)> = bad.iter().map(|bad| (bad.0, bad.1)).collect();
    assert_eq!(places, [(0, 1), (0, 3), (2, 1)]);
    assert!(bad.iter().all(|bad| bad.2.contains("backslash")), "{bad:?}");
    assert_eq!(rows[0][1], "\\q");
    assert_eq!(rows[1][0], "2");
    // What a type refuses; a column of SQLite takes everything.
    let (_, bad) = spell(
        &database,
        &[
            &["1", "a", "1,5", "2024-01-05"],
            &["2", "a", "2", "2024-02-30"],
            &["x", "a", "3", "2024-01-05"],
        ],
    );
    let words: Vec<String> = bad
        .iter()
        .map(|(row, field, words)| format!("{row} {field} {words}"))
        .collect();
    let expected = either(
        backend,
        "0 2 invalid input syntax for type numeric: \"1,5\"; \
         1 3 date/time field value out of range: \"2024-02-30\"; \
         2 0 invalid input syntax for type integer: \"x\"",
        "",
    );
    assert_eq!(words.join("; "), expected);
    assert_eq!(database.everything(), before);
}

pub(super) fn types_with_a_limit_refuse_what_is_too_long() {
    let database = Database::with(
        Backend::Postgres,
        "CREATE DOMAIN sku AS text CHECK (value <> 'x'); \
         CREATE TABLE fees (id integer PRIMARY KEY, code varchar(3), codes varchar(3)[], sku sku, document jsonb)",
    );
    let (rows, bad) = spell(
        &database,
        &[
            &["1", "abc", "{abc}", "y", "{\"a\":1}"],
            &["2", "abcd", "{a,abcd}", "x", "{"],
        ],
    );
    assert_eq!(rows[0][4], "{\"a\": 1}");
    let places: Vec<(usize, usize)> = bad.iter().map(|bad| (bad.0, bad.1)).collect();
    assert_eq!(places, [(1, 1), (1, 2), (1, 3), (1, 4)]);
}

pub(super) fn a_strict_column_takes_its_own_class_only() {
    let database = Database::with(
        Backend::Sqlite,
        "CREATE TABLE fees (id INTEGER PRIMARY KEY, rate REAL, code TEXT, any ANY) STRICT",
    );
    let (_, bad) = spell(
        &database,
        &[
            &["1", "1.5", "a", "\\x00"],
            &["2", "much", "\\x00", "1"],
            &["x", "1", "b", "c"],
        ],
    );
    let places: Vec<(usize, usize)> = bad.iter().map(|bad| (bad.0, bad.1)).collect();
    assert_eq!(places, [(1, 1), (1, 2), (2, 0)]);
}

pub(super) fn keys_that_differ_in_spelling_only_arrive_as_spelled() {
    let ends = Ends::empty(Backend::Postgres, &["rates", "words", "spans"]);
    for database in [&ends.source, &ends.target] {
        database.run(
            "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
             CREATE TABLE rates (rate numeric PRIMARY KEY, label text); \
             CREATE TABLE words (word text COLLATE any_case PRIMARY KEY, label text); \
             CREATE TABLE spans (span interval PRIMARY KEY, label text)",
        );
    }
    ends.source.run(
        "INSERT INTO rates VALUES (1.00, 'a'), (2, 'b'), (3.0, 'c'); \
         INSERT INTO words VALUES ('Fee', 'a'), ('tax', 'b'); \
         INSERT INTO spans VALUES ('24 hours', 'a'), ('1 mon', 'b')",
    );
    ends.target.run(
        "INSERT INTO rates VALUES (1.0, 'a'), (2, 'x'), (4, 'd'); \
         INSERT INTO words VALUES ('fee', 'a'), ('TAX', 'b'); \
         INSERT INTO spans VALUES ('1 day', 'a'), ('30 days', 'b')",
    );
    ends.try_load().unwrap();
    for query in [
        "SELECT string_agg(concat(rate, label), ' ' ORDER BY rate) FROM rates",
        "SELECT string_agg(concat(word, label), ' ' ORDER BY label) FROM words",
        "SELECT string_agg(concat(span, label), ' ' ORDER BY label) FROM spans",
    ] {
        assert_eq!(ends.target.line(query), ends.source.line(query), "{query}");
    }
    assert!(
        ends.try_load()
            .unwrap()
            .iter()
            .all(|table| table.difference.is_empty())
    );
}

/// A column without a type takes 1 and 1.0 for one key.
pub(super) fn keys_that_are_equal_as_numbers_arrive_as_spelled() {
    let ends = Ends::empty(Backend::Sqlite, &["fees"]);
    for kind in ["", "blob"] {
        ends.again(
            &format!("CREATE TABLE fees (id {kind} PRIMARY KEY, label text)"),
            "INSERT INTO fees VALUES (1.0, 'x'), (2, 'y')",
            "INSERT INTO fees VALUES (1, 'x'), (2.0, 'y')",
        );
        ends.load_twice();
    }
}

/// A new row takes the place of one that the database takes for the same, with all that refers to it.
pub(super) fn keys_that_are_equal_change_under_their_children() {
    let ends = Ends::empty(Backend::Sqlite, &["fees", "uses"]);
    for (kind, one, other) in [("text COLLATE NOCASE", "'ABC'", "'abc'"), ("", "1.0", "1")] {
        ends.again(
            &format!(
                "CREATE TABLE fees (code {kind} PRIMARY KEY, label text); \
                 CREATE TABLE uses (id integer PRIMARY KEY, fee REFERENCES fees (code) ON DELETE CASCADE)"
            ),
            &format!("INSERT INTO fees VALUES ({one}, 'x'); INSERT INTO uses VALUES (1, {one})"),
            &format!("INSERT INTO fees VALUES ({other}, 'x'); INSERT INTO uses VALUES (1, {other})"),
        );
        ends.load_twice();
    }
}
