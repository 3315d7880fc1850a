//! Backups, how long they are kept, and the way back.

pub mod backup;
pub mod proof;
pub mod retention;
