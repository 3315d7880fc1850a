//! What in migrations deserves a second look, and what no copy of the database shows: that clients
//! may go on with what has another name or is gone.
//! <https://www.sqlite.org/lang_altertable.html>

use super::statements::split;
use super::tokens::tokens;
use crate::model::migrations::hazard::Hazard;
use crate::model::schema::table::TableName;

/// What deserves a second look, in the order of the text.
pub(in crate::database) fn hazards(up: &str) -> Vec<Hazard> {
    let statements: Vec<(usize, Vec<String>)> = split(up)
        .into_iter()
        .map(|(line, statement)| (line, unqualified(tokens(statement))))
        .collect();
    let words: Vec<Vec<&str>> = statements
        .iter()
        .map(|(_, words)| words.iter().map(String::as_str).collect())
        .collect();
    // A table that is made anew gives its name to another, or takes it from one.
    let made: Vec<&str> = words.iter().filter_map(|words| maker(words)).collect();
    let given: Vec<&str> = words
        .iter()
        .filter_map(|words| renamed(words))
        .map(|(_, to)| to)
        .collect();
    let is_rebuilt = |table: &str| given.contains(&table) || made.contains(&table);
    let mut found = Vec::new();
    for ((line, _), words) in statements.iter().zip(&words) {
        let hazard = match words.as_slice() {
            ["drop", "table", "if", "exists", table, ..] | ["drop", "table", table, ..] => {
                let told = (
                    "ban-drop-table",
                    format!("Dropping `{table}` may break existing clients."),
                    "First deploy an application that does not use it.",
                );
                (!is_rebuilt(table)).then_some((*table, told))
            }
            ["alter", "table", table, "drop", "column", column, ..]
            | ["alter", "table", table, "drop", column, ..] => Some((
                *table,
                (
                    "ban-drop-column",
                    format!("Dropping `{column}` of `{table}` may break existing clients."),
                    "First deploy an application that does not use it.",
                ),
            )),
            ["alter", "table", table, "rename", "to", ..] => {
                let told = (
                    "renaming-table",
                    format!("Renaming `{table}` may break existing clients."),
                    "Make the new table beside the old one.",
                );
                (!made.contains(table)).then_some((*table, told))
            }
            ["alter", "table", table, "rename", "column", column, ..]
            | ["alter", "table", table, "rename", column, ..] => Some((
                *table,
                (
                    "renaming-column",
                    format!("Renaming `{column}` of `{table}` may break existing clients."),
                    "Make the new column beside the old one.",
                ),
            )),
            _ => None,
        };
        if let Some((table, (rule, message, help))) = hazard {
            found.push(Hazard {
                rule: rule.to_owned(),
                line: *line,
                message,
                help: Some(help.to_owned()),
                tables: vec![TableName::new(None, table)],
            });
        }
    }
    found
}

/// The table that a statement makes.
fn maker<'word>(words: &[&'word str]) -> Option<&'word str> {
    match words {
        ["create", "table", "if", "not", "exists", table, ..] | ["create", "table", table, ..] => {
            Some(table)
        }
        _ => None,
    }
}

/// The old and the new name of a table.
fn renamed<'word>(words: &[&'word str]) -> Option<(&'word str, &'word str)> {
    match words {
        ["alter", "table", from, "rename", "to", to, ..] => Some((from, to)),
        _ => None,
    }
}

/// The words without the schema in front of a name.
fn unqualified(mut words: Vec<String>) -> Vec<String> {
    while let Some(at) = words.iter().position(|word| word == ".") {
        words.drain(at.saturating_sub(1)..=at);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(up: &str) -> Vec<(String, usize)> {
        let hazards = hazards(up).into_iter();
        hazards.map(|hazard| (hazard.rule, hazard.line)).collect()
    }

    #[test]
    fn what_may_break_clients_is_named_with_its_line() {
        let up = "-- first\nALTER TABLE t ADD d integer NOT NULL DEFAULT 0;\nDROP TABLE IF EXISTS \"main\".\"Users\";\n\
                  ALTER TABLE t\n DROP COLUMN e;\nALTER TABLE t RENAME f TO g;\nALTER TABLE t RENAME TO u;\nDELETE FROM u;";
        let expected = [
            ("ban-drop-table", 3),
            ("ban-drop-column", 4),
            ("renaming-column", 6),
            ("renaming-table", 7),
        ];
        assert_eq!(
            rules(up),
            expected.map(|(rule, line)| (rule.to_owned(), line))
        );
    }

    #[test]
    fn a_table_that_is_made_anew_is_no_hazard() {
        for up in [
            "CREATE TABLE new_t (id integer); INSERT INTO new_t SELECT id FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t;",
            "ALTER TABLE t RENAME TO old_t; CREATE TABLE t (id integer); INSERT INTO t SELECT id FROM old_t; DROP TABLE old_t;",
        ] {
            assert_eq!(rules(up), [], "{up}");
        }
    }
}
