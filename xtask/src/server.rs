//! A PostgreSQL server of our own, for tests and the demo.
//!
//! Everything a server writes is in one fresh directory, and it listens on a free port of
//! 127.0.0.1 only (on no Unix socket), so any number of them run side by side and beside a
//! server of the system's.
//!
//! # How a server ends
//!
//! A small shell process, the keeper, holds the reading end of a pipe, and this process holds the
//! writing end. Once the writing end is closed, the keeper stops the server and removes its
//! directory. Dropping [`Server`] closes it, and so does the operating system however this
//! process dies: at Ctrl-C, at a panic, and at `kill -9` too. The keeper is in a process group of
//! its own and the server in a session of its own, so that Ctrl-C in the terminal reaches neither.
//! Were the keeper killed as well, the server would be left running; that harms no later server,
//! as none shares a port or a directory with it, and it stops by itself within a minute or so
//! after its directory (`xtask-postgres-*` among the temporary files) is removed.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{PipeWriter, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use xshell::{Shell, cmd};

use crate::database;
use crate::sync::environment::DatabaseUrl;
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

/// The one role of a new server.
const SUPERUSER: &str = "postgres";

/// How often another port is tried when somebody else was faster to take the one just found free.
const PORT_ATTEMPTS: usize = 20;

/// The data is thrown away with the server, so nothing is spent on surviving a power cut.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
fsync = off
synchronous_commit = off
full_page_writes = off
";

/// Waits for the end of its standard input, then stops the server and removes its directory.
const KEEPER: &str = r#"
read -r word
if [ "$word" = leave ]; then exit 0; fi
if [ -f "$2/postmaster.pid" ]; then "$1" stop -s -w -m immediate -D "$2"; fi
exec rm -rf "$3"
"#;

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

/// Installs PostgreSQL with apt-get unless a server is there, and returns its programs' directory.
pub fn install() -> Result<PathBuf> {
    if let Ok(directory) = find_programs() {
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

/// A running server that is stopped and removed when this value is dropped.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    account: Option<Account>,
    /// Everything that the server writes is in here.
    home: TempDir,
    password: String,
    port: u16,
    /// `None` once the keeper was told what to do.
    lifeline: Option<PipeWriter>,
    keeper: Child,
}

/// A server that was left running. Nothing but its owner's stop command ends it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Running {
    /// Everything of the server is in here; to be removed once it has stopped.
    pub directory: PathBuf,
    pub data_directory: PathBuf,
    /// The directory of its own and the client programs.
    pub programs: PathBuf,
    /// Of the database `postgres`.
    pub url: String,
    /// For a POSIX shell of the user who started the server.
    pub stop_command: String,
}

impl Server {
    /// Creates and starts a server in a fresh directory inside `directory`, or among the temporary
    /// files when there is none or when the server's user cannot reach it.
    pub fn start(directory: Option<&Path>) -> Result<Self> {
        if cfg!(not(unix)) {
            bail!(
                "could not start a PostgreSQL server: this works on Linux and macOS only; \
                 name a server to test on in XTASK_TEST_POSTGRES"
            );
        }
        let programs = find_programs()?;
        let account = Account::for_server()?;
        let home = make_home(directory, account.as_ref())?;
        let (reader, lifeline) = std::io::pipe().context("could not make a pipe")?;
        // The keeper comes first, so that there is no moment at which a server would be left over.
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER, "xtask-postgres-keeper"]);
        keeper
            .arg(programs.join("pg_ctl"))
            .arg(home.path().join("data"));
        keeper.arg(home.path());
        prepare(&mut keeper, account.as_ref());
        lead_own_process_group(&mut keeper);
        keeper
            .stdin(reader)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let keeper = keeper
            .spawn()
            .context("could not run /bin/sh to look after the PostgreSQL server")?;
        let mut server = Self {
            programs,
            account,
            home,
            password: random_password()?,
            port: 0,
            lifeline: Some(lifeline),
            keeper,
        };
        server.initialize()?;
        server.launch(&mut free_port)?;
        Ok(server)
    }

    /// The connection URL of one of the server's databases, with the password in it.
    pub fn url(&self, database: &str) -> String {
        let port = self.port;
        let password = &self.password;
        let database = percent_encode(database);
        format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/{database}")
    }

    /// The directory with the server's own and the client programs.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// Creates an empty database.
    pub fn create_database(&self, name: &str) -> Result<()> {
        let mut createdb = Command::new(self.programs.join("createdb"));
        prepare(&mut createdb, None);
        createdb.env("PGPASSWORD", &self.password);
        createdb.args(["--host", "127.0.0.1", "--port", &self.port.to_string()]);
        createdb.args(["--username", SUPERUSER, "--no-password"]);
        // Nobody can be connected to template0, so databases may be created at the same time.
        createdb.args(["--template", "template0", "--", name]);
        createdb.stdin(Stdio::null());
        run(&mut createdb).with_context(|| format!("could not create the database \"{name}\""))
    }

    /// Lets the server outlive this process, and tells where it is and how to stop it.
    pub fn leave_running(mut self) -> Result<Running> {
        let mut lifeline = self
            .lifeline
            .take()
            .context("could not leave the PostgreSQL server running: it is being stopped")?;
        writeln!(lifeline, "leave").context("could not leave the PostgreSQL server running")?;
        self.home.disable_cleanup(true);
        Ok(Running {
            directory: self.home.path().to_owned(),
            data_directory: self.data_directory(),
            programs: self.programs.clone(),
            url: self.url("postgres"),
            stop_command: self.stop_command(),
        })
    }

    fn data_directory(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.home.path().join("server.log")
    }

    /// One of the server's programs, run by the server's user.
    fn program(&self, name: &str) -> Result<Command> {
        let mut command = Command::new(self.programs.join(name));
        prepare(&mut command, self.account.as_ref());
        // While the program runs it holds the pipe open too, so that the keeper does not remove
        // the directory under its hands. It does not read its standard input.
        match &self.lifeline {
            Some(lifeline) => command.stdin(lifeline.try_clone()?),
            None => command.stdin(Stdio::null()),
        };
        Ok(command)
    }

    fn initialize(&self) -> Result<()> {
        let password_file = self.home.path().join("password");
        fs::write(&password_file, &self.password)
            .with_context(|| format!("could not write {}", password_file.display()))?;
        give_to(&password_file, self.account.as_ref())?;
        let mut initdb = self.program("initdb")?;
        initdb.arg("-D").arg(self.data_directory());
        initdb.args(["--username", SUPERUSER, "--auth", "scram-sha-256"]);
        initdb.arg("--pwfile").arg(&password_file);
        // The locale C is on every machine and sorts alike on all of them.
        initdb.args(["--encoding", "UTF8", "--locale", "C", "--no-sync"]);
        run(&mut initdb).context("could not initialize a PostgreSQL server")?;
        fs::remove_file(&password_file)
            .with_context(|| format!("could not remove {}", password_file.display()))?;
        self.add_settings(SETTINGS)
    }

    /// Starts the initialized server on the first port that is still free when it comes to it.
    fn launch(&mut self, next_port: &mut dyn FnMut() -> Result<u16>) -> Result<()> {
        for _ in 0..PORT_ATTEMPTS {
            self.port = next_port()?;
            // The last of several lines for one setting counts.
            self.add_settings(&format!("port = {}\n", self.port))?;
            let mut start = self.program("pg_ctl")?;
            start.args(["start", "-s", "-w", "-t", "60", "-D"]);
            start.arg(self.data_directory());
            start.arg("-l").arg(self.log_file());
            let Err(error) = run(&mut start) else {
                return Ok(());
            };
            let log = fs::read_to_string(self.log_file()).unwrap_or_default();
            if !log.contains("could not bind") {
                let log = last_lines(&log);
                return Err(error.context(format!("could not start a PostgreSQL server:\n{log}")));
            }
            fs::remove_file(self.log_file()).context("could not remove the server's log")?;
        }
        bail!("could not start a PostgreSQL server: {PORT_ATTEMPTS} ports were taken; try again")
    }

    fn add_settings(&self, lines: &str) -> Result<()> {
        let file = self.data_directory().join("postgresql.conf");
        fs::OpenOptions::new()
            .append(true)
            .open(&file)
            .and_then(|mut opened| opened.write_all(lines.as_bytes()))
            .with_context(|| format!("could not write {}", file.display()))
    }

    fn stop_command(&self) -> String {
        let stop = format!(
            "{} stop -m fast -D {}",
            quote(&self.programs.join("pg_ctl").to_string_lossy()),
            quote(&self.data_directory().to_string_lossy())
        );
        match &self.account {
            // pg_ctl refuses to run as root, and warns in a directory that its user cannot enter.
            Some(account) => {
                let stop = quote(&format!("cd / && {stop}"));
                format!("su {} -s /bin/sh -c {stop}", account.name)
            }
            None => stop,
        }
    }
}

impl Running {
    /// Stops the server where it still runs, and removes its directory.
    ///
    /// # Errors
    /// When it cannot be stopped; the message has the command that should have done it.
    pub fn stop(&self) -> Result<()> {
        // After a restart of the machine, the number of the server's process may be another's:
        // only a server that takes this server's random password is stopped.
        if self.answers() {
            let mut stop = Command::new("/bin/sh");
            stop.args(["-c", &self.stop_command]).stdin(Stdio::null());
            run(&mut stop).with_context(|| {
                let command = &self.stop_command;
                format!(
                    "could not stop the PostgreSQL server that was left running with `{command}`"
                )
            })?;
        }
        if !self.directory.exists() {
            return Ok(());
        }
        fs::remove_dir_all(&self.directory)
            .with_context(|| format!("could not remove {}", self.directory.display()))
    }

    fn answers(&self) -> bool {
        DatabaseUrl::parse(&self.url, "the server's URL", Path::new("/"))
            .is_ok_and(|url| database::open(&url).is_ok())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The keeper sees the end of its input, stops the server and removes the directory.
        drop(self.lifeline.take());
        // Nothing could be done about an error here: the temporary directory is removed in any
        // case, and a server without its directory stops by itself.
        let _ = self.keeper.wait();
    }
}

/// The user that runs the server when we are root, as which PostgreSQL refuses to run.
#[derive(Debug)]
struct Account {
    name: String,
    user: u32,
    group: u32,
}

impl Account {
    fn for_server() -> Result<Option<Self>> {
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
fn user_number(shell: &Shell, name: Option<&str>) -> Result<u32> {
    let output = cmd!(shell, "id -u {name...}")
        .quiet()
        .ignore_stderr()
        .read()
        .context("could not tell which user runs this")?;
    output.parse().context("`id -u` printed no number")
}

/// Makes the fresh directory of a server, in the first place that the server's user can reach.
fn make_home(requested: Option<&Path>, account: Option<&Account>) -> Result<TempDir> {
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
fn prepare(command: &mut Command, account: Option<&Account>) {
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
fn lead_own_process_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(not(unix))]
fn lead_own_process_group(_command: &mut Command) {}

#[cfg(unix)]
fn give_to(path: &Path, account: Option<&Account>) -> Result<()> {
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
fn give_to(_path: &Path, _account: Option<&Account>) -> Result<()> {
    Ok(())
}

/// Runs a program to its end, and shows what it printed only when it failed.
fn run(command: &mut Command) -> Result<()> {
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

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .context("could not find a free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

fn random_password() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("could not make a random password: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// A word for a POSIX shell.
fn quote(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
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

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::io::Read as _;
    use std::time::{Duration, Instant};

    use super::*;

    /// Tells the process started by a test to hold a server, and where to describe it.
    const HOLD_VARIABLE: &str = "XTASK_TEST_HOLD_SERVER";

    /// Whether there is a server to start. `cargo xtask test` sees to it, `cargo test` does not.
    fn can_start() -> bool {
        let demanded = env::var_os("CI").is_some_and(|value| value == "true");
        demanded || find_programs().is_ok()
    }

    fn ask(url: &str, programs: &Path, query: &str) -> String {
        let mut psql = Command::new(programs.join("psql"));
        prepare(&mut psql, None);
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--command"]);
        psql.args([query, url]);
        let output = psql.output().unwrap();
        let problem = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{problem}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn is_listening(port: u16) -> bool {
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    }

    #[track_caller]
    fn wait_until(what: &str, condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn serves_until_it_is_dropped() {
        if !can_start() {
            return;
        }
        let server = Server::start(None).unwrap();
        server.create_database("it's \"ours\" 100%").unwrap();
        assert!(server.create_database("postgres").is_err());
        let url = server.url("it's \"ours\" 100%");
        let query = "select current_database(), current_user, pg_encoding_to_char(encoding), \
                     datcollate, current_setting('fsync') from pg_database \
                     where datname = current_database()";
        let answer = ask(&url, server.programs(), query);
        assert_eq!(answer, "it's \"ours\" 100%|postgres|UTF8|C|off");

        let home = server.home.path().to_owned();
        let port = server.port;
        assert!(is_listening(port));
        drop(server);
        assert!(!is_listening(port));
        assert!(!home.exists());
    }

    #[test]
    fn refuses_a_wrong_password() {
        if !can_start() {
            return;
        }
        let mut server = Server::start(None).unwrap();
        server.password = "wrong".to_owned();
        let error = server.create_database("any").unwrap_err();
        assert!(format!("{error:#}").contains("password authentication failed"));
    }

    #[test]
    fn takes_another_port_when_somebody_was_faster() {
        if !can_start() {
            return;
        }
        let rival = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = rival.local_addr().unwrap().port();
        let mut server = Server::start(None).unwrap();
        let mut stop = server.program("pg_ctl").unwrap();
        stop.args(["stop", "-m", "fast", "-D"]);
        run(stop.arg(server.data_directory())).unwrap();

        let mut ports = vec![free_port().unwrap(), taken, taken];
        server.launch(&mut || Ok(ports.pop().unwrap())).unwrap();
        assert!(ports.is_empty());
        assert_ne!(server.port, taken);
        assert_eq!(
            ask(&server.url("postgres"), server.programs(), "select 1"),
            "1"
        );
    }

    #[test]
    fn a_server_left_running_stops_with_its_command() {
        if !can_start() {
            return;
        }
        let place = TempDir::new().unwrap();
        let server = Server::start(Some(place.path())).unwrap();
        let port = server.port;
        let running = server.leave_running().unwrap();
        let text = serde_json::to_string(&running).unwrap();
        let running: Running = serde_json::from_str(&text).unwrap();
        assert_eq!(ask(&running.url, &running.programs, "select 1"), "1");

        running.stop().unwrap();
        assert!(!is_listening(port));
        assert!(!running.directory.exists());
        // Stopping what has stopped already is no error.
        running.stop().unwrap();
    }

    /// Not a test of its own: [`a_killed_process_leaves_nothing_behind`] runs it in a process.
    #[test]
    fn holds_a_server_when_asked_to() {
        if let Some(file) = env::var_os(HOLD_VARIABLE) {
            let server = Server::start(None).unwrap();
            let home = server.home.path().display();
            fs::write(&file, format!("{}\n{home}\n", server.port)).unwrap();
            // The other process closes our standard input only by ending.
            let _ = std::io::stdin().read(&mut [0]);
        }
    }

    #[test]
    fn a_killed_process_leaves_nothing_behind() {
        if !can_start() {
            return;
        }
        let place = TempDir::new().unwrap();
        let file = place.path().join("description");
        let mut holder = Command::new(env::current_exe().unwrap());
        holder.args(["--exact", "server::tests::holds_a_server_when_asked_to"]);
        holder.env(HOLD_VARIABLE, &file).stdin(Stdio::piped());
        let mut holder = holder.stdout(Stdio::null()).spawn().unwrap();
        let description = || fs::read_to_string(&file).unwrap_or_default();
        wait_until("the other process has its server", || {
            description().ends_with('\n')
        });
        let description = description();
        let (port, home) = description.trim().split_once('\n').unwrap();
        let port = port.parse().unwrap();
        assert!(is_listening(port));

        // This is SIGKILL, at which no process can clean up after itself.
        holder.kill().unwrap();
        holder.wait().unwrap();
        wait_until("its server has stopped", || !is_listening(port));
        wait_until("its directory is gone", || !Path::new(home).exists());
    }

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

    #[test]
    fn quotes_words_for_the_shell() {
        for word in ["/usr/bin/plain", "", "two words", "it's", "$HOME;\"`"] {
            let shell = Shell::new().unwrap();
            let script = format!("printf %s {}", quote(word));
            let output = cmd!(shell, "/bin/sh -c {script}").quiet().read().unwrap();
            assert_eq!(output, word);
        }
    }
}
