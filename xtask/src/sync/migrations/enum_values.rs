//! Values that a migration adds to an enum of PostgreSQL, which nobody may use before they are
//! committed. <https://www.postgresql.org/docs/current/sql-altertype.html>

use super::script::{Token, every_word, statements};
use crate::sync::schema::catalog::Catalog;
use crate::sync::schema::table::TableName;
use crate::sync::settings::environment::Backend;

/// A value and the type that it is added to, without its schema; none of them where only the run
/// knows them.
pub(in crate::sync) type Added = Option<(String, String)>;

/// The values that a script adds with `ALTER TYPE … ADD VALUE`, be it in what it runs by `DO` and
/// `EXECUTE`, or in a function that it makes and may call.
pub(in crate::sync) fn added(script: &str) -> Vec<Added> {
    let found = written_out(script);
    let words = every_word(script);
    let says = |pair: [&str; 2]| words.windows(2).any(|words| words == pair);
    let is_computed = found.is_empty() && says(["alter", "type"]) && says(["add", "value"]);
    let found = found.into_iter().map(Some);
    found.chain(is_computed.then_some(None)).collect()
}

fn written_out(script: &str) -> Vec<(String, String)> {
    statements(script, Backend::Postgres)
        .iter()
        .flat_map(|statement| {
            let texts = statement.iter().filter_map(|token| match token {
                Token::Literal(text) | Token::Body(text) => Some(text),
                _ => None,
            });
            let inside = texts.flat_map(|text| written_out(text));
            of_statement(statement).into_iter().chain(inside)
        })
        .collect()
}

fn of_statement(statement: &[Token]) -> Option<(String, String)> {
    let find = |start: usize, words: [&str; 2]| {
        let mut pairs = statement[start..].windows(2);
        pairs.position(|pair| [pair[0].word(), pair[1].word()] == words.map(Some))
    };
    let start = find(0, ["ALTER", "TYPE"])? + 2;
    let (name, behind) = statement[start..].split_at(find(start, ["ADD", "VALUE"])?);
    let type_name = match name.last()? {
        Token::Word(word) => word.to_lowercase(),
        Token::Quoted(name) | Token::Literal(name) | Token::Body(name) => name.clone(),
    };
    behind.iter().find_map(|token| match token {
        Token::Literal(value) | Token::Body(value) => Some((type_name.clone(), value.clone())),
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

/// Whether values of any type that the schema has of its own may be in a column.
pub(in crate::sync) fn holds_any(catalog: &Catalog, column_type: &str) -> bool {
    let types = catalog
        .objects
        .keys()
        .filter(|object| object.kind == "type");
    let mut last = types.filter_map(|object| TableName::parse(&object.name).ok());
    last.any(|name| holds(catalog, column_type, &name.name))
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
        assert_eq!(
            added(script),
            [
                Some(("mood".to_owned(), "it's".to_owned())),
                Some(("Kind".to_owned(), "b".to_owned())),
            ]
        );
    }

    #[test]
    fn values_are_found_in_what_runs_within() {
        let glad = Some(("mood".to_owned(), "glad".to_owned()));
        for (script, found) in [
            (
                "DO $$ BEGIN IF true THEN ALTER TYPE mood ADD VALUE 'glad'; END IF; END $$",
                &glad,
            ),
            (
                "DO $a$ BEGIN EXECUTE 'ALTER TYPE mood ADD VALUE ''glad'''; END $a$",
                &glad,
            ),
            (
                "DO $a$ BEGIN EXECUTE $$ALTER TYPE mood ADD VALUE 'glad'$$; END $a$",
                &glad,
            ),
            (
                "DO $$ BEGIN EXECUTE format('ALTER TYPE mood ADD VALUE %L', v); END $$",
                &None,
            ),
            (
                "DO $$ BEGIN EXECUTE 'ALTER TYPE ' || t || ' ADD VALUE ' || v; END $$",
                &None,
            ),
        ] {
            assert_eq!(added(script), std::slice::from_ref(found), "{script}");
        }
        let other = "ALTER TYPE mood RENAME VALUE 'a' TO 'b'; DO $$ BEGIN END $$";
        assert_eq!(added(other), []);
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
