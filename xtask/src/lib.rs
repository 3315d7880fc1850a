//! The tasks of this workspace; `sync` is the one that the others are here for.

pub mod cli;
pub mod command;
pub mod database;
pub mod demo;
pub mod files;
pub mod model;
pub mod problem;
pub mod promotion;
mod rebuild;
pub mod server;
pub mod settings;
pub mod sync;
pub mod terminal;
pub mod test;
pub mod workspace;
