//! Moving schema and lookup data from one environment to the next.
//!
//! Values flow one way: configuration, environments, snapshots, plan, confirmation, promotion,
//! report. Only events run against the stream, and they return nothing.

pub mod adopt;
pub mod backups;
pub mod baseline;
pub mod constraints;
pub mod event;
pub mod history;
pub mod import;
pub mod migrate;
pub mod migrations;
pub mod one_environment;
pub mod planning;
pub mod promoting;
pub mod record;
pub mod rows;
pub mod snapshot;
pub mod status;
