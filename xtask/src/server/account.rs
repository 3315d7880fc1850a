//! Who runs a server: PostgreSQL refuses root, so root lends it another user.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context as _, Result, anyhow, bail};
use tempfile::TempDir;
use xshell::{Shell, cmd};

/// The user that runs the server when we are root, as which PostgreSQL refuses to run.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: String,
    user: u32,
    group: u32,
}

impl Account {
    pub(super) fn for_server() -> Result<Option<Self>> {
        let shell = Shell::new()?;
        if user_number(&shell, None)? != 0 {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let Ok(user) = user_number(&shell, Some(name)) {
                let group = cmd!(shell, "id -g {name}").quiet().read()?;
                return Ok(Some(Self {
                    name: name.to_owned(),
                    user,
                    group: group.parse().context("`id -g` printed no number")?,
                }));
            }
        }
        bail!(
            "could not start a PostgreSQL server: it refuses to run as root, and there is neither \
             a user postgres nor nobody; run this as an ordinary user"
        )
    }
}

/// The number of a user, or without a name of the user who runs this.
pub(super) fn user_number(shell: &Shell, name: Option<&str>) -> Result<u32> {
    let output = cmd!(shell, "id -u {name...}")
        .quiet()
        .ignore_stderr()
        .read()
        .context("could not tell which user runs this")?;
    output.parse().context("`id -u` printed no number")
}

/// Makes the fresh directory of a server, in the first place that the server's user can reach.
pub(super) fn make_home(requested: Option<&Path>, account: Option<&Account>) -> Result<TempDir> {
    let temporary = env::temp_dir();
    let mut places = vec![requested.unwrap_or(&temporary)];
    if account.is_some() {
        // Where root keeps files, temporary ones too, other users often cannot enter.
        places.extend([&temporary, Path::new("/tmp"), Path::new("/var/tmp")]);
    }
    let mut problem = anyhow!("there is no place for it");
    for place in places {
        match make_home_in(place, account) {
            Ok(home) => return Ok(home),
            Err(error) => problem = error,
        }
    }
    Err(problem.context("could not make a directory for a PostgreSQL server"))
}

fn make_home_in(place: &Path, account: Option<&Account>) -> Result<TempDir> {
    let place = std::path::absolute(place)?;
    fs::create_dir_all(&place).with_context(|| format!("could not make {}", place.display()))?;
    let home = tempfile::Builder::new()
        .prefix("xtask-postgres-")
        .tempdir_in(&place)
        .with_context(|| format!("could not write in {}", place.display()))?;
    give_to(home.path(), account)?;
    let mut enter = Command::new("/bin/sh");
    enter.args(["-c", "cd \"$1\" && test -w .", "enter"]);
    enter.arg(home.path()).stdin(Stdio::null());
    prepare(&mut enter, account);
    run(&mut enter)
        .with_context(|| format!("the server's user cannot enter {}", home.path().display()))?;
    Ok(home)
}

/// What all programs have in common: who runs them, where, and in what surroundings.
pub(super) fn prepare(command: &mut Command, account: Option<&Account>) {
    // Settings of ours for PostgreSQL's clients and servers are not meant for this server.
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    // A problem with a port is recognized by its English message.
    command.env("LC_ALL", "C");
    // Another user may be unable to enter the current directory.
    command.current_dir("/");
    if let Some(account) = account {
        change_user(command, account);
    }
}

#[cfg(unix)]
fn change_user(command: &mut Command, account: &Account) {
    use std::os::unix::process::CommandExt as _;
    command.uid(account.user).gid(account.group);
}

#[cfg(not(unix))]
fn change_user(_command: &mut Command, _account: &Account) {}

#[cfg(unix)]
pub(super) fn lead_own_process_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(not(unix))]
pub(super) fn lead_own_process_group(_command: &mut Command) {}

#[cfg(unix)]
pub(super) fn give_to(path: &Path, account: Option<&Account>) -> Result<()> {
    if let Some(account) = account {
        std::os::unix::fs::chown(path, Some(account.user), Some(account.group)).with_context(
            || {
                let name = &account.name;
                format!("could not give {} to the user {name}", path.display())
            },
        )?;
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn give_to(_path: &Path, _account: Option<&Account>) -> Result<()> {
    Ok(())
}

/// Runs a program to its end, and shows what it printed only when it failed.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("could not run {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    bail!(
        "{program} failed ({}):\n{}",
        output.status,
        last_lines(&message)
    )
}

pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
