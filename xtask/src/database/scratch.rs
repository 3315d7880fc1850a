//! Databases to try something on.

use crate::model::schema::table::TableName;
use crate::model::url::DatabaseUrl;

/// Which rows a copy is to have at least, beside those of diesel's and this tool's own tables.
pub enum CopiedRows {
    All,
    Of(Vec<TableName>),
}

/// A database to try something on, which goes away with this value.
pub struct Scratch {
    pub url: DatabaseUrl,
    /// The tables whose rows it has; every row is there where it is not said.
    pub copied: Option<Vec<TableName>>,
    /// What went wrong while it was filled; whether that matters, a comparison shows.
    pub complaint: Option<String>,
    pub(super) _place: Box<dyn Send>,
}
