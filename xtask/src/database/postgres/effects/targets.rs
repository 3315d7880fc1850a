//! Variables that a statement of PL/pgSQL fills, which squawk's parser takes for a mistake.
//! <https://www.postgresql.org/docs/current/plpgsql-statements.html#PLPGSQL-STATEMENTS-SQL-ONEROW>

use std::borrow::Cow;
use std::ops::Range;

use crate::sync::migrations::script::{Piece, Token, pieces};
use crate::sync::settings::environment::Backend;

/// A text with white space in the place of `INTO` and the variables behind it, in bodies that are
/// quoted by dollars. Elsewhere `INTO` names a table.
pub(super) fn without_targets(text: Cow<'_, str>) -> Cow<'_, str> {
    let mut without = text.clone();
    for (at, piece) in pieces(&text, Backend::Postgres) {
        if let Piece::Token(Token::Body(body)) = piece {
            let tag = text[at + 1..].find('$').map_or(0, |end| end + 2);
            for range in targets(&body) {
                let range = at + tag + range.start..at + tag + range.end;
                let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
                let blank: String = text[range.clone()].bytes().map(blank).collect();
                without.to_mut().replace_range(range, &blank);
            }
        }
    }
    without
}

fn targets(body: &str) -> Vec<Range<usize>> {
    let pieces = pieces(body, Backend::Postgres);
    let word = |at: usize| match pieces.get(at) {
        Some((_, Piece::Token(token))) => token.word(),
        _ => None,
    };
    let begins = |at: usize| pieces.get(at).map_or(body.len(), |(begin, _)| *begin);
    let mut found = Vec::new();
    // The last word that says whose INTO it is.
    let mut whose = "";
    for at in 0..pieces.len() {
        match word(at) {
            Some("INTO") if ["SELECT", "RETURNING"].contains(&whose) => {
                found.push(begins(at)..begins(behind(&pieces, at + 1)));
            }
            Some(word @ ("SELECT" | "RETURNING" | "INSERT" | "MERGE" | "FETCH" | "EXECUTE")) => {
                whose = word;
            }
            _ => {}
        }
    }
    found
}

/// What follows a list of variables, such as `STRICT one.field, other[1]`.
fn behind(pieces: &[(usize, Piece)], start: usize) -> usize {
    let sign = |at: usize| match pieces.get(at) {
        Some((_, Piece::Sign(sign))) => Some(*sign),
        _ => None,
    };
    let strict = Piece::Token(Token::Word("STRICT".to_owned()));
    let mut at = start + usize::from(pieces.get(start).is_some_and(|(_, piece)| *piece == strict));
    loop {
        // Behind a name, or behind the place of an element.
        at += 1;
        match sign(at) {
            Some('.' | ',') => at += 1,
            Some('[') => {
                while at < pieces.len() && sign(at) != Some(']') {
                    at += 1;
                }
            }
            _ => return at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_left_out_and_tables_are_not() {
        for (body, without) in [
            ("SELECT 1 INTO v;", "SELECT 1       ;"),
            ("SELECT INTO v a, b FROM t", "SELECT        a, b FROM t"),
            (
                "SELECT a INTO STRICT v, NEW.b, x[1]\nFROM t",
                format!("SELECT a {}\nFROM t", " ".repeat(26)).as_str(),
            ),
            (
                "DELETE FROM t RETURNING id INTO v;",
                "DELETE FROM t RETURNING id       ;",
            ),
            (
                "INSERT INTO t SELECT 1; FETCH c INTO v",
                "INSERT INTO t SELECT 1; FETCH c INTO v",
            ),
            ("EXECUTE 'SELECT 1' INTO v", "EXECUTE 'SELECT 1' INTO v"),
        ] {
            let text = format!("SELECT 1 INTO t; DO $a$ {body} $a$; SELECT 2 INTO u");
            let without = format!("SELECT 1 INTO t; DO $a$ {without} $a$; SELECT 2 INTO u");
            assert_eq!(without_targets(Cow::Borrowed(&text)), without);
        }
    }
}
