//! Carrying out a plan.

pub mod commit;
pub(super) mod data_loss;
pub mod export_edits;
mod failed;
pub(super) mod keep_alive;
pub mod load;
pub mod look;
pub mod progress;
pub mod promote;
pub mod report;
pub mod retry;
pub mod row_source;
pub(super) mod verify;
