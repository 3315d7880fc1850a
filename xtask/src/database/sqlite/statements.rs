//! Finding the statement that failed: SQLite does not say at which character an error is.

/// The statements of a script, each with the line (counted from 1) on which it starts.
///
/// A trigger ends as SQLite's own shell sees it: at `;`, `END`, `;`.
/// <https://www.sqlite.org/c3ref/complete.html>
pub(super) fn split(script: &str) -> Vec<(usize, &str)> {
    let mut statements = Vec::new();
    let mut lines = Lines::of(script);
    let mut start = None;
    let mut words: Vec<String> = Vec::new();
    let mut letters = script.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let rest = &script[at..];
        let skipped = if rest.starts_with("--") {
            Some(rest.find('\n').unwrap_or(rest.len()))
        } else {
            // The star that opens it does not close it.
            let comment = rest.strip_prefix("/*");
            comment.map(|comment| comment.find("*/").map_or(rest.len(), |end| end + 4))
        };
        if let Some(length) = skipped {
            while letters.next_if(|(next, _)| *next < at + length).is_some() {}
            continue;
        }
        if letter.is_whitespace() {
            continue;
        }
        if letter != ';' {
            start.get_or_insert(at);
        }
        match letter {
            '\'' | '"' | '`' | '[' => {
                let close = if letter == '[' { ']' } else { letter };
                for (_, quoted) in letters.by_ref() {
                    if quoted == close {
                        break;
                    }
                }
                words.push(String::new());
            }
            ';' => {
                let in_trigger = is_trigger(&words);
                let ended = matches!(words.as_slice(), [.., semicolon, end] if semicolon == ";" && end == "END");
                words.push(";".to_owned());
                if in_trigger && !ended {
                    continue;
                }
                if let Some(start) = start.take() {
                    statements.push((lines.at(start), &script[start..=at]));
                }
                words.clear();
            }
            _ if letter.is_alphanumeric() || letter == '_' => {
                let mut word = letter.to_ascii_uppercase().to_string();
                while let Some((_, next)) =
                    letters.next_if(|(_, next)| next.is_alphanumeric() || *next == '_')
                {
                    word.push(next.to_ascii_uppercase());
                }
                words.push(word);
            }
            _ => words.push(String::new()),
        }
    }
    if let Some(start) = start {
        statements.push((lines.at(start), &script[start..]));
    }
    statements
}

fn is_trigger(words: &[String]) -> bool {
    let mut words = words.iter().map(String::as_str);
    words.next() == Some("CREATE")
        && match words.next() {
            Some("TRIGGER") => true,
            Some("TEMP" | "TEMPORARY") => words.next() == Some("TRIGGER"),
            _ => false,
        }
}

/// Counts on from the place that was asked for last.
struct Lines<'script> {
    script: &'script str,
    at: usize,
    line: usize,
}

impl<'script> Lines<'script> {
    fn of(script: &'script str) -> Self {
        Lines {
            script,
            at: 0,
            line: 1,
        }
    }

    /// The line of a place behind the last one.
    fn at(&mut self, at: usize) -> usize {
        self.line += self.script[self.at..at].matches('\n').count();
        self.at = at;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_with_their_lines() {
        let script = "-- first; not a statement\nCREATE TABLE a (x TEXT DEFAULT ';');\n\n/* ; */ INSERT INTO a\nVALUES ('it''s; fine');\n\
                      CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  UPDATE a SET x = CASE WHEN 1 THEN 'y' END;\n  SELECT 1;\nEND;\nDROP TABLE a";
        let found = split(script);
        let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 4, 6, 10]);
        assert!(found[2].1.ends_with("END;"), "{}", found[2].1);
        assert_eq!(found[3].1, "DROP TABLE a");
        assert!(split("  ;; -- nothing").is_empty());
        assert_eq!(split("SELECT 1 /*/ ' */; SELECT 2; --'").len(), 2);
    }
}
