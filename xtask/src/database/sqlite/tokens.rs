//! The words of CREATE TABLE, for what no pragma tells.

/// The words of a statement: names without their quotes, everything but text in small letters.
pub(super) fn tokens(statement: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut letters = statement.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            letter if letter.is_whitespace() => {}
            '-' if letters.peek() == Some(&'-') => {
                while letters.next_if(|next| *next != '\n').is_some() {}
            }
            '/' if letters.peek() == Some(&'*') => {
                let mut before = ' ';
                letters.next();
                for next in letters.by_ref() {
                    if before == '*' && next == '/' {
                        break;
                    }
                    before = next;
                }
            }
            '\'' | '"' | '`' | '[' => {
                let close = if letter == '[' { ']' } else { letter };
                let mut text = String::new();
                while let Some(next) = letters.next() {
                    if next != close {
                        text.push(next);
                    } else if letter != '[' && letters.peek() == Some(&close) {
                        letters.next();
                        text.push(next);
                    } else {
                        break;
                    }
                }
                tokens.push(if letter == '\'' {
                    format!("'{}'", text.replace('\'', "''"))
                } else {
                    text.to_lowercase()
                });
            }
            letter if is_word(letter) => {
                let mut word = letter.to_lowercase().to_string();
                while let Some(next) = letters.next_if(|next| is_word(*next)) {
                    word.extend(next.to_lowercase());
                }
                tokens.push(word);
            }
            letter => tokens.push(letter.to_string()),
        }
    }
    tokens
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '.'
}

/// The parts between the commas of CREATE TABLE's parentheses.
fn parts(tokens: &[String]) -> Vec<&[String]> {
    let Some(open) = tokens.iter().position(|token| token == "(") else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, open + 1);
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && token == ",") {
            parts.push(&tokens[start..at]);
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    parts
}

/// What stands in parentheses after the word at `at`, without them.
fn group(tokens: &[String], at: usize) -> Option<&[String]> {
    (tokens.get(at + 1)? == "(").then_some(())?;
    let mut depth = 0;
    for (end, token) in tokens.iter().enumerate().skip(at + 1) {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&tokens[at + 2..end]);
        }
    }
    None
}

/// The conditions of every CHECK, of columns and of the table alike.
pub(super) fn checks(tokens: &[String]) -> Vec<String> {
    (0..tokens.len())
        .filter(|at| tokens[*at] == "check")
        .filter_map(|at| group(tokens, at))
        .map(|condition| condition.join(" "))
        .collect()
}

/// For each column, by its name in small letters, its collation and how it is generated.
pub(super) fn column_definitions(
    tokens: &[String],
) -> std::collections::BTreeMap<String, Vec<String>> {
    parts(tokens)
        .into_iter()
        .filter_map(|part| {
            let (name, rest) = part.split_first()?;
            let mut extras = Vec::new();
            for (at, token) in rest.iter().enumerate() {
                match token.as_str() {
                    "collate" => {
                        extras.extend(rest.get(at + 1).map(|name| format!("collate {name}")))
                    }
                    "as" => extras.extend(group(rest, at).map(|expression| {
                        let stored = rest.iter().any(|word| word == "stored");
                        format!(
                            "generated as ({}) {}",
                            expression.join(" "),
                            if stored { "stored" } else { "virtual" }
                        )
                    })),
                    _ => {}
                }
            }
            Some((name.clone(), extras))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter_but_text_does() {
        let one =
            tokens("CREATE TABLE \"Fees\" (x TEXT CHECK (x IN ('A', 'b''c')), -- why\n [y] int)");
        let other = tokens("create table fees(X text check(x in('A','b''c')),y INT /* , */)");
        assert_eq!(one, other);
        assert_eq!(checks(&one), ["x in ( 'A' , 'b''c' )"]);
    }

    #[test]
    fn collations_and_generated_columns_are_found() {
        let tokens = tokens(
            "CREATE TABLE t (a TEXT COLLATE NOCASE, b INT GENERATED ALWAYS AS (a + (1)) STORED, PRIMARY KEY (a))",
        );
        let found = column_definitions(&tokens);
        assert_eq!(found["a"], ["collate nocase"]);
        assert_eq!(found["b"], ["generated as (a + ( 1 )) stored"]);
    }
}
