//! Text of others on a terminal: it cannot steer it, and is no line of this program.
//!
//! Names, messages of servers and entries of a ledger may hold anything, also what clears the
//! screen or looks like another line.

use std::fmt::Display;

/// The styles that this program sets, as `console` writes them.
const STYLES: [&str; 6] = ["0", "1", "31", "32", "33", "36"];

/// Text of others within a line: line ends and everything else that acts on a terminal is shown
/// as an escape.
pub(super) fn line(text: impl Display) -> String {
    let mut shown = String::new();
    for letter in text.to_string().chars() {
        show(letter, &mut shown);
    }
    shown
}

/// A text of this program, for the case that something of others got into it: nothing but its
/// styles and line ends acts on the terminal.
pub(super) fn harmless(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let kept = match letter {
            '\n' => 1,
            '\u{1b}' => style_length(rest),
            _ => 0,
        };
        match kept {
            0 => {
                show(letter, &mut shown);
                rest = &rest[letter.len_utf8()..];
            }
            length => {
                shown.push_str(&rest[..length]);
                rest = &rest[length..];
            }
        }
    }
    shown
}

fn show(letter: char, shown: &mut String) {
    let turns_text = matches!(
        letter,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    if turns_text || (letter.is_control() && letter != '\t') {
        shown.extend(letter.escape_default());
    } else {
        shown.push(letter);
    }
}

/// How long the style is that the text begins with; 0 where it is none of ours.
fn style_length(text: &str) -> usize {
    STYLES
        .iter()
        .map(|style| format!("\u{1b}[{style}m"))
        .find(|style| text.starts_with(style))
        .map_or(0, |style| style.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_the_terminal() {
        assert_eq!(
            line("a\u{1b}[2J\nb\r\tc\u{9b}d\u{202e}é"),
            "a\\u{1b}[2J\\nb\\r\tc\\u{9b}d\\u{202e}é"
        );
    }

    #[test]
    fn styles_and_line_ends_are_kept() {
        let own = "\u{1b}[31m\u{1b}[1merror:\u{1b}[0m a\n  b\n";
        assert_eq!(harmless(own), own);
        assert_eq!(
            harmless("\u{1b}[8m\u{1b}]0;x\u{7}"),
            "\\u{1b}[8m\\u{1b}]0;x\\u{7}"
        );
    }
}
