//! Whether a migration begins or ends transactions of its own.
//!
//! Everything or nothing holds only while nobody else commits: `COMMIT` in an `up.sql` would commit
//! half a promotion, and its lock with it.

/// The first statement of a script that begins or ends a transaction, such as `COMMIT`.
pub(super) fn find(script: &str) -> Option<String> {
    let mut in_body = false;
    for statement in statements(script) {
        let first = statement.first().map_or("", String::as_str);
        if in_body {
            in_body = first != "END";
            continue;
        }
        if first == "CREATE" && statement.iter().any(|word| word == "BEGIN") {
            // The body of a trigger, or of a function, ends with an END of its own.
            in_body = true;
            continue;
        }
        let second = statement.get(1).map_or("", String::as_str);
        match (first, second) {
            ("BEGIN" | "COMMIT" | "ROLLBACK" | "END" | "ABORT", _) => {
                return Some(first.to_owned());
            }
            ("START" | "PREPARE", "TRANSACTION") => return Some(format!("{first} {second}")),
            _ => {}
        }
    }
    None
}

/// The words of each statement in capitals, without comments and whatever is quoted.
fn statements(script: &str) -> Vec<Vec<String>> {
    let mut statements = vec![Vec::new()];
    let mut rest = script;
    while let Some(letter) = rest.chars().next() {
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if matches!(letter, '\'' | '"' | '`') {
            rest[1..].find(letter).map_or(rest.len(), |end| end + 2)
        } else if letter == '$' {
            quoted_by_dollars(rest)
        } else if letter == ';' {
            statements.push(Vec::new());
            1
        } else if letter.is_alphanumeric() || letter == '_' {
            let length = rest
                .find(|next: char| !(next.is_alphanumeric() || next == '_' || next == '$'))
                .unwrap_or(rest.len());
            if let Some(statement) = statements.last_mut() {
                statement.push(rest[..length].to_uppercase());
            }
            length
        } else {
            letter.len_utf8()
        };
        rest = &rest[length..];
    }
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// The length of `$tag$ … $tag$`, or of the one dollar that begins nothing.
fn quoted_by_dollars(text: &str) -> usize {
    let Some(end) = text[1..].find('$') else {
        return 1;
    };
    let tag = &text[..end + 2];
    if !tag[1..=end]
        .chars()
        .all(|letter| letter.is_alphanumeric() || letter == '_')
    {
        return 1;
    }
    text[tag.len()..]
        .find(tag)
        .map_or(text.len(), |at| tag.len() + at + tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_end_the_transaction_are_found() {
        for (script, found) in [
            ("CREATE TABLE a (x int);\nCOMMIT;", "COMMIT"),
            ("begin; select 1; commit;", "BEGIN"),
            ("-- why\nSTART  TRANSACTION;", "START TRANSACTION"),
            (
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END; ROLLBACK",
                "ROLLBACK",
            ),
        ] {
            assert_eq!(find(script).as_deref(), Some(found), "{script}");
        }
    }

    #[test]
    fn words_elsewhere_mean_nothing() {
        for script in [
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = CASE WHEN 1 THEN 2 END; SELECT 1; END;",
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END; $$;",
            "CREATE FUNCTION f() RETURNS int AS $body$ COMMIT; $body$ LANGUAGE sql;",
            "INSERT INTO a VALUES ('; COMMIT;'); -- COMMIT;\n/* COMMIT; */ SELECT 1 AS \"; COMMIT\"",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;",
            "SELECT $1; DO $$ BEGIN PERFORM 1; END $$;",
            "CREATE TABLE commit_log (begin int)",
        ] {
            assert_eq!(find(script), None, "{script}");
        }
    }
}
