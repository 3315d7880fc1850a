//! Hazards that depend on the schema that a migration meets.

use xtask::database;
use xtask::sync::settings::environment::Backend;

use super::open;
use super::writing::{open_target, run};
use crate::support::database::Database;

const SCHEMA: &str = "CREATE TABLE fees (id integer PRIMARY KEY, code text, label text, spare text, \
     CONSTRAINT one UNIQUE (code)); CREATE INDEX by_label ON fees (id, \"LABEL\"); \
     CREATE TABLE items (id integer PRIMARY KEY, fee_id integer REFERENCES fees (id) ON DELETE CASCADE); \
     CREATE TABLE notes (id integer PRIMARY KEY, fee_id integer REFERENCES fees (id)); \
     CREATE VIEW labels AS SELECT f.label FROM fees AS f; \
     CREATE TRIGGER watch AFTER UPDATE ON fees BEGIN UPDATE fees SET label = new.code WHERE id = new.id; END;";

fn told(database: &Database, up: &str) -> Vec<(String, String)> {
    let catalog = open(database).catalog().unwrap();
    let hazards = database::hazards(Backend::Sqlite, up, &catalog).into_iter();
    hazards
        .map(|hazard| (hazard.rule, hazard.message))
        .collect()
}

fn drop_column(database: &Database, up: &str) -> Result<(), String> {
    let mut target = open_target(database);
    run(&mut *target, Backend::Sqlite, up).map_err(|error| error.to_string())
}

pub(super) fn a_column_in_use_is_told_with_what_uses_it() {
    let database = Database::with(Backend::Sqlite, SCHEMA);
    for (column, users) in [
        (
            "label",
            "the index `by_label`, the trigger `watch`, the view `labels`",
        ),
        ("code", "the unique key (code), the trigger `watch`"),
    ] {
        let up = format!("ALTER TABLE Fees DROP COLUMN {column};");
        assert_eq!(
            told(&database, &up),
            [(
                "dropping-used-column".to_owned(),
                format!("`{column}` of `fees` cannot be dropped: {users} may use it.")
            )]
        );
        drop_column(&database, &up).unwrap_err();
    }
    for up in [
        "ALTER TABLE fees DROP COLUMN spare;",
        "DROP INDEX by_label; DROP VIEW IF EXISTS labels; DROP TRIGGER watch; ALTER TABLE fees DROP COLUMN label;",
    ] {
        assert_eq!(told(&database, up)[0].0, "ban-drop-column");
        drop_column(&database, up).unwrap();
    }
}

pub(super) fn a_rebuild_names_the_rows_that_would_go_with_it() {
    let database = Database::with(Backend::Sqlite, SCHEMA);
    let rebuild = |table: &str| {
        told(
            &database,
            &format!(
                "CREATE TABLE new (id integer); INSERT INTO new SELECT id FROM {table}; DROP TABLE {table}; ALTER TABLE new RENAME TO {table};"
            ),
        )
    };
    assert_eq!(
        rebuild("fees"),
        [(
            "table-rebuild".to_owned(),
            "`fees` is dropped and made anew, with its rows copied by hand, and `items` would lose the rows that refer to it with ON DELETE CASCADE."
                .to_owned()
        )]
    );
    assert_eq!(
        rebuild("notes")[0].1,
        "`notes` is dropped and made anew, with its rows copied by hand."
    );
}
