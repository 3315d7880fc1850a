//! Every integration test of the tasks, in one program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod command_line;
mod conformance;
mod faults;
mod layers;
mod promotion;
#[cfg(unix)]
mod prompts;
mod schemas;
mod support;
mod tidy;
