//! From two snapshots to a plan, to what keeps it from running, and to what was approved.

pub mod contract;
mod copy;
pub(super) mod fresh;
pub mod gate;
pub mod plan;
pub mod plan_file;
pub mod rehearse;
pub(super) mod rehearsed_session;
pub(super) mod scope;
pub mod stale;
pub(super) mod text_difference;
pub(super) mod trying;
