//! COPY into the staging table.

use std::cell::RefCell;
use std::io::{self, Write};

use diesel::pg::{CopyTarget, Pg, PgConnection};
use diesel::prelude::ExecuteCopyFromDsl;
use diesel::query_builder::AstPass;
use diesel::{QueryResult, copy_from};

use super::connection::failed;
use super::read::plain;
use crate::model::rows::change_log::Change;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::Record;

/// The name under which a staging table is filled; it is renamed afterwards.
pub(super) const STAGING: &str = "pg_temp.__sync_staging";

diesel::table! {
    /// Only there because diesel's COPY wants a table it knows at compile time; the columns of
    /// the real one are those of whichever lookup table it was made like.
    lookup_staging (change) {
        change -> Text,
    }
}

struct Staging;

impl CopyTarget for Staging {
    type Table = lookup_staging::table;
    type SqlType = diesel::sql_types::Text;

    fn walk_target(mut pass: AstPass<'_, '_, Pg>) -> QueryResult<()> {
        pass.push_sql(STAGING);
        Ok(())
    }
}

/// Streams the changes to the server. A deletion has only its key; `key` says at which of the
/// `width` columns its fields belong.
///
/// # Errors
/// What the rows or the server report.
pub(super) fn copy_changes(
    connection: &mut PgConnection,
    lookup: &Lookup,
    width: usize,
    changes: &mut dyn Iterator<Item = anyhow::Result<(Change, Record)>>,
) -> anyhow::Result<()> {
    // diesel calls the function once but asks for one that could be called again; and it reports
    // the server's answer to an interrupted copy rather than what interrupted it.
    let changes = RefCell::new(changes);
    let interruption = RefCell::new(None);
    let copied = copy_from(lookup_staging::table)
        .from_raw_data(Staging, |server: &mut dyn Write| {
            write_changes(server, &lookup.key, width, &mut **changes.borrow_mut()).map_err(
                |error| {
                    let words = error.to_string();
                    interruption.replace(Some(error));
                    diesel::result::Error::SerializationError(words.into())
                },
            )
        })
        .execute(connection);
    match (interruption.into_inner(), copied) {
        (Some(error), _) => Err(error),
        (None, copied) => copied.map(|_| ()).map_err(|error| {
            failed(
                &error,
                &format!("copy rows of `{}` to the server", lookup.table),
            )
        }),
    }
}

fn write_changes(
    server: &mut dyn Write,
    key: &[usize],
    width: usize,
    changes: &mut dyn Iterator<Item = anyhow::Result<(Change, Record)>>,
) -> anyhow::Result<()> {
    let mut server = io::BufWriter::with_capacity(1 << 16, server);
    let mut line = String::new();
    for change in changes {
        let (change, record) = change?;
        line.clear();
        line.push_str(change.letter());
        for column in 0..width {
            line.push('\t');
            let at = match change {
                Change::Delete | Change::Retire => key.iter().position(|at| *at == column),
                Change::Insert | Change::Update => Some(column),
            };
            escape(at.and_then(|at| record.get(at)).and_then(plain), &mut line);
        }
        line.push('\n');
        server.write_all(line.as_bytes())?;
    }
    server.flush()?;
    Ok(())
}

/// A value in COPY's text format.
/// <https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-TEXT-FORMAT>
fn escape(value: Option<&str>, line: &mut String) {
    let Some(value) = value else {
        return line.push_str("\\N");
    };
    for letter in value.chars() {
        match letter {
            '\\' => line.push_str("\\\\"),
            '\t' => line.push_str("\\t"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            letter => line.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped() {
        let escaped = |value| {
            let mut line = String::new();
            escape(value, &mut line);
            line
        };
        assert_eq!(escaped(None), "\\N");
        assert_eq!(escaped(Some("\\N")), "\\\\N");
        assert_eq!(escaped(Some("a\tb\r\nc")), "a\\tb\\r\\nc");
    }
}
