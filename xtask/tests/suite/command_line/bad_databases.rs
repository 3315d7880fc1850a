//! Databases that are not there, not what they seem, or not fit to be promoted.

use xtask::model::backend::Backend;

use super::*;
use crate::support::database::Database;

const PROMOTE: [&str; 3] = ["sync", "dev-to-test", "--yes"];

#[test]
fn a_file_that_is_not_there_is_not_made() {
    let mut workspace = Workspace::filled();
    workspace.set("TEST_DATABASE_URL", "sqlite:tset.sqlite3");
    assert_run!(workspace.refuses(&PROMOTE), @r#"
    exit status: 1
    ----- stdout -----
    ----- stderr -----
    error: Test (TEST_DATABASE_URL): there is no database file [root]/tset.sqlite3

    hint: correct the path; for a new database make an empty file first
    "#);
    workspace.set("DEV_DATABASE_URL", "sqlite:no-such-folder/dev.sqlite3");
    assert_run!(workspace.refuses(&["migrate"]), @r#"
    exit status: 1
    ----- stdout -----
    ----- stderr -----
    error: Development (DEV_DATABASE_URL): there is no database file [root]/no-such-folder/dev.sqlite3

    hint: correct the path; for a new database make an empty file first
    "#);
    workspace.set("DEV_DATABASE_URL", "sqlite:data-sync");
    assert_eq!(workspace.refuses(&["migrate"]).code, 1);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let mut workspace = Workspace::filled();
    workspace.write(
        "notes.txt",
        "these are not rows, these are words about rows\n".repeat(100),
    );
    workspace.set("TEST_DATABASE_URL", "sqlite:notes.txt");
    assert_run!(workspace.refuses(&PROMOTE), @r#"
        exit status: 1
        ----- stdout -----
        ----- stderr -----
        error: Test (TEST_DATABASE_URL): failed to open sqlite:notes.txt: file is not a database

        hint: check that the file is a SQLite database, and that it may be read and written
        "#);
    workspace.set("DEV_DATABASE_URL", "sqlite:notes.txt");
    assert_run!(workspace.refuses(&["migrate"]), @r#"
    exit status: 1
    ----- stdout -----
    ----- stderr -----
    error: Development (DEV_DATABASE_URL): failed to open sqlite:notes.txt: file is not a database

    hint: check that the file is a SQLite database, and that it may be read and written
    "#);
}

#[test]
fn a_server_that_does_not_answer_is_named() {
    // A port that was free a moment ago, so that nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut workspace = Workspace::filled();
    workspace.set(
        "TEST_DATABASE_URL",
        &format!("postgres://ann:hunter2@127.0.0.1:{port}/shop"),
    );
    let run = workspace.refuses(&PROMOTE);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr
            .contains(&format!("postgres://ann:***@127.0.0.1:{port}/shop")),
        "{run}"
    );
    assert!(run.stderr.contains("refused"), "{run}");
    assert!(!run.to_string().contains("hunter2"), "{run}");
}

#[test]
fn one_database_cannot_be_both_ends() {
    let mut workspace = Workspace::filled();
    for same in [
        "sqlite:dev.sqlite3",
        "sqlite://./dev.sqlite3",
        "sqlite:data-sync/../dev.sqlite3",
    ] {
        workspace.set("TEST_DATABASE_URL", same);
        let run = workspace.refuses(&PROMOTE);
        assert_eq!(run.code, 4, "{run}");
        assert!(
            run.stderr.contains("one and the same database"),
            "{same}: {run}"
        );
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(
            workspace.path("dev.sqlite3"),
            workspace.path("link.sqlite3"),
        )
        .unwrap();
        workspace.set("TEST_DATABASE_URL", "sqlite:link.sqlite3");
        assert_run!(workspace.refuses(&[&PROMOTE[..], &["--quiet"]].concat()), @r#"
        exit status: 4
        ----- stdout -----
        ----- stderr -----
        error: Development and Test are one and the same database, which says of itself that it is `dev`

        hint: correct DEV_DATABASE_URL or TEST_DATABASE_URL: both lead to it, by whatever name
        "#);
    }
}

#[test]
fn the_two_ends_are_of_one_kind() {
    let server = Database::create(Backend::Postgres);
    let mut workspace = Workspace::filled();
    workspace.set("TEST_DATABASE_URL", &server.url);
    assert_run!(workspace.refuses(&[&PROMOTE[..], &["--quiet"]].concat()), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: Development is SQLite and Test is PostgreSQL

    hint: both ends of a promotion use the same kind of database
    "#);
}

#[test]
fn a_database_knows_which_environment_it_is() {
    let mut workspace = Workspace::promoted();
    workspace.set("DATABASE_URL", "sqlite:dev.sqlite3");
    assert_run!(workspace.refuses(&["sync", "test-to-prod", "--quiet"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: the database behind Production is the one behind Development too

    hint: correct DATABASE_URL or DEV_DATABASE_URL: a database is one environment
    "#);
    workspace.set("DEV_DATABASE_URL", "sqlite:prod.sqlite3");
    assert_run!(workspace.refuses(&["migrate"]), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: the database behind Development says of itself that it is `prod`, since [time], but it said so first in another place: it is a copy of that database, or was moved

    hint: correct DEV_DATABASE_URL; if it is to be Development from now on, `cargo xtask sync stamp --env dev` says so
    "#);
}

#[test]
fn a_lookup_table_must_be_there() {
    let workspace = Workspace::promoted();
    workspace.configure("table = \"fee_items\"", "table = \"fee_item\"");
    assert_run!(workspace.refuses(&[&PROMOTE[..], &["--quiet"]].concat()), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: Development has no table `fee_item`

    hint: where a migration makes it, run the migration (Development: `cargo xtask migrate`); else correct its [[lookup]] section in data-sync/sync.toml
    "#);
}

#[test]
fn a_lookup_table_needs_a_key() {
    let workspace = Workspace::promoted();
    for environment in ["dev", "test"] {
        workspace.execute(environment, "CREATE TABLE rates (code TEXT, rate INTEGER); INSERT INTO rates VALUES ('a', 1), ('a', 2)");
    }
    workspace.configure("table = \"fee_items\"", "table = \"rates\"");
    assert_run!(workspace.refuses(&[&PROMOTE[..], &["--quiet"]].concat()), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: `rates` in Development has no primary key, so its rows cannot be told apart

    hint: add a primary key with a migration, or name unique columns with key = ["…"] in data-sync/sync.toml
    "#);
    workspace.configure(
        "table = \"fee_items\"",
        "table = \"rates\"\nkey = [\"code\"]",
    );
    assert_run!(workspace.refuses(&[&PROMOTE[..], &["--quiet"]].concat()), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: `rates` in Development has two rows with one key: code = a

    hint: mend the rows, or name columns that identify a row with key = […] in data-sync/sync.toml
    "#);
    workspace.configure(
        "table = \"fee_items\"",
        "table = \"rates\"\nkey = [\"cod\"]",
    );
    assert_run!(workspace.refuses(&[&PROMOTE[..], &["--quiet"]].concat()), @r#"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    error: `rates` in Development has no column `cod` to be its key

    hint: correct key = […] in data-sync/sync.toml
    "#);
}

/// The role does not exist, so that a server that asks nobody for a password refuses it too.
#[test]
fn a_wrong_password_is_printed_nowhere() {
    let server = Database::create(Backend::Postgres);
    let address = server.url.split('@').next_back().unwrap();
    let wrong = format!("postgres://nobody_of_that_name:wr0ng%2Dsecret@{address}");
    let mut workspace = Workspace::filled();
    workspace.set("DEV_DATABASE_URL", &server.url);
    workspace.set("TEST_DATABASE_URL", &wrong);
    let mut secrets = vec!["wr0ng"];
    let user_info = server
        .url
        .rsplit_once('@')
        .unwrap()
        .0
        .trim_start_matches("postgres://");
    secrets.extend(user_info.split_once(':').map(|(_, password)| password));
    for arguments in [
        &["sync", "status"][..],
        &PROMOTE,
        &["sync", "backup", "--env", "test"],
        &["sync", "backup", "--env", "dev"],
    ] {
        let run = workspace.run(&[arguments, &["--verbose"]].concat());
        let json = workspace.run(&[arguments, &["--format", "json"]].concat());
        for secret in &secrets {
            assert!(!run.to_string().contains(secret), "{run}");
            assert!(!json.to_string().contains(secret), "{json}");
            for (path, content) in workspace.contents() {
                let content = String::from_utf8_lossy(&content).into_owned();
                assert!(!content.contains(secret), "in {}", path.display());
            }
        }
    }
    let run = workspace.refuses(&PROMOTE);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("nobody_of_that_name:***@"), "{run}");
}

#[test]
fn text_that_is_none_is_no_new_table() {
    let workspace = Workspace::filled();
    workspace.execute(
        "dev",
        "UPDATE fee_items SET name = CAST(x'61ff' AS TEXT) WHERE id = 1",
    );
    assert_run!(workspace.run(&["sync", "plan", "dev-to-test"]), @r#"
    exit status: 4
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
      fee_items: cannot be compared
      email_templates: new table, 1 row to insert
      equipment_catalogue: new table, 1 row to insert
      system_configuration: 3 unchanged
      all of it in one transaction, after a backup
      tried on a full copy: the migrations work, and the counts above are exact
      blocker: `name` of `fee_items` holds bytes that are no text (UTF-8), in the row with id = 1
        hint: correct that value, or keep bytes in a column that is made for them
    ----- stderr -----
    "#);
}
