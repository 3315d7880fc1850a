//! How two texts differ, line by line, as people read it.

use similar::{ChangeTag, TextDiff};

/// Unchanged lines that are shown around changed ones.
const CONTEXT: usize = 2;

/// How many lines are shown at most.
const SHOWN: usize = 30;

/// The lines that differ: `-` is only in the first text, `+` only in the second. Line endings and
/// trailing white space at the end are no difference.
pub(in crate::sync) fn text_difference(before: &str, after: &str) -> Vec<String> {
    let [before, after] = [before, after].map(|text| text.replace("\r\n", "\n"));
    let (before, after): (Vec<&str>, Vec<&str>) = (
        before.trim_end().lines().collect(),
        after.trim_end().lines().collect(),
    );
    let difference = TextDiff::from_slices(&before, &after);
    let mut lines = Vec::new();
    for (at, group) in difference.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            lines.push("…".to_owned());
        }
        for change in group.iter().flat_map(|part| difference.iter_changes(part)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            lines.push(format!("{sign} {}", change.value()));
        }
    }
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("… and {more} lines more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_shown_with_their_neighbours() {
        let before = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";
        let after = before
            .replace("four\n", "FOUR\n")
            .replace("ten", "ten\neleven")
            .replace('\n', "\r\n");
        assert_eq!(
            text_difference(before, &after),
            [
                "  two", "  three", "- four", "+ FOUR", "  five", "  six", "…", "  nine", "  ten",
                "+ eleven"
            ]
        );
        assert!(text_difference(before, before.trim_end()).is_empty());
    }

    #[test]
    fn a_long_difference_is_cut() {
        let after = "line\n".repeat(100);
        let lines = text_difference("", &after);
        assert_eq!(lines.len(), SHOWN + 1);
        assert_eq!(lines[SHOWN], "… and 70 lines more");
    }
}
