//! Values that a migration adds to an enum of PostgreSQL, which nobody may use before they are
//! committed. <https://www.postgresql.org/docs/current/sql-altertype.html>

use super::script::{Token, statements};
use crate::sync::schema::catalog::Catalog;
use crate::sync::settings::environment::Backend;

/// A value and the type that it is added to, without its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sync) struct Added {
    pub type_name: String,
    pub value: String,
}

/// The values that a script adds with `ALTER TYPE … ADD VALUE`.
pub(in crate::sync) fn added(script: &str) -> Vec<Added> {
    statements(script, Backend::Postgres)
        .iter()
        .filter_map(|statement| of_statement(statement))
        .collect()
}

fn of_statement(statement: &[Token]) -> Option<Added> {
    let [alter, kind, rest @ ..] = statement else {
        return None;
    };
    if alter.word() != Some("ALTER") || kind.word() != Some("TYPE") {
        return None;
    }
    let at = rest
        .windows(2)
        .position(|pair| pair[0].word() == Some("ADD") && pair[1].word() == Some("VALUE"))?;
    let type_name = match rest[..at].last()? {
        Token::Word(word) => word.to_lowercase(),
        Token::Quoted(name) | Token::Literal(name) => name.clone(),
    };
    rest[at..].iter().find_map(|token| match token {
        Token::Literal(value) => Some(Added {
            type_name: type_name.clone(),
            value: value.clone(),
        }),
        _ => None,
    })
}

/// Whether a script has the value as a text of its own, other than to say where in its type
/// another value belongs. A body that is quoted by dollars runs later, or runs as a whole: there
/// the value is looked for as it is.
pub(in crate::sync) fn mentions(script: &str, value: &str) -> bool {
    let is_literal = statements(script, Backend::Postgres)
        .iter()
        .filter(|statement| of_statement(statement).is_none())
        .flatten()
        .any(|token| matches!(token, Token::Literal(text) if text.contains(value)));
    is_literal || (script.contains('$') && script.contains(&format!("'{value}'")))
}

/// Whether values of a type may be in a column: the type itself, an array of it, or a domain or
/// another type that is made of it.
pub(in crate::sync) fn holds(catalog: &Catalog, column_type: &str, type_name: &str) -> bool {
    let mut seen: Vec<&str> = Vec::new();
    let mut waiting = vec![column_type];
    while let Some(text) = waiting.pop() {
        if text.contains(&format!("\"{type_name}\"")) {
            return true;
        }
        for word in names(text) {
            if word == type_name {
                return true;
            }
            if seen.contains(&word) {
                continue;
            }
            seen.push(word);
            waiting.extend(
                catalog
                    .objects
                    .iter()
                    .filter(|(object, _)| {
                        matches!(object.kind.as_str(), "domain" | "type")
                            && names(&object.name).last() == Some(word)
                    })
                    .map(|(_, definition)| definition.as_str()),
            );
        }
    }
    false
}

/// The names in the spelling of a type, such as `public.mood[]`.
fn names(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|letter: char| !(letter.is_alphanumeric() || "_$".contains(letter)))
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::schema::catalog::Object;

    #[test]
    fn added_values_are_found() {
        let script = "CREATE TYPE mood AS ENUM ('sad');\nALTER TYPE Mood ADD VALUE IF NOT EXISTS 'it''s' AFTER 'sad';\n\
                      ALTER TYPE app.\"Kind\" ADD VALUE 'b'; ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'";
        let found: Vec<_> = added(script)
            .into_iter()
            .map(|added| (added.type_name, added.value))
            .collect();
        assert_eq!(
            found,
            [
                ("mood".to_owned(), "it's".to_owned()),
                ("Kind".to_owned(), "b".to_owned())
            ]
        );
    }

    #[test]
    fn a_value_is_used_where_it_is_written() {
        assert!(mentions("UPDATE t SET m = 'glad'", "glad"));
        assert!(mentions("SELECT '{sad,glad}'::mood[]", "glad"));
        assert!(mentions(
            "DO $$ BEGIN UPDATE t SET m = 'glad'; END $$",
            "glad"
        ));
        assert!(!mentions(
            "ALTER TYPE mood ADD VALUE 'fine' AFTER 'glad'",
            "glad"
        ));
        assert!(!mentions("UPDATE t SET glad = 'sad'", "glad"));
    }

    #[test]
    fn a_column_holds_a_type_through_arrays_and_domains() {
        let mut catalog = Catalog::default();
        catalog.objects.insert(
            Object {
                kind: "domain".to_owned(),
                name: "feeling".to_owned(),
            },
            "public.mood NOT NULL".to_owned(),
        );
        for (column, expected) in [
            ("mood", true),
            ("public.mood[]", true),
            ("feeling", true),
            ("app.\"Mood\"", false),
            ("character varying(10)", false),
        ] {
            assert_eq!(holds(&catalog, column, "mood"), expected, "{column}");
        }
    }
}
