//! What the text of a migration tells before it runs.

#[cfg(feature = "postgres")]
use super::postgres;
#[cfg(feature = "sqlite")]
use super::sqlite;
use crate::model::backend::Backend;
use crate::model::migrations::hazard::Hazard;

/// What in the text of a migration deserves a second look, in its order.
pub fn hazards(backend: Backend, up: &str) -> Vec<Hazard> {
    match backend {
        #[cfg(feature = "postgres")]
        Backend::Postgres => postgres::hazards(up),
        #[cfg(feature = "sqlite")]
        Backend::Sqlite => sqlite::hazards(up),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        _ => {
            let _ = up;
            Vec::new()
        }
    }
}
