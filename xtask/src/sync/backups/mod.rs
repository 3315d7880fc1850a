//! Backups, how long they are kept, and the way back.

pub mod backup;
pub mod private;
pub mod proof;
pub mod restore;
pub mod retention;
