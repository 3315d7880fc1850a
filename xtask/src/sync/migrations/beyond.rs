//! Whether a migration reaches beyond its database, so that a copy would not hold what it does.
//!
//! In a run of one transaction that does not matter, since the copy's is never committed. In a run
//! of several parts a rehearsal would leave the role that a migration makes on the server.

use super::script::every_word;
use crate::sync::settings::environment::Backend;

/// What all databases of a PostgreSQL server share, as it follows `CREATE`, `ALTER`, `DROP` or `ON`.
const SHARED: [&str; 7] = [
    "database",
    "group",
    "role",
    "subscription",
    "system",
    "tablespace",
    "user",
];

/// The words of a script that reach beyond its database, such as `CREATE ROLE`.
///
/// Every word counts, be it in a comment or in the body of a function: a false alarm costs a
/// rehearsal, a miss changes the server while somebody only looks.
pub(in crate::sync) fn find(script: &str, backend: Backend) -> Option<String> {
    let words = every_word(script);
    let reaches = |at: &usize| {
        let (first, second) = (words[*at].as_str(), words[at + 1].as_str());
        match backend {
            // Also `VACUUM main INTO`.
            Backend::Sqlite => {
                first == "vacuum" && words[*at + 1..].iter().take(2).any(|word| word == "into")
            }
            Backend::Postgres => {
                matches!(first, "create" | "alter" | "drop" | "on" | "reindex")
                    && SHARED.contains(&second)
                    || second == "owned" && matches!(first, "reassign" | "drop")
                    || second == "program"
                    || first.starts_with("dblink")
                    || matches!(first, "grant" | "revoke") && gives_a_role(&words[at + 1..])
            }
        }
    };
    let found = (0..words.len().saturating_sub(1)).find(reaches)?;
    Some(format!("{} {}", words[found], words[found + 1]).to_uppercase())
}

/// `GRANT a TO b`; a right is one `ON` something.
fn gives_a_role(after: &[String]) -> bool {
    let mut after = after.iter().map(String::as_str);
    after.find(|word| matches!(*word, "on" | "to" | "from")) != Some("on")
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
            ("GRANT CONNECT ON DATABASE app TO reader", "ON DATABASE"),
            ("GRANT reader TO app", "GRANT READER"),
            ("REVOKE reader FROM app", "REVOKE READER"),
            ("REASSIGN OWNED BY a TO b", "REASSIGN OWNED"),
            ("REINDEX DATABASE app", "REINDEX DATABASE"),
            ("COPY fees TO PROGRAM 'cat'", "TO PROGRAM"),
            ("SELECT dblink_exec('x', 'y')", "DBLINK_EXEC X"),
        ] {
            assert_eq!(find(script, Backend::Postgres).as_deref(), Some(found));
        }
        for script in [
            "VACUUM INTO 'copy.sqlite3'",
            "VACUUM main INTO 'copy.sqlite3'",
        ] {
            assert!(find(script, Backend::Sqlite).is_some(), "{script}");
        }
    }

    #[test]
    fn what_stays_in_the_database_is_not() {
        for script in [
            "CREATE INDEX CONCURRENTLY by_role ON users (role)",
            "ALTER TYPE mood ADD VALUE 'glad'",
            "GRANT SELECT ON fees TO reader; REVOKE ALL ON fees FROM reader",
            "SELECT role, count(*) FROM users GROUP BY role",
            "VACUUM",
            "",
        ] {
            for backend in [Backend::Postgres, Backend::Sqlite] {
                assert_eq!(find(script, backend), None, "{script}");
            }
        }
    }
}
