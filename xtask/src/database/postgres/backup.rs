//! Backups with `pg_dump`, and the client programs that make and read them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use xshell::{Cmd, Shell, cmd};

use super::super::ledger::{LEDGER, insert_run, run_values};
use super::super::sql::literal;
use super::bookkeeping::qualified_in;
use super::connection::connect;
use crate::model::ledger::Run;
use crate::model::url::DatabaseUrl;
use crate::problem::{Code, Problem};

/// The folders in which `pg_dump` may be, the preferred ones first.
fn program_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    // Debian keeps every major version in a folder of its own and only a wrapper in the PATH.
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("bin"))
        .collect();
    versions.sort_by_key(|folder| std::cmp::Reverse(major(&folder.to_string_lossy())));
    folders.extend(versions);
    folders.retain(|folder| folder.join("pg_dump").is_file());
    folders
}

/// The first number in a version such as `pg_dump (PostgreSQL) 15.18 (Debian …)`.
fn major(version: &str) -> u32 {
    let digits: String = version
        .chars()
        .skip_while(|letter| !letter.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or_default()
}

pub(super) fn shell() -> anyhow::Result<Shell> {
    Shell::new().context("failed to start a shell")
}

/// Every folder of client programs with the version of its `pg_dump`, which is asked for one by one.
fn folders_with_versions() -> impl Iterator<Item = (u32, PathBuf)> {
    let folders = program_folders().into_iter();
    folders.filter_map(|folder| Some((version_in(&folder)?, folder)))
}

/// The version of the `pg_dump` in a folder. It is started once: what a distribution puts in `bin` is a
/// script that looks for the right one first.
fn version_in(folder: &Path) -> Option<u32> {
    static KNOWN: Mutex<BTreeMap<PathBuf, Option<u32>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known.entry(folder.to_owned()).or_insert_with(|| {
        let program = folder.join("pg_dump");
        let shell = shell().ok()?;
        let version = cmd!(shell, "{program} --version");
        Some(major(&version.quiet().ignore_stderr().read().ok()?))
    })
}

/// The folder of client programs that are at least as new as the server, and otherwise as near
/// to it as there are: a newer `pg_restore` writes settings that an older server does not know.
pub(super) fn fitting_folder(server_version: &str) -> anyhow::Result<PathBuf> {
    let wanted = major(server_version);
    let mut found = Vec::new();
    for one in folders_with_versions() {
        // None is nearer, so the others need not be started to say their versions.
        let fits = one.0 == wanted;
        found.push(one);
        if fits {
            break;
        }
    }
    let newest = found.iter().map(|(version, _)| *version).max();
    if let Some((_, folder)) = found
        .into_iter()
        .filter(|(version, _)| *version >= wanted)
        .min_by_key(|(version, _)| *version)
    {
        return Ok(folder);
    }
    let problem = match newest {
        None => return Err(not_found(wanted)),
        Some(newest) => Problem::new(
            Code::BackupFailed,
            format!("pg_dump is version {newest}, too old for the server's version {wanted}"),
        ),
    };
    Err(problem.hint(install(wanted)).into())
}

fn not_found(wanted: u32) -> anyhow::Error {
    Problem::new(
        Code::BackupFailed,
        "pg_dump was not found, so no backup can be made or read",
    )
    .hint(install(wanted))
    .into()
}

fn install(wanted: u32) -> String {
    let version = if wanted > 0 {
        format!(", version {wanted} or newer")
    } else {
        String::new()
    };
    format!(
        "install the PostgreSQL client programs{version} (Debian: apt-get install postgresql-client)"
    )
}

pub(in super::super) fn check_programs(server_version: &str) -> anyhow::Result<()> {
    fitting_folder(server_version).map(|_| ())
}

/// A program that connects: the URL goes without its password, which only the environment has.
///
/// # Errors
/// `unreachable` where there is no connection for it, for which the program itself would wait for
/// ever behind a pooler.
pub(super) fn connecting<'shell>(
    command: Cmd<'shell>,
    url: &DatabaseUrl,
) -> anyhow::Result<Cmd<'shell>> {
    drop(connect(url)?);
    Ok(match url.without_password().1 {
        Some(password) => command.env("PGPASSWORD", password),
        None => command,
    })
}

/// Runs a program; its words go into the problem, without any password.
pub(super) fn run(
    command: Cmd<'_>,
    code: Code,
    what: &str,
    url: Option<&DatabaseUrl>,
) -> anyhow::Result<String> {
    let output = command
        .quiet()
        .ignore_status()
        .output()
        .map_err(|error| Problem::new(code, format!("failed to {what}: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = words.trim().lines().take(6).collect::<Vec<_>>().join("; ");
    let words = url.map_or(words.clone(), |url| url.scrub(&words));
    Err(Problem::new(code, format!("failed to {what}: {words}"))
        .hint("nothing was changed; mend what the program says, then run it again")
        .into())
}

/// Dumps the moment of an exported snapshot.
pub(super) fn dump(
    url: &DatabaseUrl,
    server_version: &str,
    snapshot: &str,
    path: &Path,
) -> anyhow::Result<()> {
    let shell = shell()?;
    let program = fitting_folder(server_version)?.join("pg_dump");
    let (address, _) = url.without_password();
    let command = cmd!(
        shell,
        "{program} --format=custom --encoding=UTF8 --no-password --lock-wait-timeout=30000 --snapshot={snapshot} --file={path} --dbname={address}"
    );
    run(
        connecting(command, url)?,
        Code::BackupFailed,
        "back up with pg_dump",
        Some(url),
    )
    .map(|_| ())
}

/// Lists the archive and decodes all of it.
pub(in super::super) fn read(path: &Path) -> anyhow::Result<()> {
    let shell = shell()?;
    let program = newest_restore()?;
    run(
        cmd!(shell, "{program} --list {path}"),
        Code::BackupUnproved,
        "list the backup with pg_restore",
        None,
    )?;
    run(
        cmd!(shell, "{program} --file=/dev/null {path}"),
        Code::BackupUnproved,
        "read the backup to its end with pg_restore",
        None,
    )
    .map(|_| ())
}

/// An archive is read by any `pg_restore` at least as new as the `pg_dump` that wrote it.
pub(super) fn newest_restore() -> anyhow::Result<PathBuf> {
    match folders_with_versions().max_by_key(|(version, _)| *version) {
        Some((_, folder)) => Ok(folder.join("pg_restore")),
        None => Err(not_found(0)),
    }
}

pub(super) fn ledger_script(runs: &[Run], schema: &str) -> String {
    let mut script = String::new();
    for table in LEDGER {
        let make = format!("{};\n", table.create());
        script.push_str(&qualified_in(schema, &make).replacen("TABLE", "TABLE IF NOT EXISTS", 1));
        for add in table.add_missing(&[]) {
            let add = format!("{add};\n").replacen("COLUMN", "COLUMN IF NOT EXISTS", 1);
            script.push_str(&qualified_in(schema, &add));
        }
    }
    let insert = qualified_in(schema, &insert_run(|at| format!("${at}")));
    script.push_str(&format!(
        "PREPARE record_run AS {insert} ON CONFLICT DO NOTHING;\n"
    ));
    for run in runs.iter().rev() {
        let values: Vec<String> = run_values(run)
            .iter()
            .map(|value| value.as_deref().map_or("NULL".to_owned(), literal))
            .collect();
        script.push_str(&format!("EXECUTE record_run ({});\n", values.join(", ")));
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_first_number() {
        assert_eq!(
            major("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            15
        );
        assert_eq!(major("9.6.1"), 9);
        assert_eq!(major("none"), 0);
    }
}
