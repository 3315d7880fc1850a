//! What others told a database: its settings, its encoding, its policies.

use xtask::model::backend::Backend;
use xtask::problem::Code;

use super::loading::Ends;
use super::{lookup, open, problem};
use crate::support::database::Database;

/// Settings of a database that change how values are written or read.
const SETTINGS: [&str; 12] = [
    "DateStyle = 'SQL, DMY'",
    "IntervalStyle = 'iso_8601'",
    "TimeZone = 'Asia/Kathmandu'",
    "extra_float_digits = -15",
    "bytea_output = 'escape'",
    "xmlbinary = 'hex'",
    "xmloption = 'document'",
    "array_nulls = off",
    "standard_conforming_strings = off",
    "quote_all_identifiers = on",
    "default_transaction_isolation = 'read uncommitted'",
    "search_path = public, pg_catalog",
];

pub(super) fn settings_of_a_database_change_nothing() {
    let schema = "CREATE TABLE fees (id integer PRIMARY KEY, day date, at timestamptz, span interval, share double precision, \
         bytes bytea, words text[], document xml, label text DEFAULT 'a\\b' CHECK (label <> 'a\\'), amount money); \
         CREATE VIEW shown AS SELECT id, label FROM fees WHERE label <> 'c\\d'";
    let row = |id: &str| {
        format!(
            "INSERT INTO fees VALUES ({id}, '2024-03-04', '2024-03-04 05:06:07.891+00', '1 mon 2 days 03:04:05', 0.1, \
             '\\x5c00ff', ARRAY['NULL', NULL, 'a\\b'], xmlparse(content 'a<b/>c'), 'it''s \\', 1234.56::money)"
        )
    };
    let mut ends = Ends::empty(Backend::Postgres, &["fees"]);
    for database in [&ends.source, &ends.target] {
        database.run(schema);
    }
    ends.source.run(&row("1"));
    ends.target
        .run("INSERT INTO fees (id, label) VALUES (2, 'x')");
    let name = ends.target.line("SELECT current_database()");
    for setting in SETTINGS {
        ends.target
            .run(&format!("ALTER DATABASE {name} SET {setting}"));
    }
    let catalogs = [&ends.source, &ends.target].map(|end| open(end).catalog().unwrap());
    assert_eq!(catalogs[0].differences(&catalogs[1], "one", "other"), []);
    ends.load();
    // And the way back, to rows that are to become the same.
    ends.source.run("DELETE FROM fees");
    std::mem::swap(&mut ends.source, &mut ends.target);
    ends.load();
    assert_eq!(
        ends.target
            .line("SELECT label || words::text || document::text || share FROM fees"),
        "it's \\{\"NULL\",NULL,\"a\\\\b\"}a<b/>c0.1"
    );
}

pub(super) fn rows_that_a_policy_hides_are_an_error() {
    let database = Database::with(
        Backend::Postgres,
        "CREATE TABLE fees (id integer PRIMARY KEY, region text); INSERT INTO fees VALUES (1, 'a'), (2, 'b'); \
         ALTER TABLE fees ENABLE ROW LEVEL SECURITY; CREATE POLICY here ON fees USING (region = 'a')",
    );
    let settings = "-c%20role%3Dpg_read_all_data";
    let separator = if database.url.contains('?') { '&' } else { '?' };
    let restricted = format!("{}{separator}options={settings}", database.url);
    let mut session = xtask::database::open(
        &xtask::model::url::DatabaseUrl::parse(&restricted, "A_TEST", std::path::Path::new("/"))
            .unwrap(),
    )
    .unwrap();
    let fees = lookup(&mut *session, "fees");
    let refused = problem(
        session
            .rows(&fees)
            .and_then(|rows| rows.collect::<Result<Vec<_>, _>>()),
    );
    assert_eq!(refused.code, Code::Failed);
    assert_eq!(
        refused.message,
        "failed to read `fees`: query would be affected by row-level security policy for table \"fees\""
    );
    assert!(refused.hint.unwrap().contains("BYPASSRLS"));
}

pub(super) fn text_in_another_encoding_arrives() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        let mut ends = Ends::empty(Backend::Sqlite, &["fees"]);
        ends.target.run(&format!(
            "PRAGMA encoding = '{encoding}'; CREATE TABLE fees (code text PRIMARY KEY, label text)"
        ));
        ends.source
            .run("CREATE TABLE fees (code text PRIMARY KEY, label text)");
        // The last two change places in UTF-16.
        ends.source.run("INSERT INTO fees VALUES ('a', 'é'), ('b', char(65533)), ('ab', ''), (char(65500), '1'), (char(128512), '2')");
        ends.load_twice();
        std::mem::swap(&mut ends.source, &mut ends.target);
        ends.target.run("DELETE FROM fees WHERE label > '1'");
        ends.load_twice();
    }
}

pub(super) fn text_that_is_none_is_refused() {
    for (encoding, bytes) in [("UTF-8", "61ff"), ("UTF-16le", "610000d8")] {
        let database = Database::create(Backend::Sqlite);
        database.run(&format!(
            "PRAGMA encoding = '{encoding}'; CREATE TABLE fees (id integer PRIMARY KEY, label text); \
             INSERT INTO fees VALUES (1, CAST(x'{bytes}' AS text))"
        ));
        let mut session = open(&database);
        let fees = lookup(&mut *session, "fees");
        let refused = problem(
            session
                .rows(&fees)
                .and_then(|rows| rows.collect::<Result<Vec<_>, _>>()),
        );
        assert_eq!(refused.code, Code::NotText);
        assert_eq!(
            refused.message,
            "`label` of `fees` holds bytes that are no text (UTF-8), in the row with id = 1"
        );
    }
    let database = Database::create(Backend::Sqlite);
    database.run(
        "CREATE TABLE fees (code text PRIMARY KEY, label text); \
         INSERT INTO fees VALUES (CAST(x'61ff' AS text), 'a')",
    );
    let mut session = open(&database);
    let fees = lookup(&mut *session, "fees");
    let refused = problem(
        session
            .rows(&fees)
            .and_then(|rows| rows.collect::<Result<Vec<_>, _>>()),
    );
    assert!(refused.message.ends_with("code = x'61ff'"), "{refused}");
}

pub(super) fn bytes_of_a_database_without_an_encoding_are_refused() {
    let database =
        Database::create_like("template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
    database.run(
        "CREATE TABLE fees (code text PRIMARY KEY, label text); \
         INSERT INTO fees VALUES ('a', 'é😀 \u{7ff}\u{ffff}'), ('b', NULL)",
    );
    let mut session = open(&database);
    let fees = lookup(&mut *session, "fees");
    assert_eq!(session.rows(&fees).unwrap().count(), 2);
    drop(session);
    for (row, column, key) in [
        (
            "('c', convert_from('\\x61ff', 'SQL_ASCII'))",
            "label",
            "code = c",
        ),
        (
            "(convert_from('\\xc0af', 'SQL_ASCII'), NULL)",
            "code",
            "code = x'c0af'",
        ),
    ] {
        database.run(&format!(
            "DELETE FROM fees WHERE code > 'b'; INSERT INTO fees VALUES {row}"
        ));
        let mut session = open(&database);
        let expected = format!(
            "`{column}` of `fees` holds bytes that are no text (UTF-8), in the row with {key}"
        );
        for refused in [
            problem(session.hashes(&fees).map(|_| ())),
            problem(session.rows(&fees).map(|_| ())),
        ] {
            assert_eq!(
                (refused.code, refused.message),
                (Code::NotText, expected.clone())
            );
        }
    }
}
