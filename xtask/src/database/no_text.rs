//! Bytes in a column of texts that are no text: they can neither be compared nor exported.

use crate::model::rows::lookup::Lookup;
#[cfg(feature = "sqlite")]
use crate::model::rows::row::hex;
use crate::problem::{Code, Problem};

/// Names the column, and the row by its key; `key` has its fields as they can be shown.
pub(super) fn no_text(lookup: &Lookup, column: &str, key: &[String]) -> Problem {
    let key: Vec<String> = lookup
        .key_columns()
        .zip(key)
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    Problem::new(
        Code::NotText,
        format!(
            "`{column}` of `{}` holds bytes that are no text (UTF-8), in the row with {}",
            lookup.table,
            key.join(", ")
        ),
    )
    .hint("correct that value, or keep bytes in a column that is made for them")
}

/// Such bytes where they have to be shown.
#[cfg(feature = "sqlite")]
pub(super) fn shown(bytes: &[u8]) -> String {
    format!("x'{}'", hex(bytes))
}
