//! What SQLite computes or asks of every row and tells only in the text of a statement, as it was
//! written there: it is to mean the same when it is run, and in other letters it may not.

use super::super::Check;
use super::words::{Word, found};

/// What the rows of a partial index meet.
pub(super) fn of_index(statement: &str) -> Option<String> {
    let words = found(statement);
    let mut depth = 0u32;
    let at = words.iter().position(|word| {
        depth = deeper(depth, word);
        depth == 0 && word.is("where")
    })?;
    written(statement, &words[at + 1..])
}

/// The conditions of every CHECK, of columns and of the table alike.
pub(super) fn checks(statement: &str) -> Vec<Check> {
    let words = found(statement);
    let is = |at: usize, word: &str| words.get(at).is_some_and(|found| found.is(word));
    let checks = (0..words.len()).filter(|at| is(*at, "check"));
    checks
        .filter_map(|at| {
            let is_named = at >= 2 && is(at - 2, "constraint");
            Some(Check {
                name: is_named.then(|| words[at - 1].name()),
                condition: written(statement, group(&words, at + 1)?)?,
            })
        })
        .collect()
}

/// What a column is computed by.
pub(super) fn of_column(statement: &str, column: &str) -> Option<String> {
    let words = found(statement);
    let mut depth = 0u32;
    let mut is_meant = false;
    for (at, word) in words.iter().enumerate() {
        depth = deeper(depth, word);
        if depth == 1 && is_meant && word.is("as") {
            return written(statement, group(&words, at + 1)?);
        }
        if depth == 1 && (word.is(",") || word.is("(")) {
            let next = words.get(at + 1).map(Word::name);
            is_meant = next.is_some_and(|next| next.eq_ignore_ascii_case(column));
        }
    }
    None
}

fn deeper(depth: u32, word: &Word) -> u32 {
    match word.text.as_str() {
        "(" => depth + 1,
        ")" => depth.saturating_sub(1),
        _ => depth,
    }
}

/// What stands in the parentheses that open at `at`, without them.
fn group(words: &[Word], at: usize) -> Option<&[Word]> {
    let mut depth = 0u32;
    for (end, word) in words.iter().enumerate().skip(at) {
        depth = deeper(depth, word);
        if depth == 0 {
            return words.get(at + 1..end);
        }
    }
    None
}

/// The text from the first of the words to the last.
fn written(statement: &str, words: &[Word]) -> Option<String> {
    let place = words.first()?.place.start..words.last()?.place.end;
    statement.get(place).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_can_be_run() {
        let index =
            "CREATE UNIQUE INDEX i ON t (a, (b || 'where')) WHERE c >= 1 AND \"D e\" <> x'AB'";
        assert_eq!(of_index(index).unwrap(), "c >= 1 AND \"D e\" <> x'AB'");
        assert_eq!(of_index("CREATE UNIQUE INDEX i ON t (a)"), None);
        let table = "CREATE TABLE t (a INT CONSTRAINT \"Big\" CHECK (a > (0)), \"Low\" TEXT AS (lower(a) || 'X'), CHECK (a -> 'b' = 1))";
        let checks = checks(table);
        let found: Vec<_> = checks
            .iter()
            .map(|check| (check.name.as_deref(), check.condition.as_str()))
            .collect();
        assert_eq!(found, [(Some("Big"), "a > (0)"), (None, "a -> 'b' = 1")]);
        assert_eq!(of_column(table, "Low").unwrap(), "lower(a) || 'X'");
        assert_eq!(of_column(table, "a"), None);
    }

    #[test]
    fn conditions_stay_as_they_were_written() {
        let table = "create table t (ÄB int check (ÄB > 1e-5 -- small\n and \"St\" in (\"ON\", `Off`)), \
             äb text, Äb text as ([ÄB] || 'x'  ) stored, check ( /* all */ 1.5E+3 > ÄB ) )";
        let found: Vec<_> = checks(table).into_iter().map(|it| it.condition).collect();
        let expected = [
            "ÄB > 1e-5 -- small\n and \"St\" in (\"ON\", `Off`)",
            "1.5E+3 > ÄB",
        ];
        assert_eq!(found, expected);
        assert_eq!(of_column(table, "Äb").unwrap(), "[ÄB] || 'x'");
        assert_eq!(of_column(table, "äb"), None);
        let index = "create unique index u on t(code) where w > 1E-3 and st <> \"OFF\" -- why";
        assert_eq!(of_index(index).unwrap(), "w > 1E-3 and st <> \"OFF\"");
    }
}
