//! How things are said: numbers with their nouns, and words for a shell.

/// `1 row`, `2 rows`.
pub fn counted(count: u64, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

/// `1 to insert, 2 to delete`: each number that is not zero, with its words.
pub fn counts(counts: &[(u64, &str)]) -> String {
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    counts.join(", ")
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// ` and 2 more`, behind the first few of a list; nothing where those are all.
pub fn and_more(all: usize, named: usize) -> String {
    match all.saturating_sub(named) {
        0 => String::new(),
        more => format!(" and {} more", grouped(more as u64)),
    }
}

/// `1,204`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `1,204 rows`: for counts that may be large.
pub fn counted_grouped(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count))
}

/// A text as one word of a POSIX shell's command.
pub fn shell_word(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Of the names that are known, the one that is most like this one.
pub fn nearest<'known>(
    name: &str,
    known: impl Iterator<Item = &'known str>,
) -> Option<&'known str> {
    known.min_by_key(|known| strsim::damerau_levenshtein(name, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_follow_their_numbers() {
        assert_eq!(counted(0, "row"), "0 rows");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(2, "row"), "2 rows");
    }

    #[test]
    fn what_is_left_out_of_a_list_is_counted() {
        let shown = [(0, 3), (3, 3), (4, 3), (1207, 3)].map(|(all, named)| and_more(all, named));
        assert_eq!(shown, ["", "", " and 1 more", " and 1,204 more"]);
    }

    #[test]
    fn large_numbers_are_in_groups_of_three() {
        let shown = [0, 7, 999, 1000, 12_034, 123_456, 1_234_567].map(grouped);
        let expected = ["0", "7", "999", "1,000", "12,034", "123,456", "1,234,567"];
        assert_eq!(shown, expected);
        assert_eq!(counted_grouped(1, "row"), "1 row");
        assert_eq!(counted_grouped(1204, "row"), "1,204 rows");
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_read_more_into_them() {
        assert_eq!(shell_word("a/b-1.dump"), "a/b-1.dump");
        assert_eq!(shell_word("it's here"), "'it'\\''s here'");
        assert_eq!(shell_word(""), "''");
    }
}
