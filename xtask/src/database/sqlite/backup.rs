//! Backups with SQLite's own backup interface, which copies one moment page by page, and lets
//! other programs see a restored database all at once.
//! <https://www.sqlite.org/backup.html>

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::super::sql;
use super::{FIRST_READ, address, must_exist};
use crate::problem::{Code, Problem};
use crate::sync::history::ledger::Run;
use crate::sync::settings::environment::DatabaseUrl;
use crate::sync::settings::limits::Limits;

fn open(path: &Path, parameters: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(address(path, parameters), flags)
}

/// A connection that sees one moment from now on.
pub(super) fn open_moment(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, "ro")?;
    connection.busy_timeout(Limits::default().lock_timeout)?;
    connection.execute_batch("BEGIN")?;
    connection.query_row(FIRST_READ, [], |_| Ok(()))?;
    Ok(connection)
}

/// Copies all that a connection sees of a database to a new file.
pub(super) fn copy(moment: Option<&Connection>, from: &Path, to: &Path) -> anyhow::Result<()> {
    let copied = || -> rusqlite::Result<()> {
        let mut target = open(to, "rwc")?;
        match moment {
            Some(source) => copy_pages(source, &mut target),
            None => copy_pages(&open(from, "ro")?, &mut target),
        }
    };
    copied().map_err(|error| {
        Problem::new(
            Code::BackupFailed,
            format!("failed to copy {}: {error}", from.display()),
        )
        .hint("check the free space and the rights of the backup folder")
        .into()
    })
}

/// Takes away the write-ahead log that a copy would go on with.
pub(super) fn stand_alone(path: &Path) -> anyhow::Result<()> {
    let copy = open(path, "rw")?;
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}

/// All pages in one step: either every one of them arrives, or none.
fn copy_pages(source: &Connection, target: &mut Connection) -> rusqlite::Result<()> {
    let limit = Limits::default().lock_timeout;
    target.busy_timeout(limit)?;
    let backup = Backup::new(source, target)?;
    let pause = Duration::from_millis(50);
    for _ in 0..limit.as_millis() / pause.as_millis() {
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            // Somebody else holds a lock for a moment.
            _ => std::thread::sleep(pause),
        }
    }
    Err(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
        Some("the database is locked".to_owned()),
    ))
}

/// Reads every page of a backup and checks that they belong together.
pub(in super::super) fn prove(path: &Path) -> anyhow::Result<()> {
    let check = || -> rusqlite::Result<String> {
        // Immutable: a copy of a database with a write-ahead log has none beside it.
        let connection = open(path, "ro&immutable=1")?;
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
    };
    let words = check().unwrap_or_else(|error| error.to_string());
    if words == "ok" {
        return Ok(());
    }
    Err(Problem::new(
        Code::BackupUnproved,
        format!("the backup {} is damaged: {words}", path.display()),
    )
    .hint("check the disk, then run it again")
    .into())
}

/// Puts a backup back: first the ledger's runs are added to a copy, then the copy replaces the
/// database in one step.
pub(in super::super) fn restore(
    url: &DatabaseUrl,
    path: &Path,
    runs: &[Run],
    scratch: &Path,
) -> anyhow::Result<()> {
    must_exist(url)?;
    let copy = scratch.join("restore.sqlite3");
    std::fs::copy(path, &copy).with_context(|| format!("failed to copy {}", path.display()))?;
    let restored = || -> rusqlite::Result<()> {
        let source = open(&copy, "rw")?;
        source.pragma_update(None, "journal_mode", "DELETE")?;
        for create in sql::CREATE_LEDGER {
            source.execute(create, [])?;
        }
        for run in runs {
            let values = sql::run_values(run);
            let marks = vec!["?"; values.len()].join(", ");
            source.execute(
                &format!("INSERT OR IGNORE INTO __sync_runs VALUES ({marks})"),
                rusqlite::params_from_iter(values),
            )?;
        }
        let mut target = open(url.path(), "rw")?;
        copy_pages(&source, &mut target)
    };
    restored().map_err(|error| {
        Problem::new(
            Code::RestoreFailed,
            format!("failed to restore {url}: {error}"),
        )
        .hint("the database is as it was; stop the programs that use it, then try again")
        .into()
    })
}
