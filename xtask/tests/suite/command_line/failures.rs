//! Promotions that begin and cannot end: exit 1, or 4 where the rehearsal meets it, the reason by name,
//! the databases as they were.

use super::*;

const PROMOTE: [&str; 4] = ["sync", "dev-to-test", "--yes", "--quiet"];

#[test]
fn a_migration_that_fails_halfway_leaves_nothing() {
    let workspace = Workspace::filled();
    workspace.migrate_by_hand("test", 3);
    workspace.execute(
        "test",
        "INSERT INTO fee_groups (id, code, name, currency) VALUES (1, 'STANDARD', 'Standard', 'EUR');
         INSERT INTO merchants (fee_group_id, legal_name, contact_email) VALUES (1, 'One', 'same@shop.example'), (1, 'Two', 'same@shop.example');",
    );
    assert_run!(workspace.fails(&PROMOTE), @r#"
exit status: 4
----- stdout -----
----- stderr -----
error: rehearsed on a copy of Test: migration 2025-07-14-113000_unique_merchant_email failed at line 2 of up.sql: UNIQUE constraint failed: merchants.contact_email

hint: nothing was touched; mend the migration or the rows that it meets
"#);
    assert_eq!(
        workspace.value("test", "SELECT count(*) FROM __diesel_schema_migrations"),
        "3"
    );
    // The rows are mended, and it goes through.
    workspace.execute(
        "test",
        "UPDATE merchants SET contact_email = 'other@shop.example' WHERE legal_name = 'Two'",
    );
    workspace.succeeds(&PROMOTE);
    assert_eq!(
        workspace.value("test", "SELECT count(*) FROM merchants"),
        "2"
    );
}

#[test]
fn a_row_that_breaks_a_rule_of_the_target_stops_it() {
    let workspace = Workspace::promoted();
    workspace.execute(
        "test",
        "CREATE TRIGGER fee_items_limit BEFORE INSERT ON fee_items WHEN NEW.rate_basis_points < 100
         BEGIN SELECT RAISE(ABORT, 'no gifts here'); END",
    );
    assert_run!(workspace.fails(&PROMOTE), @r#"
    exit status: 1
    ----- stdout -----
    dev-to-test failed after it made a backup: [root]/migrations/schema-backups/test-[moment]-[run].sqlite3
    ----- stderr -----
    error: failed to write rows of `fee_items`: no gifts here

    hint: these are SQLite's own words: mend what they name, then run it again
    "#);
    workspace.execute(
        "test",
        "DROP TRIGGER fee_items_limit; CREATE UNIQUE INDEX fee_items_rate ON fee_items (rate_basis_points)",
    );
    workspace.execute("dev", "UPDATE fee_items SET rate_basis_points = 40");
    assert_run!(workspace.fails(&PROMOTE), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: rows of `fee_items` (1; 4) would have values in Test that are unique there and that other rows have too: rate_basis_points = 40; 40

    hint: only the target has that unique key: give the rows of the source other values, or bring both schemas in step with a migration
    "#);
    workspace.execute(
        "test",
        "DROP INDEX fee_items_rate; CREATE UNIQUE INDEX fee_items_rate ON fee_items (abs(rate_basis_points))",
    );
    assert_run!(workspace.fails(&PROMOTE), @r#"
    exit status: 1
    ----- stdout -----
    dev-to-test failed after it made a backup: [root]/migrations/schema-backups/test-[moment]-[run].sqlite3
    ----- stderr -----
    error: failed to write rows of `fee_items`: UNIQUE constraint failed: index 'fee_items_rate'

    hint: a rule of the target refuses a row, as only the load could tell. With --rows the plan shows every row that would change: mend those that break the rule that is named, or the rule, then run it again
    "#);
}

#[test]
fn a_row_that_is_still_needed_is_not_deleted() {
    let workspace = Workspace::promoted();
    workspace.execute("test", "UPDATE transactions SET fee_item_id = 3");
    assert_run!(workspace.refuses(&PROMOTE), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: 1 row of `fee_items` that is to go is still referred to by 1 row of `transactions` (3: 1)

    hint: point these rows at another row first, or let the rows of `fee_items` stay: bring them back in the source, or set extra_rows = "keep" for it in data-sync/sync.toml, or retire where it has a column that switches a row off, as in retire = { active = false }
    "#);
}

#[test]
fn a_trigger_that_reaches_protected_rows_is_found_out() {
    let workspace = Workspace::promoted();
    workspace.execute(
        "test",
        "CREATE TRIGGER fee_items_log AFTER UPDATE ON fee_items
         BEGIN INSERT INTO audit_logs (action, entity, entity_id) VALUES ('update', 'fee_item', NEW.id); END",
    );
    assert_run!(workspace.fails(&PROMOTE), @r#"
    exit status: 1
    ----- stdout -----
    dev-to-test failed after it made a backup: [root]/migrations/schema-backups/test-[moment]-[run].sqlite3
    ----- stderr -----
    error: loading the lookup tables changed protected rows: 1 row of `audit_logs`

    hint: nothing was committed; look for triggers and cascading foreign keys on the lookup tables
    "#);
}

#[test]
fn without_a_place_for_backups_nothing_begins() {
    let workspace = Workspace::promoted();
    workspace.write("taken", "a file");
    workspace.configure(
        "dir = \"migrations/schema-backups\"",
        "dir = \"taken/backups\"",
    );
    assert_run!(workspace.refuses(&PROMOTE), @r#"
    exit status: 1
    ----- stdout -----
    ----- stderr -----
    error: the backup folder [root]/taken/backups cannot be used: failed to create the folder [root]/taken/backups: Not a directory (os error 20)

    hint: make it a folder that only its owner can write to (chmod 700), or name another one as [backup] dir in data-sync/sync.toml
    "#);
    assert_eq!(
        workspace.refuses(&["sync", "backup", "--env", "test"]).code,
        1
    );
}

#[test]
fn without_a_place_for_exports_nothing_is_loaded() {
    let workspace = Workspace::promoted();
    workspace.write("taken", "a file");
    workspace.configure("dir = \"data-sync/exports\"", "dir = \"taken/exports\"");
    assert_run!(workspace.fails(&PROMOTE), @r#"
    exit status: 1
    ----- stdout -----
    dev-to-test failed after it made a backup: [root]/migrations/schema-backups/test-[moment]-[run].sqlite3
    ----- stderr -----
    error: failed to create the folder [root]/taken/exports/dev: Not a directory (os error 20)

    hint: mend what it names, then run it again
    "#);
}
