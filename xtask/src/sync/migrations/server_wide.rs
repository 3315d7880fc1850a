//! Whether a migration reaches beyond its database as soon as it runs, so that trying it on a copy
//! would be more than to look.
//!
//! What a transaction does to the server is seen in it before it is committed
//! ([`crate::database::Target::changed_server`]). What runs outside of any, and what writes to
//! somewhere else at once, is told by its words, be they in a comment or in the body of a function:
//! a false alarm costs a rehearsal, a miss changes something while somebody only looks.

use crate::model::backend::Backend;
use crate::model::migrations::script::every_word;

/// What all databases of a PostgreSQL server share.
const SHARED: [&str; 7] = [
    "database",
    "group",
    "role",
    "subscription",
    "system",
    "tablespace",
    "user",
];

/// The words of a script that write to a program, a file or another server, whether or not they are
/// committed.
pub(in crate::sync) fn at_once(script: &str, backend: Backend) -> Option<String> {
    find(script, |words, at| {
        let word = words[at].as_str();
        match backend {
            // Also `VACUUM main INTO`.
            Backend::Sqlite => {
                word == "vacuum" && words[at + 1..].iter().take(2).any(|word| word == "into")
            }
            Backend::Postgres => {
                matches!(word, "to" | "from") && words[at + 1] == "program"
                    || word.starts_with("dblink_")
                    || word == "lo_export"
            }
        }
    })
}

/// The words of a script that change what a whole server shares, such as `CREATE ROLE`.
pub(in crate::sync) fn shared(script: &str, backend: Backend) -> Option<String> {
    if backend == Backend::Sqlite {
        return None;
    }
    find(script, |words, at| {
        let (first, second) = (words[at].as_str(), words[at + 1].as_str());
        let before = at.checked_sub(1).map(|at| words[at].as_str());
        SHARED.contains(&second)
            && (matches!(first, "create" | "alter" | "drop" | "reindex")
                || first == "on" && matches!(before, Some("comment" | "label")))
            || second == "owned" && matches!(first, "reassign" | "drop")
            || matches!(first, "grant" | "revoke") && gives_more_than_a_table(&words[at + 1..])
    })
}

fn find(script: &str, reaches: impl Fn(&[String], usize) -> bool) -> Option<String> {
    let words = every_word(script);
    let found = (0..words.len().saturating_sub(1)).find(|at| reaches(&words, *at))?;
    Some(format!("{} {}", words[found], words[found + 1]).to_uppercase())
}

/// `GRANT a TO b`, or `GRANT CONNECT ON DATABASE a TO b`.
fn gives_more_than_a_table(after: &[String]) -> bool {
    let mut after = after.iter().map(String::as_str);
    match after.find(|word| matches!(*word, "on" | "to" | "from")) {
        Some("on") => matches!(after.next(), Some("database" | "tablespace")),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_shares_is_found() {
        for (script, found) in [
            ("CREATE ROLE reader;", "CREATE ROLE"),
            ("select 1;\nalter  user reader PASSWORD 'x'", "ALTER USER"),
            ("DO $$ BEGIN EXECUTE 'create role x'; END $$", "CREATE ROLE"),
            ("DROP DATABASE IF EXISTS old", "DROP DATABASE"),
            ("ALTER SYSTEM SET work_mem = '1GB'", "ALTER SYSTEM"),
            ("COMMENT ON DATABASE app IS 'x'", "ON DATABASE"),
            ("GRANT CONNECT ON DATABASE app TO reader", "GRANT CONNECT"),
            ("GRANT reader TO app", "GRANT READER"),
            ("REVOKE reader FROM app", "REVOKE READER"),
            ("REASSIGN OWNED BY a TO b", "REASSIGN OWNED"),
            ("REINDEX DATABASE app", "REINDEX DATABASE"),
        ] {
            assert_eq!(shared(script, Backend::Postgres).as_deref(), Some(found));
        }
    }

    #[test]
    fn what_writes_somewhere_else_is_found() {
        for (script, backend) in [
            ("COPY fees TO PROGRAM 'cat'", Backend::Postgres),
            ("SELECT dblink_exec('x', 'y')", Backend::Postgres),
            ("SELECT lo_export(1, '/x')", Backend::Postgres),
            ("VACUUM INTO 'copy.sqlite3'", Backend::Sqlite),
            ("VACUUM main INTO 'copy.sqlite3'", Backend::Sqlite),
        ] {
            assert!(at_once(script, backend).is_some(), "{script}");
        }
    }

    #[test]
    fn what_stays_in_the_database_is_not() {
        for script in [
            "CREATE INDEX CONCURRENTLY by_role ON users (role)",
            "CREATE INDEX CONCURRENTLY one_plan ON subscription (plan)",
            "ALTER TYPE mood ADD VALUE 'glad'",
            "GRANT SELECT ON fees TO reader; REVOKE ALL ON fees FROM reader",
            "SELECT role, count(*) FROM users GROUP BY role",
            "CREATE EXTENSION dblink",
            "VACUUM",
            "",
        ] {
            for backend in [Backend::Postgres, Backend::Sqlite] {
                assert_eq!(shared(script, backend), None, "{script}");
                assert_eq!(at_once(script, backend), None, "{script}");
            }
        }
    }
}
