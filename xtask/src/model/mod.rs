//! Plain values that everything else speaks of: they know of no database, no configuration and no
//! decision.

pub mod backend;
pub mod ledger;
pub mod limits;
pub mod max_delete;
pub mod migrations;
mod percent;
pub mod random;
pub mod reference;
pub mod rows;
pub mod schema;
pub mod unresolved;
pub mod url;
mod url_spelling;
pub mod words;
