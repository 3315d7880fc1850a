//! Files: ordinary ones only, and none that stay by mistake.

pub mod leftovers;
pub mod ordinary;
pub mod private;
