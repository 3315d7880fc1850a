//! The words of a statement, and where each of them stands.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

pub(super) struct Word {
    /// In the letters of the statement; every name that was quoted is in `"`, so that it is not taken
    /// for a word of the language.
    pub(super) text: String,
    /// Its bytes in the statement.
    pub(super) place: Range<usize>,
}

impl Word {
    /// In any letters, as the language has its words.
    pub(super) fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    /// The name that it stands for.
    pub(super) fn name(&self) -> String {
        name_of(&self.text).unwrap_or_else(|| self.text.clone())
    }
}

/// The words in one spelling: everything but text in small letters.
pub(super) fn words(statement: &str) -> Vec<String> {
    let spelled = |word: Word| match word.text.starts_with('\'') {
        true => word.text,
        false => word.text.to_lowercase(),
    };
    found(statement).into_iter().map(spelled).collect()
}

/// The words as they were written.
pub(super) fn found(statement: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut letters = statement.char_indices().peekable();
    while let Some((start, letter)) = letters.next() {
        if let Some(text) = word(letter, &mut letters) {
            let end = letters.peek().map_or(statement.len(), |(at, _)| *at);
            words.push(Word {
                text,
                place: start..end,
            });
        }
    }
    words
}

/// The word that begins with this letter; none where a space or a comment does.
fn word(letter: char, letters: &mut Peekable<CharIndices<'_>>) -> Option<String> {
    let next = letters.peek().map(|(_, next)| *next);
    match letter {
        letter if letter.is_ascii_whitespace() => None,
        '-' if next == Some('-') => {
            while letters.next_if(|(_, next)| *next != '\n').is_some() {}
            None
        }
        '/' if next == Some('*') => {
            let mut before = ' ';
            letters.next();
            for (_, next) in letters.by_ref() {
                if before == '*' && next == '/' {
                    break;
                }
                before = next;
            }
            None
        }
        '\'' => Some(format!("'{}'", quoted('\'', letters).replace('\'', "''"))),
        '"' | '`' | '[' => {
            let close = if letter == '[' { ']' } else { letter };
            Some(format!(
                "\"{}\"",
                quoted(close, letters).replace('"', "\"\"")
            ))
        }
        letter => {
            let is_number = letter.is_ascii_digit()
                || letter == '.' && next.is_some_and(|it| it.is_ascii_digit());
            let mut word = letter.to_string();
            if is_number || is_word(letter) {
                let goes_on =
                    |(_, next): &(usize, char)| is_word(*next) || is_number && *next == '.';
                while let Some((_, next)) = letters.next_if(goes_on) {
                    word.push(next);
                }
            }
            // A blob, whose digits read the same in either letters.
            if word.eq_ignore_ascii_case("x")
                && letters.next_if(|(_, next)| *next == '\'').is_some()
            {
                word.push_str(&format!("'{}'", quoted('\'', letters)));
            }
            Some(word)
        }
    }
}

/// What stands before the mark that closes it, which is written twice where it is meant.
fn quoted(close: char, letters: &mut Peekable<CharIndices<'_>>) -> String {
    let mut text = String::new();
    while let Some((_, next)) = letters.next() {
        let is_meant = close != ']' && letters.peek().is_some_and(|(_, after)| *after == close);
        if next == close && !is_meant {
            break;
        }
        if next == close {
            letters.next();
        }
        text.push(next);
    }
    text
}

/// <https://www.sqlite.org/draft/tokenreq.html>
fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || ['_', '$'].contains(&letter) || !letter.is_ascii()
}

/// The name that a quoted word stands for.
pub(super) fn name_of(word: &str) -> Option<String> {
    let name = word.strip_prefix('"')?.strip_suffix('"')?;
    Some(name.replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_quotes_is_no_word_of_the_language() {
        let found = words("DELETE FROM \"Main\".[a\"b] WHERE x=1.5 AND .5e3<u.é AND 'It''s'");
        let expected = [
            "delete",
            "from",
            "\"main\"",
            ".",
            "\"a\"\"b\"",
            "where",
            "x",
            "=",
            "1.5",
            "and",
            ".5e3",
            "<",
            "u",
            ".",
            "é",
            "and",
            "'It''s'",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_word_is_found_as_it_was_written() {
        let statement = "Ä /* ä */ >= [Big One] -- c\n || X'aB' and 1E-5";
        let found: Vec<_> = found(statement)
            .into_iter()
            .map(|word| (word.text, &statement[word.place]))
            .collect();
        let expected = [
            ("Ä", "Ä"),
            (">", ">"),
            ("=", "="),
            ("\"Big One\"", "[Big One]"),
            ("|", "|"),
            ("|", "|"),
            ("X'aB'", "X'aB'"),
            ("and", "and"),
            ("1E", "1E"),
            ("-", "-"),
            ("5", "5"),
        ];
        assert_eq!(
            found,
            expected.map(|(text, place)| (text.to_owned(), place))
        );
    }
}
