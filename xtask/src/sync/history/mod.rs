//! What a database remembers about itself.

pub mod ledger;
pub mod moment;
pub mod run;
pub mod stamp;
