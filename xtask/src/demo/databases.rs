//! The databases of the demo: new, empty, and its own.

use super::folder::Folder;
use crate::files::private;
use crate::model::backend::Backend;
use crate::server::{Running, Server};
use crate::settings::environment::Environment;

/// What has to be kept while the databases are used. Dropped, it takes the server along.
pub(super) enum Databases {
    Files,
    Server(Server),
}

impl Databases {
    /// Makes an empty database for each environment, and returns their URLs.
    ///
    /// # Errors
    /// When a file cannot be made, or no server started.
    pub(super) fn make(
        backend: Backend,
        folder: &Folder,
        environments: &[Environment],
    ) -> anyhow::Result<(Self, Vec<String>)> {
        match backend {
            Backend::Sqlite => make_files(folder, environments),
            Backend::Postgres => make_on_server(folder, environments),
        }
    }

    /// Leaves the databases to the person; a server runs on and is remembered in the folder.
    ///
    /// # Errors
    /// When the server cannot be remembered; then it is stopped.
    pub(super) fn leave(self, folder: &Folder) -> anyhow::Result<Option<Running>> {
        match self {
            Databases::Files => Ok(None),
            Databases::Server(server) => {
                let running = server.leave_running()?;
                if let Err(error) = folder.remember(&running) {
                    // The first error says more than one about stopping could.
                    let _ = running.stop();
                    return Err(error);
                }
                Ok(Some(running))
            }
        }
    }
}

fn make_files(
    folder: &Folder,
    environments: &[Environment],
) -> anyhow::Result<(Databases, Vec<String>)> {
    let mut urls = Vec::new();
    for environment in environments {
        let file = format!("{}.sqlite3", environment.name);
        // An empty file is an empty database.
        private::write_file(&folder.path().join(&file), |_| Ok(()))?;
        urls.push(format!("sqlite:{}/{file}", Folder::IN_WORKSPACE));
    }
    Ok((Databases::Files, urls))
}

fn make_on_server(
    folder: &Folder,
    environments: &[Environment],
) -> anyhow::Result<(Databases, Vec<String>)> {
    let server = Server::start(Some(folder.path()))?;
    let mut urls = Vec::new();
    for environment in environments {
        server.create_database(&environment.name)?;
        // The server has no certificate, whatever PGSSLMODE says.
        urls.push(format!("{}?sslmode=disable", server.url(&environment.name)));
    }
    Ok((Databases::Server(server), urls))
}
