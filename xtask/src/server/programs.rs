//! Where the programs of a PostgreSQL server are, and how to get them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use super::account::user_number;
use crate::terminal::say;

/// What has to be in one directory for it to count: the server and the clients that match it.
const PROGRAMS: [&str; 7] = [
    "initdb",
    "pg_ctl",
    "postgres",
    "createdb",
    "pg_dump",
    "pg_restore",
    "psql",
];

/// Debian's server packages create and start a server on port 5432 when they are first installed.
/// The setting that prevents it comes with postgresql-common, which therefore goes first, and is
/// put back afterwards: whether the next version gets one is for the machine's owner to say.
const INSTALL: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive
# Without package lists, as in a fresh container, and with outdated ones, an update is needed.
update() { apt-get update -qq; }
install() { apt-get install -qq --yes --no-install-recommends "$1" </dev/null >/dev/null; }
apt-cache show postgresql >/dev/null 2>&1 || update
install postgresql-common || { update && install postgresql-common; }
settings=/etc/postgresql-common/createcluster.conf
saved=$(mktemp)
cp -p "$settings" "$saved"
trap 'cp -p "$saved" "$settings"; rm -f "$saved"' EXIT
printf '\ncreate_main_cluster = false\n' >> "$settings"
install postgresql || { update && install postgresql; }
install libpq-dev || { update && install libpq-dev; }
"#;

/// The directory with the programs of a PostgreSQL server and the clients of the same version.
pub fn find_programs() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).filter(|directory| directory.is_absolute());
    in_path
        .chain(pg_config_directory())
        .chain(versions("/usr/lib/postgresql", "", "bin"))
        .chain(versions("/usr", "pgsql-", "bin"))
        .chain(versions("/opt/homebrew/opt", "postgresql", "bin"))
        .chain(versions("/usr/local/opt", "postgresql", "bin"))
        .find(|directory| holds_programs(directory))
        .with_context(|| {
            format!(
                "no PostgreSQL server found ({} in one directory), neither in PATH nor where \
                 packages put it: run `cargo xtask test --install` on Debian or Ubuntu, \
                 `dnf install postgresql-server` on Fedora, `brew install postgresql` on macOS, \
                 or name a server to test on in XTASK_TEST_POSTGRES",
                PROGRAMS.join(", ")
            )
        })
}

/// Installs with apt-get what is missing of a PostgreSQL server and of libpq to link with, and
/// returns the directory of the server's programs.
pub fn install() -> Result<PathBuf> {
    if let Ok(directory) = find_programs()
        && has_libpq()
    {
        return Ok(directory);
    }
    if !is_in_path("apt-get") {
        bail!(
            "could not install PostgreSQL: this machine has no apt-get; install a PostgreSQL \
             server with the machine's own package manager and try again"
        );
    }
    say("Installing PostgreSQL with apt-get");
    let shell = Shell::new()?;
    let install = if user_number(&shell, None)? == 0 {
        cmd!(shell, "sh -c {INSTALL}")
    } else if is_in_path("sudo") {
        cmd!(shell, "sudo -n sh -c {INSTALL}")
    } else {
        bail!(
            "could not install PostgreSQL: apt-get needs root, and there is no sudo; \
             run `apt-get install postgresql` as root and try again"
        );
    };
    install.quiet().run().context(
        "could not install PostgreSQL with apt-get (as root, or through `sudo -n`, which asks \
         for no password); run `apt-get install postgresql` as root and try again",
    )?;
    find_programs()
}

fn holds_programs(directory: &Path) -> bool {
    PROGRAMS
        .iter()
        .all(|program| directory.join(program).is_file())
}

fn is_in_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Whether the linker would find libpq, as far as the programs tell that packages ask.
fn has_libpq() -> bool {
    let Ok(shell) = Shell::new() else {
        return false;
    };
    let library = cmd!(shell, "pg_config --libdir")
        .quiet()
        .ignore_stderr()
        .read();
    library.is_ok_and(|directory| Path::new(&directory).join("libpq.so").exists())
}

fn pg_config_directory() -> Option<PathBuf> {
    let shell = Shell::new().ok()?;
    let output = cmd!(shell, "pg_config --bindir")
        .quiet()
        .ignore_stderr()
        .read();
    output.ok().map(PathBuf::from)
}

/// The directories `parent/PREFIX…/child`, the highest version first.
fn versions(parent: &str, prefix: &str, child: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok().map(|entry| entry.file_name()));
    let mut names: Vec<OsString> = names
        .filter(|name| name.to_string_lossy().starts_with(prefix))
        .collect();
    names.sort_by_key(|name| version(&name.to_string_lossy()));
    names
        .iter()
        .rev()
        .map(|name| Path::new(parent).join(name).join(child))
        .collect()
}

/// The numbers in a name: 9.6 of "postgresql@9.6". A name without any comes before all others.
fn version(name: &str) -> Vec<u32> {
    name.split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn finds_the_highest_version_first() {
        let place = TempDir::new().unwrap();
        for name in ["pg-9.6", "pg-17", "pg-10", "pg", "other-18"] {
            fs::create_dir(place.path().join(name)).unwrap();
        }
        let parent = place.path().to_str().unwrap();
        let found = versions(parent, "pg", "bin");
        let names = ["pg-17", "pg-10", "pg-9.6", "pg"];
        let expected: Vec<_> = names
            .iter()
            .map(|name| place.path().join(name).join("bin"))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(
            versions("/no/such/directory", "", "bin"),
            Vec::<PathBuf>::new()
        );
    }
}
