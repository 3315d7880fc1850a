//! Plan files: what was approved is carried out, or it is refused and told why.

use super::*;
use crate::support::workspace::{CONFIGURATION, TO_PRODUCTION};
use serde_json::Value;

#[test]
fn a_plan_file_is_run_as_it_is_or_not_at_all() {
    let workspace = Workspace::promoted();
    workspace.run(&["sync", "plan", "dev-to-test", "--out", "plan.json"]);
    workspace.execute("dev", "UPDATE fee_groups SET name = 'Plain' WHERE id = 1");
    assert_run!(workspace.refuses(&["sync", "dev-to-test", "--yes", "--quiet", "--plan", "plan.json"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: plan.json holds plan [plan], but the plan is [plan] by now

      `fee_groups` in `dev` changed: its digest is [digest] now, and was [digest]
      `fee_groups` is different (1 to update) now, and was the same

    hint: look at the new plan, and approve it anew
    "#);
    assert_run!(workspace.refuses(&["sync", "dev-to-test", "--yes", "--plan", "data-sync/sync.toml"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: data-sync/sync.toml is no plan file: expected value at line 1 column 1

    hint: `cargo xtask sync plan PROMOTION --out FILE` writes one
    "#);
    workspace.run(&["sync", "plan", "dev-to-test", "--out", "plan.json"]);
    workspace.succeeds(&["sync", "dev-to-test", "--yes", "--plan", "plan.json"]);
    assert_eq!(
        workspace.value("test", "SELECT name FROM fee_groups WHERE id = 1"),
        "Plain"
    );
}

#[test]
fn a_plan_file_ends_where_it_was_approved_to_end() {
    let workspace = Workspace::filled();
    let until = ["--until", "2024-02-12-100000"];
    workspace.run(
        &[
            &["sync", "plan", "dev-to-test", "--out", "plan.json"],
            &until[..],
        ]
        .concat(),
    );
    let run = ["sync", "dev-to-test", "--yes", "--plan", "plan.json"];
    let before = workspace.databases();
    let refused = workspace.refuses(&run).stderr;
    assert!(
        refused.contains("it ended at migration 2024-02-12-100000_create_transactions, and does not now: add --until 2024-02-12-100000_create_transactions"),
        "{refused}"
    );
    workspace.assert_databases(&before);
    workspace.succeeds(&[&run[..], &until].concat());
    let count = "SELECT count(*) FROM __diesel_schema_migrations";
    assert_eq!(workspace.value("test", count), "2");
}

#[test]
fn a_rehearsal_that_cannot_be_made_is_the_cause_that_is_told() {
    let mut workspace = Workspace::filled();
    let planned = workspace.run(&["sync", "plan", "dev-to-test", "--out", "plan.json"]);
    assert!(
        planned.stderr.contains("plan.json: whoever carries it out needs what this rehearsal needed: room for a copy of test with all rows"),
        "{planned}"
    );
    // No copy can be made in a folder that is not there.
    workspace.set("TMPDIR", "/nowhere/at/all");
    let before = workspace.databases();
    let refused = workspace.refuses(&["sync", "dev-to-test", "--yes", "--plan", "plan.json"]);
    assert!(
        refused
            .stderr
            .contains("error: the migrations were not rehearsed on a copy of Test: ")
            && refused.stderr.contains("they were when the plan was made")
            && refused.stderr.contains("/nowhere/at/all"),
        "{refused}"
    );
    assert!(!refused.stderr.contains("digest"), "{refused}");
    workspace.assert_databases(&before);
    workspace.unset("TMPDIR");
    workspace.succeeds(&["sync", "dev-to-test", "--yes", "--plan", "plan.json"]);

    // An environment that asks twice takes nothing that was not rehearsed, unless that is said.
    workspace.set("TMPDIR", "/nowhere/at/all");
    let plan = workspace.run(&["sync", "plan", "test-to-prod"]);
    assert!(
        plan.stdout
            .contains("blocker: the migrations were not rehearsed on a copy of Production")
            && plan.stdout.contains("require_rehearsal = false for `prod`"),
        "{plan}"
    );
}

#[test]
fn an_environment_can_insist_on_a_plan_file() {
    let workspace = Workspace::promoted();
    workspace.configure(
        "confirm = [\"yes\"]",
        "confirm = [\"yes\"]\nrequire_plan = true",
    );
    assert_run!(workspace.refuses(&["sync", "dev-to-test", "--yes", "--quiet"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: Test only takes an approved plan (require_plan in data-sync/sync.toml)

    hint: run `cargo xtask sync plan dev-to-test --out plan.json`, have it approved, and pass --plan plan.json
    "#);
    workspace.run(&["sync", "plan", "dev-to-test", "--out", "plan.json"]);
    workspace.succeeds(&["sync", "dev-to-test", "--yes", "--plan", "plan.json"]);
}

#[test]
fn a_plan_file_is_for_one_promotion_and_once() {
    let workspace = Workspace::promoted();
    workspace.run(&["sync", "plan", "dev-to-test", "--out", "plan.json"]);
    assert_run!(workspace.refuses(&["sync", "test-to-prod", "--yes", "--quiet", "--plan", "plan.json"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: plan.json is a plan for `dev-to-test`, not for `test-to-prod`

    hint: `cargo xtask sync plan test-to-prod --out FILE` writes one
    "#);
    workspace.succeeds(&["sync", "dev-to-test", "--yes", "--plan", "plan.json"]);
    assert_run!(workspace.refuses(&["sync", "dev-to-test", "--yes", "--quiet", "--plan", "plan.json"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: plan.json holds plan [plan], which was carried out at [time] (run [run])

      `fee_items` in `test` changed: its digest is [digest] now, and was [digest]
      `fee_items` is the same now, and was different (1 to insert, 1 to update, 1 to delete)

    hint: if there is more to promote, make a new plan and have it approved
    "#);
}

#[test]
fn a_plan_file_that_was_edited_is_refused() {
    let workspace = Workspace::promoted();
    workspace.run(&[
        "sync",
        "plan",
        "dev-to-test",
        "--rows",
        "--out",
        "plan.json",
    ]);
    let plan: Value = serde_json::from_str(&workspace.read("plan.json")).unwrap();
    // Another form is no other content.
    workspace.write("plan.json", plan.to_string());
    let quiet = [
        "sync",
        "dev-to-test",
        "--yes",
        "--quiet",
        "--plan",
        "plan.json",
    ];
    let arguments = [
        "sync",
        "dev-to-test",
        "--yes",
        "--quiet",
        "--plan",
        "edited.json",
    ];
    let refused = |pointer: &str| {
        let mut edited = plan.clone();
        *edited.pointer_mut(pointer).unwrap() = Value::from("other");
        workspace.write("edited.json", edited.to_string());
        workspace.refuses(&arguments)
    };
    let first = refused("/lookups/1/rows/0/after/rate_basis_points");
    for pointer in ["/lookups/1/source_digest", "/id", "/from", "/digest"] {
        assert_eq!(refused(pointer), first, "{pointer}");
    }
    assert_run!(first, @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: edited.json was changed after it was written: it no longer fits its digest

    hint: write the plan anew with `cargo xtask sync plan PROMOTION --out FILE`, and have that approved
    "#);
    workspace.succeeds(&quiet);
}

#[test]
fn a_plan_with_a_blocker_is_not_approved() {
    let workspace = Workspace::promoted();
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    workspace.configure("\"users\", ", "");
    let plan = ["sync", "plan", "test-to-prod", "--out", "plan.json"];
    assert_eq!(workspace.run(&plan).code, 4);
    // The plan is the same without it.
    workspace.write("data-sync/sync.toml", CONFIGURATION);
    let arguments = [&TO_PRODUCTION[..], &["--quiet", "--plan", "plan.json"]].concat();
    assert_run!(workspace.refuses(&arguments), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: plan.json was written with 1 blocker in it, so it could not be approved

    hint: what it said is gone by now: run `cargo xtask sync plan test-to-prod --out FILE` again, and have that approved
    "#);
    workspace.succeeds(&plan);
    workspace.succeeds(&arguments);
}

#[test]
fn a_plan_file_is_for_one_database() {
    let mut workspace = Workspace::promoted();
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    workspace.run(&["sync", "plan", "test-to-prod", "--out", "plan.json"]);
    std::fs::copy(
        workspace.path("prod.sqlite3"),
        workspace.path("copy.sqlite3"),
    )
    .unwrap();
    let arguments = [&TO_PRODUCTION[..], &["--quiet", "--plan", "plan.json"]].concat();
    workspace.set("DATABASE_URL", "sqlite:copy.sqlite3");
    assert_run!(workspace.refuses(&arguments), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: plan.json holds plan [plan], but the plan is [plan] by now

      `prod` is another database than the one that the plan was made for

    hint: look at the new plan, and approve it anew
    "#);
    workspace.set("DATABASE_URL", "sqlite:prod.sqlite3");
    workspace.succeeds(&arguments);
}
