//! What was configured: environments, their order, and what belongs to which of them.

mod backend;
pub mod config;
pub(super) mod config_file;
pub mod environment;
pub mod limits;
pub mod max_delete;
pub(super) mod percent;
pub mod pipeline;
pub mod rehearsal;
pub(super) mod url_spelling;
pub(super) mod variables;
