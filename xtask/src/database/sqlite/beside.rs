//! Rows of one file held against those of another, by SQLite itself.

use super::super::sql::{self, identifier};
use super::read::DEFAULT_SCHEMA;
use super::{SqliteSession, address, failed};
use crate::sync::rows::lookup::Lookup;
use crate::sync::settings::environment::DatabaseUrl;

/// What the other file is called in this session, to whose end it stays.
const OTHER: &str = "__sync_other";

impl SqliteSession {
    pub(super) fn lacks(
        &mut self,
        url: &DatabaseUrl,
        lookup: &Lookup,
        here: &Lookup,
    ) -> anyhow::Result<bool> {
        let is_attached = format!("SELECT 1 FROM pragma_database_list WHERE name = '{OTHER}'");
        if self.value(&is_attached)?.is_none() {
            let address = address(url.path(), "ro").replace('\'', "''");
            self.batch(&format!("ATTACH '{address}' AS {OTHER}"))
                .map_err(|error| failed(&error, "read two databases at once"))?;
        }
        let key = lookup.key_columns().map(identifier);
        let is_same: Vec<String> = key
            .map(|name| format!("now.{name} = before.{name}"))
            .collect();
        // As it is stored, whatever the columns convert and however they compare.
        let columns = lookup.columns.iter().map(|name| identifier(name));
        let is_other: Vec<String> = columns
            .map(|name| format!("(+before.{name}) COLLATE BINARY IS NOT (+now.{name})"))
            .collect();
        let found = self.value(&format!(
            "SELECT 1 FROM {} AS before LEFT JOIN {} AS now ON {} WHERE {} LIMIT 1",
            sql::table(&lookup.table, OTHER),
            sql::table(&here.table, DEFAULT_SCHEMA),
            is_same.join(" AND "),
            is_other.join(" OR ")
        ))?;
        Ok(found.is_some())
    }
}
