//! The text of a view, the same from every version of the server.

/// Since version 16 the server leaves the table out of a column's name (`fees.id`) where a view
/// reads but one. Here it is left out of what every version prints.
pub(super) fn canonical(text: &str) -> String {
    let words = words(text);
    let qualifier = only_table(&words);
    let mut canonical = String::new();
    let mut skipped = 0;
    for (at, word) in words.iter().enumerate() {
        if skipped > 0 {
            skipped -= 1;
            continue;
        }
        let qualifies = word.query == 0
            && Some(word.text) == qualifier
            && words.get(at + 1).is_some_and(|next| next.text == ".")
            && at
                .checked_sub(1)
                .is_none_or(|before| words[before].text != ".");
        if word.apart && !canonical.is_empty() {
            canonical.push(' ');
        }
        if qualifies {
            skipped = 1;
        } else {
            canonical.push_str(word.text);
        }
    }
    canonical.trim_end_matches(';').to_owned()
}

struct Word<'text> {
    text: &'text str,
    /// There was a blank before it.
    apart: bool,
    /// In how many parentheses it stands, and in how many of them is a query.
    depth: usize,
    query: usize,
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    // For every open parenthesis, whether it holds a query.
    let mut open: Vec<bool> = Vec::new();
    let (mut rest, mut apart) = (text, false);
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = rest.trim_start();
            apart = true;
            continue;
        }
        let end = match first {
            '\'' | '"' => quoted_end(rest, first),
            _ if is_name(first) => rest.find(|letter| !is_name(letter)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (word, after) = rest.split_at(end);
        if word == ")" {
            open.pop();
        }
        if words.last().is_some_and(|last| last.text == "(")
            && ["SELECT", "WITH", "VALUES"].contains(&word)
            && let Some(innermost) = open.last_mut()
        {
            *innermost = true;
        }
        words.push(Word {
            text: word,
            apart,
            depth: open.len(),
            query: open.iter().filter(|holds_query| **holds_query).count(),
        });
        if word == "(" {
            open.push(false);
        }
        (rest, apart) = (after, false);
    }
    words
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

/// Where a quoted word ends; a doubled quote is part of it.
fn quoted_end(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// The name by which a query calls the only table that it reads; none if it reads several.
fn only_table<'text>(words: &[Word<'text>]) -> Option<&'text str> {
    let outermost = || words.iter().enumerate().filter(|(_, word)| word.depth == 0);
    let several = ["UNION", "INTERSECT", "EXCEPT", "JOIN"];
    if outermost().any(|(_, word)| several.contains(&word.text)) {
        return None;
    }
    let (from, _) = outermost().find(|(_, word)| word.text == "FROM")?;
    let after = [
        "TABLESAMPLE",
        "WHERE",
        "GROUP",
        "HAVING",
        "WINDOW",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "FETCH",
        "FOR",
        ";",
    ];
    let end = outermost()
        .find(|(at, word)| *at > from && after.contains(&word.text))
        .map_or(words.len(), |(at, _)| at);
    let item = &words[from + 1..end];
    if item.first()?.text == "(" && item.get(1)?.query == 0 {
        return None;
    }
    if item.iter().any(|word| word.depth == 0 && word.text == ",") {
        return None;
    }
    let mut names = item
        .iter()
        .filter(|word| word.depth == 0 && !["(", ")"].contains(&word.text));
    names.next_back().map(|word| word.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(older: &str, newer: &str) {
        assert_eq!(canonical(older), canonical(newer));
    }

    #[test]
    fn a_view_of_one_table_reads_the_same_from_every_version() {
        same(
            " SELECT fees.id,\n    fees.label\n   FROM public.fees\n  WHERE (fees.amount > 0)\n  ORDER BY fees.id;",
            " SELECT id,\n    label\n   FROM public.fees\n  WHERE (amount > 0)\n  ORDER BY id;",
        );
        same(
            " SELECT f.id, count(f.*) AS n FROM public.fees f GROUP BY f.id;",
            " SELECT id, count(*) AS n FROM public.fees f GROUP BY id;",
        );
        same(
            "SELECT \"Odd.\"\"One\".x FROM public.\"Odd.\"\"One\";",
            "SELECT x FROM public.\"Odd.\"\"One\";",
        );
        same(
            "SELECT x.a FROM ( SELECT t.a FROM public.t) x;",
            "SELECT a FROM ( SELECT t.a FROM public.t) x;",
        );
        same(
            "WITH c AS (SELECT t.a FROM t) SELECT c.a FROM c;",
            "WITH c AS (SELECT t.a FROM t) SELECT a FROM c;",
        );
        same(
            "SELECT g.n FROM generate_series(1, 3) g(n);",
            "SELECT n FROM generate_series(1, 3) g(n);",
        );
    }

    #[test]
    fn names_that_matter_stay() {
        for text in [
            "SELECT a.id FROM (public.a JOIN public.b ON ((a.id = b.id)))",
            "SELECT a.id FROM public.a, public.b",
            "SELECT a.id FROM public.a UNION SELECT b.id FROM public.b",
            "SELECT id FROM public.a WHERE (EXISTS ( SELECT FROM public.b WHERE (b.id = a.id)))",
            "SELECT 'a.id' AS text FROM public.a",
            "SELECT 1 AS one",
        ] {
            assert_eq!(canonical(&format!("{text};")), text);
        }
        assert_ne!(
            canonical("SELECT a.id FROM (a JOIN b ON (true));"),
            canonical("SELECT b.id FROM (a JOIN b ON (true));")
        );
    }
}
