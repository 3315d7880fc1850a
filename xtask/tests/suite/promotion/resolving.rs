//! Which tables the names of the configuration are.

use xtask::model::backend::Backend;
use xtask::problem::Code;

use super::{Stage, codes};

const ONE: &str = "CREATE SCHEMA app; CREATE TABLE app.fees (id integer PRIMARY KEY, name text)";
const OTHER: &str =
    "CREATE SCHEMA legacy; CREATE TABLE legacy.fees (id integer PRIMARY KEY, name text)";

fn search(path: &str) -> String {
    format!(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = {path}', current_database()); END $$"
    )
}

pub(super) fn a_name_that_is_another_table_at_each_end_is_a_blocker() {
    let mut stage = Stage::empty(Backend::Postgres);
    for database in [&stage.dev, &stage.test] {
        database.run(ONE);
        database.run(OTHER);
    }
    stage.dev.run("INSERT INTO app.fees VALUES (1, 'one')");
    stage
        .test
        .run("INSERT INTO legacy.fees VALUES (2, 'theirs')");
    stage.dev.run(&search("app"));
    stage.test.run(&search("legacy"));
    stage.configure("protected = [\"legacy.fees\"]\n[[lookup]]\ntable = \"fees\"\n");
    let plan = stage.plan();
    let blocker = plan
        .blockers
        .iter()
        .find(|blocker| blocker.code == Code::TableMismatch)
        .unwrap();
    assert!(
        blocker.message.contains("`app.fees` in Development")
            && blocker.message.contains("`legacy.fees` in Test"),
        "{blocker}"
    );
    // A schema that is written, or another order of the same path, is no matter of the search path.
    stage.configure("protected = [\"legacy.fees\"]\n[[lookup]]\ntable = \"app.fees\"\n");
    let lookup = &stage.plan().lookups[0];
    assert_eq!(lookup.source_table.as_deref(), Some("app.fees"));
    assert_eq!(lookup.target_table, lookup.source_table);
    stage.promote();
    stage.test.run(&search("app, public"));
    stage.configure("protected = [\"legacy.fees\"]\n[[lookup]]\ntable = \"fees\"\n");
    assert_eq!(codes(&stage.plan().blockers), []);
}

pub(super) fn a_table_that_only_one_end_has_in_its_first_schema_is_a_blocker() {
    let mut stage = Stage::empty(Backend::Postgres);
    stage
        .dev
        .run("CREATE TABLE fees (id integer PRIMARY KEY, name text)");
    for database in [&stage.dev, &stage.test] {
        database.run(ONE);
        database.run(&search("app, public"));
    }
    stage.configure("[[lookup]]\ntable = \"fees\"\n");
    assert!(codes(&stage.plan().blockers).contains(&Code::TableMismatch));
}
