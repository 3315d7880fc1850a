//! What migrations are, what their texts do, and how a run of them is split.

pub mod effects;
pub mod hazard;
pub mod migration;
pub mod parts;
pub(crate) mod script;
pub(super) mod server_wide;
pub(super) mod transaction_control;
