//! The statements of an `up.sql` as words, for what can be told of a migration before it runs.

#[cfg(feature = "postgres")]
use std::ops::Range;

use crate::model::backend::Backend;

/// A piece of a statement. Comments, numbers and signs are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A keyword or a plain name, in capitals.
    Word(String),
    /// A name in double quotes or backticks, as it stands between them.
    Quoted(String),
    /// A text in single quotes, as it is meant.
    Literal(String),
    /// A text that is quoted by dollars, such as the body of a function.
    Body(String),
}

impl Token {
    /// The word in capitals; nothing for whatever is quoted.
    pub(crate) fn word(&self) -> Option<&str> {
        match self {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// Every word of a script in small letters, wherever it stands: in comments and in texts too.
pub(crate) fn every_word(script: &str) -> Vec<String> {
    script
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The statements of a script. What is quoted by dollars is one piece; bodies between `BEGIN` and
/// `END` are cut at their semicolons.
pub(crate) fn statements(script: &str, backend: Backend) -> Vec<Vec<Token>> {
    let mut statements = vec![Vec::new()];
    for (_, piece) in pieces(script, backend) {
        match (piece, statements.last_mut()) {
            (Piece::Sign(';'), _) => statements.push(Vec::new()),
            (Piece::Token(token), Some(statement)) => statement.push(token),
            _ => {}
        }
    }
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// Where the statements of a script of PostgreSQL begin and end. What is in brackets belongs to one,
/// semicolons too, as in a rule.
#[cfg(feature = "postgres")]
pub(crate) fn places_of_statements(script: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    let mut depth = 0_usize;
    for (at, piece) in pieces(script, Backend::Postgres) {
        let begin = *start.get_or_insert(at);
        match piece {
            Piece::Sign('(' | '[') => depth += 1,
            Piece::Sign(')' | ']') => depth = depth.saturating_sub(1),
            Piece::Sign(';') if depth == 0 => {
                found.push(begin..at + 1);
                start = None;
            }
            _ => {}
        }
    }
    found.extend(start.map(|start| start..script.len()));
    found
}

/// What a script is made of, comments and white space aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Token(Token),
    /// A letter of anything else.
    Sign(char),
}

/// The pieces of a script, each with the place where it begins.
pub(crate) fn pieces(script: &str, backend: Backend) -> Vec<(usize, Piece)> {
    let is_postgres = backend == Backend::Postgres;
    let mut pieces = Vec::new();
    let mut rest = script;
    while let Some(letter) = rest.chars().next() {
        let mut found = None;
        let length = if rest.starts_with("--") {
            // To SQLite a comment goes on behind a carriage return.
            let ends = |next: char| next == '\n' || is_postgres && next == '\r';
            rest.find(ends).unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment(rest, is_postgres)
        } else if is_postgres && (rest.starts_with("E'") || rest.starts_with("e'")) {
            let (text, length) = quoted(
                &rest[1..],
                Quote {
                    letter: '\'',
                    escapes: true,
                },
            );
            found = Some(Piece::Token(Token::Literal(text)));
            1 + length
        } else if letter == '[' && !is_postgres {
            rest.find(']').map_or(rest.len(), |end| end + 1)
        } else if matches!(letter, '\'' | '"' | '`') {
            let (text, length) = quoted(
                rest,
                Quote {
                    letter,
                    escapes: false,
                },
            );
            found = Some(Piece::Token(match letter {
                '\'' => Token::Literal(text),
                _ => Token::Quoted(text),
            }));
            length
        } else if letter == '$' && is_postgres {
            let (body, length) = quoted_by_dollars(rest);
            found = body.map(|body| Piece::Token(Token::Body(body.to_owned())));
            length
        } else if letter.is_alphanumeric() || letter == '_' {
            let length = rest
                .find(|next: char| !(next.is_alphanumeric() || next == '_' || next == '$'))
                .unwrap_or(rest.len());
            found = Some(Piece::Token(Token::Word(rest[..length].to_uppercase())));
            length
        } else {
            found = (!letter.is_whitespace()).then_some(Piece::Sign(letter));
            letter.len_utf8()
        };
        let at = script.len() - rest.len();
        pieces.extend(found.map(|piece| (at, piece)));
        rest = &rest[length..];
    }
    pieces
}

/// The length of a comment; PostgreSQL's may hold others.
fn comment(text: &str, nested: bool) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") && (nested || depth == 0) {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// How a quoted text ends, and what keeps it from ending.
#[derive(Clone, Copy)]
struct Quote {
    letter: char,
    /// A backslash takes the next letter as it is.
    escapes: bool,
}

/// What stands between two quotes, where a doubled quote is one, and the length of it all.
fn quoted(text: &str, quote: Quote) -> (String, usize) {
    let mut meant = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        let is_doubled = |next: &(usize, char)| next.1 == quote.letter;
        if quote.escapes && letter == '\\' {
            meant.extend(letters.next().map(|(_, next)| next));
            continue;
        }
        if letter == quote.letter && letters.next_if(is_doubled).is_none() {
            return (meant, at + 1);
        }
        meant.push(letter);
    }
    (meant, text.len())
}

/// What stands between `$tag$` and `$tag$`, and the length of it all, or of the one dollar that
/// begins nothing.
fn quoted_by_dollars(text: &str) -> (Option<&str>, usize) {
    let Some(end) = text[1..].find('$') else {
        return (None, 1);
    };
    let (tag, rest) = text.split_at(end + 2);
    if !tag[1..=end]
        .chars()
        .all(|letter| letter.is_alphanumeric() || letter == '_')
    {
        return (None, 1);
    }
    match rest.find(tag) {
        Some(at) => (Some(&rest[..at]), at + 2 * tag.len()),
        None => (Some(rest), text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_cut_into_words() {
        let word = |text: &str| Token::Word(text.to_owned());
        let script = "-- none; of this\nALTER TYPE \"Mood\" ADD VALUE 'it''s; fine';\n/* ; */ DO $$ x; y $$;\n ; vacuum";
        assert_eq!(
            statements(script, Backend::Postgres),
            [
                vec![
                    word("ALTER"),
                    word("TYPE"),
                    Token::Quoted("Mood".to_owned()),
                    word("ADD"),
                    word("VALUE"),
                    Token::Literal("it's; fine".to_owned())
                ],
                vec![word("DO"), Token::Body(" x; y ".to_owned())],
                vec![word("VACUUM")],
            ]
        );
        assert!(statements("; -- nothing", Backend::Sqlite).is_empty());
        assert_eq!(statements("'open", Backend::Sqlite).len(), 1);
    }
}
