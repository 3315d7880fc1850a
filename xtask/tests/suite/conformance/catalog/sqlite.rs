//! Changes by hand on SQLite, most of them the way it changes a table: by another text of it.

use xtask::model::backend::Backend;
use xtask::model::schema::catalog::Catalog;

use super::super::open;
use super::{SQLITE, assert_equal, differences};
use crate::support::database::Database;

/// What is replaced in the schema by what, and the objects that then differ.
const CHANGES: &[(&str, &str, &[&str])] = &[
    (
        "PRIMARY KEY AUTOINCREMENT",
        "PRIMARY KEY",
        &["table parents"],
    ),
    // Only there does a primary key refuse NULL.
    (
        "WITHOUT ROWID",
        "",
        &["column rates.country", "table rates"],
    ),
    ("STRICT", "", &["table exact"]),
    (
        "note text,",
        "note text, added text,",
        &["column fees.added"],
    ),
    ("note text,", "", &["column fees.note"]),
    ("varchar(20)", "varchar(30)", &["column fees.label"]),
    (
        "varchar(20) NOT NULL",
        "varchar(20)",
        &["column fees.label"],
    ),
    (
        "varchar(20) NOT NULL",
        "varchar(20) NOT NULL ON CONFLICT IGNORE",
        &["column fees.label"],
    ),
    ("DEFAULT 'none'", "DEFAULT 'None'", &["column fees.label"]),
    ("DEFAULT 'none'", "DEFAULT \"None\"", &["column fees.label"]),
    ("DEFAULT 'none'", "DEFAULT \"none\"", &[]),
    ("TABLE rates", "TABLE Rates", &[]),
    ("value text) STRICT", "Value text) STRICT", &[]),
    (
        "id integer PRIMARY KEY,\n    label",
        "id integer PRIMARY KEY DESC,\n    label",
        &["column fees.id"],
    ),
    (
        "DEFAULT (5 + 1)",
        "DEFAULT (5 + 2)",
        &["column fees.amount"],
    ),
    ("COLLATE NOCASE", "COLLATE RTRIM", &["column parents.code"]),
    ("amount * 2", "amount * 3", &["column fees.twice"]),
    ("STORED", "VIRTUAL", &["column fees.twice"]),
    (
        "CHECK (label <> '')",
        "CHECK (label <> 'X')",
        &["check fees.(label < > '')", "check fees.(label < > 'X')"],
    ),
    (
        "country text PRIMARY KEY, rate integer",
        "country text, rate integer, PRIMARY KEY (country, rate)",
        &[
            "column rates.rate",
            "primary key rates.(country)",
            "primary key rates.(country, rate)",
        ],
    ),
    ("NOT NULL UNIQUE", "NOT NULL", &["unique parents.(code)"]),
    (
        "UNIQUE (label, parent_id)",
        "UNIQUE (label, parent_id) ON CONFLICT REPLACE",
        &["unique fees.(label, parent_id)"],
    ),
    (
        "UNIQUE (label, parent_id)",
        "UNIQUE (label COLLATE NOCASE, parent_id)",
        &["unique fees.(label, parent_id)"],
    ),
    (
        "ON DELETE CASCADE",
        "ON DELETE SET NULL",
        &["foreign key fees.(parent_id) to parents"],
    ),
    (
        "ON DELETE CASCADE",
        "ON DELETE CASCADE ON UPDATE CASCADE",
        &["foreign key fees.(parent_id) to parents"],
    ),
    (
        "ON DELETE CASCADE",
        "ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
        &["foreign key fees.(parent_id) to parents"],
    ),
    (
        "parents (id)",
        "parents (code)",
        &["foreign key fees.(parent_id) to parents"],
    ),
    (
        "REFERENCES parents (id) ON DELETE CASCADE",
        "",
        &["foreign key fees.(parent_id) to parents"],
    ),
    (
        " WHERE parent_id IS NOT NULL",
        "",
        &["index fees.fees_by_parent"],
    ),
    (
        "CREATE INDEX",
        "CREATE UNIQUE INDEX",
        &["index fees.fees_by_label", "index fees.fees_by_parent"],
    ),
    (
        "lower(label)",
        "upper(label)",
        &["index fees.fees_by_label"],
    ),
    (
        "lower(label)",
        "label COLLATE NOCASE DESC",
        &["index fees.fees_by_label"],
    ),
    ("amount < 5", "amount < 6", &["view cheap"]),
    ("code = 'x'", "code = 'X'", &["trigger fees.fees_act"]),
    ("AFTER UPDATE", "BEFORE UPDATE", &["trigger fees.fees_act"]),
    (
        "CREATE VIEW",
        "CREATE TABLE more (id integer); CREATE VIEW",
        &["table more"],
    ),
    (
        "CREATE VIEW",
        "CREATE VIEW more AS SELECT 1 AS one; CREATE VIEW",
        &["view more"],
    ),
    (
        "CREATE VIEW",
        "CREATE VIRTUAL TABLE texts USING fts5(body); CREATE VIEW",
        &["virtual table texts"],
    ),
];

fn catalog(database: &Database) -> Catalog {
    open(database).catalog().unwrap()
}

pub(in super::super) fn every_change_of_text_is_told_and_no_other() {
    let database = Database::with(Backend::Sqlite, SQLITE);
    let before = catalog(&database);
    for (text, other, expected) in CHANGES {
        assert!(SQLITE.contains(text), "{text}");
        database.empty();
        database.run(&SQLITE.replace(text, other));
        let after = catalog(&database);
        assert_eq!(differences(&before, &after), *expected, "{text}: {other}");
    }
}

/// The same tables by another way: columns that came later or in another order, tables that were
/// rebuilt or had other names, and every word spelled otherwise.
pub(in super::super) fn the_way_and_the_spelling_do_not_matter() {
    let straight = Database::with(
        Backend::Sqlite,
        "CREATE TABLE parents (id integer PRIMARY KEY); \
         CREATE TABLE fees (id integer PRIMARY KEY, label varchar(20) NOT NULL DEFAULT 'x', amount integer DEFAULT (5 + 1), \
         parent_id integer REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED, CHECK (amount > 0), UNIQUE (label)); \
         CREATE INDEX fees_by_label ON fees (label, amount); CREATE VIEW shown AS SELECT fees.id, fees.label FROM fees; \
         CREATE TRIGGER act AFTER INSERT ON fees BEGIN SELECT new.label; END",
    );
    let winding = Database::with(
        Backend::Sqlite,
        "CREATE TABLE Parents_1 (gone text, [id] INTEGER PRIMARY KEY); ALTER TABLE Parents_1 RENAME TO parents; ALTER TABLE parents DROP COLUMN gone; \
         CREATE TABLE fees (id INTEGER PRIMARY KEY, amount int); INSERT INTO fees VALUES (1, 5); \
         CREATE TABLE \"new fees\" (\"Parent_ID\" INTEGER REFERENCES \"parents\" DEFERRABLE /* late */ INITIALLY DEFERRED, \
         id INTEGER CONSTRAINT pk PRIMARY KEY, title VARCHAR ( 20 ) DEFAULT 'x' NOT NULL UNIQUE, CONSTRAINT dear CHECK(AMOUNT>0), amount INTEGER DEFAULT(5+1))"
            .replace("CONSTRAINT dear CHECK(AMOUNT>0), amount INTEGER DEFAULT(5+1)", "amount INTEGER DEFAULT(5+1), CONSTRAINT dear CHECK(AMOUNT>0)")
            .as_str(),
    );
    winding.run(
        "INSERT INTO \"new fees\" (id, amount) SELECT id, amount FROM fees; DROP TABLE fees; \
         ALTER TABLE \"new fees\" RENAME TO fees; ALTER TABLE fees RENAME COLUMN title TO label; \
         ALTER TABLE fees RENAME COLUMN \"Parent_ID\" TO parent_id; \
         create index IF NOT EXISTS \"fees_by_label\" on [fees]( \"label\",`amount` ) -- fast\n; \
         CREATE VIEW IF NOT EXISTS shown AS select \"fees\".\"id\",fees . label from fees; \
         CREATE TRIGGER IF NOT EXISTS act after insert on \"fees\" begin select \"new\".\"label\"; end",
    );
    assert_equal(&catalog(&straight), &catalog(&winding));
}
