//! What migrations are, what their texts do, and how a run of them is split.

pub mod parts;
pub(super) mod server_wide;
pub(super) mod transaction_control;
