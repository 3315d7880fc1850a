//! SQLite files.

use crate::support::started::Started;
use crate::support::workspace::{ENDLESS_INSERT, Run, Workspace, assert_run};

const PROMOTE: [&str; 3] = ["sync", "dev-to-test", "--yes"];

/// More rows than SQLite keeps in memory, so that a migration that rebuilds their table writes to
/// the file long before the commit.
const MANY_MERCHANTS: &str = "INSERT INTO fee_groups (id, code, name, currency, updated_at)
        VALUES (1, 'STANDARD', 'Standard', 'EUR', '2024-05-01 08:00:00');
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
    INSERT INTO merchants (fee_group_id, legal_name, contact_email)
        SELECT 1, printf('%.300c', 'x'), n || '@shop.example' FROM n;";

/// From here on, loading a new fee group into this database takes for ever.
const ENDLESS_GROUP: &str = "CREATE TRIGGER fee_groups_endless BEFORE INSERT ON fee_groups BEGIN
    SELECT count(*) FROM (WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT n FROM n);
END";

/// Kills a promotion after its migrations and while it loads rows.
#[track_caller]
fn kill_while_loading(workspace: &Workspace) {
    let mut run = Started::new(workspace.command(&PROMOTE));
    run.expect("[6/7]");
    run.kill();
}

/// What a killed run leaves in the backup folder is a whole backup or nothing.
fn assert_backups(workspace: &Workspace, count: usize) {
    let backups = workspace.document(&["sync", "backups", "--env", "test"]);
    let backups = backups["backups"].as_array().unwrap();
    assert_eq!(backups.len(), count);
    let mut names = workspace.names_in("migrations/schema-backups");
    for backup in backups {
        let file = backup["file"].as_str().unwrap();
        let path = workspace.path("migrations/schema-backups").join(file);
        let digest = xtask::files::private::sha256(&path).unwrap();
        assert_eq!(backup["sha256"], digest.as_str());
        let stem = file.trim_end_matches(".sqlite3").to_owned();
        names.retain(|name| !name.starts_with(&stem));
    }
    assert_eq!(names, Vec::<String>::new());
}

fn killed_while_loading(journal_mode: &str, journal: &str) {
    let workspace = Workspace::filled();
    workspace.migrate_by_hand("test", 5);
    workspace.execute("test", MANY_MERCHANTS);
    workspace.execute("test", ENDLESS_GROUP);
    assert_eq!(
        workspace
            .open("test")
            .query_row(
                &format!("PRAGMA journal_mode = {journal_mode}"),
                [],
                |row| row.get::<_, String>(0)
            )
            .unwrap(),
        journal_mode
    );
    let before = workspace.databases();
    kill_while_loading(&workspace);
    // It was in the middle: half of a migration is on the disk.
    assert!(workspace.path(journal).metadata().unwrap().len() > 1_000_000);

    // Whoever looks first finds the database as it was.
    let status = workspace.document(&["sync", "status"]);
    assert_eq!(status["environments"][1]["state"], "ready", "{status:#}");
    let migrations = &status["environments"][1]["migrations"];
    assert_eq!(migrations["applied"].as_array().unwrap().len(), 5);
    workspace.assert_databases(&before);
    assert_backups(&workspace, 1);

    workspace.execute("test", "DROP TRIGGER fee_groups_endless");
    workspace.succeeds(&PROMOTE);
    assert_eq!(
        workspace.value("test", "SELECT count(*) FROM merchants"),
        "20000"
    );
    assert_eq!(
        workspace.value("test", "SELECT count(*) FROM fee_groups"),
        "2"
    );
    assert_backups(&workspace, 2);
}

#[test]
fn a_promotion_that_is_killed_leaves_the_target_as_it_was() {
    killed_while_loading("delete", "test.sqlite3-journal");
}

#[test]
fn a_promotion_that_is_killed_leaves_a_write_ahead_log_without_effect() {
    killed_while_loading("wal", "test.sqlite3-wal");
}

#[test]
fn a_second_promotion_waits_for_nobody_for_long() {
    let workspace = Workspace::promoted();
    workspace.execute("test", ENDLESS_INSERT);
    let mut first = Started::new(workspace.command(&PROMOTE));
    first.expect("[6/7]");
    assert_run!(workspace.run(&[&PROMOTE[..], &["--quiet"]].concat()), @r#"
    exit status: 1
    ----- stdout -----
    ----- stderr -----
    error: Test (TEST_DATABASE_URL): another program is writing to sqlite:test.sqlite3

    hint: wait until it has ended, or stop it, then try again
    "#);
    first.kill();
    workspace.execute("test", "DROP TRIGGER fee_items_endless");
    workspace.succeeds(&PROMOTE);
}

/// SQLite writes to the file when it commits, and the file cannot grow.
#[cfg(unix)]
#[test]
fn a_commit_that_the_disk_refuses_leaves_the_target_as_it_was() {
    let workspace = Workspace::promoted();
    workspace.execute(
        "dev",
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
         INSERT INTO fee_groups (id, code, name, currency, updated_at)
             SELECT n + 100, 'CODE' || n, printf('%.200c', 'x'), 'EUR', '2024-05-01 08:00:00' FROM n;",
    );
    let before = workspace.databases();
    let blocks = workspace.path("test.sqlite3").metadata().unwrap().len() / 512;
    let real = workspace.command(&PROMOTE);
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\""])
        .arg(blocks.to_string())
        .arg(real.get_program())
        .args(real.get_args())
        .current_dir(workspace.path(""))
        .env_clear();
    for (name, value) in real.get_envs() {
        limited.env(name, value.unwrap_or_default());
    }
    let run = Run::of(limited);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error: failed to commit: "), "{run}");
    workspace.assert_databases(&before);
    workspace.succeeds(&PROMOTE);
}
