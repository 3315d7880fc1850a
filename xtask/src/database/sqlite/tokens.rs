//! The words of a statement in one spelling, and of CREATE TABLE what no pragma tells.

use super::super::sql::literal;
use super::words::{found, name_of, words};

/// The words of a statement: names without their quotes, everything but text in small letters.
pub(super) fn tokens(statement: &str) -> Vec<String> {
    let words = words(statement).into_iter();
    words.map(|word| name_of(&word).unwrap_or(word)).collect()
}

/// The words as a text, in which it does not matter how they were set apart.
pub(super) fn spelled(tokens: &[String]) -> String {
    let mut text = String::new();
    for token in tokens {
        let opens = text.is_empty() || text.ends_with(['(', '.']);
        let closes = token == ")" || token == "," || token.starts_with('.');
        if !opens && !closes {
            text.push(' ');
        }
        text.push_str(token);
    }
    text
}

/// A default value, in which no column can be named: what is in quotes is text.
pub(super) fn spelled_default(default: &str) -> String {
    let expression = default_expression(default);
    let texts: Vec<String> = found(&expression)
        .into_iter()
        .map(|word| match name_of(&word.text) {
            Some(name) => literal(&name),
            None if word.text.starts_with('\'') => word.text,
            None => word.text.to_lowercase(),
        })
        .collect();
    spelled(&texts)
}

/// A default value as an expression that means the same anywhere: a word alone is text in a default,
/// and elsewhere the name of a column.
pub(super) fn default_expression(default: &str) -> String {
    const VALUES: [&str; 6] = [
        "null",
        "true",
        "false",
        "current_date",
        "current_time",
        "current_timestamp",
    ];
    match found(default).as_slice() {
        [word]
            if is_name(&word.text.to_lowercase()) && !VALUES.iter().any(|value| word.is(value)) =>
        {
            literal(&word.name())
        }
        _ => default.to_owned(),
    }
}

/// A type without what SQLite leaves at its end where `GENERATED ALWAYS` is not set out with one blank.
pub(super) fn without_generated(declared: &str) -> String {
    let words = found(declared);
    let begin = |count: usize| Some(words.get(words.len().checked_sub(count)?)?.place.start);
    let ends_with = |ending: &[&str]| {
        let last = words.iter().rev().zip(ending.iter().rev());
        words.len() >= ending.len() && last.into_iter().all(|(word, ending)| word.is(ending))
    };
    let end = match (
        ends_with(&["generated", "always"]),
        ends_with(&["generated"]),
    ) {
        (true, _) => begin(2),
        (_, true) => begin(1),
        _ => None,
    };
    end.map_or(declared, |end| declared[..end].trim_end())
        .to_owned()
}

/// The parts between the commas of CREATE TABLE's parentheses.
fn parts(tokens: &[String]) -> Vec<&[String]> {
    let Some(open) = tokens.iter().position(|token| token == "(") else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, open + 1);
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && token == ",") {
            parts.push(&tokens[start..at]);
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    parts
}

/// What stands in parentheses after the word at `at`, without them.
fn group(tokens: &[String], at: usize) -> Option<&[String]> {
    (tokens.get(at + 1)? == "(").then_some(())?;
    let mut depth = 0;
    for (end, token) in tokens.iter().enumerate().skip(at + 1) {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&tokens[at + 2..end]);
        }
    }
    None
}

/// The conditions of every CHECK, of columns and of the table alike.
pub(super) fn checks(tokens: &[String]) -> Vec<String> {
    (0..tokens.len())
        .filter(|at| tokens[*at] == "check")
        .filter_map(|at| group(tokens, at))
        .map(spelled)
        .collect()
}

/// A constraint of the table, or of a column, that a pragma does not tell all of.
pub(super) struct Constraint {
    /// `primary`, `unique` or `foreign`.
    pub(super) kind: String,
    /// In small letters, as are all names here.
    pub(super) columns: Vec<String>,
    /// Of a foreign key.
    pub(super) parent: Option<String>,
    pub(super) details: String,
}

/// The constraints that stand for themselves, and the foreign keys of columns.
pub(super) fn constraints(tokens: &[String]) -> Vec<Constraint> {
    let mut found = Vec::new();
    for part in parts(tokens) {
        let part = match part {
            [constraint, _, rest @ ..] if constraint == "constraint" => rest,
            part => part,
        };
        let Some(kind) = part.first() else { continue };
        let of_table = ["primary", "unique", "foreign"].contains(&kind.as_str());
        let group = (0..part.len().min(2)).find_map(|at| group(part, at));
        match group.filter(|_| of_table) {
            Some(group) => {
                let columns: Vec<&[String]> = group.split(|token| token == ",").collect();
                let mut details: Vec<String> = columns
                    .iter()
                    .filter(|column| column.len() > 1)
                    .map(|column| spelled(column))
                    .collect();
                details.extend(conflicts(part).map(|(_, conflict)| conflict));
                found.push(Constraint {
                    kind: kind.clone(),
                    columns: columns
                        .iter()
                        .filter_map(|column| column.first().cloned())
                        .collect(),
                    parent: parent(part, 0),
                    details: if kind == "foreign" {
                        deferral(part, 0)
                    } else {
                        details.join(", ")
                    },
                });
            }
            None => {
                let references = (0..part.len()).filter(|at| part[*at] == "references");
                found.extend(references.map(|at| Constraint {
                    kind: "foreign".to_owned(),
                    columns: vec![kind.clone()],
                    parent: parent(part, at),
                    details: deferral(part, at),
                }));
            }
        }
    }
    found
}

/// The table after the first `references` from `start` on.
fn parent(part: &[String], start: usize) -> Option<String> {
    let at = (start..part.len()).find(|at| part[*at] == "references")?;
    part.get(at + 1).cloned()
}

/// Any other wording than this one means that each statement is checked at its end.
/// <https://www.sqlite.org/foreignkeys.html#fk_deferred>
fn deferral(part: &[String], start: usize) -> String {
    let words = ["deferrable", "initially", "deferred"];
    let rest = &part[start..];
    let ends = (1..rest.len()).find(|at| rest[*at] == "references" && start > 0);
    let rest = &rest[..ends.unwrap_or(rest.len())];
    let deferred = (0..rest.len()).any(|at| {
        rest[at..].starts_with(&words.map(str::to_owned)) && (at == 0 || rest[at - 1] != "not")
    });
    if deferred {
        words.join(" ")
    } else {
        String::new()
    }
}

/// Every ON CONFLICT, with the word before it.
fn conflicts(part: &[String]) -> impl Iterator<Item = (&str, String)> {
    part.windows(4)
        .filter(|words| words[1] == "on" && words[2] == "conflict")
        .map(|words| (words[0].as_str(), format!("on conflict {}", words[3])))
}

/// For each column, by its name in small letters, its collation, how it is generated, and what is
/// done instead of refusing a value.
pub(super) fn column_definitions(
    tokens: &[String],
) -> std::collections::BTreeMap<String, Vec<String>> {
    parts(tokens)
        .into_iter()
        .filter_map(|part| {
            let (name, rest) = part.split_first()?;
            let mut extras = Vec::new();
            for (at, token) in rest.iter().enumerate() {
                match token.as_str() {
                    // It is no row number then.
                    "desc" if at > 0 && rest[at - 1] == "key" => {
                        extras.push("primary key desc".to_owned());
                    }
                    "collate" => {
                        extras.extend(rest.get(at + 1).map(|name| format!("collate {name}")))
                    }
                    "as" => extras.extend(group(rest, at).map(|expression| {
                        let stored = rest.iter().any(|word| word == "stored");
                        format!(
                            "generated as ({}) {}",
                            spelled(expression),
                            if stored { "stored" } else { "virtual" }
                        )
                    })),
                    _ => {}
                }
            }
            extras.extend(conflicts(rest).map(|(word, conflict)| format!("{word} {conflict}")));
            Some((name.clone(), extras))
        })
        .collect()
}

/// Whether a word in an expression is a name: what is in `'` is text there.
fn is_name(word: &str) -> bool {
    let values = ["null", "current_date", "current_time", "current_timestamp"];
    let begins = |letter: char| letter.is_alphabetic() || ['_', '"'].contains(&letter);
    word.starts_with(begins) && !values.contains(&word) && !word.starts_with("x'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter_but_text_does() {
        let one =
            tokens("CREATE TABLE \"Fees\" (x TEXT CHECK (x IN ('A', 'b''c')), -- why\n [y] int)");
        let other = tokens("create table fees(X text check(x in('A','b''c')),y INT /* , */)");
        assert_eq!(one, other);
        assert_eq!(checks(&one), ["x in ('A', 'b''c')"]);
    }

    #[test]
    fn collations_and_generated_columns_are_found() {
        let tokens = tokens(
            "CREATE TABLE t (a TEXT COLLATE NOCASE NOT NULL ON CONFLICT IGNORE, b INT GENERATED ALWAYS AS (a + (1)) STORED, PRIMARY KEY (a))",
        );
        let found = column_definitions(&tokens);
        assert_eq!(found["a"], ["collate nocase", "null on conflict ignore"]);
        assert_eq!(found["b"], ["generated as (a + (1)) stored"]);
    }

    #[test]
    fn a_name_is_spelled_the_same_in_quotes() {
        let one = spelled(&tokens("SELECT \"fees\".\"id\", count( * ) FROM [fees]"));
        assert_eq!(one, spelled(&tokens("select fees.id,count(*) from fees")));
        assert_eq!(one, "select fees.id, count (*) from fees");
    }

    #[test]
    fn a_value_is_spelled_the_same_in_either_letters() {
        assert_eq!(spelled(&tokens("X'AB' || x")), "x'ab' | | x");
        for (one, other) in [
            ("\"Abc\"", "'Abc'"),
            ("\"it's\"", "'it''s'"),
            ("X'Ab'", "x'aB'"),
            ("Abc", "'Abc'"),
            ("(5 /* it's */ + 1)", "(5+1 -- \"\n)"),
        ] {
            assert_eq!(spelled_default(one), spelled_default(other));
        }
        assert_ne!(spelled_default("Abc"), spelled_default("abc"));
        assert_ne!(spelled_default("\"Abc\""), spelled_default("\"abc\""));
        assert_eq!(spelled_default("'a\"B'"), "'a\"B'");
    }

    #[test]
    fn a_word_alone_is_a_text_by_default() {
        for (default, expression) in [
            ("Abc", "'Abc'"),
            ("\"it's\"", "'it''s'"),
            ("[a b]", "'a b'"),
            ("NULL", "NULL"),
            ("True", "True"),
            ("CURRENT_DATE", "CURRENT_DATE"),
            ("X'aB'", "X'aB'"),
            ("-1.5e-3", "-1.5e-3"),
            ("'a'", "'a'"),
        ] {
            assert_eq!(default_expression(default), expression);
        }
    }

    #[test]
    fn constraints_tell_what_no_pragma_does() {
        let tokens = tokens(
            "CREATE TABLE t (a INT REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED, b INT REFERENCES q NOT DEFERRABLE INITIALLY DEFERRED, \
             c INT, CONSTRAINT one UNIQUE (b, c COLLATE NOCASE) ON CONFLICT REPLACE, PRIMARY KEY (a DESC), \
             FOREIGN KEY (b, c) REFERENCES \"R\" (x, y) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)",
        );
        let found: Vec<String> = constraints(&tokens)
            .into_iter()
            .map(|found| {
                let parent = found.parent.unwrap_or_default();
                format!(
                    "{} {} {parent}: {}",
                    found.kind,
                    found.columns.join("+"),
                    found.details
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                "foreign a p: deferrable initially deferred",
                "foreign b q: ",
                "unique b+c : c collate nocase, on conflict replace",
                "primary a : a desc",
                "foreign b+c r: deferrable initially deferred",
            ]
        );
    }
}
