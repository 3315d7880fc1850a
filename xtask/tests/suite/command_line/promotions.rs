//! The main job: migrate, promote, and promote again.

use super::*;
use crate::support::workspace::TO_PRODUCTION;

#[test]
fn migrate_brings_development_up_to_date() {
    let workspace = Workspace::fresh();
    assert_run!(workspace.run(&["migrate"]), @r#"
    exit status: 0
    ----- stdout -----
      applied 2024-01-15-090000_create_merchants
      applied 2024-02-12-100000_create_transactions
      applied 2024-03-04-110000_create_audit_logs
      applied 2024-04-22-093000_create_email_templates
      applied 2024-06-10-140000_index_foreign_keys
      applied 2024-08-19-083000_add_merchant_trading_name
      applied 2024-10-07-120000_create_equipment_catalogue
      applied 2024-11-25-150000_keep_closed_merchants_closed
      applied 2025-01-13-093000_create_system_configuration
      applied 2025-03-24-101500_limit_fee_items
      applied 2025-05-19-090000_widen_merchant_status
      applied 2025-07-14-113000_unique_merchant_email
    dev: 12 migrations
    ----- stderr -----
    "#);
    let before = workspace.contents();
    assert_run!(workspace.run(&["migrate"]), @r#"
    exit status: 0
    ----- stdout -----
    dev: 0 migrations
    ----- stderr -----
    "#);
    assert_eq!(workspace.contents(), before);
}

#[test]
fn development_goes_to_test_and_then_there_is_nothing_to_do() {
    let workspace = Workspace::filled();
    assert_run!(workspace.run(&["sync", "dev-to-test", "--yes"]), @r#"
exit status: 0
----- stdout -----
dev-to-test (plan [plan])
  migration 2024-01-15-090000_create_merchants
  migration 2024-02-12-100000_create_transactions
  migration 2024-03-04-110000_create_audit_logs
  migration 2024-04-22-093000_create_email_templates
  migration 2024-06-10-140000_index_foreign_keys
  migration 2024-08-19-083000_add_merchant_trading_name
  migration 2024-10-07-120000_create_equipment_catalogue
  migration 2024-11-25-150000_keep_closed_merchants_closed
  migration 2025-01-13-093000_create_system_configuration
  migration 2025-03-24-101500_limit_fee_items
  migration 2025-05-19-090000_widen_merchant_status
  migration 2025-07-14-113000_unique_merchant_email
  fee_groups: new table, 2 rows to insert
  fee_items: new table, 3 rows to insert
  email_templates: new table, 1 row to insert
  equipment_catalogue: new table, 1 row to insert
  system_configuration: 3 unchanged
  all of it in one transaction, after a backup
  tried on a full copy: the migrations work, and the counts above are exact
done: dev-to-test: 12 migrations; fee_groups: 2 inserted; fee_items: 3 inserted; email_templates: 1 inserted; equipment_catalogue: 1 inserted
  fee_groups: 2 inserted
  fee_items: 3 inserted
  email_templates: 1 inserted
  equipment_catalogue: 1 inserted
  system_configuration: 3 unchanged
  verified before the commit; protected rows changed: 0
  backup: [root]/migrations/schema-backups/test-[moment]-[run].sqlite3
  way back: cargo xtask sync restore --env test migrations/schema-backups/test-[moment]-[run].sqlite3
----- stderr -----
[1/7] lock Test
[2/7] look again
[3/7] back up Test
[4/7] export the lookup tables of Development
[5/7] migrate Test
[6/7] load the lookup tables into Test
[7/7] verify, record and commit
"#);
    assert_eq!(
        workspace.value("test", "SELECT count(*) FROM fee_items"),
        "3"
    );
    let before = workspace.contents();
    assert_run!(workspace.run(&["sync", "dev-to-test", "--yes"]), @r#"
    exit status: 0
    ----- stdout -----
    dev-to-test: nothing to do, everything is in sync
    ----- stderr -----
    "#);
    // Not a byte: no backup, no export, no row, no entry in the ledger.
    assert!(workspace.contents() == before);
    // There is nothing to confirm either.
    assert_eq!(workspace.run(&["sync", "dev-to-test"]).code, 0);
}

#[test]
fn rows_that_changed_are_promoted_and_no_others() {
    let workspace = Workspace::promoted();
    let protected = "SELECT (SELECT group_concat(email || created_at) FROM users) || (SELECT group_concat(legal_name || created_at) FROM merchants)
        || (SELECT group_concat(amount_minor_units || created_at) FROM transactions) || (SELECT group_concat(action || created_at) FROM audit_logs)";
    let before = (
        workspace.value("test", protected),
        workspace.value("prod", protected),
    );
    let production = std::fs::read(workspace.path("prod.sqlite3")).unwrap();
    assert_run!(workspace.run(&["sync", "dev-to-test", "--yes"]), @r#"
exit status: 0
----- stdout -----
dev-to-test (plan [plan])
  fee_items: 1 to insert, 1 to update, 1 to delete, 1 unchanged
  all of it in one transaction, after a backup
done: dev-to-test: fee_items: 1 inserted, 1 updated, 1 deleted
  fee_groups: 2 unchanged
  fee_items: 1 inserted, 1 updated, 1 deleted, 1 unchanged
  email_templates: 1 unchanged
  equipment_catalogue: 1 unchanged
  system_configuration: 3 unchanged
  verified before the commit; protected rows changed: 0
  backup: [root]/migrations/schema-backups/test-[moment]-[run].sqlite3
  way back: cargo xtask sync restore --env test migrations/schema-backups/test-[moment]-[run].sqlite3
----- stderr -----
[1/7] lock Test
[2/7] look again
[3/7] back up Test
[4/7] export the lookup tables of Development
[5/7] migrate Test
[6/7] load the lookup tables into Test
[7/7] verify, record and commit
"#);
    assert!(std::fs::read(workspace.path("prod.sqlite3")).unwrap() == production);
    assert_run!(workspace.run(&TO_PRODUCTION), @r#"
    exit status: 0
    ----- stdout -----
    test-to-prod (plan [plan])
      fee_items: 1 to insert, 1 to update, 1 to delete, 1 unchanged
      all of it in one transaction, after a backup

    safety checklist for Production
      [x] tested: Test received this as run [run] at [time]
      [x] backup: one is made in [root]/migrations/schema-backups and proved before anything changes
      [x] way back: the report ends with the command that puts the backup back
      [ ] Team lead approval obtained
      [ ] Maintenance window scheduled
      [ ] Users notified

    done: test-to-prod: fee_items: 1 inserted, 1 updated, 1 deleted
      fee_groups: 2 unchanged
      fee_items: 1 inserted, 1 updated, 1 deleted, 1 unchanged
      email_templates: 1 unchanged
      equipment_catalogue: 1 unchanged
      system_configuration: 3 unchanged
      verified before the commit; protected rows changed: 0
      backup: [root]/migrations/schema-backups/prod-[moment]-[run].sqlite3
      way back: cargo xtask sync restore --env prod migrations/schema-backups/prod-[moment]-[run].sqlite3
    ----- stderr -----
    [1/7] lock Production
    [2/7] look again
    [3/7] back up Production
    [4/7] export the lookup tables of Test
    [5/7] migrate Production
    [6/7] load the lookup tables into Production
    [7/7] verify, record and commit
    "#);
    assert_eq!(
        (
            workspace.value("test", protected),
            workspace.value("prod", protected)
        ),
        before
    );
    let fees = "SELECT group_concat(id || ':' || rate_basis_points) FROM fee_items";
    assert_eq!(workspace.value("prod", fees), "1:125,2:40,4:75");
}

#[test]
fn production_asks_for_more_than_yes() {
    let workspace = Workspace::promoted();
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    assert_run!(workspace.refuses(&["sync", "test-to-prod"]), @r#"
    exit status: 4
    ----- stdout -----
    test-to-prod (plan [plan])
      fee_items: 1 to insert, 1 to update, 1 to delete, 1 unchanged
      all of it in one transaction, after a backup

    safety checklist for Production
      [x] tested: Test received this as run [run] at [time]
      [x] backup: one is made in [root]/migrations/schema-backups and proved before anything changes
      [x] way back: the report ends with the command that puts the backup back
      [ ] Team lead approval obtained
      [ ] Maintenance window scheduled
      [ ] Users notified

    ----- stderr -----
    error: there is no terminal to confirm a change of Production on

    hint: run `cargo xtask sync test-to-prod --yes --confirm "SYNC TO PRODUCTION"`
    "#);
    assert_run!(workspace.refuses(&["sync", "test-to-prod", "--yes", "--quiet"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: there is no terminal to confirm a change of Production on

    hint: run `cargo xtask sync test-to-prod --yes --confirm "SYNC TO PRODUCTION"`
    "#);
    let confirmed = |text: &str| {
        let arguments = [
            "sync",
            "test-to-prod",
            "--yes",
            "--quiet",
            "--confirm",
            text,
        ];
        workspace.refuses(&arguments)
    };
    let wrong = confirmed("sync to production");
    // Word for word, to the last blank.
    assert_eq!(confirmed("SYNC TO PRODUCTION "), wrong);
    assert_run!(wrong, @r#"
    exit status: 5
    ----- stdout -----
    ----- stderr -----
    error: cancelled: nothing was changed in Production

    hint: to go on, the answer is `SYNC TO PRODUCTION`, letter for letter
    "#);
    // Answers are taken from nowhere but a terminal.
    let mut piped = std::process::Command::new("sh");
    piped.args(["-c", "printf 'yes\\nSYNC TO PRODUCTION\\n' | \"$@\"", "sh"]);
    let command = workspace.command(&["sync", "test-to-prod"]);
    piped
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(workspace.path(""))
        .env_clear();
    piped.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    assert_eq!(Run::of(piped).code, 4);
}

#[test]
fn a_promotion_ends_where_until_says() {
    let workspace = Workspace::filled();
    let until = ["--until", "2024-01-15-090000"];
    let plan = [&["sync", "plan", "dev-to-test"], &until[..]].concat();
    let shown = workspace.run(&plan).stdout;
    let left = "left for another run: 11 migrations after 2024-01-15-090000_create_merchants; \
        no lookup rows are loaded, because they change the columns of ";
    assert!(shown.contains(left), "{shown}");
    let json = workspace.document(&plan);
    crate::schemas::assert_fits("plan", &json);
    assert_eq!(json["until"]["version"], "20240115090000");
    assert_eq!(json["migrations"].as_array().unwrap().len(), 1);
    let page = workspace.run(&[&plan[..], &["--format", "markdown"]].concat());
    assert!(page.stdout.contains("11 migrations after"), "{page}");
    let promotion = [&["sync", "dev-to-test"], &until[..]].concat();
    // The command to use without a terminal has it too.
    let refused = workspace.refuses(&promotion).stderr;
    assert!(
        refused.contains("sync dev-to-test --until 2024-01-15-090000 --yes"),
        "{refused}"
    );
    workspace.succeeds(&[&promotion[..], &["--yes"]].concat());
    let again = workspace.succeeds(&promotion).stdout;
    assert!(again.contains("nothing to do"), "{again}");
    let board = workspace.run(&["sync", "status"]).stdout;
    assert!(board.contains("11 migrations"), "{board}");
}
