//! What kinds of tables can be lookup tables, and how their two ends may differ.

use xtask::model::backend::Backend;
use xtask::model::rows::lookup::Lookup;
use xtask::problem::Code;

use super::loading::Ends;
use super::{either, open, settings};
use crate::support::database::Database;

pub(super) fn views_are_refused(backend: Backend) {
    let database = Database::with(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY); CREATE VIEW shown AS SELECT * FROM fees",
    );
    let refused = refused(&database, "shown");
    assert_eq!(
        refused,
        "`shown` in Test is not a table with rows of its own"
    );
}

pub(super) fn inheritance_is_refused() {
    let database = Database::with(
        Backend::Postgres,
        "CREATE TABLE fees (id integer PRIMARY KEY); CREATE TABLE special () INHERITS (fees)",
    );
    let refused = refused(&database, "fees");
    assert_eq!(
        refused,
        "other tables inherit from `fees` in Test, so its rows are not its own"
    );
}

/// The sentence with which a table is refused as a lookup table.
fn refused(database: &Database, table: &str) -> String {
    let catalog = open(database).catalog().unwrap();
    let problem = Lookup::resolve(&settings(table), &[], &catalog, "Test").unwrap_err();
    assert_eq!(problem.code, Code::NotATable);
    assert!(problem.hint.is_some());
    problem.message
}

pub(super) fn a_partitioned_table_is_loaded_as_one() {
    let schema = "CREATE TABLE fees (region text, id integer, label text, PRIMARY KEY (region, id)) PARTITION BY LIST (region); \
         CREATE TABLE fees_eu PARTITION OF fees FOR VALUES IN ('eu'); \
         CREATE TABLE fees_other PARTITION OF fees DEFAULT";
    let ends = Ends::new(
        Backend::Postgres,
        schema,
        "INSERT INTO fees VALUES ('eu', 1, 'a'), ('us', 1, 'b'), ('us', 2, 'c')",
        "INSERT INTO fees VALUES ('eu', 1, 'old'), ('eu', 2, 'gone'), ('us', 1, 'b')",
        &["fees"],
    );
    ends.load_twice();
    assert_eq!(
        ends.target.line("SELECT label FROM fees_other ORDER BY id"),
        "b c"
    );
}

pub(super) fn columns_may_stand_in_another_order(backend: Backend) {
    let ends = Ends::new(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, label text, amount integer, region text)",
        "INSERT INTO fees VALUES (1, 'a', 10, 'x'), (2, 'b', 20, NULL)",
        "",
        &["fees"],
    );
    ends.target.run(
        "DROP TABLE fees; CREATE TABLE fees (region text, amount integer, id integer PRIMARY KEY, label text); \
         INSERT INTO fees VALUES ('x', 10, 1, 'a'), ('y', 20, 2, 'b'), ('z', 0, 3, 'gone')",
    );
    let loaded = &ends.try_load().unwrap()[0].difference;
    assert_eq!(
        [
            loaded.insert,
            loaded.update,
            loaded.delete,
            loaded.unchanged
        ],
        [0, 1, 1, 1]
    );
    assert_eq!(
        ends.target
            .line("SELECT id || label || amount || coalesce(region, '-') FROM fees ORDER BY id"),
        "1a10x 2b20-"
    );
}

pub(super) fn triggers_run_as_they_always_do(backend: Backend) {
    let ends = Ends::new(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, label text); CREATE TABLE journal (line text)",
        "INSERT INTO fees VALUES (1, 'new'), (2, 'b')",
        "INSERT INTO fees VALUES (1, 'old'), (3, 'c')",
        &["fees"],
    );
    let events = ["INSERT", "UPDATE", "DELETE"];
    for event in events {
        let row = if event == "DELETE" { "old" } else { "new" };
        ends.target.run(&either(
            backend,
            "CREATE FUNCTION note_EVENT() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO journal VALUES ('EVENT ' || ROW.id); RETURN NULL; END $$; \
             CREATE TRIGGER note_EVENT AFTER EVENT ON fees FOR EACH ROW EXECUTE FUNCTION note_EVENT()",
            "CREATE TRIGGER note_EVENT AFTER EVENT ON fees BEGIN INSERT INTO journal VALUES ('EVENT ' || ROW.id); END",
        )
        .replace("EVENT", event)
        .replace("ROW.id", &format!("{row}.id")));
    }
    ends.load();
    assert_eq!(
        ends.target.line("SELECT line FROM journal ORDER BY line"),
        "DELETE 3 INSERT 2 UPDATE 1"
    );
}

pub(super) fn a_number_that_a_default_draws_is_raised() {
    let ends = Ends::new(
        Backend::Postgres,
        "CREATE SEQUENCE numbers; CREATE TABLE fees (id integer DEFAULT nextval('numbers') PRIMARY KEY, label text)",
        "INSERT INTO fees VALUES (41, 'a')",
        "",
        &["fees"],
    );
    ends.load();
    assert_eq!(ends.target.line("SELECT nextval('numbers')"), "42");
}
