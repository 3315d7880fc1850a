//! The cells that a plan shows are the cells that the run writes; random configurations of it are
//! in `random`.

use serde_json::{Value, json};
use xtask::model::backend::Backend;
use xtask::problem::Code;

use super::{Stage, TABLES};

fn rows(stage: &Stage) -> Value {
    let plan = stage.try_plan_with_rows().unwrap();
    assert_eq!(plan.blockers, []);
    let rows: Vec<_> = plan
        .lookups
        .iter()
        .flat_map(|lookup| &lookup.rows)
        .collect();
    json!(rows)
}

fn configured(backend: Backend, settings: &str) -> Stage {
    let mut stage = Stage::promoted(backend);
    stage.configure(&TABLES.replace(
        "table = \"fee_groups\"\n",
        &format!("table = \"fee_groups\"\n{settings}\n"),
    ));
    stage
}

pub(super) fn cells_that_are_only_inserted_are_not_shown_as_changed(backend: Backend) {
    let stage = configured(backend, "insert_only = [\"label\"]");
    stage.dev.run(
        "UPDATE fee_groups SET code = 'bank', label = 'Bank' WHERE id = 10; \
         UPDATE fee_groups SET label = 'other' WHERE id = 1; \
         INSERT INTO fee_groups VALUES (4, 'new', 'New')",
    );
    assert_eq!(
        rows(&stage),
        json!([
            { "change": "insert", "key": { "id": "4" }, "before": null,
              "after": { "id": "4", "code": "new", "label": "New" } },
            { "change": "update", "key": { "id": "10" }, "before": { "id": "10", "code": "wire", "label": null },
              "after": { "id": "10", "code": "bank", "label": null } },
        ])
    );
    stage.promote();
    assert_eq!(
        stage.test.line(
            "SELECT id || ' ' || code || ' ' || coalesce(label, '-') FROM fee_groups ORDER BY id"
        ),
        "1 card Cards 2 cash Cash 4 new New 10 bank -"
    );
}

pub(super) fn rows_to_retire_are_shown_as_they_will_be(backend: Backend) {
    let stage = configured(backend, "retire = { label = \"\\\\N\" }");
    stage
        .dev
        .run("DELETE FROM fee_items WHERE group_id = 2; DELETE FROM fee_groups WHERE id = 2");
    let rows = rows(&stage);
    assert_eq!(
        rows[0],
        json!({ "change": "retire", "key": { "id": "2" }, "before": { "id": "2", "code": "cash", "label": "Cash" },
          "after": { "id": "2", "code": "cash", "label": "\\N" } })
    );
    stage.promote();
    assert_eq!(
        stage.test.line("SELECT label FROM fee_groups WHERE id = 2"),
        "\\N"
    );
}

/// The database decides how a value is spelled: a flag, a number in a column of texts.
pub(super) fn what_retires_is_shown_as_the_column_spells_it(backend: Backend) {
    let mut stage = Stage::empty(backend);
    let columns = match backend {
        Backend::Postgres => "active boolean, state text, rank numeric(6, 2), code char(4)",
        Backend::Sqlite => "active boolean, state text, rank real, code",
    };
    for database in [&stage.dev, &stage.test] {
        database.run(&format!(
            "CREATE TABLE kinds (id integer PRIMARY KEY, {columns})"
        ));
    }
    stage.configure(
        "[[lookup]]\ntable = \"kinds\"\nretire = { active = false, state = 0, rank = 7, code = \"x\" }\n",
    );
    let on = match backend {
        Backend::Postgres => "true",
        Backend::Sqlite => "1",
    };
    stage
        .test
        .run(&format!("INSERT INTO kinds VALUES (1, {on}, 'on', 1, 'a')"));
    let rows = rows(&stage);
    stage.promote();
    // What is there now, as a plan spells it.
    stage.configure("[[lookup]]\ntable = \"kinds\"\n");
    let plan = stage.try_plan_with_rows().unwrap();
    let now = plan.lookups[0].rows[0].before.clone().unwrap();
    assert_eq!(rows[0]["after"], json!(now));
    assert_eq!(now["state"], "0");
}

pub(super) fn rows_are_shown_as_the_migrations_leave_them(backend: Backend) {
    let stage = configured(backend, "insert_only = [\"label\"]");
    stage.migrations.write(
        "2024-02-01-000000_louder",
        "UPDATE fee_groups SET label = upper(label), code = code || '!';",
    );
    stage.migrate();
    stage
        .dev
        .run("UPDATE fee_groups SET code = 'quiet' WHERE id = 1");
    assert_eq!(
        rows(&stage),
        json!([
            { "change": "update", "key": { "id": "1" }, "before": { "id": "1", "code": "card!", "label": "CARDS" },
              "after": { "id": "1", "code": "quiet", "label": "CARDS" } },
        ])
    );
    stage.promote();
    assert_eq!(
        stage
            .test
            .line("SELECT code || label FROM fee_groups WHERE id = 1"),
        "quietCARDS"
    );
}

/// SQLite takes any value for any column.
pub(super) fn a_value_too_long_to_retire_by_is_named() {
    let mut stage = Stage::empty(Backend::Postgres);
    for database in [&stage.dev, &stage.test] {
        database.run("CREATE TABLE kinds (id integer PRIMARY KEY, state varchar(3))");
    }
    stage.configure("[[lookup]]\ntable = \"kinds\"\nretire = { state = \"retired\" }\n");
    stage.test.run("INSERT INTO kinds VALUES (1, 'on')");
    let plan = stage.try_plan_with_rows().unwrap();
    let [blocker] = plan.blockers.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(blocker.code, Code::ColumnMismatch);
    assert!(blocker.message.contains("`state`"), "{blocker}");
}
