//! What was configured: environments, their order, and what belongs to which of them.

pub mod config;
pub(crate) mod config_file;
pub mod drift;
pub mod environment;
pub mod pipeline;
pub mod protected;
pub mod rehearsal;
pub mod row_source;
pub(crate) mod variables;
