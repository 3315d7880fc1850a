//! Moving schema and lookup data from one environment to the next.
//!
//! Values flow one way: configuration, environments, snapshots, plan, confirmation, promotion,
//! report. Only events run against the stream, and they return nothing.

pub mod adopt;
pub mod backups;
pub mod baseline;
pub mod comparing;
pub mod constraints;
pub mod ends;
pub mod event;
pub mod exports;
pub mod history;
pub mod import;
pub mod migrate;
pub mod migrations;
pub mod one_environment;
pub mod planning;
pub mod promoting;
pub mod record;
pub mod restore;
pub mod rows;
pub mod runs;
pub mod snapshot;
pub mod stamp;
pub mod status;
