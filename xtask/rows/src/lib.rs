//! What every row of a lookup table passes through: how its values are spelled, hashed and put in
//! order. A crate of its own, because it is optimised where the rest of the program is not.

pub mod key_order;
pub mod row;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod storage;
