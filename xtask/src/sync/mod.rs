//! Moving schema and lookup data from one environment to the next.
//!
//! Values flow one way: configuration, environments, snapshots, plan, confirmation, promotion,
//! report. Only events run against the stream, and they return nothing.

pub mod adopt;
pub mod backup;
pub mod catalog;
pub mod change_log;
pub mod compare;
pub mod config;
mod config_file;
pub mod difference;
pub mod drift;
pub mod edits;
pub mod environment;
pub mod event;
pub mod export;
pub mod gate;
pub mod hazard;
pub mod import;
pub mod key_order;
pub mod ledger;
pub mod load;
pub mod lookup;
pub mod migrate;
pub mod migration;
pub mod moment;
mod outside;
mod parents;
pub mod pipeline;
pub mod plan;
pub mod private;
pub mod promote;
pub mod promoted;
pub mod reached;
pub mod reference;
mod references;
pub mod report;
pub mod restore;
pub mod retention;
mod retire;
pub mod row;
pub mod row_edits;
pub mod row_source;
pub mod snapshot;
pub mod stamp;
pub mod status;
mod staying;
pub mod table;
mod taken;
pub mod three_way;
mod transaction_control;
mod variables;
mod verify;
pub mod walk;
pub mod words;
