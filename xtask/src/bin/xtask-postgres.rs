//! The same program with a name of its own, so that the one without PostgreSQL stays beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::command::main(std::env::args_os().collect())
}
