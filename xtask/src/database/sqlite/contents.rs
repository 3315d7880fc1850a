//! What a backup holds: rows and digest of every table.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use sha2::{Digest as _, Sha256};

use super::super::{Contents, sql};
use super::{backup, unreadable};
use crate::sync::rows::row::LookupState;
use crate::sync::schema::catalog::hex;
use crate::sync::schema::table::TableName;
use crate::sync::settings::environment::DatabaseUrl;

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
            sum = sum.wrapping_add(hash(row, columns.len())?);
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

/// Over class, length and bytes of each value, also of text that is none.
fn hash(row: &Row<'_>, width: usize) -> rusqlite::Result<u128> {
    let mut hash = Sha256::new();
    for at in 0..width {
        let value = row.get_ref(at)?;
        let number = match value {
            ValueRef::Integer(number) => number.to_be_bytes(),
            ValueRef::Real(number) => number.to_bits().to_be_bytes(),
            _ => [0; 8],
        };
        let (class, bytes) = match value {
            ValueRef::Null => ("n", &[][..]),
            ValueRef::Integer(_) => ("i", &number[..]),
            ValueRef::Real(_) => ("r", &number[..]),
            ValueRef::Text(text) => ("t", text),
            ValueRef::Blob(bytes) => ("b", bytes),
        };
        hash.update(class);
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    Ok(u128::from_be_bytes(half))
}
