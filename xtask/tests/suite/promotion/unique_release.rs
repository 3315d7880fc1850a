//! Rows that exchange unique values, under indexes that are more than columns.

use xtask::model::backend::Backend;
use xtask::problem::Code;

use super::{Stage, clashing};

fn stage(backend: Backend, tables: &str, schema: &str, dev: &str, test: &str) -> Stage {
    let mut stage = Stage::empty(backend);
    stage.configure(&format!("{tables}[[lookup]]\ntable = \"t\"\n"));
    for (database, rows) in [(&stage.dev, dev), (&stage.test, test)] {
        database.run(schema);
        database.run(rows);
    }
    stage
}

/// Promotes rows of `t`, as the source's schema has it, and proves that they arrived.
fn arrive(backend: Backend, tables: &str, schema: &str, dev: &str, test: &str) {
    let stage = stage(backend, tables, schema, dev, test);
    stage.promote();
    assert!(stage.plan().empty, "{schema}");
}

/// Emptied, a column would bring its row under another index.
pub(super) fn a_value_that_is_let_go_is_in_no_other_indexs_way(backend: Backend) {
    let exchanged = (
        "INSERT INTO t VALUES (1, 1, 'b'), (2, 1, 'a'), (3, NULL, 'a')",
        "INSERT INTO t VALUES (1, 1, 'a'), (2, 1, 'b'), (3, NULL, 'a')",
    );
    let moved = (
        "INSERT INTO t VALUES (1, 2, 'b'), (2, 1, 'a'), (3, 3, 'a'), (4, 4, 'a')",
        "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 4, 'a'), (4, 3, 'a')",
    );
    for (indexes, (dev, test)) in [
        (
            "CREATE UNIQUE INDEX u1 ON t (tenant, code) WHERE tenant IS NOT NULL; \
             CREATE UNIQUE INDEX u2 ON t (code) WHERE tenant IS NULL",
            exchanged,
        ),
        (
            "CREATE UNIQUE INDEX u1 ON t (tenant, code); \
             CREATE UNIQUE INDEX u2 ON t (code) WHERE tenant IS NULL",
            exchanged,
        ),
        (
            "CREATE UNIQUE INDEX u1 ON t (tenant); CREATE UNIQUE INDEX u2 ON t (coalesce(tenant, 0))",
            moved,
        ),
    ] {
        let schema = format!(
            "CREATE TABLE t (id integer PRIMARY KEY, tenant integer, code text NOT NULL); {indexes}"
        );
        arrive(backend, "", &schema, dev, test);
    }
    // Where others refer to the rows, a value is made up.
    let schema = "CREATE TABLE t (id integer PRIMARY KEY, tenant integer, code text NOT NULL); \
         CREATE UNIQUE INDEX u1 ON t (tenant, code); CREATE UNIQUE INDEX u2 ON t (code) WHERE tenant IS NULL; \
         CREATE TABLE p (t integer REFERENCES t ON DELETE RESTRICT)";
    let test = format!("{}; INSERT INTO p VALUES (1), (2), (3)", exchanged.1);
    arrive(backend, "protected = [\"p\"]\n", schema, exchanged.0, &test);
}

/// The row that has the flag gives it up first.
pub(super) fn a_flag_moves_though_rows_are_referred_to(backend: Backend) {
    for action in ["RESTRICT", "CASCADE", "NO ACTION"] {
        let schema = format!(
            "CREATE TABLE t (id integer PRIMARY KEY, code text NOT NULL, def boolean NOT NULL); \
             CREATE UNIQUE INDEX one ON t (def) WHERE def; \
             CREATE UNIQUE INDEX each ON t (code) WHERE NOT def; \
             CREATE TABLE p (t integer REFERENCES t ON DELETE {action})"
        );
        arrive(
            backend,
            "protected = [\"p\"]\n",
            &schema,
            "INSERT INTO t VALUES (1, 'a', TRUE), (2, 'b', FALSE), (3, 'c', FALSE)",
            "INSERT INTO t VALUES (1, 'a', FALSE), (2, 'b', TRUE), (3, 'c', FALSE); \
             INSERT INTO p VALUES (1), (2), (3)",
        );
    }
}

/// The server compares no two values of such a domain.
pub(super) fn domains_over_enums_are_keys() {
    for columns in [
        "k kind_now PRIMARY KEY, v integer",
        "k kind_now UNIQUE, v integer PRIMARY KEY",
        "k kind_now NOT NULL, v integer PRIMARY KEY, UNIQUE (k, v)",
    ] {
        arrive(
            Backend::Postgres,
            "",
            &format!(
                "CREATE TYPE kind AS ENUM ('b', 'a', 'c'); CREATE DOMAIN kind_now AS kind; CREATE TABLE t ({columns})"
            ),
            "INSERT INTO t VALUES ('b', 1), ('a', 2)",
            "INSERT INTO t VALUES ('b', 2), ('c', 3)",
        );
    }
}

/// The way out that the blocker names is one.
pub(super) fn what_is_referred_to_waits_by_its_foreign_keys() {
    let stage = stage(
        Backend::Postgres,
        "protected = [\"p\"]\n",
        "CREATE TYPE kind AS ENUM ('a', 'b'); CREATE TABLE t (id integer PRIMARY KEY, code kind NOT NULL UNIQUE); \
         CREATE TABLE p (id integer REFERENCES t ON DELETE CASCADE, code kind REFERENCES t (code))",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        "INSERT INTO t VALUES (1, 'b'), (2, 'a'); INSERT INTO p VALUES (1, NULL)",
    );
    let hint = stage.blocked().hint.unwrap();
    assert!(!hint.contains("DEFERRABLE"), "{hint}");
    assert!(hint.contains("ON DELETE NO ACTION"), "{hint}");
    for database in [&stage.dev, &stage.test] {
        database.run("ALTER TABLE p DROP CONSTRAINT p_id_fkey, ADD CONSTRAINT p_id_fkey FOREIGN KEY (id) REFERENCES t ON DELETE NO ACTION");
    }
    stage.promote();
    assert!(stage.plan().empty);
}

/// A key that is spelled anew is another row, which the old one waits for.
pub(super) fn a_key_that_is_respelled_takes_two_steps() {
    let stage = stage(
        Backend::Postgres,
        "[[lookup]]\ntable = \"c\"\n",
        "CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE t (k citext PRIMARY KEY, v integer); \
         CREATE TABLE c (id integer PRIMARY KEY, k citext REFERENCES t ON UPDATE CASCADE)",
        "INSERT INTO t VALUES ('A', 1); INSERT INTO c VALUES (1, 'A')",
        "INSERT INTO t VALUES ('a', 1); INSERT INTO c VALUES (1, 'a')",
    );
    let hint = stage.blocked().hint.unwrap();
    assert!(hint.starts_with("promote in two steps"), "{hint}");
    stage.dev.run("UPDATE t SET k = 'other'");
    stage.promote();
    stage.dev.run("UPDATE t SET k = 'A'");
    stage.promote();
    assert!(stage.plan().empty);
}

/// By the end of the statement in which one of them would be away, they refer to each other.
pub(super) fn rows_that_come_to_refer_to_each_other_exchange_values(backend: Backend) {
    for action in ["RESTRICT", "CASCADE"] {
        let schema = format!(
            "CREATE TABLE t (id integer PRIMARY KEY, above integer REFERENCES t ON DELETE {action}, rank integer NOT NULL UNIQUE)"
        );
        arrive(
            backend,
            "",
            &schema,
            "INSERT INTO t VALUES (3, 3, 2), (0, 3, 1)",
            "INSERT INTO t VALUES (0, 0, 22), (3, 0, 1)",
        );
    }
}

/// What is not written afterwards is neither emptied nor made up meanwhile.
pub(super) fn what_does_not_travel_stays_though_values_move(backend: Backend) {
    for columns in [
        "env text DEFAULT 'e', b integer",
        "env text NOT NULL DEFAULT 'e', b integer NOT NULL",
    ] {
        for setting in ["ignore", "insert_only"] {
            for action in ["", "RESTRICT", "CASCADE", "NO ACTION"] {
                let (protected, child) = match action {
                    "" => ("", String::new()),
                    action => (
                        "protected = [\"p\"]\n",
                        format!("; CREATE TABLE p (t integer REFERENCES t ON DELETE {action})"),
                    ),
                };
                let stage = clashing::stage(
                    backend,
                    &format!("{protected}[[lookup]]\ntable = \"t\"\n{setting} = [\"env\"]\n"),
                    &format!(
                        "CREATE TABLE t (id integer PRIMARY KEY, {columns}, UNIQUE (env, b)){child}"
                    ),
                    "INSERT INTO t VALUES (1, 'x', 2), (2, 'x', 1)",
                    "INSERT INTO t VALUES (1, 'e', 1), (2, 'e', 2)",
                );
                if !child.is_empty() {
                    stage.test.run("INSERT INTO p VALUES (1), (2)");
                }
                stage.promote();
                let content = stage.test.line("SELECT env || b FROM t ORDER BY id");
                assert_eq!(content, "e2 e1", "{columns} {action}");
                assert!(stage.plan().empty, "{columns} {action}");
            }
        }
    }
}

/// Where nothing is left that may hold another value for a moment, the plan says so.
pub(super) fn what_does_not_travel_is_no_way_out() {
    let stage = clashing::stage(
        Backend::Postgres,
        "protected = [\"p\"]\n[[lookup]]\ntable = \"t\"\nignore = [\"env\"]\n",
        "CREATE TYPE kind AS ENUM ('a', 'b'); \
         CREATE TABLE t (id integer PRIMARY KEY, env text DEFAULT 'e', b kind NOT NULL, UNIQUE (env, b)); \
         CREATE TABLE p (t integer REFERENCES t ON DELETE RESTRICT)",
        "INSERT INTO t VALUES (1, 'x', 'b'), (2, 'x', 'a'), (3, 'y', 'a')",
        "INSERT INTO t VALUES (1, 'e', 'a'), (2, 'e', 'b'), (3, 'f', 'b'); INSERT INTO p VALUES (1), (3)",
    );
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::KeyTaken);
    assert_eq!(
        blocker.message,
        "rows of `t` would exchange values of `env`, `b` (1), which Test cannot do while rows of `p` refer to them"
    );
    assert!(blocker.hint.unwrap().contains("DEFERRABLE"));
    stage.test.run("DELETE FROM p WHERE t = 1");
    stage.promote();
    assert_eq!(stage.test.line("SELECT env FROM t ORDER BY id"), "e e f");
    assert!(stage.plan().empty);
}

/// They are in each other's way as other values are.
pub(super) fn rows_change_places_though_a_part_is_null() {
    let a_null = "VALUES (1, 'a', NULL), (2, 'b', NULL)";
    let changed = "VALUES (1, 'b', NULL), (2, 'a', NULL)";
    for columns in [
        "code text, ten integer, UNIQUE NULLS NOT DISTINCT (ten, code)",
        "code text NOT NULL, ten integer, UNIQUE NULLS NOT DISTINCT (ten, code)",
    ] {
        for (reference, others) in [
            ("", ""),
            (
                "; CREATE TABLE p (t integer REFERENCES t ON DELETE RESTRICT)",
                "; INSERT INTO p VALUES (1), (2)",
            ),
        ] {
            let schema = format!("CREATE TABLE t (id integer PRIMARY KEY, {columns}){reference}");
            let tables = if others.is_empty() {
                ""
            } else {
                "protected = [\"p\"]\n"
            };
            arrive(
                Backend::Postgres,
                tables,
                &schema,
                &format!("INSERT INTO t {a_null}"),
                &format!("INSERT INTO t {changed}{others}"),
            );
        }
    }
}
