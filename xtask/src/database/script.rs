//! What the text of a migration tells before it runs.

#[cfg(feature = "postgres")]
use super::postgres;
#[cfg(feature = "sqlite")]
use super::sqlite;
use crate::sync::migrations::destructive::Statement;
use crate::sync::migrations::hazard::Hazard;
use crate::sync::schema::catalog::Catalog;
use crate::sync::settings::environment::Backend;

/// What in the text of a migration may hurt a database with this schema, in its order.
pub fn hazards(backend: Backend, up: &str, catalog: &Catalog) -> Vec<Hazard> {
    match backend {
        #[cfg(feature = "postgres")]
        Backend::Postgres => postgres::hazards(up, catalog),
        #[cfg(feature = "sqlite")]
        Backend::Sqlite => sqlite::hazards(up, catalog),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        _ => {
            let _ = (up, catalog);
            Vec::new()
        }
    }
}

/// What the statements of a migration do to tables, in their order.
pub fn effects(backend: Backend, up: &str) -> Vec<Statement> {
    match backend {
        #[cfg(feature = "postgres")]
        Backend::Postgres => postgres::effects(up),
        #[cfg(feature = "sqlite")]
        Backend::Sqlite => sqlite::effects(up),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        _ => {
            let _ = up;
            Vec::new()
        }
    }
}
