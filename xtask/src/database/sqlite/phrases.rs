//! Names and lists among the words of a statement.

use super::words::name_of;
use crate::sync::schema::table::TableName;

/// What stands between commas, those in parentheses aside.
pub(super) fn listed<'rest, 'words>(words: &'rest [&'words str]) -> Vec<&'rest [&'words str]> {
    let mut depth = 0_usize;
    words
        .split(|word| {
            match *word {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && *word == ","
        })
        .collect()
}

/// What stands in the parentheses that open here, and what follows them.
pub(super) fn group<'rest, 'words>(
    words: &'rest [&'words str],
) -> Option<(&'rest [&'words str], &'rest [&'words str])> {
    let inside = words.strip_prefix(&["("])?;
    let mut depth = 1_usize;
    let end = inside.iter().position(|word| {
        match *word {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    Some((&inside[..end], &inside[end + 1..]))
}

pub(super) fn without<'rest, 'words>(
    words: &'rest [&'words str],
    option: &[&'words str],
) -> &'rest [&'words str] {
    words.strip_prefix(option).unwrap_or(words)
}

/// A table's name, without the schema where it is that of the file itself, and what follows it.
pub(super) fn name<'rest, 'words>(
    words: &'rest [&'words str],
) -> Option<(TableName, &'rest [&'words str])> {
    let (schema, table, rest) = match words {
        [schema, ".", table, rest @ ..] => (Some(bare(schema)), table, rest),
        [table, rest @ ..] => (None, table, rest),
        [] => return None,
    };
    let schema = schema.filter(|schema| schema != "main");
    Some((TableName::new(schema.as_deref(), &bare(table)), rest))
}

/// Whether a word in an expression is a name: what is in `'` is text there.
pub(super) fn is_name(word: &str) -> bool {
    let values = ["null", "current_date", "current_time", "current_timestamp"];
    let begins = |letter: char| letter.is_alphabetic() || ['_', '"'].contains(&letter);
    word.starts_with(begins) && !values.contains(&word) && !word.starts_with("x'")
}

/// A name without its quotes; where only a name can be, it may be in those of a text.
pub(super) fn bare(word: &str) -> String {
    let text = || word.strip_prefix('\'')?.strip_suffix('\'');
    name_of(word)
        .or_else(|| Some(text()?.replace("''", "'").to_lowercase()))
        .unwrap_or_else(|| word.to_owned())
}
