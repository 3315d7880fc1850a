//! Rows that were edited on the target, as they are shown.

use super::*;
use crate::support::workspace::TO_PRODUCTION;

#[test]
fn an_edited_row_is_shown_three_ways() {
    let workspace = Workspace::promoted();
    workspace.execute(
        "test",
        "UPDATE fee_items SET name = 'Hot' WHERE id = 1; DELETE FROM fee_items WHERE id = 2;",
    );
    assert_run!(workspace.run(&["sync", "plan", "dev-to-test"]), @r#"
    exit status: 0
    ----- stdout -----
    dev-to-test (plan [plan])
      fee_items: 2 to insert, 1 to update, 1 to delete
        ! id "1": changed on the target, overwritten by the source
            name: promoted "Card", source "Card", target "Hot"
            rate_basis_points: promoted "120", source "125", target "120"
        ! id "2": deleted on the target, overwritten by the source
            active: promoted "1", source "1", target -
            code: promoted "DEBIT", source "DEBIT", target -
            fee_group_id: promoted "1", source "1", target -
            fixed_minor_units: promoted "0", source "0", target -
            minimum_minor_units: promoted "0", source "0", target -
            name: promoted "Debit card", source "Debit card", target -
            rate_basis_points: promoted "40", source "40", target -
            updated_at: promoted "2024-05-01 08:00:00", source "2024-05-01 08:00:00", target -
      all of it in one transaction, after a backup
      warning: 2 rows of `fee_items` were edited in Test since the last promotion, and Development overwrites that: 1; 2
        hint: `cargo xtask sync adopt --from test fee_items` beforehand brings it home
    ----- stderr -----
    "#);
}

#[test]
fn production_refuses_and_adopt_brings_it_home() {
    let workspace = Workspace::promoted();
    workspace.execute(
        "prod",
        "UPDATE email_templates SET subject = 'Hot' WHERE id = 1",
    );
    assert_run!(workspace.run(&["sync", "test-to-prod", "--dry-run"]), @r#"
    exit status: 4
    ----- stdout -----
    test-to-prod (plan [plan])
      email_templates: 1 to update
        ! id "1": changed on the target, refused
            subject: promoted "Welcome, {name}", source "Welcome, {name}", target "Hot"
      all of it in one transaction, after a backup
      blocker: 1 row of `email_templates` was edited in Production since the last promotion, which Test would overwrite: 1
        hint: `cargo xtask sync adopt --from prod email_templates` brings it home; or set on_target_edit = "overwrite" (or "keep") for `prod` in data-sync/sync.toml
    ----- stderr -----
    "#);
    assert_run!(workspace.run(&["sync", "adopt", "--from", "prod", "email_templates"]), @r#"
    exit status: 0
    ----- stdout -----
    [root]/data-sync/exports/dev/email_templates.csv: 1 row, with 1 changed, 0 added and 0 removed as in prod
      id "1": changed
        subject "Welcome, {name}" → "Hot"
    next: cargo xtask sync import --env dev email_templates
    ----- stderr -----
    "#);
}

#[test]
fn kept_rows_are_no_agreement() {
    let workspace = Workspace::promoted();
    workspace.configure(
        "name = \"prod\"\n",
        "name = \"prod\"\non_target_edit = \"keep\"\n",
    );
    workspace.execute(
        "prod",
        &format!(
            "UPDATE email_templates SET subject = '{}\u{1b}[1m' WHERE id = 1",
            "x".repeat(300)
        ),
    );
    let plan = ["sync", "plan", "test-to-prod"];
    let run = workspace.succeeds(&plan);
    assert!(
        run.stdout
            .contains("nothing to do: what differs was edited on the target and is kept"),
        "{run}"
    );
    let start = "x".repeat(200);
    assert!(
        run.stdout.contains(&format!(
            "target \"{start}\"… (cut: 304 characters, -v shows them)\n"
        )),
        "{run}"
    );
    let run = workspace.succeeds(&[&plan[..], &["-v"]].concat());
    assert!(
        run.stdout
            .contains(&format!("{}\\u{{1b}}[1m\"\n", "x".repeat(300))),
        "{run}"
    );
    let run = workspace.succeeds(&[&plan[..], &["--format", "markdown"]].concat());
    assert!(
        run.stdout
            .contains("Nothing to do: what differs was edited"),
        "{run}"
    );
    let run = workspace.succeeds(&["sync", "status"]);
    assert!(
        run.stdout
            .contains("test-to-prod: in sync, but for edits that are kept\n"),
        "{run}"
    );
    let run = workspace.succeeds(&TO_PRODUCTION);
    assert!(run.stdout.contains("is kept"), "{run}");
}

#[test]
fn a_row_that_was_added_has_no_value_before() {
    let workspace = Workspace::promoted();
    workspace.execute(
        "prod",
        "INSERT INTO system_configuration (key, value, updated_at) VALUES ('hot', '7', '2024-05-01 08:00:00')",
    );
    let run = workspace.succeeds(&["sync", "adopt", "--from", "prod", "system_configuration"]);
    assert!(
        run.stdout
            .contains("  key \"hot\": added\n    key \"hot\"\n    value \"7\"\n"),
        "{run}"
    );
}

#[test]
fn adopting_needs_another_environment() {
    let workspace = Workspace::promoted();
    assert_run!(workspace.run(&["sync", "adopt", "--from", "dev", "fee_items"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: Development is the first environment: nothing is promoted to it

    hint: edits are adopted from a later environment; name one with --from
    "#);
}

#[test]
fn edited_files_are_replaced_on_demand_alone() {
    let workspace = Workspace::promoted();
    let file = "data-sync/exports/dev/fee_groups.csv";
    let edited = workspace.read(file).replace("Charities", "Shops");
    assert_ne!(edited, workspace.read(file));
    workspace.write(file, &edited);
    for arguments in [
        &["sync", "export"][..],
        &["sync", "export", "fee_groups"],
        &["sync", "adopt", "--from", "test", "fee_groups"],
        &["sync", "dev-to-test", "--yes"],
    ] {
        let run = workspace.refuses(arguments);
        assert_eq!(run.code, 4, "{run}");
        for words in [
            "1 file of data-sync/exports/dev is not as exported and would be replaced: fee_groups.csv (edited since it was written)",
            "`cargo xtask sync import --env dev fee_groups` loads it into Development; --discard-edits replaces it",
        ] {
            assert!(run.stderr.contains(words), "{run}");
        }
    }
    workspace.succeeds(&["sync", "export", "fee_items"]);
    assert_eq!(workspace.read(file), edited);
    let run = workspace.succeeds(&["sync", "status"]);
    assert!(
        run.stdout.contains("would be replaced: fee_groups.csv"),
        "{run}"
    );
    // The files of a later environment come home the same way.
    workspace.succeeds(&["sync", "dev-to-test", "--yes", "--discard-edits"]);
    assert_ne!(workspace.read(file), edited);
    let file = "data-sync/exports/test/fee_groups.csv";
    workspace.write(file, &edited);
    let run = workspace.refuses(&TO_PRODUCTION);
    let way = "sync import --env dev --from data-sync/exports/test fee_groups";
    assert!(run.stderr.contains(way), "{run}");
    let arguments: Vec<&str> = way.split(' ').collect();
    workspace.succeeds(&[&arguments[..], &["--yes"]].concat());
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    workspace.succeeds(&TO_PRODUCTION);
    let name = "SELECT count(*) FROM fee_groups WHERE name LIKE '%Shops%'";
    assert_eq!(workspace.value("prod", name), "1");
}
