//! Which workspace a command is about.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::workspace::{Run, Workspace};

fn elsewhere() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

fn run_in(folder: &Path, workspace: &Workspace, arguments: &[&str]) -> Run {
    let mut command = workspace.command(arguments);
    command.current_dir(folder);
    Run::of(command)
}

#[test]
fn without_a_workspace_every_task_is_refused() {
    let workspace = Workspace::promoted();
    let before = workspace.contents();
    for arguments in [
        &["demo"][..],
        &["test"],
        &["migrate"],
        &["sync", "status"],
        &["sync", "dev-to-test", "--yes"],
        &["sync", "plan", "dev-to-test"],
        &["sync", "export"],
        &["sync", "import", "--env", "dev", "--yes"],
        &["sync", "adopt", "--from", "test", "fee_items"],
        &["sync", "backup", "--env", "dev"],
        &["sync", "backups"],
        &["sync", "history"],
    ] {
        let folder = elsewhere();
        let run = run_in(folder.path(), &workspace, arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run}");
        assert!(
            run.stderr.contains("error: there is no workspace here"),
            "{run}"
        );
        assert!(run.stderr.contains("--config FILE"), "{run}");
        assert!(is_empty(folder.path()), "{arguments:?}");
    }
    let json = run_in(
        elsewhere().path(),
        &workspace,
        &["sync", "status", "--format", "json"],
    );
    assert_eq!(json.document()["error"]["code"], "usage", "{json}");
    assert!(workspace.contents() == before);
    let help = run_in(elsewhere().path(), &workspace, &["sync", "--help"]);
    assert_eq!(help.code, 0, "{help}");
}

#[test]
fn a_named_configuration_brings_its_workspace() {
    let workspace = Workspace::promoted();
    let other = Workspace::promoted();
    let nowhere = elsewhere();
    let backups = || workspace.names_in("migrations/schema-backups").len();
    let named: PathBuf = workspace.path("data-sync/sync.toml");
    let named = named.to_str().unwrap();
    let before = other.contents();
    let root = workspace.path("");
    let root = root.to_str().unwrap().trim_end_matches('/');
    for folder in [nowhere.path().to_path_buf(), other.path("")] {
        let count = backups();
        let run = run_in(
            &folder,
            &workspace,
            &["sync", "backup", "--env", "test", "--config", named],
        );
        assert_eq!(run.code, 0, "{run}");
        assert!(run.stderr.contains(&format!("workspace: {root} ")), "{run}");
        assert_eq!(backups(), count + 2, "{run}");
    }
    assert!(is_empty(nowhere.path()));
    assert!(other.contents() == before);
    // Where it is the one that everybody expects, nothing has to be said.
    let run = workspace.succeeds(&["sync", "backups", "--config", "data-sync/sync.toml"]);
    assert!(!run.stderr.contains("workspace:"), "{run}");
}

#[test]
fn a_configuration_outside_of_every_workspace_stands_in_its_own() {
    let workspace = Workspace::promoted();
    let alone = elsewhere();
    std::fs::copy(
        workspace.path("data-sync/sync.toml"),
        alone.path().join("alone.toml"),
    )
    .unwrap();
    std::fs::copy(
        workspace.path("dev.sqlite3"),
        alone.path().join("dev.sqlite3"),
    )
    .unwrap();
    // The way there leads through a workspace that it is not in.
    let name = alone.path().file_name().unwrap().to_str().unwrap();
    let through = workspace.path(format!("../{name}/alone.toml"));
    let before = workspace.contents();
    let run = workspace.succeeds(&["sync", "export", "--config", through.to_str().unwrap()]);
    let exported = alone.path().join("data-sync/exports/dev/fee_items.csv");
    assert!(exported.is_file(), "{run}");
    assert!(workspace.contents() == before);
}
