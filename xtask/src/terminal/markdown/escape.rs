//! Text of others in Markdown: it is shown as it is, and is never anything but text.
//!
//! GitHub makes more of text than Markdown does: `@name` tells a person, `#12` and addresses become
//! links. Nothing of that happens in code, and no escape prevents it elsewhere, so that whatever
//! has such a trait is put in code.

use serde_json::Value;

use crate::terminal::plain;

/// Longer values are cut.
const LONGEST: usize = 200;

/// A sentence. What it has between backticks is code.
pub(super) fn prose(text: &str) -> String {
    let mut pieces = Vec::new();
    if text.matches('`').count().is_multiple_of(2) && !text.contains("``") {
        for (at, part) in text.split('`').enumerate() {
            match at % 2 {
                1 => pieces.push(code(part)),
                _ => words(part, &mut pieces),
            }
        }
    } else {
        words(text, &mut pieces);
    }
    joined(pieces)
}

/// A name or a number, as code.
pub(super) fn code(text: &str) -> String {
    span(&visible(text))
}

/// A value of a row: in quotes, or NULL.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() > LONGEST => {
            let start: String = text.chars().take(LONGEST).collect();
            let length = text.chars().count();
            format!(
                "{} (cut: {length} characters)",
                span(&format!("{start:?}…"))
            )
        }
        Value::String(text) => span(&format!("{text:?}")),
        _ => "NULL".to_owned(),
    }
}

/// Finished Markdown of one line, fit for a cell of a table. Bars are left in code alone, where
/// every backslash is doubled, so that the one before a bar is always its own.
pub(super) fn cell(markdown: &str) -> String {
    markdown.replace('|', "\\|")
}

/// A name within HTML.
pub(super) fn html(text: &str) -> String {
    let text = visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!("<code>{text}</code>")
}

/// Lines as a block of code.
pub(super) fn block(lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run(line)).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let mut text = format!("{fence}text\n");
    for line in lines {
        text.push_str(&plain::line(line));
        text.push('\n');
    }
    text + &fence
}

fn words(text: &str, pieces: &mut Vec<String>) {
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end_matches(char::is_whitespace);
        if is_made_more_of(bare) {
            pieces.push(code(bare));
        } else {
            pieces.push(escaped(bare));
        }
        if bare.len() < word.len() {
            pieces.push(" ".to_owned());
        }
    }
}

fn is_made_more_of(word: &str) -> bool {
    let lower = word.to_lowercase();
    lower.contains(['@', '#'])
        || lower.contains("://")
        || lower.contains("www.")
        || visible(word) != word.replace('\\', "\\\\")
}

fn escaped(word: &str) -> String {
    let mut text = String::new();
    for letter in word.chars() {
        match letter {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            '|' => text.push_str("&#124;"),
            '\\' | '*' | '_' | '~' | '^' | '[' | ']' | '$' | '`' => {
                text.push('\\');
                text.push(letter);
            }
            _ => text.push(letter),
        }
    }
    text
}

/// Two spans of code side by side would be read as one.
fn joined(pieces: Vec<String>) -> String {
    let mut text = String::new();
    for piece in pieces {
        if text.ends_with('`') && piece.starts_with('`') {
            text.push(' ');
        }
        text.push_str(&piece);
    }
    text
}

/// Control characters, line ends and what turns the direction of text as escapes, and backslashes
/// doubled.
fn visible(text: &str) -> String {
    let quoted = format!("{text:?}");
    quoted[1..quoted.len() - 1].replace("\\\"", "\"")
}

/// Code that holds what it is given, whatever that is.
fn span(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    let is_blank = text.trim_matches(' ').is_empty();
    let begins_or_ends = |letter| text.starts_with(letter) || text.ends_with(letter);
    let pad = if is_blank || begins_or_ends('`') || begins_or_ends(' ') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The number of backticks in the longest row of them.
fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or(0)
}
