//! `cargo xtask`: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::command::main(std::env::args_os().collect())
}
