//! Texts that are nested more deeply than squawk's parser can follow: it calls itself for what is
//! within, and would end the program where the stack ends.

use std::borrow::Cow;

use crate::model::backend::Backend;
use crate::model::migrations::script::{Piece, Token, pieces, places_of_statements};

/// How deep brackets may be, which take some 5 KiB of the stack each.
const BRACKETS: usize = 1_000;

/// How much else may be around something: `NOT` and the like take 2 KiB.
const WORDS: usize = 5_000;

/// Enough for both, several times over. Nothing of it is used before it is needed.
const STACK: usize = 128 * 1024 * 1024;

/// Reads texts where there is room for it.
pub(super) fn with_room<T: Send>(read: impl Fn() -> T + Sync) -> T {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK);
        match builder
            .spawn_scoped(scope, &read)
            .map(|reader| reader.join())
        {
            Ok(Ok(found)) => found,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // There is no memory for it.
            Err(_) => read(),
        }
    })
}

/// A text with white space in the place of the statements that are nested too deeply.
pub(super) fn without_deep(text: &str) -> Cow<'_, str> {
    let mut shallow = Cow::Borrowed(text);
    for place in places_of_statements(text) {
        if is_deep(&text[place.clone()]) {
            let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
            let blank: String = text[place.clone()].bytes().map(blank).collect();
            shallow.to_mut().replace_range(place, &blank);
        }
    }
    shallow
}

/// Whether a statement, or a text in it, which may be read as statements too, is nested too deeply.
fn is_deep(statement: &str) -> bool {
    let mut waiting = vec![statement.to_owned()];
    while let Some(text) = waiting.pop() {
        // For each bracket that is open, the pieces since it was opened, or since its last comma.
        let mut open = vec![0_usize];
        let mut around = 0;
        for (_, piece) in pieces(&text, Backend::Postgres) {
            match piece {
                Piece::Sign('(' | '[') => open.push(0),
                Piece::Sign(')' | ']') if open.len() > 1 => around -= open.pop().unwrap_or(0),
                Piece::Sign(',' | ';') => {
                    if let Some(last) = open.last_mut() {
                        around -= std::mem::take(last);
                    }
                }
                piece => {
                    if let Some(last) = open.last_mut() {
                        *last += 1;
                        around += 1;
                    }
                    if let Piece::Token(Token::Literal(text) | Token::Body(text)) = piece {
                        waiting.push(text);
                    }
                }
            }
            if open.len() > BRACKETS || around > WORDS {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::hazards;

    /// Whether what is deep, or long, is read at all; what comes after it is.
    fn is_read(deep: &str) -> bool {
        let up = format!("SELECT 1;\n{deep};\nDROP TABLE users;");
        let found = hazards(&up);
        assert!(
            found.iter().any(|hazard| hazard.line == 3),
            "{}",
            &deep[..30]
        );
        super::without_deep(&up) == up
    }

    #[test]
    fn what_is_nested_too_deeply_is_left_out() {
        let nested =
            |open: &str, close: &str| format!("{}1{}", open.repeat(30_000), close.repeat(30_000));
        for deep in [
            format!("SELECT {}", nested("(", ")")),
            format!("SELECT {}", nested("f(x, ", ")")),
            format!("SELECT {}", nested("(SELECT ", ")")),
            format!("SELECT {}", nested("NOT ", "")),
            format!("SELECT {}", nested("CASE WHEN a THEN ", " END")),
            format!("SELECT 1 {}", nested(" UNION ALL SELECT 1", "")),
            format!("SELECT ARRAY{}", nested("[", "]")),
            format!("DO $$ BEGIN PERFORM {}; END $$", nested("(", ")")),
            format!("DO $$ BEGIN EXECUTE 'SELECT {}'; END $$", nested("(", ")")),
            format!(
                "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT {}'",
                nested("(", ")")
            ),
            format!("DO $$ BEGIN {} $$", nested("IF a THEN ", "END IF;")),
        ] {
            assert!(!is_read(&deep), "{}", &deep[..30]);
        }
    }

    #[test]
    fn what_is_long_is_not_deep() {
        for long in [
            format!("INSERT INTO t VALUES (1){}", ", (now() - 1)".repeat(20_000)),
            "SELECT 1;".repeat(10_000),
            format!("SELECT {}1{}", "(".repeat(900), ")".repeat(900)),
            format!("SELECT {}1{}", "f((SELECT (".repeat(300), ")))".repeat(300)),
            format!("SELECT {}1", "NOT ".repeat(2_000)),
        ] {
            assert!(is_read(&long), "{}", &long[..30]);
        }
    }
}
