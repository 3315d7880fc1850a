//! What was configured: environments, their order, and what belongs to which of them.

pub mod config;
pub(super) mod config_file;
pub mod environment;
pub mod pipeline;
pub mod rehearsal;
pub(super) mod variables;
