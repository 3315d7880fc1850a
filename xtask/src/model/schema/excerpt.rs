//! The place where two long texts differ, in a line.

use std::borrow::Cow;

/// Texts with more letters than this are shown only around their difference.
const LONG: usize = 100;

/// How many letters are shown before what differs, and after it.
const AROUND: usize = 30;

/// How many letters further away a blank is looked for, so that no word is cut.
const WORD: usize = 15;

/// Two texts as they fit into a line: all of them, or what lies around the first place where they
/// differ.
pub(crate) fn excerpts(one: &str, other: &str) -> (String, String) {
    let on_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = (on_one_line(one), on_one_line(other));
    // What differs in nothing but white space would look the same.
    let (one, other) = match lines.0 == lines.1 {
        true => (Cow::Borrowed(one), Cow::Borrowed(other)),
        false => (Cow::Owned(lines.0), Cow::Owned(lines.1)),
    };
    let letters = |text: &str| visible(text).chars().collect::<Vec<char>>();
    let (one, other) = (letters(&one), letters(&other));
    let same = |pairs: &mut dyn Iterator<Item = (&char, &char)>| {
        pairs.take_while(|(one, other)| one == other).count()
    };
    let before = same(&mut one.iter().zip(&other));
    let after = same(&mut one[before..].iter().rev().zip(other[before..].iter().rev()));
    let excerpt = |text: &[char]| excerpt(text, before, text.len() - after);
    (excerpt(&one), excerpt(&other))
}

/// What lies around these letters.
fn excerpt(text: &[char], begin: usize, end: usize) -> String {
    if text.len() <= LONG {
        return text.iter().collect();
    }
    let mut start = begin.saturating_sub(AROUND);
    let blank = (start.saturating_sub(WORD)..start)
        .rev()
        .find(|at| text[*at] == ' ');
    if start <= WORD {
        start = 0;
    } else if let Some(blank) = blank {
        start = blank + 1;
    }
    let mut stop = (end + AROUND).min(start + LONG).min(text.len());
    let furthest = (stop + WORD).min(text.len());
    if furthest == text.len() {
        stop = furthest;
    } else if let Some(blank) = (stop..furthest).find(|at| text[*at] == ' ') {
        stop = blank;
    }
    let shown: String = text[start..stop].iter().collect();
    format!(
        "{}{}{}",
        if start > 0 { "… " } else { "" },
        shown.trim_end(),
        if stop < text.len() { " …" } else { "" }
    )
}

/// With everything that nobody can see written out.
fn visible(text: &str) -> String {
    let mut visible = String::new();
    for letter in text.chars() {
        let is_seen = letter == ' ' || ['\'', '"', '\\'].contains(&letter);
        match is_seen || letter.escape_debug().count() == 1 {
            true => visible.push(letter),
            false => visible.extend(letter.escape_debug()),
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_shown_whole_and_long_ones_where_they_differ() {
        let (one, other) = excerpts("integer\n  NOT NULL", "bigint");
        assert_eq!(
            (one.as_str(), other.as_str()),
            ("integer NOT NULL", "bigint")
        );
        let body = |factor: &str| {
            let lines: Vec<String> = (0..40).map(|line| format!("step {line};")).collect();
            let lines = lines.join("\n");
            format!("{lines} total := amount * {factor}; {lines}")
        };
        let (one, other) = excerpts(&body("2"), &body("300"));
        assert_eq!(
            one,
            "… 38; step 39; total := amount * 2; step 0; step 1; step 2; step …"
        );
        assert_eq!(
            other,
            "… 38; step 39; total := amount * 300; step 0; step 1; step 2; step …"
        );
        // Of two places the first is shown.
        let (one, other) = excerpts(&body("2"), &body("3").replace("39;", "39; done;"));
        assert!(one.starts_with("… ") && one.contains("39; total"), "{one}");
        assert!(other.contains("39; done; total"), "{other}");
    }

    #[test]
    fn equal_beginnings_never_hide_a_difference() {
        for (one, other) in [
            ("x", "y"),
            (" ", "  "),
            ("\n", " "),
            ("\t", " "),
            ("a\u{a0}b", "a b"),
            ("a\u{200b}b", "ab"),
            ("", "x"),
            ("' '", "'  '"),
        ] {
            for around in ["", "word ", "é", "0123456789abcdef"] {
                for (before, after) in [(0, 0), (1, 1), (40, 0), (0, 40), (300, 300)] {
                    let long = |differing: &str| {
                        let (before, after) = (around.repeat(before), around.repeat(after));
                        format!("a{before}{differing}{after}z")
                    };
                    let shown = excerpts(&long(one), &long(other));
                    assert_ne!(shown.0, shown.1, "{one:?} {other:?} {around:?} {before}");
                    let longest = LONG + 2 * WORD + "…  …".len();
                    assert!(shown.0.chars().count() <= longest, "{shown:?}");
                }
            }
        }
    }

    #[test]
    fn white_space_is_shown_where_nothing_else_differs() {
        assert_eq!(
            excerpts("RAISE 'a\n b'", "RAISE 'a b'"),
            ("RAISE 'a\\n b'".to_owned(), "RAISE 'a b'".to_owned())
        );
    }
}
