//! Migrations, and what they do.

pub mod effects;
pub mod hazard;
pub mod migration;
pub mod script;
