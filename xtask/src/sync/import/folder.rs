//! Which folder is imported, and which tables of it.

use std::path::PathBuf;

use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::settings::row_source::Folder;
use crate::sync::exports::export::file_name;

impl Folder {
    /// The folder that was named, from the current folder or from the workspace; else the exports
    /// of the environment.
    ///
    /// # Errors
    /// `usage`, when there is no such folder.
    pub fn find(
        config: &Config,
        environment: &Environment,
        named: Option<&PathBuf>,
    ) -> Result<Folder, Problem> {
        let usual = config.export_dir.join(&environment.name);
        let path = match named {
            Some(named) if named.is_dir() => named.clone(),
            Some(named) => config.root.join(named),
            None => usual.clone(),
        };
        let shown = match named {
            Some(named) => named.clone(),
            None => usual
                .strip_prefix(&config.root)
                .map_or_else(|_| usual.clone(), PathBuf::from),
        };
        let name = shown.display().to_string();
        if path.is_dir() {
            let tables = Vec::new();
            return Ok(Folder { path, name, tables });
        }
        Err(
            Problem::new(Code::Usage, format!("there is no folder {name}")).hint(format!(
                "`cargo xtask sync export --env {}` writes one; --from names another",
                environment.name
            )),
        )
    }

    /// The folder with these tables alone.
    ///
    /// # Errors
    /// `missing_table` for what is no lookup table, `usage` for one without a file.
    pub fn only(self, config: &Config, tables: Vec<TableName>) -> Result<Folder, Problem> {
        for table in &tables {
            if !config.lookups.iter().any(|lookup| lookup.table == *table) {
                let message = format!("`{table}` is not a lookup table");
                return Err(Problem::new(Code::MissingTable, message)
                    .hint("data-sync/sync.toml lists the lookup tables; no other is imported"));
            }
            let file = file_name(table);
            if !self.path.join(&file).exists() {
                let message = format!("{} has no file {file}", self.name);
                return Err(Problem::new(Code::Usage, message)
                    .hint("name the tables that have one, or leave the names out"));
            }
        }
        Ok(Folder { tables, ..self })
    }

    /// Whether the table is one that is imported.
    pub(in crate::sync) fn takes(&self, table: &TableName) -> bool {
        self.tables.is_empty() || self.tables.contains(table)
    }
}
