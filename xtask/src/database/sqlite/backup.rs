//! Backups with SQLite's own backup interface, which copies one moment page by page, and lets
//! other programs see a restored database all at once.
//! <https://www.sqlite.org/backup.html>

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::super::ledger::{LEDGER, insert_run, run_values};
use super::super::{Inspection, Replacement};
use super::scratch::restore_into_scratch;
use super::{FIRST_READ, address, busy, is_busy, must_exist, unreadable};
use crate::model::ledger::Run;
use crate::model::limits::Limits;
use crate::model::url::DatabaseUrl;
use crate::problem::{Code, Problem};

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
            Some(source) => copy_pages(source, &mut target, || Ok(())),
            None => copy_pages(&open(from, "ro")?, &mut target, || Ok(())),
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

/// All pages in one step: either every one of them arrives, or none. Before it, but with writers kept
/// out, a last look may refuse.
fn copy_pages(
    source: &Connection,
    target: &mut Connection,
    last_look: impl Fn() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let limit = Limits::default().lock_timeout;
    target.busy_timeout(limit)?;
    let backup = Backup::new(source, target)?;
    let pause = Duration::from_millis(50);
    let mut pages = 0;
    for _ in 0..limit.as_millis() / pause.as_millis() {
        match backup.step(pages)? {
            StepResult::Done => return Ok(()),
            // Now the target is locked.
            StepResult::More if pages == 0 => {
                last_look()?;
                pages = -1;
            }
            // Somebody else holds a lock for a moment.
            _ => std::thread::sleep(pause),
        }
    }
    Err(sqlite_busy("the database is locked"))
}

fn sqlite_busy(words: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
        Some(words.to_owned()),
    )
}

/// Reads every page of a backup and checks that they belong together.
pub(in super::super) fn read(path: &Path) -> anyhow::Result<()> {
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

/// A connection whose transaction keeps writers out of a database.
struct Replaced {
    guard: Connection,
    url: DatabaseUrl,
}

pub(in super::super) fn open_replacement(
    url: &DatabaseUrl,
    limits: Limits,
) -> anyhow::Result<Box<dyn Replacement>> {
    must_exist(url)?;
    let begun = || -> rusqlite::Result<Connection> {
        let guard = open(url.path(), "rw")?;
        guard.busy_timeout(limits.lock_timeout)?;
        guard.execute_batch("BEGIN IMMEDIATE")?;
        Ok(guard)
    };
    match begun() {
        Ok(guard) => Ok(Box::new(Replaced {
            guard,
            url: url.clone(),
        })),
        Err(error) if is_busy(&error) => Err(busy(url)),
        Err(error) => Err(unreadable(url, &error)),
    }
}

impl Replacement for Replaced {
    fn replace(
        self: Box<Self>,
        archive: &Path,
        runs: &[Run],
        inspect: Inspection<'_>,
    ) -> anyhow::Result<()> {
        let url = self.url.clone();
        let scratch = restore_into_scratch(archive)?;
        inspect(&mut *super::open(&scratch.url)?)?;
        let restored = || -> rusqlite::Result<()> {
            let source = open(scratch.url.path(), "rw")?;
            for table in LEDGER {
                let mut columns = source.prepare("SELECT name FROM pragma_table_info(?)")?;
                let found = columns.query_map([table.name], |row| row.get(0))?;
                let found = found.collect::<rusqlite::Result<Vec<String>>>()?;
                for statement in table.complete((!found.is_empty()).then_some(&*found)) {
                    source.execute(&statement, [])?;
                }
            }
            let insert = insert_run(|at| format!("?{at}"));
            for run in runs.iter().rev() {
                source.execute(
                    &format!("{insert} ON CONFLICT DO NOTHING"),
                    rusqlite::params_from_iter(run_values(run)),
                )?;
            }
            self.take_over(&source)
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
}

impl Replaced {
    /// SQLite replaces no database inside of a transaction, so that the guard's has to end. Its lock
    /// need not, but where a write-ahead log is used; there it shows whether anybody came in between.
    fn take_over(mut self, source: &Connection) -> rusqlite::Result<()> {
        let mode: String = self
            .guard
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        if mode != "wal" {
            self.guard
                .pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            self.guard.execute_batch("COMMIT")?;
            return copy_pages(source, &mut self.guard, || Ok(()));
        }
        let version = |guard: &Connection| -> rusqlite::Result<i64> {
            guard.query_row("PRAGMA data_version", [], |row| row.get(0))
        };
        let before = version(&self.guard)?;
        self.guard.execute_batch("COMMIT")?;
        copy_pages(source, &mut open(self.url.path(), "rw")?, || {
            match version(&self.guard)? == before {
                true => Ok(()),
                false => Err(sqlite_busy(
                    "somebody wrote after the present state was backed up",
                )),
            }
        })
    }
}
