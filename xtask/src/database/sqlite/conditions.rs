//! What SQLite computes or asks of every row and tells only in the text of a statement, as SQL that
//! can be run.

use super::super::Check;
use super::tokens::{name_of, words};

/// What the rows of a partial index meet.
pub(super) fn of_index(statement: &str) -> Option<String> {
    let words = words(statement);
    let mut depth = 0u32;
    let at = words.iter().position(|word| {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && word == "where"
    })?;
    Some(sql(&words[at + 1..]))
}

/// The conditions of every CHECK, of columns and of the table alike.
pub(super) fn checks(statement: &str) -> Vec<Check> {
    let words = words(statement);
    let is = |at: usize, word: &str| words.get(at).is_some_and(|found| found == word);
    let checks = (0..words.len()).filter(|at| is(*at, "check"));
    checks
        .filter_map(|at| {
            let is_named = at >= 2 && is(at - 2, "constraint");
            Some(Check {
                name: is_named.then(|| unquoted(&words[at - 1])),
                condition: sql(group(&words, at + 1)?),
            })
        })
        .collect()
}

/// What a column is computed by.
pub(super) fn of_column(statement: &str, column: &str) -> Option<String> {
    let words = words(statement);
    let mut depth = 0u32;
    let mut is_meant = false;
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "as" if depth == 1 && is_meant => return Some(sql(group(&words, at + 1)?)),
            _ => {}
        }
        if depth == 1 && (word == "," || word == "(") {
            let next = words.get(at + 1).map(|next| unquoted(next));
            is_meant = next.is_some_and(|next| next == column.to_lowercase());
        }
    }
    None
}

fn unquoted(word: &str) -> String {
    name_of(word).unwrap_or_else(|| word.to_owned())
}

/// What stands in the parentheses that open at `at`, without them.
fn group(words: &[String], at: usize) -> Option<&[String]> {
    let mut depth = 0u32;
    for (end, word) in words.iter().enumerate().skip(at) {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return words.get(at + 1..end);
        }
    }
    None
}

/// Operators of two signs, and blobs, are written together.
fn sql(words: &[String]) -> String {
    const TOGETHER: [&str; 9] = ["||", "<=", ">=", "<>", "!=", "==", "<<", ">>", "->"];
    let mut text = String::new();
    for (at, word) in words.iter().enumerate() {
        let before = at
            .checked_sub(1)
            .map_or("", |before| words[before].as_str());
        let is_blob = before == "x" && word.starts_with('\'');
        if !is_blob && !TOGETHER.contains(&format!("{before}{word}").as_str()) {
            text.push(' ');
        }
        text.push_str(word);
    }
    text.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_can_be_run() {
        let index =
            "CREATE UNIQUE INDEX i ON t (a, (b || 'where')) WHERE c >= 1 AND \"D e\" <> x'AB'";
        assert_eq!(of_index(index).unwrap(), "c >= 1 and \"d e\" <> x'ab'");
        assert_eq!(of_index("CREATE UNIQUE INDEX i ON t (a)"), None);
        let table = "CREATE TABLE t (a INT CONSTRAINT \"Big\" CHECK (a > (0)), \"Low\" TEXT AS (lower(a) || 'X'), CHECK (a -> 'b' = 1))";
        let checks = checks(table);
        let found: Vec<_> = checks
            .iter()
            .map(|check| (check.name.as_deref(), check.condition.as_str()))
            .collect();
        assert_eq!(found, [(Some("big"), "a > ( 0 )"), (None, "a -> 'b' = 1")]);
        assert_eq!(of_column(table, "Low").unwrap(), "lower ( a ) || 'X'");
        assert_eq!(of_column(table, "a"), None);
    }
}
