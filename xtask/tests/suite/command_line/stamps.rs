//! Databases that say that they are another environment, and how one says otherwise.

use super::*;

#[test]
fn a_copy_of_production_does_not_pass_for_test() {
    let workspace = Workspace::promoted();
    std::fs::copy(
        workspace.path("prod.sqlite3"),
        workspace.path("test.sqlite3"),
    )
    .unwrap();
    assert_run!(workspace.refuses(&["sync", "dev-to-test", "--yes", "--quiet"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: the database behind Test says of itself that it is `prod`, since [time], but it said so first in another place: it is a copy of that database, or was moved

    hint: correct TEST_DATABASE_URL; if it is to be Test from now on, `cargo xtask sync stamp --env test` says so
    "#);
    assert_run!(workspace.run(&["sync", "plan", "test-to-prod"]), @r#"
    exit status: 4
    ----- stdout -----
    test-to-prod (plan [plan])
      blocker: the database behind Test is a copy of that behind Production: both carry the database id [id]
        hint: correct TEST_DATABASE_URL; if the copy is to be Test from now on, `cargo xtask sync stamp --env test` says so
    ----- stderr -----
    "#);
    assert_run!(workspace.refuses(&["sync", "backup", "--env", "test"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: the database behind Test says of itself that it is `prod`, since [time], but it said so first in another place: it is a copy of that database, or was moved

    hint: correct TEST_DATABASE_URL; if it is to be Test from now on, `cargo xtask sync stamp --env test` says so
    "#);

    assert_run!(workspace.run(&["sync", "stamp", "--env", "test"]), @r#"
    exit status: 4
    ----- stdout -----
    Test (TEST_DATABASE_URL)
      database: sqlite:test.sqlite3
      holds: SQLite [version], 12 migrations applied, 9 tables
      stamp: `prod` of project `merchant-services` since [time], database id [id]
    ----- stderr -----
    error: there is no terminal to confirm a change of Test on

    hint: run `cargo xtask sync stamp --env test --confirm "STAMP test"`
    "#);
    let wrong = [
        "sync",
        "stamp",
        "--env",
        "test",
        "--confirm",
        "stamp test",
        "--quiet",
    ];
    assert_run!(workspace.refuses(&wrong), @r#"
    exit status: 5
    ----- stdout -----
    ----- stderr -----
    error: cancelled: nothing was changed in Test

    hint: to go on, the answer is `STAMP test`, letter for letter
    "#);
    let stamp = ["sync", "stamp", "--env", "test", "--confirm", "STAMP test"];
    assert_run!(workspace.run(&stamp), @r#"
    exit status: 0
    ----- stdout -----
    Test (TEST_DATABASE_URL)
      database: sqlite:test.sqlite3
      holds: SQLite [version], 12 migrations applied, 9 tables
      stamp: `prod` of project `merchant-services` since [time], database id [id]
    done: the database behind test is stamped as `test` of project `merchant-services` since [time], database id [id]
      before: `prod` of project `merchant-services` since [time], database id [id]
    ----- stderr -----
    "#);
    assert_run!(workspace.run(&["sync", "history", "--env", "test"]), @r#"
    exit status: 0
    ----- stdout -----
    test
      [time]  stamp test by tester ([run])
          stamped as test, before that as prod
      [time]  promotion test-to-prod by tester ([run])
          12 migrations; fee_groups: 2 inserted; fee_items: 3 inserted; email_templates: 1 inserted; equipment_catalogue: 1 inserted
    ----- stderr -----
    "#);
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
}

#[test]
fn the_url_of_production_is_never_stamped_as_test() {
    let mut workspace = Workspace::promoted();
    workspace.set("TEST_DATABASE_URL", "sqlite:prod.sqlite3");
    assert_run!(workspace.refuses(&["sync", "dev-to-test", "--yes", "--quiet"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: the database behind Test is the one behind Production too

    hint: correct TEST_DATABASE_URL or DATABASE_URL: a database is one environment
    "#);
    let stamp = ["sync", "stamp", "--env", "test", "--confirm", "STAMP test"];
    assert_run!(workspace.refuses(&stamp), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: the database behind Test is the one behind Production too

    hint: correct TEST_DATABASE_URL or DATABASE_URL: a database is one environment
    "#);
    // Where nobody knows Production's URL, a person has the last word.
    workspace.unset("DATABASE_URL");
    assert!(workspace.succeeds(&stamp).stdout.contains("before: `prod`"));
}

#[test]
fn a_database_of_another_project_is_refused() {
    let workspace = Workspace::promoted();
    workspace.configure("\"merchant-services\"", "\"shop\"");
    assert_run!(workspace.refuses(&["migrate"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: the database behind Development belongs to the project `merchant-services`, where it is `dev`; this one is `shop`

    hint: correct DEV_DATABASE_URL, or `project` in data-sync/sync.toml; if it is to be Development here from now on, `cargo xtask sync stamp --env dev` says so
    "#);
    // Where no name is given, none is compared.
    workspace.configure("project = \"merchant-services\"\n", "");
    workspace.succeeds(&["migrate"]);
}
