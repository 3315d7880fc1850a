//! Where the rows of a promotion come from.

use std::path::PathBuf;

use crate::model::schema::table::TableName;
use crate::settings::environment::Environment;

#[derive(Debug, Clone, Copy)]
pub enum RowSource<'config> {
    /// The environment before, which brings its schema as well.
    Environment(&'config Environment),
    /// Files, whose schema is that of the target.
    Folder(&'config Folder),
}

impl RowSource<'_> {
    pub fn name(&self) -> &str {
        match self {
            RowSource::Environment(environment) => &environment.name,
            RowSource::Folder(folder) => &folder.name,
        }
    }

    pub fn label(&self) -> &str {
        match self {
            RowSource::Environment(environment) => &environment.label,
            RowSource::Folder(folder) => &folder.name,
        }
    }
}

/// A folder of CSV files.
#[derive(Debug, Clone)]
pub struct Folder {
    pub path: PathBuf,
    /// As a person writes it.
    pub name: String,
    /// The tables that are imported; all that have a file where none is named.
    pub tables: Vec<TableName>,
}
