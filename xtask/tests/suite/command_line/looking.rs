//! Status, plans and dry runs: they answer, and every file stays as it is.

use super::*;

/// A command that only looks: every file stays as it is.
#[track_caller]
fn look(workspace: &Workspace, arguments: &[&str]) -> Run {
    let before = workspace.contents();
    let run = workspace.run(arguments);
    assert!(workspace.contents() == before, "a file changed: {run}");
    run
}

#[test]
fn status_of_empty_files() {
    assert_run!(look(&Workspace::fresh(), &["sync", "status"]), @r#"
    exit status: 0
    ----- stdout -----
                   Development             Test                    Production
    ─────────────────────────────────────────────────────────────────────────────────────
     database      SQLite [version]           SQLite [version]           SQLite [version]
     stamp         none yet                none yet                none yet
     migrations    0 applied, 12 pending   0 applied, 12 pending   0 applied, 12 pending
     last change   none yet                none yet                none yet
     last backup   none                    none                    none
    ─────────────────────────────────────────────────────────────────────────────────────

    dev-to-test: blocked
      not in both environments yet: fee_groups, fee_items, email_templates, equipment_catalogue, system_configuration
      blocker: Development has no table `fee_groups`
      blocker: Development has no table `fee_items`
      blocker: Development has no table `email_templates`
      blocker: Development has no table `equipment_catalogue`
      blocker: Development has no table `system_configuration`
        hint: where a migration makes it, run the migration (Development: `cargo xtask migrate`); else correct its [[lookup]] section in data-sync/sync.toml

    test-to-prod: blocked
      not in both environments yet: fee_groups, fee_items, email_templates, equipment_catalogue, system_configuration
      blocker: the database behind Test does not say that it is Test: nothing was ever promoted to it
        hint: correct TEST_DATABASE_URL; or promote to it first (`cargo xtask sync dev-to-test`); or, if it is Test all the same, `cargo xtask sync stamp --env test` says so
      blocker: Test has no table `fee_groups`
      blocker: Test has no table `fee_items`
      blocker: Test has no table `email_templates`
      blocker: Test has no table `equipment_catalogue`
      blocker: Test has no table `system_configuration`
        hint: where a migration makes it, run the migration (Development: `cargo xtask migrate`); else correct its [[lookup]] section in data-sync/sync.toml
    ----- stderr -----
    "#);
}

#[test]
fn status_shows_what_is_waiting() {
    let workspace = Workspace::promoted();
    assert_run!(look(&workspace, &["sync", "status"]), @r#"
    exit status: 0
    ----- stdout -----
                            Development        Test                    Production
    ──────────────────────────────────────────────────────────────────────────────────────────
     database               SQLite [version]      SQLite [version]           SQLite [version]
     stamp                  dev                test                    prod
     migrations             12 applied         12 applied              12 applied
     email_templates        1 row #....        1 row #....             1 row #....
     equipment_catalogue    1 row #....        1 row #....             1 row #....
     fee_groups             2 rows #....       2 rows #....            2 rows #....
     fee_items              3 rows #....       3 rows #....            3 rows #....
     system_configuration   3 rows #....       3 rows #....            3 rows #....
     last change            dev by tester      dev-to-test by tester   test-to-prod by tester
                            [minute]   [minute]        [minute]
     last backup            none               [minute]        [minute]
    ──────────────────────────────────────────────────────────────────────────────────────────

    dev-to-test: out of sync
      fee_items: 1 to insert, 1 to update, 1 to delete

    test-to-prod: in sync
    ----- stderr -----
    "#);
    assert_run!(look(&workspace, &["sync", "status", "--check", "--verbose"]), @r#"
    exit status: 3
    ----- stdout -----
                            Development        Test                    Production
    ──────────────────────────────────────────────────────────────────────────────────────────
     database               SQLite [version]      SQLite [version]           SQLite [version]
     stamp                  dev                test                    prod
     migrations             12 applied         12 applied              12 applied
     email_templates        1 row #....        1 row #....             1 row #....
     equipment_catalogue    1 row #....        1 row #....             1 row #....
     fee_groups             2 rows #....       2 rows #....            2 rows #....
     fee_items              3 rows #....       3 rows #....            3 rows #....
     system_configuration   3 rows #....       3 rows #....            3 rows #....
     last change            dev by tester      dev-to-test by tester   test-to-prod by tester
                            [minute]   [minute]        [minute]
     last backup            none               [minute]        [minute]
    ──────────────────────────────────────────────────────────────────────────────────────────

    dev-to-test: out of sync
      fee_groups: the same
      fee_items: 1 to insert, 1 to update, 1 to delete
      email_templates: the same
      equipment_catalogue: the same
      system_configuration: the same

    test-to-prod: in sync
      fee_groups: the same
      fee_items: the same
      email_templates: the same
      equipment_catalogue: the same
      system_configuration: the same
    ----- stderr -----
    "#);
}

#[test]
fn status_tells_of_environments_that_are_not_there() {
    let mut workspace = Workspace::promoted();
    workspace.unset("DATABASE_URL");
    workspace.set("TEST_DATABASE_URL", "sqlite:missing.sqlite3");
    assert_run!(look(&workspace, &["sync", "status"]), @r#"
    exit status: 0
    ----- stdout -----
                            Development        Test               Production
    ───────────────────────────────────────────────────────────────────────────────
     database               SQLite [version]      unreachable        not set
     stamp                  dev                –                  –
     migrations             12 applied         –                  –
     email_templates        1 row #....        –                  –
     equipment_catalogue    1 row #....        –                  –
     fee_groups             2 rows #....       –                  –
     fee_items              3 rows #....       –                  –
     system_configuration   3 rows #....       –                  –
     last change            dev by tester      –                  –
                            [minute]
     last backup            none               [minute]   [minute]
    ───────────────────────────────────────────────────────────────────────────────

    dev-to-test: blocked
      blocker: Test (TEST_DATABASE_URL): there is no database file [root]/missing.sqlite3
        hint: correct the path; for a new database make an empty file first

    test-to-prod: blocked
      blocker: Test (TEST_DATABASE_URL): there is no database file [root]/missing.sqlite3
        hint: correct the path; for a new database make an empty file first
      blocker: DATABASE_URL is not set, so Production cannot be reached
        hint: set DATABASE_URL=postgres://… (or sqlite:PATH) in the environment or in the file .env
    ----- stderr -----
    "#);
    assert_eq!(look(&workspace, &["sync", "status", "--check"]).code, 3);
}

#[test]
fn status_checks_one_promotion() {
    let mut workspace = Workspace::promoted();
    workspace.unset("DATABASE_URL");
    let check = |workspace: &Workspace, promotion: &str| {
        look(workspace, &["sync", "status", "--check", promotion]).code
    };
    assert_eq!(check(&workspace, "dev-to-test"), 3);
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    assert_eq!(check(&workspace, "dev-to-test"), 0);
    assert_eq!(look(&workspace, &["sync", "status", "--check"]).code, 3);
    // What cannot be looked at is not in sync, and what is no promotion is refused.
    assert_eq!(check(&workspace, "test-to-prod"), 3);
    assert_eq!(check(&workspace, "dev-to-prod"), 4);
}

#[test]
fn a_plan_names_what_would_change() {
    let workspace = Workspace::promoted();
    assert_run!(look(&workspace, &["sync", "plan", "dev-to-test"]), @r#"
    exit status: 0
    ----- stdout -----
    dev-to-test (plan [plan])
      fee_items: 1 to insert, 1 to update, 1 to delete, 1 unchanged
      all of it in one transaction, after a backup
    ----- stderr -----
    "#);
    assert_run!(look(&workspace, &["sync", "plan", "dev-to-test", "--rows"]), @r#"
    exit status: 0
    ----- stdout -----
    dev-to-test (plan [plan])
      fee_items: 1 to insert, 1 to update, 1 to delete, 1 unchanged
        ~ id "1": rate_basis_points "120" → "125"
        - id "3": active "1", code "CARD", fee_group_id "2", fixed_minor_units "0", id "3", minimum_minor_units "0", name "Card", rate_basis_points "20", updated_at "2024-05-01 08:00:00"
        + id "4": active "1", code "GIFT", fee_group_id "2", fixed_minor_units "0", id "4", minimum_minor_units "0", name "Gift, with \"quotes\"", rate_basis_points "75", updated_at "2024-06-01 08:00:00"
      all of it in one transaction, after a backup
    ----- stderr -----
    "#);
    assert_run!(look(&workspace, &["sync", "plan", "test-to-prod"]), @r#"
    exit status: 0
    ----- stdout -----
    test-to-prod (plan [plan])
      nothing to do: schema and lookup data are the same
    ----- stderr -----
    "#);
    let checked = |promotion| look(&workspace, &["sync", "plan", promotion, "--check"]).code;
    assert_eq!((checked("dev-to-test"), checked("test-to-prod")), (3, 0));
}

#[test]
fn a_plan_shows_the_cells_that_are_written() {
    let workspace = Workspace::promoted();
    workspace.configure(
        "table = \"fee_items\"",
        "table = \"fee_items\"\nretire = { active = false }\ninsert_only = [\"name\"]",
    );
    workspace.execute("dev", "UPDATE fee_items SET name = 'x'");
    assert_run!(look(&workspace, &["sync", "plan", "dev-to-test", "--rows"]), @r#"
    exit status: 0
    ----- stdout -----
    dev-to-test (plan [plan])
      fee_items: 1 to insert, 1 to update, 1 to retire, 1 unchanged
        ~ id "1": rate_basis_points "120" → "125"
        + id "4": active "1", code "GIFT", fee_group_id "2", fixed_minor_units "0", id "4", minimum_minor_units "0", name "x", rate_basis_points "75", updated_at "2024-06-01 08:00:00"
        ~ id "3": active "1" → "0" (retired)
      all of it in one transaction, after a backup
    ----- stderr -----
    "#);
    let markdown = ["sync", "plan", "dev-to-test", "--rows", "--format=markdown"];
    let markdown = workspace.run(&markdown).stdout;
    for row in [
        "| update | `id` `\"1\"` | `rate_basis_points` `\"120\"` → `\"125\"` |",
        "| retire | `id` `\"3\"` | `active` `\"1\"` → `\"0\"` |",
    ] {
        assert!(markdown.contains(row), "{markdown}");
    }
}

#[test]
fn a_plan_for_an_empty_database_has_the_migrations() {
    assert_run!(look(&Workspace::filled(), &["sync", "plan", "dev-to-test"]), @r#"
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
    ----- stderr -----
    "#);
}

#[test]
fn a_dry_run_is_the_plan() {
    let workspace = Workspace::promoted();
    let plan = look(&workspace, &["sync", "plan", "dev-to-test"]);
    assert_eq!(
        look(&workspace, &["sync", "dev-to-test", "--dry-run"]),
        plan
    );
    workspace.configure("table = \"fee_items\"", "table = \"fee_item\"");
    let blocked = look(&workspace, &["sync", "dev-to-test", "--dry-run"]);
    assert_eq!(blocked.code, 4, "{blocked}");
    assert_eq!(look(&workspace, &["sync", "plan", "dev-to-test"]), blocked);
}

/// Names, messages and the ledger are others' text: they neither steer the terminal nor pass for
/// lines of this program.
#[test]
fn nothing_that_was_read_acts_on_the_terminal() {
    let workspace = Workspace::promoted();
    let evil = "a\u{1b}[2J\n  blocker: forged\u{9b}1m";
    let quoted = evil.replace('"', "\"\"");
    workspace.execute(
        "test",
        &format!(
            "CREATE TABLE \"{quoted}\" (id INTEGER PRIMARY KEY);
             UPDATE __sync_runs SET operator = '{evil}', summary = '{evil}', subject = '{evil}';
             UPDATE __sync_migrations SET up = 'SELECT 1; -- {evil}', checksum = 'other';"
        ),
    );
    workspace.execute(
        "prod",
        &format!("UPDATE __sync_stamp SET environment = '{evil}', since = '{evil}'"),
    );
    for arguments in [
        &["sync", "status", "-v"][..],
        &["sync", "plan", "dev-to-test", "-v"],
        &["sync", "plan", "test-to-prod"],
        &["sync", "plan", "dev-to-test", "--format", "markdown"],
        &["sync", "test-to-prod", "--yes", "--color", "always"],
        &["sync", "history"],
        &["sync", "stamp", "--env", "prod"],
        &["migrate"],
    ] {
        let run = workspace.run(arguments);
        for line in run.stdout.lines().chain(run.stderr.lines()) {
            let styles = ["0", "1", "31", "33", "36"].map(|style| format!("\u{1b}[{style}m"));
            let plain = styles
                .iter()
                .fold(line.to_owned(), |line, style| line.replace(style, ""));
            assert!(!plain.contains(char::is_control), "{arguments:?}: {line:?}");
            assert!(
                !line.trim().starts_with("blocker: forged"),
                "{arguments:?}: {run}"
            );
        }
        assert!(
            format!("{run}").contains("forged") || arguments == ["migrate"],
            "{arguments:?}: {run}"
        );
    }
}
