//! Pieces of SQL that both backends write the same way.

use anyhow::Context as _;

use crate::model::rows::key_order::Reading;
use crate::model::rows::lookup::Lookup;
use crate::model::schema::catalog::Comparison;
use crate::model::schema::table::TableName;
pub(super) use crate::model::schema::table::quoted as identifier;

/// The number that a `SELECT count(*)` returned as text. What is no number is an error, never zero:
/// zero would mean that nothing refers to a row.
pub(super) fn count(value: Option<String>) -> anyhow::Result<u64> {
    let text = value.context("the database returned no count")?;
    text.parse()
        .with_context(|| format!("the database returned `{text}` for a count"))
}

/// The positions that a query returned as text, in the order of its columns.
pub(super) fn positions<const COUNT: usize>(
    row: &[Option<String>],
) -> anyhow::Result<[usize; COUNT]> {
    let mut positions = [0; COUNT];
    for (at, position) in positions.iter_mut().enumerate() {
        let text = row.get(at).and_then(Option::as_deref);
        *position = text.unwrap_or_default().parse()?;
    }
    Ok(positions)
}

/// Text as SQL has it on both backends.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A table's name as SQL has it; `default_schema` stands where the name carries none.
pub(super) fn table(name: &TableName, default_schema: &str) -> String {
    let schema = name.schema.as_deref().unwrap_or(default_schema);
    format!("{}.{}", identifier(schema), identifier(&name.name))
}

/// `"a", "b"`, with a prefix such as `staged.` before each.
pub(super) fn list<'name>(prefix: &str, names: impl Iterator<Item = &'name str>) -> String {
    names
        .map(|name| format!("{prefix}{}", identifier(name)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `one."a" = other."a" AND …` over the pairs given.
pub(super) fn equal<'name>(
    one: &str,
    other: &str,
    pairs: impl Iterator<Item = (&'name str, &'name str)>,
) -> String {
    pairs
        .map(|(left, right)| format!("{one}.{} = {other}.{}", identifier(left), identifier(right)))
        .collect::<Vec<_>>()
        .join(" AND ")
}

/// `parent.a = child.b AND …` over pairs of columns as SQL, as the database compares them itself.
pub(super) fn compared(
    comparisons: &[Comparison],
    parent: &str,
    child: &str,
    pairs: impl Iterator<Item = (String, String)>,
) -> String {
    let compared = pairs.enumerate().map(|(at, (of_parent, of_child))| {
        let (operator, collation) = match comparisons.get(at) {
            Some(comparison) => (&*comparison.operator, &*comparison.collation),
            None => ("=", ""),
        };
        format!("{parent}.{of_parent} {operator} {child}.{of_child}{collation}")
    });
    compared.collect::<Vec<_>>().join(" AND ")
}

/// The key of a lookup table, as it travels, joined between two names for it.
pub(super) fn same_key(lookup: &Lookup, one: &str, other: &str) -> String {
    same_columns(lookup.key_columns(), &lookup.key_readings, one, other)
}

/// The columns that the key of a lookup table is kept in, joined between two names for it.
pub(super) fn same_stored_key(lookup: &Lookup, one: &str, other: &str) -> String {
    let key = lookup.stored_key();
    let readings: Vec<Reading> = key
        .iter()
        .map(|column| lookup.reading_of_stored(column))
        .collect();
    same_columns(key.into_iter(), &readings, one, other)
}

/// Where equal values may be spelled differently, keys are equal that are spelled alike: what is
/// compared here is what was compared between the two ends.
fn same_columns<'name>(
    columns: impl Iterator<Item = &'name str>,
    readings: &[Reading],
    one: &str,
    other: &str,
) -> String {
    columns
        .zip(readings)
        .map(|(column, reading)| {
            let column = identifier(column);
            match reading {
                Reading::Number | Reading::Text => format!("{one}.{column} = {other}.{column}"),
                Reading::Spelling => format!(
                    "CAST({one}.{column} AS text) COLLATE \"C\" = CAST({other}.{column} AS text) COLLATE \"C\""
                ),
            }
        })
        .collect::<Vec<_>>()
        .join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(
            identifier("a\"; drop table users; --"),
            "\"a\"\"; drop table users; --\""
        );
        assert_eq!(
            table(&TableName::new(Some("bill ing"), "Order"), "main"),
            "\"bill ing\".\"Order\""
        );
        assert_eq!(
            table(&TableName::new(None, "fees"), "public"),
            "\"public\".\"fees\""
        );
    }
}
