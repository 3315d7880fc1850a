//! A role of a test's own on the server, for what a role may do that is no superuser.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::database::{Connection, Database, server_url};

/// Goes away with the value, which has to be made before the databases that it has rights on.
pub(crate) struct Role {
    pub(crate) name: String,
}

impl Role {
    pub(crate) fn create(attributes: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let name = format!(
            "xtask_test_{}_{}_{}",
            now.as_secs(),
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        Connection::to_server(&server_url()).run(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD '{name}' {attributes}"
        ));
        Role { name }
    }

    /// The URL of a database for this role.
    pub(crate) fn url(&self, database: &Database) -> String {
        let (scheme, rest) = database.url.split_once("://").unwrap();
        let place = rest.split_once('@').map_or(rest, |(_, place)| place);
        format!("{scheme}://{name}:{name}@{place}", name = self.name)
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = Connection::to_server(&server_url()).attempt(&format!("DROP ROLE {}", self.name));
    }
}
