//! The same command once more, by a program that has PostgreSQL built in.
//!
//! PostgreSQL needs libpq from the machine and doubles the first build, so it is built in once a
//! PostgreSQL database is met, and not before.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::problem::{Code, Problem};

const PROGRAM: &str = "xtask-postgres";

/// Builds the program with PostgreSQL, which shows how far it is unless that was done before, and
/// lets it run with these arguments, the first of which is the program's name.
///
/// # Errors
/// `url_invalid` where it cannot be built, with what is missing.
pub(crate) fn with_postgres(arguments: &[OsString]) -> Result<ExitCode, Problem> {
    let Some(cargo) = std::env::var_os("CARGO") else {
        return Err(not_built(
            "cargo did not start this program, so it cannot be built again",
        ));
    };
    let arguments = arguments.iter().skip(1);
    let is_new = program_beside().is_none_or(|program| !program.is_file());
    if is_new {
        let status = cargo_command(&cargo, "build").status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(not_built("what cargo says above went wrong"));
        }
    }
    let mut run = cargo_command(&cargo, "run");
    run.arg("--quiet").arg("--").args(arguments);
    let status = run
        .stdin(Stdio::inherit())
        .status()
        .map_err(|error| not_built(&error.to_string()))?;
    // Without a code a signal ended it, which is no success either.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

fn cargo_command(cargo: &OsString, task: &str) -> Command {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut command = Command::new(cargo);
    command
        .args([task, "--features", "postgres", "--bin", PROGRAM])
        .arg("--manifest-path")
        .arg(manifest);
    command
}

fn program_beside() -> Option<PathBuf> {
    let current = std::env::current_exe().ok()?;
    Some(current.with_file_name(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX)))
}

fn not_built(why: &str) -> Problem {
    Problem::new(
        Code::UrlInvalid,
        format!("a database is PostgreSQL, and support for it could not be built: {why}"),
    )
    .hint(
        "it needs libpq: `apt-get install libpq-dev` on Debian or Ubuntu, `dnf install libpq-devel` \
         on Fedora, `brew install libpq` on macOS. Or have it built from source, which takes long once: \
         `cargo run --package xtask --features bundled -- …`",
    )
}
