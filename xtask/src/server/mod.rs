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

mod account;
mod programs;

use std::fs;
use std::io::{PipeWriter, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::model::random::random_id;
use crate::model::url::DatabaseUrl;
use crate::model::words::shell_word;
use account::{Account, give_to, last_lines, lead_own_process_group, make_home, prepare, run};
pub use programs::{find_programs, install};

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
            password: random_id(16)?,
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
            shell_word(&self.programs.join("pg_ctl").to_string_lossy()),
            shell_word(&self.data_directory().to_string_lossy())
        );
        match &self.account {
            // pg_ctl refuses to run as root, and warns in a directory that its user cannot enter.
            Some(account) => {
                let stop = shell_word(&format!("cd / && {stop}"));
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
        // By psql, since this program may have been built without PostgreSQL.
        let url = DatabaseUrl::parse(&self.url, "the server's URL", Path::new("/"));
        let Ok((url, password)) = url.map(|url| url.without_password()) else {
            return false;
        };
        let mut ask = Command::new(self.programs.join("psql"));
        ask.args([
            "--no-psqlrc",
            "--no-password",
            "--command",
            "SELECT 1",
            &url,
        ])
        .env("PGPASSWORD", password.unwrap_or_default())
        .stdin(Stdio::null());
        run(&mut ask).is_ok()
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

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .context("could not find a free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
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

#[cfg(all(test, unix))]
mod tests;
