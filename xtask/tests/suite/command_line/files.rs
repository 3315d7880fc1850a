//! What the program opens, writes, and leaves behind.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::support::started::Started;
use crate::support::workspace::ENDLESS_INSERT;

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// The number of a process that has ended.
fn gone() -> u32 {
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    ended.id()
}

#[test]
fn a_plan_is_written_to_an_ordinary_file_alone() {
    let workspace = Workspace::promoted();
    let plan = ["sync", "plan", "dev-to-test", "--out"];
    mkfifo(&workspace.path("pipe"));
    std::os::unix::fs::symlink("elsewhere.json", workspace.path("link")).unwrap();
    for place in ["pipe", "link", "data-sync"] {
        let path = workspace.path(place);
        let before = path.symlink_metadata().unwrap().file_type();
        let run = workspace.run(&[&plan[..], &[place]].concat());
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains("it is no ordinary file"), "{run}");
        assert_eq!(path.symlink_metadata().unwrap().file_type(), before);
    }
    assert!(!workspace.path("elsewhere.json").exists());
    workspace.succeeds(&[&plan[..], &["plan.json"]].concat());
    workspace.succeeds(&[&plan[..], &["plan.json"]].concat());
}

#[test]
fn what_has_no_end_is_not_read() {
    let workspace = Workspace::promoted();
    mkfifo(&workspace.path("pipe"));
    let pipe = workspace.path("pipe").display().to_string();
    for file in ["/dev/zero", &pipe] {
        for arguments in [
            &["sync", "dev-to-test", "--plan", file, "--yes"][..],
            &["sync", "status", "--config", file],
            &["sync", "status", "--env-file", file],
        ] {
            let run = workspace.run(arguments);
            assert_eq!(run.code, 2, "{run}");
            assert!(run.stderr.contains("it is no ordinary file"), "{run}");
        }
    }
    std::fs::File::create(workspace.path("large.json"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let run = workspace.run(&["sync", "dev-to-test", "--plan", "large.json", "--yes"]);
    assert!(run.stderr.contains("larger than 64 MiB"), "{run}");
}

#[test]
fn a_pipe_among_temporary_files_stops_nobody() {
    let mut workspace = Workspace::promoted();
    workspace.write("temporary/sync-rehearsal-a/other", "");
    workspace.write(format!("temporary/.scratch-{}_b/other", gone()), "");
    for pipe in [
        "sync-rehearsal-a/in-use".to_owned(),
        format!(".scratch-{}_a", gone()),
        format!(".scratch-{}_b/in-use", gone()),
    ] {
        let path = workspace.path("temporary").join(pipe);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        mkfifo(&path);
    }
    let temporary = workspace.path("temporary").display().to_string();
    workspace.set("TMPDIR", &temporary);
    workspace.execute("test", "DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)");
    let run = workspace.run(&["sync", "plan", "dev-to-test"]);
    assert!(run.stdout.contains("dev-to-test (plan "), "{run}");
}

#[test]
fn a_backup_folder_of_others_keeps_its_rights() {
    let workspace = Workspace::filled();
    let folder = workspace.path("migrations/schema-backups");
    std::fs::create_dir_all(&folder).unwrap();
    let set = |mode: u32| {
        let rights = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&folder, rights).unwrap();
    };
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let backup = ["sync", "backup", "--env", "dev"];
    for (rights, words) in [
        (0o755, "everybody may enter"),
        (0o750, "its group may enter"),
        (0o770, "and replace them"),
    ] {
        set(rights);
        let run = workspace.succeeds(&backup);
        assert!(run.stderr.contains("warning: "), "{run}");
        assert!(run.stderr.contains(words), "{run}");
        assert_eq!(mode(&folder), rights);
    }
    set(0o700);
    let run = workspace.succeeds(&backup);
    assert_eq!(run.stderr, "", "{run}");
    set(0o777);
    let run = workspace.refuses(&backup);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("everybody may write to"), "{run}");
    assert_eq!(mode(&folder), 0o777);
    // Not even the workspace itself.
    let root = workspace.path("");
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).unwrap();
    workspace.configure("dir = \"migrations/schema-backups\"", "dir = \".\"");
    let run = workspace.succeeds(&backup);
    assert!(run.stderr.contains("everybody may enter"), "{run}");
    assert_eq!(mode(&root), 0o755);
}

#[test]
fn what_a_killed_run_leaves_goes_at_the_next_start() {
    let mut workspace = Workspace::promoted();
    std::fs::create_dir_all(workspace.path("temporary")).unwrap();
    let temporary = workspace.path("temporary").display().to_string();
    workspace.set("TMPDIR", &temporary);
    let hidden = |workspace: &Workspace| -> Vec<String> {
        let mut found = Vec::new();
        for path in workspace.contents().into_keys() {
            let path = path.display().to_string();
            if path.starts_with('.') || path.contains("/.") {
                found.push(path);
            }
        }
        found
    };
    for folder in [
        "migrations/schema-backups",
        "data-sync/exports/dev",
        "data-sync/exports/prod",
        "data-sync/exports/test/promoted",
        "temporary",
    ] {
        workspace.write(format!("{folder}/.sync-{}_a.part", gone()), "rows");
        let dump = format!("{folder}/.scratch-{}_a/schema.dump", gone());
        workspace.write(dump, "rows");
    }
    // One that is killed here, and one that goes on meanwhile.
    workspace.execute("test", ENDLESS_INSERT);
    let mut run = Started::new(workspace.command(&["sync", "dev-to-test", "--yes"]));
    run.expect("[6/7]");
    assert_eq!(hidden(&workspace), Vec::<String>::new());
    run.kill();
    workspace.execute("test", "DROP TRIGGER fee_items_endless");
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    assert_eq!(hidden(&workspace), Vec::<String>::new());
}

#[test]
fn looking_sweeps_nothing() {
    let workspace = Workspace::promoted();
    let left = format!("data-sync/exports/dev/.sync-{}_a.part", gone());
    workspace.write(&left, "rows");
    workspace.succeeds(&["sync", "status"]);
    workspace.succeeds(&["sync", "plan", "dev-to-test"]);
    assert_eq!(workspace.read(&left), "rows");
}

#[test]
fn runs_that_fail_keep_no_more_backups_than_others() {
    let workspace = Workspace::promoted();
    workspace.configure("keep = 20", "keep = 3");
    workspace.execute(
        "test",
        "CREATE TRIGGER never BEFORE INSERT ON fee_items BEGIN SELECT RAISE(ABORT, 'never'); END",
    );
    for _ in 0..4 {
        assert_eq!(workspace.run(&["sync", "dev-to-test", "--yes"]).code, 1);
    }
    let backups = workspace.document(&["sync", "backups", "--env", "test"]);
    assert_eq!(backups["backups"].as_array().unwrap().len(), 3);
}
