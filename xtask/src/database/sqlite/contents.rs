//! What a backup holds: rows and digest of every table.

use rusqlite::Connection;
use xtask_rows::sqlite::hash_stored;

use super::super::{Contents, sql};
use super::{backup, unreadable};
use crate::model::rows::row::{LookupState, hex};
use crate::model::schema::table::TableName;
use crate::model::url::DatabaseUrl;

/// Every table that is stored, SQLite's own and those behind virtual ones too.
pub(super) fn contents(moment: Option<&Connection>, url: &DatabaseUrl) -> anyhow::Result<Contents> {
    let read = || match moment {
        Some(moment) => tables(moment),
        None => tables(&backup::open_moment(url.path())?),
    };
    read().map_err(|error| unreadable(url, &error))
}

fn tables(connection: &Connection) -> rusqlite::Result<Contents> {
    let texts = |query: &str| -> rusqlite::Result<Vec<String>> {
        connection
            .prepare(query)?
            .query_map([], |row| row.get(0))?
            .collect()
    };
    let mut contents = Contents::new();
    for name in texts("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")? {
        // What is computed is not stored.
        let columns = texts(&format!(
            "SELECT name FROM pragma_table_xinfo({}) WHERE hidden = 0",
            sql::literal(&name)
        ))?;
        let query = format!(
            "SELECT {} FROM main.{}",
            sql::list("", columns.iter().map(String::as_str)),
            sql::identifier(&name)
        );
        let mut statement = connection.prepare(&query)?;
        let mut rows = statement.query([])?;
        // The sum of the rows' hashes does not depend on their order.
        let (mut count, mut sum) = (0, 0_u128);
        while let Some(row) = rows.next()? {
            count += 1;
            sum = sum.wrapping_add(hash_stored(row, columns.len())?);
        }
        let digest = hex(&sum.to_be_bytes());
        let state = LookupState {
            rows: count,
            digest,
        };
        contents.insert(TableName::new(None, &name), state);
    }
    Ok(contents)
}
