//! What a database remembers about itself.

pub mod moment;
pub mod run;
