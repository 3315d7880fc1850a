//! Migrations that lose protected rows of Production.

use serde_json::json;

use super::*;
use crate::schemas::assert_fits;
use crate::support::workspace::TO_PRODUCTION;

const WIDEN: &str = "2025-05-19-090000_widen_merchant_status";

/// Somebody added a column by hand, which the migration that makes the table anew leaves behind.
fn workspace() -> Workspace {
    let workspace = Workspace::filled();
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    workspace.migrate_by_hand("prod", 10);
    workspace.execute(
        "prod",
        "ALTER TABLE merchants ADD COLUMN note TEXT;
         INSERT INTO fee_groups (id, code, name, currency) VALUES (1, 'STD', 'Standard', 'EUR');
         INSERT INTO merchants (id, fee_group_id, legal_name, contact_email, note)
         VALUES (1, 1, 'Ann', 'ann@example.com', 'calls on Mondays'), (2, 1, 'Bob', 'bob@example.com', NULL);",
    );
    workspace
}

#[test]
fn what_is_lost_has_to_be_allowed() {
    let workspace = workspace();
    assert_run!(workspace.run(&["sync", "plan", "test-to-prod"]), @r#"
    exit status: 4
    ----- stdout -----
    test-to-prod (plan [plan])
      migration 2025-05-19-090000_widen_merchant_status
        data loss: drops `note` of `merchants` with 1 value (1)
      migration 2025-07-14-113000_unique_merchant_email
      fee_groups: 1 to insert, 1 to update
      fee_items: 3 to insert
      email_templates: 1 to insert
      equipment_catalogue: 1 to insert
      all of it in one transaction, after a backup
      tried on a full copy: the migrations work, and the counts above are exact
      blocker: migration 2025-05-19-090000_widen_merchant_status loses or changes protected rows of Production: drops `note` of `merchants` with 1 value (1)
        hint: if that is meant, add --allow-data-loss 2025-05-19-090000_widen_merchant_status
    ----- stderr -----
    "#);
    assert_run!(workspace.refuses(&["sync", "plan", "test-to-prod", "--allow-data-loss", "widen"]), @r#"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    error: --allow-data-loss: the plan has no migration `widen`

    hint: the plan has 2025-05-19-090000_widen_merchant_status, 2025-07-14-113000_unique_merchant_email
    "#);
    let allowed = ["sync", "test-to-prod", "--allow-data-loss", WIDEN];
    // What is shown to be pasted says the same again.
    assert_run!(workspace.refuses(&[&allowed[..], &["--quiet"]].concat()), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: there is no terminal to confirm a change of Production on

    hint: run `cargo xtask sync test-to-prod --allow-data-loss 2025-05-19-090000_widen_merchant_status --yes --confirm "SYNC TO PRODUCTION"`
    "#);
    // The option's old name is one too.
    let allowed = ["--allow-destructive", WIDEN];
    let run = workspace.succeeds(&[&TO_PRODUCTION[..], &allowed].concat());
    let lost = format!("protected: {WIDEN} drops `note` of `merchants` with 1 value (1)");
    assert!(run.stdout.contains(&lost), "{}", run.stdout);
    assert!(
        run.stdout.contains("protected rows changed: 1"),
        "{}",
        run.stdout
    );
    assert_eq!(
        workspace.value("prod", "SELECT count(*) FROM merchants"),
        "2"
    );
}

#[test]
fn a_table_is_emptied_only_where_it_is_named() {
    let workspace = Workspace::promoted();
    workspace.execute("dev", "DELETE FROM email_templates");
    let run = workspace.run(&["sync", "dev-to-test", "--yes"]);
    assert_eq!(run.code, 0);
    assert!(
        run.stdout.contains(
            "1 of 1 row of `email_templates` in Test would be deleted, which leaves none"
        ),
        "{run}"
    );
    let hint = "if that is meant, add --allow-deletes email_templates";
    let refused = workspace.refuses(&TO_PRODUCTION);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains(hint), "{refused}");
    let asked = ["sync", "test-to-prod", "--allow-deletes", "email_templates"];
    let unconfirmed = workspace.refuses(&asked);
    assert!(
        unconfirmed.stderr.contains(
            "`cargo xtask sync test-to-prod --allow-deletes email_templates --yes --confirm \"SYNC TO PRODUCTION\"`"
        ),
        "{unconfirmed}"
    );
    workspace.succeeds(&[&TO_PRODUCTION[..], &["--allow-deletes", "email_templates"]].concat());
    let unknown = workspace.run(&["sync", "plan", "dev-to-test", "--allow-deletes", "users"]);
    assert_eq!(unknown.code, 2);
}

#[test]
fn what_is_lost_is_told_in_json() {
    let workspace = workspace();
    let allowed = ["--allow-data-loss", WIDEN, "--format", "json"];
    let plan = workspace.run(&[&["sync", "plan", "test-to-prod"], &allowed[..]].concat());
    let plan = plan.document();
    assert_fits("plan", &plan);
    let migration = &plan["migrations"][0];
    assert_eq!(migration["destructive_allowed"], true);
    let effect = json!({
        "kind": "column_dropped", "table": "merchants", "column": "note", "rows": 1, "keys": ["1"],
    });
    assert_eq!(migration["effects"], json!([effect]));
    let done = workspace.run(&[&TO_PRODUCTION[..], &allowed].concat());
    let done = done.document();
    assert_fits("promotion", &done);
    assert_eq!(done["migrations"][0]["effects"], json!([effect]));
    assert_eq!(
        (&done["protected_rows_changed"], &done["protected_by_load"]),
        (&json!(1), &json!([]))
    );
}
