//! Which database a session is connected to.

/// Which database this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Equal for two sessions exactly when they are connected to one and the same database,
    /// however it was reached. A copy of a database is another database.
    pub instance: String,
    /// The same over a restart of the server; what a copy has of its own. A database that was
    /// moved or put back elsewhere is in another place.
    pub place: String,
    pub server_version: String,
}
