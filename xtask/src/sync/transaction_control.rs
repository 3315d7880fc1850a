//! Whether a migration begins or ends transactions of its own.
//!
//! Everything or nothing holds only while nobody else commits: `COMMIT` in an `up.sql` would commit
//! half a promotion, and its lock with it.

use super::script::{Token, statements};

/// The first statement of a script that begins or ends a transaction, such as `COMMIT`.
pub(super) fn find(script: &str) -> Option<String> {
    let mut in_body = false;
    for statement in statements(script) {
        let statement: Vec<&str> = statement.iter().filter_map(Token::word).collect();
        let first = statement.first().copied().unwrap_or_default();
        if in_body {
            in_body = first != "END";
            continue;
        }
        if first == "CREATE" && statement.contains(&"BEGIN") {
            // The body of a trigger, or of a function, ends with an END of its own.
            in_body = true;
            continue;
        }
        let second = statement.get(1).copied().unwrap_or_default();
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
