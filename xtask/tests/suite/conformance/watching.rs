//! Counting what is done to the rows of watched tables, by whomever, and to no others.

use xtask::model::backend::Backend;
use xtask::model::schema::table::TableName;

use super::writing::{open_target, run, run_as};
use super::{either, name};
use crate::support::database::Database;

const SHOP: &str = "CREATE TABLE users (id integer PRIMARY KEY, label text); INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'c'); \
     CREATE TABLE \"odd \"\" name\" (id integer PRIMARY KEY); CREATE TABLE fees (id integer PRIMARY KEY); \
     INSERT INTO fees VALUES (1), (2)";

/// What was counted after these statements, on every table but `fees`.
fn counted(database: &Database, set_up: &str, sql: &str) -> Vec<(String, u64)> {
    let backend = database.backend;
    database.empty();
    database.run(&format!("{SHOP}; {set_up}"));
    let mut target = open_target(database);
    let tables: Vec<TableName> = target
        .catalog()
        .unwrap()
        .tables
        .into_keys()
        .filter(|table| *table != name("fees"))
        .collect();
    // What was done before does not count.
    run(
        &mut *target,
        backend,
        "INSERT INTO users VALUES (90, 'before')",
    )
    .unwrap();
    target.watch(&tables).unwrap();
    if !sql.is_empty() {
        run_as(&mut *target, backend, "2024-01-02-000000_second", sql).unwrap();
    }
    let counts = target.watched_changes().unwrap();
    counts
        .into_iter()
        .map(|(table, count)| (table.name, count))
        .collect()
}

fn users(count: u64) -> Vec<(String, u64)> {
    vec![("users".to_owned(), count)]
}

pub(super) fn every_change_of_a_row_is_counted(backend: Backend) {
    let database = Database::create(backend);
    let count = |sql: &str| counted(&database, "", sql);
    assert_eq!(count(""), []);
    assert_eq!(
        count("INSERT INTO users VALUES (10, 'x'), (11, 'y')"),
        users(2)
    );
    assert_eq!(count("UPDATE users SET label = 'x' WHERE id < 4"), users(3));
    assert_eq!(count("DELETE FROM users WHERE id = 1"), users(1));
    assert_eq!(count("DELETE FROM users WHERE id = 77"), []);
    assert_eq!(
        count("INSERT INTO users VALUES (10, 'x'); DELETE FROM users WHERE id = 10"),
        users(2)
    );
    assert_eq!(
        count("INSERT INTO \"odd \"\" name\" VALUES (1); DELETE FROM users"),
        [("odd \" name".to_owned(), 1), ("users".to_owned(), 4)]
    );
}

pub(super) fn other_tables_are_not_counted(backend: Backend) {
    let database = Database::create(backend);
    let sql = "INSERT INTO fees VALUES (3); UPDATE fees SET id = 9 WHERE id = 1; DELETE FROM fees WHERE id = 2; \
               CREATE TABLE later (id integer); INSERT INTO later VALUES (1)";
    assert_eq!(counted(&database, "", sql), []);
}

pub(super) fn what_a_trigger_writes_is_counted(backend: Backend) {
    let database = Database::create(backend);
    let set_up = either(
        backend,
        "CREATE FUNCTION spread() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN UPDATE users SET label = ''t''; RETURN NULL; END'; \
         CREATE TRIGGER spread AFTER DELETE ON fees FOR EACH ROW EXECUTE FUNCTION spread()",
        "CREATE TRIGGER spread AFTER DELETE ON fees BEGIN UPDATE users SET label = 't'; END",
    );
    assert_eq!(
        counted(&database, set_up, "DELETE FROM fees WHERE id = 1"),
        users(4)
    );
    assert_eq!(
        counted(&database, set_up, "INSERT INTO fees VALUES (7)"),
        []
    );
}

pub(super) fn cascades_are_counted() {
    let database = Database::create(Backend::Postgres);
    for (action, column) in [
        ("CASCADE", "NOT NULL"),
        ("SET NULL", ""),
        ("SET DEFAULT", "DEFAULT 2"),
    ] {
        let set_up = format!(
            "CREATE TABLE uses (id integer PRIMARY KEY, fee_id integer {column} REFERENCES fees (id) ON DELETE {action} ON UPDATE CASCADE); \
             INSERT INTO uses VALUES (1, 1), (2, 1), (3, 2)"
        );
        let count = |sql: &str| counted(&database, &set_up, sql);
        assert_eq!(
            count("DELETE FROM fees WHERE id = 1"),
            [("uses".to_owned(), 2)],
            "{action}"
        );
        assert_eq!(
            count("UPDATE fees SET id = 5 WHERE id = 2"),
            [("uses".to_owned(), 1)],
            "{action}"
        );
    }
}

pub(super) fn truncation_is_counted() {
    let database = Database::create(Backend::Postgres);
    let set_up =
        "CREATE TABLE uses (fee_id integer REFERENCES fees (id)); INSERT INTO uses VALUES (1)";
    let tables = |sql: &str| -> Vec<String> {
        let counts = counted(&database, set_up, sql);
        assert!(counts.iter().all(|(_, count)| *count > 0));
        counts.into_iter().map(|(table, _)| table).collect()
    };
    assert_eq!(tables("TRUNCATE users"), ["users"]);
    assert_eq!(tables("TRUNCATE fees CASCADE"), ["uses"]);
    assert_eq!(
        tables("TRUNCATE \"odd \"\" name\", users"),
        ["odd \" name", "users"]
    );
}

pub(super) fn partitions_are_counted_with_their_table() {
    let database = Database::create(Backend::Postgres);
    let set_up = "CREATE TABLE logs (id integer, at integer) PARTITION BY RANGE (at); \
         CREATE TABLE logs_one PARTITION OF logs FOR VALUES FROM (0) TO (10); \
         CREATE TABLE logs_two PARTITION OF logs FOR VALUES FROM (10) TO (20); INSERT INTO logs VALUES (1, 1), (2, 11)";
    let count = |sql: &str| counted(&database, set_up, sql);
    assert_eq!(count("DELETE FROM logs"), [("logs".to_owned(), 2)]);
    assert_eq!(
        count("INSERT INTO logs_two VALUES (3, 12)"),
        [("logs".to_owned(), 1)]
    );
    assert_eq!(count("TRUNCATE logs_one"), [("logs".to_owned(), 1)]);
}

pub(super) fn replacing_a_row_is_counted() {
    let database = Database::create(Backend::Sqlite);
    let set_up = "CREATE TRIGGER spread AFTER DELETE ON fees BEGIN INSERT OR REPLACE INTO users VALUES (1, 'x'); END; \
         CREATE TABLE keyed (k text PRIMARY KEY) WITHOUT ROWID; INSERT INTO keyed VALUES ('a')";
    assert_eq!(
        counted(&database, set_up, "DELETE FROM fees WHERE id = 1"),
        users(1)
    );
    let keyed = |count| vec![("keyed".to_owned(), count)];
    assert_eq!(counted(&database, set_up, "DELETE FROM keyed"), keyed(1));
    assert_eq!(
        counted(&database, set_up, "UPDATE keyed SET k = 'b'"),
        keyed(1)
    );
}
