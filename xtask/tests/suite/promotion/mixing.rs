//! Unique values of which a row has a part from each end: a plan tells the rows that would share
//! them, or the promotion succeeds.

use xtask::model::backend::Backend;
use xtask::problem::{Code, Problem};
use xtask::settings::environment::OnTargetEdit;

use super::{Stage, clashing};

fn stage(backend: Backend, settings: &str, schema: &str, dev: &str, test: &str) -> Stage {
    let rows = |rows: &str| match rows {
        "" => String::new(),
        rows => format!("INSERT INTO t {rows}"),
    };
    clashing::stage(
        backend,
        &format!("[[lookup]]\ntable = \"t\"\n{settings}\n"),
        schema,
        &rows(dev),
        &rows(test),
    )
}

fn blocked(backend: Backend, settings: &str, schema: &str, dev: &str, test: &str) -> Problem {
    let blocker = stage(backend, settings, schema, dev, test).blocked();
    assert_eq!(blocker.code, Code::KeyTaken, "{blocker}");
    blocker
}

const BY_REGION: &str = "CREATE TABLE t (id integer PRIMARY KEY, code text, env text NOT NULL DEFAULT 'e', UNIQUE (code, env))";

pub(super) fn a_part_that_does_not_travel(backend: Backend) {
    let blocker = blocked(
        backend,
        "insert_only = [\"env\"]",
        BY_REGION,
        "VALUES (1, 'a', 'x'), (2, 'a', 'y'), (3, 'b', 'x')",
        "VALUES (1, 'q', 'z'), (2, 'r', 'z'), (3, 's', 'z')",
    );
    assert_eq!(
        blocker.message,
        "rows of `t` (1; 2) would have values in Test that are unique there and that other rows have too: code, env = a, z; a, z"
    );
    // A row that stays has it, or another new one.
    for (settings, dev, test, told) in [
        (
            "ignore = [\"env\"]\nextra_rows = \"keep\"",
            "VALUES (1, 'a', 'x')",
            "VALUES (2, 'a', 'e')",
            "(1)",
        ),
        (
            "ignore = [\"env\"]",
            "VALUES (1, 'a', 'x'), (2, 'a', 'y')",
            "",
            "(1; 2)",
        ),
        (
            "insert_only = [\"env\"]\nextra_rows = \"keep\"",
            "VALUES (1, 'a', 'x')",
            "VALUES (2, 'a', 'x')",
            "(1)",
        ),
    ] {
        let blocker = blocked(backend, settings, BY_REGION, dev, test);
        assert!(blocker.message.contains(told), "{settings}: {blocker}");
    }
    let slugs =
        "CREATE TABLE t (id integer PRIMARY KEY, code text, slug text NOT NULL DEFAULT '' UNIQUE)";
    let blocker = blocked(
        backend,
        "ignore = [\"slug\"]",
        slugs,
        "VALUES (1, 'a', 'x'), (2, 'b', 'y')",
        "",
    );
    assert!(blocker.message.contains("(1; 2)"), "{blocker}");
}

pub(super) fn a_part_that_does_not_travel_lets_rows_move(backend: Backend) {
    for (settings, dev, test) in [
        // As another row lets go of it.
        (
            "ignore = [\"env\"]",
            "VALUES (1, 'a', 'x'), (2, 'b', 'x')",
            "VALUES (2, 'a', 'e'), (1, 'c', 'e')",
        ),
        (
            "ignore = [\"env\"]",
            "VALUES (1, 'b', 'x'), (2, 'a', 'x')",
            "VALUES (1, 'a', 'e')",
        ),
        (
            "insert_only = [\"env\"]",
            "VALUES (1, 'b', 'x'), (2, 'a', 'y')",
            "VALUES (1, 'a', 'z'), (2, 'b', 'z')",
        ),
        // In another region it is another value.
        (
            "ignore = [\"env\"]\nextra_rows = \"keep\"",
            "VALUES (1, 'a', 'e')",
            "VALUES (2, 'a', 'f')",
        ),
        (
            "insert_only = [\"env\"]",
            "VALUES (1, 'a', 'x'), (2, 'a', 'y')",
            "VALUES (1, 'q', 'z'), (2, 'r', 'y')",
        ),
    ] {
        let stage = stage(backend, settings, BY_REGION, dev, test);
        stage.promote();
        assert!(stage.plan().empty, "{dev}");
    }
}

pub(super) fn a_computed_part_or_some_rows_only(backend: Backend) {
    let computed = "CREATE TABLE t (id integer PRIMARY KEY, code text, \
         low text GENERATED ALWAYS AS (lower(code) || '!') STORED UNIQUE)";
    let blocker = blocked(
        backend,
        "extra_rows = \"keep\"",
        computed,
        "(id, code) VALUES (1, 'A'), (2, 'B'), (3, NULL)",
        "(id, code) VALUES (3, 'c'), (7, 'a')",
    );
    assert_eq!(
        blocker.message,
        "rows of `t` (1) would have values in Test that are unique there and that other rows have too: low = a!"
    );
    let some = "CREATE TABLE t (id integer PRIMARY KEY, code text, active integer, other text); \
         CREATE UNIQUE INDEX u ON t (code) WHERE active >= 1";
    let blocker = blocked(
        backend,
        "extra_rows = \"keep\"",
        some,
        "VALUES (1, 'A', 1, 'x'), (2, 'B', 1, 'x'), (3, 'C', 0, 'x')",
        "VALUES (4, 'A', 1, 'x'), (5, 'B', 0, 'x'), (6, 'C', 1, 'x')",
    );
    assert_eq!(
        blocker.message,
        "rows of `t` (1) would have values in Test that are unique there and that other rows have too: code = A"
    );
    // The row that has it is switched off in the same promotion, or moves.
    for (settings, schema, dev, test) in [
        (
            "retire = { active = 0 }",
            some,
            "VALUES (1, 'A', 1, 'x')",
            "VALUES (4, 'A', 1, 'x')",
        ),
        (
            "where = \"other = 'x'\"",
            some,
            "VALUES (1, 'A', 1, 'x'), (4, 'B', 1, 'x')",
            "VALUES (4, 'A', 1, 'x'), (5, 'A', 0, 'y')",
        ),
        (
            "where = \"id < 10\"",
            computed,
            "(id, code) VALUES (1, 'a'), (2, 'B')",
            "(id, code) VALUES (1, 'b'), (2, 'A'), (11, 'c')",
        ),
    ] {
        let stage = stage(backend, settings, schema, dev, test);
        stage.promote();
        assert!(stage.plan().empty, "{settings}");
    }
}

pub(super) fn a_value_that_retires_is_taken(backend: Backend) {
    let schema =
        "CREATE TABLE t (id integer PRIMARY KEY, code text, active integer, UNIQUE (code, active))";
    let blocker = blocked(
        backend,
        "retire = { active = 0 }",
        schema,
        "VALUES (1, 'x', 1)",
        "VALUES (1, 'x', 1), (2, 'A', 1), (3, 'A', 0)",
    );
    assert_eq!(
        blocker.message,
        "rows of `t` (2) would have values in Test that are unique there and that other rows have too: code, active = A, 0"
    );
    // Two at once, and a boolean.
    let blocker = blocked(
        backend,
        "retire = { active = false }",
        &schema
            .replace("active integer", "active boolean, v text")
            .replace("(code, active)", "(v, active)"),
        "",
        "VALUES (2, 'A', TRUE, 'v'), (3, 'A', NULL, 'v')",
    );
    assert!(blocker.message.contains("(2; 3)"), "{blocker}");
    // Under an index over some rows, of which the one that is switched off stays one.
    let some = "CREATE TABLE t (id integer PRIMARY KEY, code text, a text, active integer); \
         CREATE UNIQUE INDEX u ON t (code) WHERE a IS NOT NULL";
    let blocker = blocked(
        backend,
        "retire = { active = 0 }",
        some,
        "VALUES (1, 'A', 'x', 1), (4, 'B', 'x', 1)",
        "VALUES (2, 'A', 'x', 1), (3, 'B', NULL, 1)",
    );
    assert_eq!(
        blocker.message,
        "rows of `t` (1; 2) would have values in Test that are unique there and that other rows have too: code = A; A"
    );
    let stage = stage(
        backend,
        "retire = { active = 0 }",
        schema,
        "VALUES (1, 'A', 1)",
        "VALUES (2, 'A', 1)",
    );
    stage.promote();
    assert!(stage.plan().empty);
}

/// A row that stays since somebody edited it there.
pub(super) fn a_value_of_an_edited_row_is_taken(backend: Backend) {
    for unique in ["code text UNIQUE", "code text"] {
        let mut stage = stage(
            backend,
            "",
            &format!(
                "CREATE TABLE t (id integer PRIMARY KEY, {unique}, v integer); \
                 CREATE UNIQUE INDEX u ON t (code) WHERE v > 0"
            ),
            "VALUES (1, 'a', 1), (2, 'b', 2)",
            "",
        );
        stage.promote();
        stage.config.pipeline[1].on_target_edit = OnTargetEdit::Keep;
        stage.test.run("UPDATE t SET code = 'q' WHERE id = 1");
        stage
            .dev
            .run("UPDATE t SET v = 7; INSERT INTO t VALUES (3, 'q', 3)");
        let plan = stage.plan();
        assert!(!plan.blockers.is_empty());
        for blocker in plan.blockers {
            assert_eq!(
                blocker.message,
                "rows of `t` (3) would have values in Test that are unique there and that other rows have too: code = q"
            );
        }
    }
}

/// A reference that is left alone is what its default says, which has to be there.
pub(super) fn a_default_that_refers_to_nothing(backend: Backend) {
    let schema = "CREATE TABLE g (id serial PRIMARY KEY, code text NOT NULL UNIQUE); \
         CREATE TABLE t (id integer PRIMARY KEY, g integer DEFAULT 1 REFERENCES g (id))";
    let schema = match backend {
        Backend::Postgres => schema.to_owned(),
        Backend::Sqlite => schema.replace("serial", "integer"),
    };
    for groups in [
        "[[lookup]]\ntable = \"g\"\nextra_rows = \"keep\"\n",
        "[[lookup]]\ntable = \"g\"\nkey = [\"code\"]\n",
    ] {
        let mut stage = Stage::empty(backend);
        stage.configure(&format!(
            "{groups}[[lookup]]\ntable = \"t\"\nignore = [\"g\"]\n"
        ));
        for (database, rows) in [
            (
                &stage.dev,
                "INSERT INTO g VALUES (7, 'a'); INSERT INTO t VALUES (1, 7), (2, NULL)",
            ),
            (&stage.test, "INSERT INTO g VALUES (7, 'a')"),
        ] {
            database.run(&schema);
            database.run(rows);
        }
        let blocker = stage.blocked();
        assert_eq!(blocker.code, Code::MissingParent);
        assert_eq!(
            blocker.message,
            "2 rows of `t` would come to Test with the default of `g`, 1, and refer to a row of `g` that is not there"
        );
        // It comes along, or is there.
        match groups.contains("code") {
            true => stage.test.run("UPDATE g SET id = 1"),
            false => stage.dev.run("INSERT INTO g VALUES (1, 'b')"),
        }
        stage.promote();
        assert_eq!(stage.test.line("SELECT g FROM t ORDER BY id"), "1 1");
    }
}

/// Numbers, names and texts that are others, or none, in small letters.
pub(super) fn conditions_mean_what_they_meant_when_they_were_written() {
    let ends = |columns: &str, index: &str, dev: &str, test: &str| {
        let schema = format!(
            "CREATE TABLE t (id integer PRIMARY KEY, {columns}); CREATE UNIQUE INDEX u ON t {index}"
        );
        stage(Backend::Sqlite, "extra_rows = \"keep\"", &schema, dev, test)
    };
    for (columns, index, dev, test) in [
        (
            "code text, w real",
            "(code) WHERE w > 1e-3",
            "VALUES (1, 'a', 0), (2, 'b', 5)",
            "VALUES (8, 'a', 1), (9, 'q', 9999)",
        ),
        (
            "code text, ÄK int",
            "(code) WHERE ÄK = 1",
            "VALUES (1, 'a', 0)",
            "VALUES (9, 'a', 1)",
        ),
        (
            "\"ÄB\" text, g text GENERATED ALWAYS AS (lower(\"ÄB\")) STORED",
            "(g)",
            "VALUES (1, 'x'), (2, 'y')",
            "VALUES (9, 'q')",
        ),
        (
            "code text, st text DEFAULT 'ON'",
            "(code) WHERE st <> \"OFF\"",
            "VALUES (1, 'a', 'OFF')",
            "VALUES (2, 'a', 'ON')",
        ),
    ] {
        let stage = ends(columns, index, dev, test);
        stage.promote();
        assert!(stage.plan().empty, "{index}");
    }
    let stage = ends(
        "code text, st text",
        "(code) WHERE st = \"ON\"",
        "VALUES (1, 'a', 'ON')",
        "VALUES (2, 'a', 'ON')",
    );
    assert_eq!(stage.blocked().code, Code::KeyTaken);
}

/// SQLite takes a word alone for a text.
pub(super) fn a_default_that_is_a_word_alone() {
    for default in ["abC", "\"abC\""] {
        let schema = format!(
            "CREATE TABLE t (id integer PRIMARY KEY, code text, env text DEFAULT {default}, UNIQUE (code, env))"
        );
        let ignored = |dev: &str, test: &str| {
            stage(
                Backend::Sqlite,
                "ignore = [\"env\"]\nextra_rows = \"keep\"",
                &schema,
                dev,
                test,
            )
        };
        let able = ignored(
            "VALUES (1, 'a', 'x'), (2, 'b', 'x')",
            "VALUES (1, 'b', 'z'), (9, 'b', 'abc')",
        );
        able.promote();
        assert_eq!(able.test.line("SELECT env FROM t ORDER BY id"), "z abC abc");
        assert!(able.plan().empty);
        let blocker = ignored("VALUES (1, 'a', 'x')", "VALUES (9, 'a', 'abC')").blocked();
        assert_eq!(blocker.code, Code::KeyTaken);
    }
}
