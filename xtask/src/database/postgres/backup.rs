//! Backups with `pg_dump`, and the way back with `pg_restore` and `psql`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Cmd, Shell, cmd};

use super::super::Session as _;
use super::super::sql;
use super::PostgresSession;
use super::bookkeeping::qualified_in;
use super::emptying::empty_database;
use crate::problem::{Code, Problem};
use crate::sync::history::ledger::Run;
use crate::sync::settings::environment::DatabaseUrl;

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
fn folders_with_versions() -> anyhow::Result<impl Iterator<Item = (u32, PathBuf)>> {
    let shell = shell()?;
    Ok(program_folders().into_iter().filter_map(move |folder| {
        let program = folder.join("pg_dump");
        let version = cmd!(shell, "{program} --version")
            .quiet()
            .ignore_stderr()
            .read();
        Some((major(&version.ok()?), folder))
    }))
}

/// The folder of client programs that are at least as new as the server, and otherwise as near
/// to it as there are: a newer `pg_restore` writes settings that an older server does not know.
pub(super) fn fitting_folder(server_version: &str) -> anyhow::Result<PathBuf> {
    let wanted = major(server_version);
    let mut found = Vec::new();
    for one in folders_with_versions()? {
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
pub(super) fn connecting<'shell>(command: Cmd<'shell>, password: Option<String>) -> Cmd<'shell> {
    match password {
        Some(password) => command.env("PGPASSWORD", password),
        None => command,
    }
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
    let (address, password) = url.without_password();
    let command = cmd!(
        shell,
        "{program} --format=custom --no-password --lock-wait-timeout=30000 --snapshot={snapshot} --file={path} --dbname={address}"
    );
    run(
        connecting(command, password),
        Code::BackupFailed,
        "back up with pg_dump",
        Some(url),
    )
    .map(|_| ())
}

/// Lists the archive and decodes all of it.
pub(in super::super) fn prove(path: &Path) -> anyhow::Result<()> {
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
fn newest_restore() -> anyhow::Result<PathBuf> {
    match folders_with_versions()?.max_by_key(|(version, _)| *version) {
        Some((_, folder)) => Ok(folder.join("pg_restore")),
        None => Err(not_found(0)),
    }
}

/// Puts a backup back in one transaction: everything that the database holds goes, everything
/// that the archive holds comes, and the ledger's runs are added.
pub(in super::super) fn restore(
    url: &DatabaseUrl,
    path: &Path,
    runs: &[Run],
    scratch: &Path,
) -> anyhow::Result<()> {
    let shell = shell()?;
    let mut session = PostgresSession::looking(url)?;
    let folder = fitting_folder(&session.identity()?.server_version)?;
    let kept = Kept::read(&mut session)?;
    let ledger_schema = session.ledger_schema()?;
    drop(session);
    let (pg_restore, psql) = (folder.join("pg_restore"), folder.join("psql"));
    let what = "read the backup with pg_restore";

    let contents = run(
        cmd!(shell, "{pg_restore} --list {path}"),
        Code::RestoreFailed,
        what,
        None,
    )?;
    let [list, empty, script, ledger] =
        ["contents.list", "empty.sql", "restore.sql", "ledger.sql"].map(|name| scratch.join(name));
    std::fs::write(&list, wanted_contents(&contents, &kept))
        .context("failed to write the list of contents")?;
    run(
        cmd!(
            shell,
            "{pg_restore} --no-subscriptions --use-list={list} --file={script} {path}"
        ),
        Code::RestoreFailed,
        what,
        None,
    )?;
    std::fs::write(&empty, empty_database()).context("failed to write the restore script")?;
    std::fs::write(&ledger, ledger_script(runs, &ledger_schema))
        .context("failed to write the restore script")?;

    let (address, password) = url.without_password();
    let command = cmd!(
        shell,
        "{psql} --no-psqlrc --no-password --quiet --single-transaction --set=ON_ERROR_STOP=1 --file={empty} --file={script} --file={ledger} --dbname={address}"
    )
    .env("PGAPPNAME", "cargo xtask sync");
    run(
        connecting(command, password),
        Code::RestoreFailed,
        "restore with psql",
        Some(url),
    )
    .map(|_| ())
}

/// What is there and stays: `public`, and extensions with their schemas, whose removal would need
/// more rights than their use.
struct Kept {
    schemas: Vec<String>,
    extensions: Vec<String>,
}

impl Kept {
    fn read(session: &mut PostgresSession) -> anyhow::Result<Self> {
        let mut names = |query: &str| -> anyhow::Result<Vec<String>> {
            Ok(session
                .query(query, &[])?
                .into_iter()
                .flatten()
                .flatten()
                .collect())
        };
        Ok(Kept {
            schemas: names(
                "SELECT n.nspname::text FROM pg_namespace n WHERE n.nspname = 'public' \
                 OR EXISTS (SELECT FROM pg_extension e WHERE e.extnamespace = n.oid)",
            )?,
            extensions: names("SELECT extname::text FROM pg_extension")?,
        })
    }
}

/// The archive's contents without what [`empty_database`] leaves where it is.
fn wanted_contents(contents: &str, kept: &Kept) -> String {
    let is_there = |line: &str| {
        let entry = line.split_once(';').map_or("", |(_, entry)| entry);
        // After two numbers: the kind, the schema or `-`, the name.
        let entry: Vec<&str> = entry.split_whitespace().skip(2).collect();
        match entry.as_slice() {
            ["SCHEMA", "-", name, ..] => kept.schemas.iter().any(|kept| kept == name),
            ["EXTENSION", "-", name, ..] | ["COMMENT", "-", "EXTENSION", name, ..] => {
                kept.extensions.iter().any(|kept| kept == name)
            }
            _ => false,
        }
    };
    contents
        .lines()
        .filter(|line| !is_there(line))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn ledger_script(runs: &[Run], schema: &str) -> String {
    let mut script = "SET client_encoding = 'UTF8';\n".to_owned();
    for create in sql::CREATE_LEDGER {
        script.push_str(&format!("{};\n", qualified_in(schema, create)));
    }
    for run in runs {
        let values: Vec<String> = sql::run_values(run)
            .iter()
            .map(|value| {
                value.as_ref().map_or("NULL".to_owned(), |text| {
                    format!("'{}'", text.replace('\'', "''"))
                })
            })
            .collect();
        script.push_str(&format!(
            "{} VALUES ({}) ON CONFLICT DO NOTHING;\n",
            qualified_in(schema, "INSERT INTO __sync_runs"),
            values.join(", ")
        ));
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

    #[test]
    fn extensions_stay_where_they_are() {
        let contents = "; comment\n5; 2615 2200 SCHEMA - public postgres\n2; 3079 1 EXTENSION - citext \n\
                        3; 0 0 COMMENT - EXTENSION citext \n210; 1259 1 TABLE public fees postgres\n";
        let kept = Kept {
            schemas: vec!["public".to_owned()],
            extensions: vec!["citext".to_owned()],
        };
        assert_eq!(
            wanted_contents(contents, &kept),
            "; comment\n210; 1259 1 TABLE public fees postgres\n"
        );
    }
}
