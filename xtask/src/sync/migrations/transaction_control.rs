//! Whether a migration begins or ends transactions of its own.
//!
//! Everything or nothing holds only while nobody else commits: `COMMIT` in an `up.sql` would commit
//! half a promotion, and its lock with it.

use crate::model::backend::Backend;
use crate::model::migrations::script::{Token, statements};

/// The first statement of a script that begins or ends a transaction, such as `COMMIT`.
pub(in crate::sync) fn find(script: &str, backend: Backend) -> Option<String> {
    let mut in_body = false;
    for statement in statements(script, backend) {
        let statement: Vec<&str> = statement.iter().filter_map(Token::word).collect();
        let first = statement.first().copied().unwrap_or_default();
        if in_body {
            in_body = first != "END";
            continue;
        }
        if first == "CREATE" && has_body(&statement) {
            // It ends with an END of its own.
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

/// Whether the body of a trigger or of a function begins. A column may be called `begin` too.
fn has_body(create: &[&str]) -> bool {
    create.windows(2).any(|words| words == ["BEGIN", "ATOMIC"])
        || matches!(
            create,
            ["CREATE", "TRIGGER", ..] | ["CREATE", "TEMP" | "TEMPORARY", "TRIGGER", ..]
        ) && create.contains(&"BEGIN")
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
            for backend in [Backend::Postgres, Backend::Sqlite] {
                assert_eq!(find(script, backend).as_deref(), Some(found), "{script}");
            }
        }
    }

    #[test]
    fn nothing_hides_them() {
        for (script, backend) in [
            (
                "CREATE TABLE spans (begin text); UPDATE a SET x = 1; COMMIT;",
                Backend::Sqlite,
            ),
            (
                "CREATE TABLE spans (begin text); UPDATE a SET x = 1; COMMIT;",
                Backend::Postgres,
            ),
            ("SELECT E'it\\'s'; COMMIT; SELECT 'x';", Backend::Postgres),
            ("SELECT '\\'; COMMIT; SELECT 'x';", Backend::Postgres),
            ("SELECT 1 AS [it's]; COMMIT; SELECT 'x';", Backend::Sqlite),
            ("SELECT $$; COMMIT; SELECT $$;", Backend::Sqlite),
            ("/* /* */ COMMIT; /* */", Backend::Sqlite),
            ("/* /* ' */ */ COMMIT; /* ' */", Backend::Postgres),
            ("SELECT a$$; COMMIT; SELECT $$;", Backend::Postgres),
            ("-- a comment\rCOMMIT;\nSELECT 1;", Backend::Postgres),
        ] {
            assert_eq!(find(script, backend).as_deref(), Some("COMMIT"), "{script}");
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
            assert_eq!(find(script, Backend::Postgres), None, "{script}");
        }
    }
}
