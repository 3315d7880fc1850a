//! Environments that other programs migrated, and how their ledger learns of it.

use super::*;

#[test]
fn what_other_programs_ran_is_said_and_adopted() {
    let workspace = Workspace::filled();
    workspace.migrate_by_hand("test", 3);
    let board = |workspace: &Workspace| {
        let status = workspace.succeeds(&["sync", "status"]).stdout;
        let line = status.lines().find(|line| line.contains("applied"));
        line.unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        board(&workspace),
        "migrations 12 applied 3 applied, 9 pending, 3 unrecorded 0 applied, 12 pending"
    );
    assert_run!(workspace.run(&["sync", "plan", "test-to-prod"]), @r#"
    exit status: 4
    ----- stdout -----
    test-to-prod (plan [plan])
      migration 2024-01-15-090000_create_merchants
      migration 2024-02-12-100000_create_transactions
      migration 2024-03-04-110000_create_audit_logs
      fee_groups: new table, 0 rows to insert
      fee_items: new table, 0 rows to insert
      email_templates: cannot be compared
      equipment_catalogue: cannot be compared
      system_configuration: cannot be compared
      all of it in one transaction, after a backup
      tried on a full copy: the migrations work, and the counts above are exact
      blocker: the database behind Test does not say that it is Test: nothing was ever promoted to it
        hint: correct TEST_DATABASE_URL; or promote to it first (`cargo xtask sync dev-to-test`); or, if it is Test all the same, `cargo xtask sync stamp --env test` says so
      blocker: it is not recorded what Test ran of 3 migrations, so that the files cannot be compared with it: 2024-01-15-090000_create_merchants, 2024-02-12-100000_create_transactions, 2024-03-04-110000_create_audit_logs
        hint: if the files are what ran there, `cargo xtask migrate --record --env test` records them; unrecorded = "warn" for `prod` in data-sync/sync.toml lets them pass
      blocker: Test has no table `email_templates`
      blocker: Test has no table `equipment_catalogue`
      blocker: Test has no table `system_configuration`
        hint: where a migration makes it, run the migration (Development: `cargo xtask migrate`); else correct its [[lookup]] section in data-sync/sync.toml
      warning: Test has not run 9 migrations: they are not promoted
        hint: `cargo xtask sync dev-to-test` brings them there
    ----- stderr -----
    "#);
    assert_run!(workspace.refuses(&["migrate", "--record", "--env", "test"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: there is no terminal to confirm a change of Test on

    hint: run `cargo xtask migrate --record --env test --yes`
    "#);
    assert_run!(workspace.run(&["migrate", "--record", "--env", "test", "--yes"]), @r#"
    exit status: 0
    ----- stdout -----
      recorded 2024-01-15-090000_create_merchants
      recorded 2024-02-12-100000_create_transactions
      recorded 2024-03-04-110000_create_audit_logs
    test: 3 migrations recorded
    ----- stderr -----
    "#);
    assert_run!(workspace.run(&["migrate", "--record"]), @r#"
    exit status: 0
    ----- stdout -----
    dev: 0 migrations recorded
    ----- stderr -----
    "#);
    assert_eq!(
        board(&workspace),
        "migrations 12 applied 3 applied, 9 pending 0 applied, 12 pending"
    );
    assert_run!(workspace.run(&["sync", "history", "--env", "test"]), @r#"
    exit status: 0
    ----- stdout -----
    test
      [time]  migrate test by tester ([run])
          recorded 3 migrations
    ----- stderr -----
    "#);
    assert_eq!(workspace.run(&["migrate", "--env", "test"]).code, 2);
}
