//! `pg_dump` and `pg_restore` that are too old, fail, write nonsense or are cut off.

use std::os::unix::fs::PermissionsExt as _;

use super::postgres::{PROMOTE, Pair};
use crate::support::started::Started;
use crate::support::workspace::assert_run;

/// A `pg_dump` that comes first, says that it has the server's version, and then runs a script
/// with the name of the file to write as `$file`. `pg_restore` is the real one.
pub(super) fn put_in_front(pair: &mut Pair, version: &str, script: &str) {
    let path = std::env::var("PATH").unwrap();
    let programs = pair.workspace.path("programs");
    let dump = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'pg_dump (PostgreSQL) {version}'; exit; fi\n\
         for argument; do case \"$argument\" in --file=*) file=\"${{argument#--file=}}\";; esac; done\n{script}\n"
    );
    let restore = format!("#!/bin/sh\nPATH='{path}' exec pg_restore \"$@\"\n");
    for (name, text) in [("pg_dump", dump), ("pg_restore", restore)] {
        pair.workspace.write(programs.join(name), text);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(programs.join(name), executable).unwrap();
    }
    pair.workspace
        .set("PATH", &format!("{}:{path}", programs.display()));
}

pub(super) fn server_version(pair: &Pair) -> String {
    pair.test.line("SELECT current_setting('server_version')")
}

fn assert_no_backup(pair: &Pair) {
    let backups = pair.workspace.document(&["sync", "backups"]);
    assert_eq!(backups["backups"], serde_json::json!([]));
    let folder = pair.workspace.path("migrations/schema-backups");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with(".scratch-"), "{name} looks like a backup");
    }
}

#[test]
fn a_backup_that_is_killed_is_no_backup() {
    let mut pair = Pair::new(12);
    let script =
        "echo half > \"$file\"; echo > writing; while [ -e writing ]; do sleep 0.01; done; exit 1";
    let version = server_version(&pair);
    put_in_front(&mut pair, &version, script);
    let before = pair.test.everything();
    let mut run = Started::new(pair.workspace.command(&PROMOTE));
    run.expect("[3/7]");
    let writing = pair.workspace.path("writing");
    pair.wait_until("pg_dump writes", || writing.exists());
    run.kill();
    std::fs::remove_file(writing).unwrap();
    pair.wait_until_forgotten();
    assert_eq!(pair.test.everything(), before);
    assert_no_backup(&pair);
    pair.workspace.unset("PATH");
    pair.assert_promoted();
}

#[test]
fn a_backup_that_fails_stops_the_promotion() {
    let mut pair = Pair::new(12);
    let version = server_version(&pair);
    put_in_front(
        &mut pair,
        &version,
        "echo 'pg_dump: error: no room on the disk' >&2; exit 1",
    );
    let before = pair.test.everything();
    assert_run!(pair.workspace.run(&[&PROMOTE[..], &["--quiet"]].concat()), @r#"
    exit status: 1
    ----- stdout -----
    ----- stderr -----
    error: failed to back up with pg_dump: pg_dump: error: no room on the disk

    hint: nothing was changed; mend what the program says, then run it again
    "#);
    assert_no_backup(&pair);
    // A success that left nothing, and one that left nonsense.
    put_in_front(&mut pair, &version, "exit 0");
    assert_run!(pair.workspace.run(&[&PROMOTE[..], &["--quiet"]].concat()), @r#"
    exit status: 1
    ----- stdout -----
    ----- stderr -----
    error: failed to make [root]/migrations/schema-backups/.scratch-[random]/test-[moment]-[run].dump private: No such file or directory (os error 2)

    hint: mend what it names, then run it again
    "#);
    put_in_front(&mut pair, &version, "echo nonsense > \"$file\"");
    assert_run!(pair.workspace.run(&[&PROMOTE[..], &["--quiet"]].concat()), @r#"
    exit status: 1
    ----- stdout -----
    ----- stderr -----
    error: the backup cannot be proved by a restore: failed to list the backup with pg_restore: pg_restore: error: input file does not appear to be a valid archive (too short?)

    hint: nothing was changed; mend what the program says, then run it again; or set verify = "archive" in [backup] of data-sync/sync.toml, and a backup is only read to its end
    "#);
    assert_no_backup(&pair);
    assert_eq!(pair.test.everything(), before);
}

/// An old client that comes first in the PATH is passed over, when dumping and when proving.
#[test]
fn old_programs_do_not_get_in_the_way() {
    let mut pair = Pair::new(12);
    put_in_front(&mut pair, "9.6.1", "echo 'too old' >&2; exit 1");
    pair.workspace.write(
        "programs/pg_restore",
        "#!/bin/sh\necho 'too old' >&2; exit 1\n",
    );
    pair.assert_promoted();
}
