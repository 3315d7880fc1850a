//! Whether a migration has a statement that no transaction may hold.

use super::script::{Token, statements};
use crate::sync::settings::environment::Backend;

/// The first such statement, such as `CREATE INDEX CONCURRENTLY`.
pub(in crate::sync) fn find(backend: Backend, script: &str) -> Option<String> {
    statements(script, backend).iter().find_map(|statement| {
        let words: Vec<&str> = statement.iter().filter_map(Token::word).collect();
        kind(backend, &words)
    })
}

/// How many statements a script of PostgreSQL has.
pub(in crate::sync) fn count(script: &str) -> usize {
    statements(script, Backend::Postgres).len()
}

fn kind(backend: Backend, words: &[&str]) -> Option<String> {
    let first = words.first().copied()?;
    if backend == Backend::Sqlite || first == "VACUUM" {
        return (first == "VACUUM").then(|| first.to_owned());
    }
    let second = words.get(1).copied().unwrap_or_default();
    let concurrently = words.contains(&"CONCURRENTLY");
    match (first, second) {
        ("CREATE", "UNIQUE" | "INDEX") | ("DROP", "INDEX") if concurrently => {
            Some(format!("{first} INDEX CONCURRENTLY"))
        }
        // `REINDEX (VERBOSE) SCHEMA …` as well.
        ("REINDEX", _) if concurrently => Some("REINDEX CONCURRENTLY".to_owned()),
        ("REINDEX", _) => words
            .iter()
            .find(|word| matches!(**word, "SCHEMA" | "DATABASE" | "SYSTEM"))
            .map(|word| format!("REINDEX {word}")),
        ("ALTER", "TABLE") if concurrently && words.contains(&"DETACH") => {
            Some("DETACH PARTITION CONCURRENTLY".to_owned())
        }
        ("CREATE" | "DROP", "DATABASE" | "TABLESPACE") | ("ALTER", "SYSTEM") => {
            Some(format!("{first} {second}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_transaction_may_hold_is_found() {
        for (script, found) in [
            (
                "-- why\nCREATE INDEX CONCURRENTLY i ON t (a)",
                "CREATE INDEX CONCURRENTLY",
            ),
            (
                "create unique index concurrently if not exists i on t (a);",
                "CREATE INDEX CONCURRENTLY",
            ),
            ("DROP INDEX CONCURRENTLY i", "DROP INDEX CONCURRENTLY"),
            ("REINDEX TABLE CONCURRENTLY t", "REINDEX CONCURRENTLY"),
            ("REINDEX (VERBOSE) SCHEMA s", "REINDEX SCHEMA"),
            (
                "SELECT 1; ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
                "DETACH PARTITION CONCURRENTLY",
            ),
            ("VACUUM ANALYZE t", "VACUUM"),
            ("CREATE DATABASE d", "CREATE DATABASE"),
            ("ALTER SYSTEM SET work_mem = '1GB'", "ALTER SYSTEM"),
        ] {
            assert_eq!(
                find(Backend::Postgres, script).as_deref(),
                Some(found),
                "{script}"
            );
        }
        assert_eq!(find(Backend::Sqlite, "VACUUM;").as_deref(), Some("VACUUM"));
    }

    #[test]
    fn what_a_transaction_may_hold_is_none() {
        for script in [
            "CREATE INDEX i ON t (a)",
            "REINDEX TABLE t",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
            "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ VACUUM; $$",
            "INSERT INTO t VALUES ('; VACUUM')",
            "CREATE TABLE vacuum_log (id integer)",
        ] {
            assert_eq!(find(Backend::Postgres, script), None, "{script}");
            assert_eq!(find(Backend::Sqlite, script), None, "{script}");
        }
    }
}
