//! Rows: their order, their spelling and hashes, by key, and who refers to them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use xtask::database::Session;
use xtask::model::backend::Backend;
use xtask::model::reference::{Part, Step, Touched};
use xtask::model::rows::lookup::Lookup;
use xtask::model::rows::row::{Record, compare_keys};

use super::{either, lookup, name, open};
use crate::support::database::Database;

/// The keys as both streams have them, after a check that each is above the one before.
fn keys(session: &mut dyn Session, lookup: &Lookup) -> Vec<Vec<String>> {
    let rows: Vec<Record> = session.rows(lookup).unwrap().map(Result::unwrap).collect();
    let hashes: Vec<_> = session
        .hashes(lookup)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let keys: Vec<Record> = rows.iter().map(|row| lookup.key_of(row)).collect();
    let hashed: Vec<Record> = hashes.iter().map(|keyed| keyed.key.clone()).collect();
    assert_eq!(keys, hashed);
    for (row, keyed) in rows.iter().zip(&hashes) {
        assert_eq!(lookup.keyed_hash(row).hash, keyed.hash, "{row:?}");
    }
    for pair in keys.windows(2) {
        let ordering = compare_keys(&pair[0], &pair[1], &lookup.key_readings);
        assert_eq!(ordering, Ordering::Less, "{pair:?}");
    }
    let texts = keys
        .iter()
        .map(|key| key.iter().map(str::to_owned).collect());
    texts.collect()
}

fn keys_of(database: &Database, sql: &str) -> Vec<Vec<String>> {
    database.empty();
    database.run(sql);
    let mut session = open(database);
    let lookup = lookup(&mut *session, "fees");
    keys(&mut *session, &lookup)
}

pub(super) fn integer_keys_come_by_value(backend: Backend) {
    let database = Database::create(backend);
    for kind in ["integer", "bigint", "smallint"] {
        let found = keys_of(
            &database,
            &format!(
                "CREATE TABLE fees (id {kind} PRIMARY KEY); INSERT INTO fees VALUES (10), (2), (-1), (0), (-20), (100)"
            ),
        );
        assert_eq!(found.concat(), ["-20", "-1", "0", "2", "10", "100"]);
    }
    let found = keys_of(
        &database,
        "CREATE TABLE fees (id bigint PRIMARY KEY); INSERT INTO fees VALUES (9223372036854775807), (9007199254740993), \
         (9007199254740992), (-9223372036854775808)",
    );
    assert_eq!(
        found.concat(),
        [
            "-9223372036854775808",
            "9007199254740992",
            "9007199254740993",
            "9223372036854775807"
        ]
    );
}

pub(super) fn text_keys_come_by_bytes(backend: Backend) {
    let database = Database::create(backend);
    let collations: &[&str] = match backend {
        Backend::Postgres => &["text", "varchar(20)", "text COLLATE \"C\""],
        Backend::Sqlite => &[
            "text",
            "varchar(20)",
            "text COLLATE NOCASE",
            "text COLLATE RTRIM",
        ],
    };
    for kind in collations {
        let found = keys_of(
            &database,
            &format!(
                "CREATE TABLE fees (code {kind} PRIMARY KEY); INSERT INTO fees VALUES ('b'), ('Zz'), ('é'), ('10'), ('2'), \
             ('a b'), ('ab'), ('_'), ('𝄞'), ('\u{ffff}'), (''), ('\\N'), ('\\')"
            ),
        );
        assert_eq!(
            found.concat(),
            [
                "", "10", "2", "Zz", "\\\\", "\\\\N", "_", "a b", "ab", "b", "é", "\u{ffff}", "𝄞"
            ],
            "{kind}"
        );
    }
}

pub(super) fn composite_keys_come_field_by_field(backend: Backend) {
    let database = Database::create(backend);
    let found = keys_of(
        &database,
        "CREATE TABLE fees (amount integer, region text, id integer, PRIMARY KEY (region, id)); \
         INSERT INTO fees VALUES (1, 'b', 2), (2, 'B', 10), (3, 'b', 10), (4, 'B', 9), (5, 'ab', 1)",
    );
    let found: Vec<String> = found.iter().map(|key| key.join(" ")).collect();
    assert_eq!(found, ["B 9", "B 10", "ab 1", "b 2", "b 10"]);
}

/// Texts that have been mistaken for others somewhere.
const AWKWARD: [&str; 22] = [
    "",
    " ",
    "NULL",
    "null",
    "\\N",
    "\\\\N",
    "\\",
    "\\\\",
    "'",
    "''",
    "\"",
    "a,b",
    "a','b",
    "line\nbreak",
    "carriage\r\nreturn",
    "tab\t",
    "\\x41",
    "\\i:1",
    "é",
    "e\u{301}",
    "𝄞 \u{200b}",
    " leading and trailing ",
];

pub(super) fn hashes_are_those_of_the_rows(backend: Backend) {
    let database = Database::with(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, \"odd \"\" name\" text, other text, amount numeric, flag boolean, ratio double precision)",
    );
    let mut values: Vec<String> = AWKWARD
        .iter()
        .map(|text| format!("'{}'", text.replace('\'', "''")))
        .collect();
    values.push("NULL".to_owned());
    let rows: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            format!(
                "({at}, {value}, {}, {at}.50, {}, {at}.25)",
                values[(at + 7) % values.len()],
                at % 2 == 0
            )
        })
        .collect();
    database.run(&format!("INSERT INTO fees VALUES {}", rows.join(", ")));
    let mut session = open(&database);
    let fees = lookup(&mut *session, "fees");
    assert_eq!(keys(&mut *session, &fees).len(), values.len());
    // The spelling means the text that was written.
    let rows: Vec<Record> = session.rows(&fees).unwrap().map(Result::unwrap).collect();
    for (row, text) in rows.iter().zip(AWKWARD) {
        let spelled = if text.starts_with('\\') {
            format!("\\{text}")
        } else {
            text.to_owned()
        };
        assert_eq!(row[1], spelled);
    }
    assert_eq!(rows[AWKWARD.len()][1], *"\\N");
}

pub(super) fn values_that_look_alike_hash_apart(backend: Backend) {
    let database = Database::with(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, one text, other text)",
    );
    let mut pairs = Vec::new();
    for one in AWKWARD
        .iter()
        .map(|text| format!("'{}'", text.replace('\'', "''")))
        .chain(["NULL".to_owned()])
    {
        pairs.push(format!("({}, {one}, 'x')", pairs.len()));
        pairs.push(format!("({}, 'x', {one})", pairs.len()));
    }
    pairs.push(format!("({}, 'a', 'b')", pairs.len()));
    pairs.push(format!("({}, 'b', 'a')", pairs.len()));
    database.run(&format!("INSERT INTO fees VALUES {}", pairs.join(", ")));
    let mut session = open(&database);
    let mut fees = lookup(&mut *session, "fees");
    fees.compared = vec![1, 2];
    let hashes: BTreeSet<[u8; 16]> = session
        .hashes(&fees)
        .unwrap()
        .map(|keyed| keyed.unwrap().hash.0)
        .collect();
    assert_eq!(hashes.len(), pairs.len());
}

pub(super) fn every_type_hashes_as_it_reads() {
    let database = Database::with(
        Backend::Postgres,
        "CREATE TYPE mood AS ENUM ('sad', 'it''s \\ fine'); CREATE TYPE pair AS (a integer, b text); \
         CREATE TABLE fees (id integer PRIMARY KEY, n numeric, f double precision, r real, j json, jb jsonb, a text[], \
         b bytea, t timestamp, tz timestamptz, d date, i interval, u uuid, m mood, p pair, x xml, bits bit(3), c char(5), \
         money money, net inet, rng int4range, ok boolean); \
         INSERT INTO fees VALUES (1, 1.0, 1, 0.1, '{\"a\": 1, \"a\":2}', '{\"b\": \"\\\\\\n\"}', ARRAY['x', NULL, 'a\"b', ''], \
         '\\x00ff5c', '2024-01-02 03:04:05.678', '2024-01-02 03:04:05+05', '2024-02-29', '1 year 2 days 03:00', \
         '00000000-0000-0000-0000-00000000000a', 'it''s \\ fine', (1, 'a\"\\'), '<a>''</a>', B'101', 'ab', 12.5, '10.0.0.1/8', '[1,5)', true), \
         (2, 1, 'NaN', 'Infinity', NULL, 'null', '{}', '', 'infinity', '-infinity', '0044-03-15 BC', '-1 day', NULL, 'sad', (NULL, NULL), \
         NULL, B'000', '', -1, '::1', 'empty', false), \
         (3, 'NaN', 1e-300, 3.4028235e38, '[]', '[1.0]', ARRAY[ARRAY['1', '2']]::text[], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
         NULL, NULL, NULL, NULL, NULL, NULL, NULL); \
         INSERT INTO fees (id, n) VALUES (4, 1.00)",
    );
    // A database's own settings must not show in what is read.
    let name = database.line("SELECT current_database()");
    database.run(&format!(
        "ALTER DATABASE {name} SET DateStyle = 'German'; ALTER DATABASE {name} SET TimeZone = 'Asia/Tokyo'; \
         ALTER DATABASE {name} SET extra_float_digits = -10; ALTER DATABASE {name} SET bytea_output = 'escape'; \
         ALTER DATABASE {name} SET IntervalStyle = 'iso_8601'; ALTER DATABASE {name} SET standard_conforming_strings = off"
    ));
    let mut session = open(&database);
    let fees = lookup(&mut *session, "fees");
    keys(&mut *session, &fees);
    let rows: Vec<Record> = session.rows(&fees).unwrap().map(Result::unwrap).collect();
    let field = |row: usize, column: &str| {
        let at = fees.columns.iter().position(|name| name == column).unwrap();
        rows[row][at].to_owned()
    };
    assert_eq!(
        [field(0, "n"), field(1, "n"), field(3, "n")],
        ["1.0", "1", "1.00"]
    );
    assert_eq!(
        [field(1, "f"), field(2, "f"), field(0, "r")],
        ["NaN", "1e-300", "0.1"]
    );
    assert_eq!(
        [field(0, "b"), field(1, "b"), field(2, "b")],
        ["\\\\x00ff5c", "\\\\x", "\\N"]
    );
    assert_eq!(
        [field(0, "tz"), field(1, "tz")],
        ["2024-01-01 22:04:05+00", "-infinity"]
    );
    assert_eq!(
        [field(0, "d"), field(0, "i"), field(0, "ok")],
        ["2024-02-29", "1 year 2 days 03:00:00", "true"]
    );
    assert_eq!(field(0, "j"), "{\"a\": 1, \"a\":2}");
}

pub(super) fn every_storage_class_in_one_column() {
    for kind in [
        "", "text", "integer", "numeric", "real", "blob", "boolean", "datetime", "string",
    ] {
        let database = Database::with(
            Backend::Sqlite,
            &format!(
                "CREATE TABLE fees (value {kind} PRIMARY KEY NOT NULL) WITHOUT ROWID; \
                 INSERT OR IGNORE INTO fees VALUES (1), (1.5), ('1.0'), ('1'), ('abc'), (x'31'), (x''), (''), (-3), (9e999), \
                 (9223372036854775807), (1e300), ('inf'), ('infinity'), ('nan'), ('NaN'), ('007'), ('1e5'), (' 1'), ('\\i:1'), \
                 (x'ff'), ('é'), ('0x10'), (0.1 + 0.2), (-0.0), ('+5')"
            ),
        );
        let mut session = open(&database);
        let fees = lookup(&mut *session, "fees");
        let found = keys(&mut *session, &fees);
        let distinct: BTreeSet<&String> = found.iter().flatten().collect();
        assert_eq!(distinct.len(), found.len(), "{kind}: {found:?}");
        // By key, each is found as what it is.
        let keys: Vec<Record> = found.iter().map(|key| key.iter().collect()).collect();
        let again = session.rows_by_key(&fees, &keys).unwrap();
        assert_eq!(again.len(), found.len(), "{kind}");
    }
}

pub(super) fn only_rows_of_the_condition_come(backend: Backend) {
    let database = Database::with(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, region text); \
         INSERT INTO fees VALUES (1, 'global'), (2, 'local'), (3, 'global'), (4, NULL)",
    );
    let mut session = open(&database);
    let mut fees = lookup(&mut *session, "fees");
    for (condition, expected) in [
        ("region = 'global'", vec!["1", "3"]),
        ("region = 'local' OR id = 4", vec!["2", "4"]),
        ("id > 2", vec!["3", "4"]),
    ] {
        fees.filter = Some(condition.to_owned());
        assert_eq!(keys(&mut *session, &fees).concat(), expected);
        let all: Vec<Record> = ["1", "2", "3", "4"].map(|id| [id].iter().collect()).into();
        let mut found: Vec<String> = session
            .rows_by_key(&fees, &all)
            .unwrap()
            .iter()
            .map(|row| row[0].to_owned())
            .collect();
        found.sort();
        assert_eq!(found, expected, "{condition}");
    }
}

pub(super) fn rows_are_found_by_key(backend: Backend) {
    let database = Database::with(
        backend,
        "CREATE TABLE fees (label text, region text, id integer, PRIMARY KEY (region, id)); \
         INSERT INTO fees VALUES ('a', 'x', 1), ('b', '\\N', 2), ('c', 'y', 1), ('d', '', 1), (NULL, 'it''s', 3)",
    );
    let mut session = open(&database);
    let fees = lookup(&mut *session, "fees");
    let mut by_key = |keys: &[[&str; 2]]| -> Vec<String> {
        let keys: Vec<Record> = keys.iter().map(|key| key.iter().collect()).collect();
        let rows = session.rows_by_key(&fees, &keys).unwrap();
        let mut labels: Vec<String> = rows.iter().map(|row| row[0].to_owned()).collect();
        labels.sort();
        labels
    };
    assert_eq!(
        by_key(&[["x", "1"], ["\\\\N", "2"], ["x", "9"]]),
        ["a", "b"]
    );
    assert_eq!(by_key(&[["", "1"], ["it's", "3"]]), ["\\N", "d"]);
    assert_eq!(by_key(&[["x", "1"]]), ["a"]);
    assert!(by_key(&[]).is_empty());
}

pub(super) fn references_are_counted(backend: Backend) {
    let database = Database::with(
        backend,
        &format!(
            "CREATE TABLE fees (id integer PRIMARY KEY, code text UNIQUE, region text, number integer, UNIQUE (region, number)); \
             INSERT INTO fees VALUES (1, 'a', 'x', 1), (2, 'b', 'x', 2), (3, NULL, 'y', 1); \
             CREATE TABLE by_id (fee integer REFERENCES fees (id)); INSERT INTO by_id VALUES (1), (1), (2), (NULL); \
             CREATE TABLE by_code (fee {} REFERENCES fees (code)); INSERT INTO by_code VALUES ('a'), ('b'), (NULL), ('b'); \
             CREATE TABLE by_both (r text, n integer, FOREIGN KEY (r, n) REFERENCES fees (region, number)); \
             INSERT INTO by_both VALUES ('x', 1), ('y', 1), ('x', 2), (NULL, 1)",
            either(backend, "varchar(9)", "text")
        ),
    );
    let mut session = open(&database);
    let fees = lookup(&mut *session, "fees");
    let mut count = |child: &str, columns: &[&str], parents: &[&str], keys: &[&str]| {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let step = Step {
            child: name(child),
            comparisons: Vec::new(),
            columns: names(columns),
            parent_columns: names(parents),
            part: Part::All,
            repeats: false,
        };
        let keys: Vec<Record> = keys.iter().map(|key| [*key].iter().collect()).collect();
        let touched = Touched {
            lookup: &fees,
            rows: &keys,
        };
        let mut counts = session.count_references(&touched, &[step]).unwrap();
        counts.sort_unstable();
        counts
    };
    assert_eq!(count("by_id", &["fee"], &["id"], &["1"]), [(0, 2)]);
    assert_eq!(
        count("by_id", &["fee"], &["id"], &["9", "2", "3", "1"]),
        [(1, 1), (3, 2)]
    );
    assert_eq!(count("by_code", &["fee"], &["code"], &["2"]), [(0, 2)]);
    assert_eq!(count("by_code", &["fee"], &["code"], &["3"]), []);
    let both = ["region", "number"];
    assert_eq!(
        count("by_both", &["r", "n"], &both, &["1", "3"]),
        [(0, 1), (1, 1)]
    );
    assert_eq!(count("by_both", &["r", "n"], &both, &[]), []);
}
