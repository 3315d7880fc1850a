//! Which module answers for which kind of database.

use std::path::Path;

#[cfg(feature = "postgres")]
use super::postgres;
#[cfg(feature = "sqlite")]
use super::sqlite;
use super::{Replacement, Scratch, Session, Target};
use crate::model::backend::Backend;
use crate::model::limits::Limits;
use crate::model::url::DatabaseUrl;
#[cfg(not(all(feature = "postgres", feature = "sqlite")))]
use crate::problem::{Code, Problem};

/// Opens a session that looks.
///
/// # Errors
/// `unreachable`, without any password.
pub fn open(url: &DatabaseUrl) -> anyhow::Result<Box<dyn Session>> {
    match url.backend() {
        #[cfg(feature = "postgres")]
        Backend::Postgres => postgres::open(url),
        #[cfg(feature = "sqlite")]
        Backend::Sqlite => sqlite::open(url),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        missing => Err(not_built_in(missing)),
    }
}

/// Opens the session that writes, and takes the lock that keeps a second promotion away. What it
/// does afterwards waits for nobody longer than the limits say.
///
/// # Errors
/// `unreachable`, or `busy` with who holds the lock, where the database tells.
pub fn open_target(url: &DatabaseUrl, limits: Limits) -> anyhow::Result<Box<dyn Target>> {
    match url.backend() {
        #[cfg(feature = "postgres")]
        Backend::Postgres => postgres::open_target(url, limits),
        #[cfg(feature = "sqlite")]
        Backend::Sqlite => sqlite::open_target(url, limits),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        missing => Err(not_built_in(missing)),
    }
}

/// Runs a script of statements that return nothing, all of them or none, with every constraint
/// checked; for the rows of the demo.
///
/// # Errors
/// `unreachable`, or what the database says of a statement.
pub fn run_script(url: &DatabaseUrl, script: &str) -> anyhow::Result<()> {
    match url.backend() {
        #[cfg(feature = "postgres")]
        Backend::Postgres => postgres::run_script(url, script),
        #[cfg(feature = "sqlite")]
        Backend::Sqlite => sqlite::run_script(url, script),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        missing => Err(not_built_in(missing)),
    }
}

/// Checks, before anything starts, that the programs a backup needs are there and fit.
///
/// # Errors
/// `backup_failed`, naming the program and how to get it.
pub fn check_backup_programs(backend: Backend, server_version: &str) -> anyhow::Result<()> {
    match backend {
        #[cfg(feature = "postgres")]
        Backend::Postgres => postgres::check_backup_programs(server_version),
        _ => {
            let _ = server_version;
            Ok(())
        }
    }
}

/// Reads a backup back from start to end.
///
/// # Errors
/// `backup_unproved`, with what is wrong with the file.
pub fn read_backup(backend: Backend, path: &Path) -> anyhow::Result<()> {
    match backend {
        #[cfg(feature = "postgres")]
        Backend::Postgres => postgres::read_backup(path),
        #[cfg(feature = "sqlite")]
        Backend::Sqlite => sqlite::read_backup(path),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        missing => Err(not_built_in(missing)),
    }
}

/// Restores a backup into a database of its own, which goes away with the value that is returned:
/// beside the database at `url`, with its settings.
///
/// # Errors
/// `not_rehearsed` where no such database can be made, with the way out; `restore_failed` where the
/// backup cannot be restored, with what is wrong with it.
pub fn restore_into_scratch(url: &DatabaseUrl, archive: &Path) -> anyhow::Result<Scratch> {
    match url.backend() {
        #[cfg(feature = "postgres")]
        Backend::Postgres => postgres::restore_into_scratch(url, archive),
        #[cfg(feature = "sqlite")]
        Backend::Sqlite => sqlite::restore_into_scratch(archive),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        missing => Err(not_built_in(missing)),
    }
}

/// Keeps everybody else who writes away from a database that is to be replaced.
///
/// # Errors
/// `unreachable`, `busy` or `lock_timeout`.
pub fn open_replacement(url: &DatabaseUrl, limits: Limits) -> anyhow::Result<Box<dyn Replacement>> {
    match url.backend() {
        #[cfg(feature = "postgres")]
        Backend::Postgres => postgres::open_replacement(url, limits),
        #[cfg(feature = "sqlite")]
        Backend::Sqlite => sqlite::open_replacement(url, limits),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        missing => Err(not_built_in(missing)),
    }
}

#[cfg(not(all(feature = "postgres", feature = "sqlite")))]
fn not_built_in(backend: Backend) -> anyhow::Error {
    Problem::new(
        Code::UrlInvalid,
        format!("this program was built without {backend}"),
    )
    .hint(format!("build it with --features {}", backend.name()))
    .into()
}
