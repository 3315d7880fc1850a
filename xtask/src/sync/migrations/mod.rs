//! What migrations are, what their texts do, and how a run of them is split.

pub(super) mod beyond;
pub mod effects;
pub mod hazard;
pub mod migration;
pub mod parts;
pub(crate) mod script;
pub(super) mod transaction_control;
