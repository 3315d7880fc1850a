//! The tests of `effects`.

use super::*;

fn shown(up: &str) -> Vec<String> {
    let found = effects(up).into_iter();
    found
        .filter_map(|statement| {
            let line = statement.line;
            match statement.effect {
                Effect::Meets {
                    kind,
                    table,
                    columns,
                    ..
                } => Some(format!("{line} {kind:?} {table}{columns:?}").replace("[]", "")),
                Effect::Rebuilds { table, heir, .. } => {
                    Some(format!("{line} rebuild {table} as {heir}"))
                }
                _ => None,
            }
        })
        .collect()
}

#[test]
fn every_statement_that_meets_rows_is_found() {
    for (up, found) in [
        (
            "-- why\nDROP TABLE IF EXISTS \"Users\";",
            "2 DropTable users",
        ),
        ("drop table main.users", "1 DropTable users"),
        ("drop table \"main\".\"users\"", "1 DropTable users"),
        (
            "ALTER TABLE [users] DROP COLUMN `Name`",
            "1 DropColumn users[\"name\"]",
        ),
        (
            "ALTER TABLE users DROP name",
            "1 DropColumn users[\"name\"]",
        ),
        ("DELETE FROM users WHERE id = 1", "1 Delete users"),
        (
            "UPDATE OR IGNORE users SET (a, \"B\") = (1, 2), c = 3",
            "1 Update users[\"a\", \"b\", \"c\"]",
        ),
        (
            "UPDATE users AS u SET a = max(b, c), b = (SELECT 1, 2), \"C\" = a = 1 FROM d WHERE a, b = 1",
            "1 Update users[\"a\", \"b\", \"c\", \"b\"]",
        ),
        ("REPLACE INTO users VALUES (1)", "1 Replace users"),
        ("INSERT OR REPLACE INTO users VALUES (1)", "1 Replace users"),
        ("UPDATE OR REPLACE users SET a = 1", "1 Replace users"),
        (
            "INSERT INTO users (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2",
            "1 Update users",
        ),
        (
            "WITH gone AS (SELECT id FROM a) DELETE FROM users WHERE id IN gone",
            "1 Delete users",
        ),
    ] {
        assert_eq!(shown(up), [found], "{up}");
    }
}

#[test]
fn what_only_adds_or_runs_later_is_none() {
    for up in [
        "INSERT INTO users (a) VALUES ('DELETE FROM users')",
        "INSERT OR IGNORE INTO users VALUES (1)",
        "INSERT INTO users (a) VALUES (1) ON CONFLICT DO NOTHING",
        "ALTER TABLE users ADD COLUMN dropped text",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM users; END;",
        "DROP INDEX users_name; DROP VIEW v; -- DROP TABLE users",
        "SELECT 1; EXPLAIN DELETE FROM users;",
        "WITH a AS (SELECT 1), b (x) AS NOT MATERIALIZED (SELECT 2) INSERT INTO users SELECT * FROM a, b",
        "",
    ] {
        assert_eq!(shown(up), Vec::<String>::new(), "{up}");
    }
}

#[test]
fn what_cannot_be_seen_into_is_told() {
    for (up, reason) in [
        (
            "DELETE FROM aux.users",
            "`aux.users` is in another file, which is not looked into",
        ),
        (
            "ATTACH 'a' AS b",
            "what is in another file is not looked into",
        ),
        (
            "DELETE FROM sqlite_schema",
            "`sqlite_schema` is SQLite's own",
        ),
        (
            "PRAGMA writable_schema = 1",
            "the schema can be written as if it were rows",
        ),
        (
            "PRAGMA main.foreign_keys(on)",
            "foreign keys may delete and change rows of other tables",
        ),
        (
            "DELET FROM users",
            "this cannot be read, as if it were no SQL of SQLite",
        ),
        (
            "CREATE TEMP TRIGGER IF NOT EXISTS t INSTEAD OF DELETE ON v BEGIN DELETE FROM \"users\"; SELECT 1; END;",
            "`t` deletes from `users` when it fires",
        ),
        (
            "CREATE TRIGGER t BEFORE INSERT ON users BEGIN SELECT RAISE(IGNORE) WHERE new.a; END;",
            "`t` skips what is done to a row when it fires",
        ),
    ] {
        assert_eq!(read(up).opaque, [(1, reason.to_owned())], "{up}");
        assert_eq!(shown(up), Vec::<String>::new(), "{up}");
    }
    assert_eq!(
        read("PRAGMA foreign_keys = OFF; DELETE FROM sqlite_sequence").opaque,
        []
    );
}

#[test]
fn a_rebuild_is_one_only_if_every_row_is_copied() {
    let rebuild = |copy: &str| {
        shown(&format!(
            "CREATE TABLE new_t (id integer);\n{copy};\nDROP TABLE t;\nALTER TABLE new_t RENAME TO t;"
        ))
    };
    for copy in [
        "INSERT INTO new_t SELECT id FROM t",
        "INSERT INTO new_t (id) SELECT coalesce(id, (SELECT max(u.id) FROM u WHERE 1)) FROM t AS old ORDER BY 1",
        "INSERT INTO new_t SELECT max(id, 1) FROM t",
        "INSERT INTO new_t SELECT row_number() OVER (ORDER BY id) FROM t",
        "INSERT INTO new_t SELECT cast(id AS varchar(9)) || (id IN (1)) FROM t",
        "INSERT INTO new_t SELECT (SELECT count(*) FROM u WHERE u.t = t.id) FROM t",
        "INSERT INTO \"new_t\" SELECT * FROM main.t ORDER BY id",
    ] {
        assert_eq!(rebuild(copy), ["3 rebuild t as new_t"], "{copy}");
    }
    for copy in [
        "INSERT INTO new_t SELECT id FROM t WHERE id > 1",
        "INSERT INTO new_t SELECT id FROM t LIMIT 10",
        "INSERT INTO new_t SELECT id FROM t ORDER BY id LIMIT 10",
        "INSERT INTO new_t SELECT DISTINCT id FROM t",
        "INSERT INTO new_t SELECT id FROM t JOIN u ON u.id = t.id",
        "INSERT INTO new_t SELECT id FROM t, u",
        "INSERT INTO new_t SELECT id FROM t GROUP BY id",
        "INSERT OR IGNORE INTO new_t SELECT id FROM t",
        "INSERT INTO new_t SELECT id FROM u",
        "INSERT INTO new_t SELECT id FROM t ORDER BY count(*)",
        "INSERT INTO new_t SELECT median(id) FROM t",
        "INSERT INTO new_t SELECT sum(count(*)) OVER () FROM t",
        "INSERT INTO new_t SELECT (SELECT max(t.id)) FROM t",
        "INSERT INTO new_t SELECT (SELECT max(id) FROM u) FROM t",
        "INSERT INTO new_t SELECT (SELECT max(old.id + u.id) FROM u) FROM t AS old",
        "INSERT INTO new_t SELECT max(id) FROM t",
        "SELECT 1",
    ] {
        assert_eq!(rebuild(copy), ["3 DropTable t"], "{copy}");
    }
}

#[test]
fn the_old_table_may_step_aside_first() {
    let up = "ALTER TABLE t RENAME TO old_t;\nCREATE TABLE t (id integer);\n\
              INSERT INTO t SELECT id FROM old_t;\nDROP TABLE old_t;";
    assert_eq!(shown(up), ["4 rebuild old_t as t"]);
}
