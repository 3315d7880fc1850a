//! Backups with `pg_dump`, and the way back with `pg_restore` and `psql`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Cmd, Shell, cmd};

use super::super::sql;
use super::LOCK;
use crate::problem::{Code, Problem};
use crate::sync::environment::DatabaseUrl;
use crate::sync::ledger::Run;

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

fn shell() -> anyhow::Result<Shell> {
    Shell::new().context("failed to start a shell")
}

/// Every folder of client programs with the version of its `pg_dump`.
fn folders_with_versions() -> anyhow::Result<Vec<(u32, PathBuf)>> {
    let shell = shell()?;
    let mut found = Vec::new();
    for folder in program_folders() {
        let program = folder.join("pg_dump");
        if let Ok(version) = cmd!(shell, "{program} --version")
            .quiet()
            .ignore_stderr()
            .read()
        {
            found.push((major(&version), folder));
        }
    }
    Ok(found)
}

/// The folder of client programs that are at least as new as the server, and otherwise as near
/// to it as there are: a newer `pg_restore` writes settings that an older server does not know.
fn fitting_folder(server_version: &str) -> anyhow::Result<PathBuf> {
    let wanted = major(server_version);
    let found = folders_with_versions()?;
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
fn connecting<'shell>(command: Cmd<'shell>, password: Option<String>) -> Cmd<'shell> {
    match password {
        Some(password) => command.env("PGPASSWORD", password),
        None => command,
    }
}

/// Runs a program; its words go into the problem, without any password.
fn run(
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
    let folders = folders_with_versions()?;
    match folders.into_iter().max_by_key(|(version, _)| *version) {
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
    let mut session = super::open(url)?;
    let folder = fitting_folder(&session.identity()?.server_version)?;
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
    std::fs::write(&list, wanted_contents(&contents))
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
    std::fs::write(&ledger, ledger_script(runs)).context("failed to write the restore script")?;

    let (address, password) = url.without_password();
    let command = cmd!(
        shell,
        "{psql} --no-psqlrc --no-password --quiet --single-transaction --set=ON_ERROR_STOP=1 --file={empty} --file={script} --file={ledger} --dbname={address}"
    )
    .env("PGAPPNAME", "cargo xtask sync")
    .env("PGOPTIONS", "-c client_min_messages=warning");
    run(
        connecting(command, password),
        Code::RestoreFailed,
        "restore with psql",
        Some(url),
    )
    .map(|_| ())
}

/// The archive's contents without what [`empty_database`] leaves where it is: the schema
/// `public`, and extensions, whose removal would need more rights than their use.
fn wanted_contents(contents: &str) -> String {
    let left = |line: &str| {
        let entry = line
            .split_once(';')
            .map_or("", |(_, entry)| entry)
            .trim_start();
        // After two numbers: the kind, the schema or `-`, the name.
        let entry: Vec<&str> = entry.split_whitespace().skip(2).collect();
        matches!(
            entry.as_slice(),
            ["EXTENSION", ..] | ["COMMENT", "-", "EXTENSION", ..] | ["SCHEMA", "-", "public", ..]
        )
    };
    contents
        .lines()
        .filter(|line| !left(line))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Drops every object of the database in whichever schema, extensions and their parts aside.
fn empty_database() -> String {
    let (class, object) = LOCK;
    format!(
        r"SET lock_timeout = '30s';
DO $empty$
DECLARE
    item record;
BEGIN
    IF NOT pg_try_advisory_xact_lock({class}, {object}) THEN
        RAISE EXCEPTION 'another run of this tool holds the lock on the database';
    END IF;
    FOR item IN SELECT pubname FROM pg_publication LOOP
        EXECUTE format('DROP PUBLICATION %I', item.pubname);
    END LOOP;
    FOR item IN
        SELECT nspname FROM pg_namespace n
        WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
        AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extnamespace = n.oid)
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', item.nspname);
    END LOOP;
    FOR item IN
        SELECT c.oid::regclass AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END AS kind, c.oid
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i'))
    LOOP
        IF EXISTS (SELECT FROM pg_class WHERE oid = item.oid) THEN
            EXECUTE format('DROP %s %s CASCADE', item.kind, item.name);
        END IF;
    END LOOP;
    FOR item IN
        SELECT p.oid::regprocedure AS name, p.oid
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
    LOOP
        IF EXISTS (SELECT FROM pg_proc WHERE oid = item.oid) THEN
            EXECUTE format('DROP ROUTINE %s CASCADE', item.name);
        END IF;
    END LOOP;
    FOR item IN
        SELECT t.oid::regtype AS name, t.oid
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE t.typtype IN ('e', 'd', 'r') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype IN ('e', 'i'))
    LOOP
        IF EXISTS (SELECT FROM pg_type WHERE oid = item.oid) THEN
            EXECUTE format('DROP TYPE %s CASCADE', item.name);
        END IF;
    END LOOP;
    PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;
END
$empty$;
"
    )
}

fn ledger_script(runs: &[Run]) -> String {
    let mut script = "RESET search_path;\n".to_owned();
    for create in sql::CREATE_LEDGER {
        script.push_str(&format!("{create};\n"));
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
            "INSERT INTO __sync_runs VALUES ({}) ON CONFLICT DO NOTHING;\n",
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
        assert_eq!(
            wanted_contents(contents),
            "; comment\n210; 1259 1 TABLE public fees postgres\n"
        );
    }
}
