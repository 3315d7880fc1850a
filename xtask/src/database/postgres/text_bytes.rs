//! Texts of a database without an encoding (`SQL_ASCII`), which may be any bytes.

use super::super::lookup_select::lookup_select;
use super::super::no_text::no_text;
use super::super::sql::identifier;
use super::PostgresSession;
use super::read::DEFAULT_SCHEMA;
use crate::model::rows::lookup::Lookup;

/// UTF-8 in hexadecimal digits. <https://www.rfc-editor.org/rfc/rfc3629#section-4>
const UTF8: &str = "^(?:[0-7].|(?:c[2-9a-f]|d.)[89ab].|e0[ab].[89ab].|e[1-9abcef](?:[89ab].){2}|ed[89].[89ab].\
    |f0[9ab].(?:[89ab].){2}|f[123](?:[89ab].){3}|f48.(?:[89ab].){2})*$";

impl PostgresSession {
    /// Refuses a table with a text that cannot be read; only a database without an encoding lets
    /// one in.
    ///
    /// # Errors
    /// `not_text`, naming the column and the row.
    pub(super) fn refuse_bytes(&mut self, lookup: &Lookup) -> anyhow::Result<()> {
        let encoding = self.value("SELECT pg_catalog.current_setting('server_encoding')", &[])?;
        if encoding.as_deref() != Some("SQL_ASCII") {
            return Ok(());
        }
        let digits = |column: &str| {
            let column = identifier(column);
            format!(
                "pg_catalog.encode(pg_catalog.convert_to(lookup.{column}::text, 'SQL_ASCII'), 'hex')"
            )
        };
        let is_bad = |column: &str| format!("{} !~ '{UTF8}'", digits(column));
        let bad: Vec<String> = lookup.columns.iter().map(|column| is_bad(column)).collect();
        let which: Vec<String> = bad
            .iter()
            .enumerate()
            .map(|(at, is_bad)| format!("WHEN {is_bad} THEN '{at}'"))
            .collect();
        let key: Vec<String> = lookup
            .key_columns()
            .map(|column| {
                format!(
                    "CASE WHEN {} THEN 'x''' || {} || '''' ELSE lookup.{}::text END",
                    is_bad(column),
                    digits(column),
                    identifier(column)
                )
            })
            .collect();
        let found = self.query(
            &format!(
                "SELECT CASE {} END, {} FROM {} AS lookup WHERE {} LIMIT 1",
                which.join(" "),
                key.join(", "),
                lookup_select(lookup, &[], DEFAULT_SCHEMA),
                bad.join(" OR ")
            ),
            &[],
        )?;
        let Some(row) = found.first() else {
            return Ok(());
        };
        let fields: Vec<String> = row
            .iter()
            .map(|field| field.clone().unwrap_or_default())
            .collect();
        let at: Option<usize> = fields.first().and_then(|at| at.parse().ok());
        let column = at.and_then(|at| lookup.columns.get(at));
        let key = fields.get(1..).unwrap_or_default();
        Err(no_text(lookup, column.map_or("", String::as_str), key).into())
    }
}
