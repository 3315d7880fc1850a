//! What on the target stands in the way of rows: who refers to them, which values are taken.

mod changed;
pub(super) mod clashes;
mod coming;
mod default_parents;
pub(super) mod exchanged;
pub mod fixed;
pub(super) mod orphans;
pub(super) mod parents;
pub mod reached;
pub mod reference;
pub(super) mod references;
pub(super) mod resting;
pub(super) mod retire;
pub(super) mod staying;
pub(super) mod taken;
pub mod unresolved;
pub mod walk;
