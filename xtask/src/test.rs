//! `cargo xtask test`: runs the tests with a PostgreSQL server to test on.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context as _, Result};

use crate::server::{self, Server};
use crate::terminal::say;

/// The URL of the server that the tests make their databases on.
const SERVER_VARIABLE: &str = "XTASK_TEST_POSTGRES";

/// Runs `cargo test --workspace` with `arguments`, and returns its exit code.
///
/// When `XTASK_TEST_POSTGRES` names no server, a new one is started and thrown away afterwards.
pub fn run(workspace_root: &Path, install: bool, arguments: &[OsString]) -> Result<ExitCode> {
    // Cargo has let go of its lock on the target directory before it ran us, so that the same
    // directory serves for the tests.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tests = Command::new(&cargo);
    tests
        .args(["test", "--workspace", "--features", "xtask/postgres"])
        .args(arguments)
        .current_dir(workspace_root);
    let server = if is_set(SERVER_VARIABLE) {
        say(&format!("Testing on the server in {SERVER_VARIABLE}"));
        None
    } else {
        let server = start_server(install)?;
        tests.env(SERVER_VARIABLE, server.url("postgres"));
        // pg_dump refuses to dump a server newer than itself, so the server's own goes first.
        tests.env("PATH", path_with(server.programs())?);
        Some(server)
    };
    let status = tests.status();
    drop(server);
    let status = status.with_context(|| format!("could not run {}", cargo.display()))?;
    Ok(exit_code(status))
}

fn start_server(install: bool) -> Result<Server> {
    if install || env::var_os("CI").is_some_and(|value| value == "true") {
        server::install()?;
    }
    let server = Server::start(None)?;
    say(&format!(
        "Testing on a throwaway PostgreSQL server ({})",
        server.programs().display()
    ));
    Ok(server)
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn path_with(directory: &Path) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = [directory.to_owned()]
        .into_iter()
        .chain(env::split_paths(&path));
    env::join_paths(directories).context("could not put PostgreSQL's programs in PATH")
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    // Without a code a signal ended it, which is no success either.
    ExitCode::from(code.unwrap_or(1))
}
