//! What rows of the target stand in the way of: a plan says so, or the promotion succeeds.

use xtask::model::backend::Backend;
use xtask::problem::{Code, Problem};

use super::Stage;

/// Two ends with one schema, and rows for each.
pub(super) fn stage(backend: Backend, tables: &str, schema: &str, dev: &str, test: &str) -> Stage {
    let mut stage = Stage::empty(backend);
    stage.configure(tables);
    for (database, rows) in [(&stage.dev, dev), (&stage.test, test)] {
        database.run(schema);
        database.run(rows);
    }
    stage
}

fn blocked(tables: &str, schema: &str, dev: &str, test: &str) -> Problem {
    stage(Backend::Postgres, tables, schema, dev, test).blocked()
}

const SWAPPED: &str = "INSERT INTO sw VALUES (1, 'b'), (2, 'a')";
const AS_IT_WAS: &str = "INSERT INTO sw VALUES (1, 'a'), (2, 'b')";
const SW: &str = "[[lookup]]\ntable = \"sw\"\n";
const SW_BESIDE_P: &str = "protected = [\"p\"]\n[[lookup]]\ntable = \"sw\"\n";

/// No value can be made up, and the row may not be away.
pub(super) fn values_that_cannot_change_places() {
    let rows = |rows: &str| format!("{rows}; INSERT INTO p VALUES (1), (2)");
    for (kind, action) in [
        ("kind", "CASCADE"),
        ("kind", "RESTRICT"),
        ("text CHECK (u IN ('a', 'b'))", "CASCADE"),
    ] {
        let schema = format!(
            "CREATE TYPE kind AS ENUM ('a', 'b', 'c'); CREATE TABLE sw (id integer PRIMARY KEY, u {kind} NOT NULL UNIQUE); \
             CREATE TABLE p (sw integer REFERENCES sw ON DELETE {action})"
        );
        let stage = stage(
            Backend::Postgres,
            SW_BESIDE_P,
            &schema,
            SWAPPED,
            &rows(AS_IT_WAS),
        );
        let blocker = stage.blocked();
        assert_eq!(blocker.code, Code::KeyTaken);
        assert_eq!(
            blocker.message,
            "rows of `sw` would exchange values of `u` (1; 2), which Test cannot do while rows of `p` refer to them"
        );
        assert!(blocker.hint.unwrap().contains("DEFERRABLE"));
        // Nobody refers to them any more.
        stage.test.run("DELETE FROM p WHERE sw = 1");
        stage.blocked();
        stage.test.run("DELETE FROM p");
        stage.promote();
        assert!(stage.plan().empty);
    }
}

/// What changes places is what the others refer to.
pub(super) fn references_to_values_that_change_places() {
    let tables = format!("{SW}[[lookup]]\ntable = \"c\"\n");
    let child = "; INSERT INTO c VALUES (1, 'a')";
    for action in [
        "ON DELETE CASCADE",
        "ON DELETE RESTRICT",
        "ON DELETE CASCADE ON UPDATE CASCADE",
    ] {
        let blocker = blocked(
            &tables,
            &format!(
                "CREATE TABLE sw (id integer PRIMARY KEY, u text NOT NULL UNIQUE); \
                 CREATE TABLE c (id integer PRIMARY KEY, s text REFERENCES sw (u) {action})"
            ),
            &format!("{SWAPPED}{child}"),
            &format!("{AS_IT_WAS}{child}"),
        );
        assert_eq!(
            blocker.message,
            "rows of `sw` would exchange values of `u` (1), which Test cannot do while rows of `c` refer to them",
            "{action}"
        );
        assert!(blocker.hint.unwrap().contains("NO ACTION"));
    }
    let circle = "INSERT INTO sw VALUES (1, 'a', NULL), (2, 'b', NULL); INSERT INTO c VALUES (1, 'a', 'x'), (2, 'b', 'y')";
    let schema = "CREATE TABLE c (id integer PRIMARY KEY, s text, u text UNIQUE); \
         CREATE TABLE sw (id integer PRIMARY KEY, u text UNIQUE, t text REFERENCES c (u) ON DELETE CASCADE); \
         ALTER TABLE c ADD FOREIGN KEY (s) REFERENCES sw (u)";
    let stage = stage(
        Backend::Postgres,
        &tables,
        schema,
        "INSERT INTO sw VALUES (1, 'b', NULL), (2, 'a', NULL); INSERT INTO c VALUES (1, 'a', 'x'), (2, 'b', 'y')",
        circle,
    );
    stage.promote();
    assert!(stage.plan().empty);
    stage.dev.run("UPDATE c SET u = 'z' WHERE id = 1; UPDATE c SET u = 'x' WHERE id = 2; UPDATE c SET u = 'y' WHERE id = 1; UPDATE sw SET t = 'x' WHERE id = 1");
    stage.test.run("UPDATE sw SET t = 'x' WHERE id = 1");
    let blocker = stage.blocked();
    assert!(
        blocker
            .message
            .contains("rows of `c` would exchange values of `u` (1)"),
        "{blocker}"
    );
}

/// Keys that are one to the database, though their spelling differs.
pub(super) fn keys_that_are_equal_to_the_database() {
    for (kind, one, other) in [("citext", "'ABC'", "'abc'"), ("numeric", "1.0", "1")] {
        let schema = format!(
            "CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE t (id {kind} PRIMARY KEY, active boolean DEFAULT true, region text)"
        );
        for settings in [
            "extra_rows = \"keep\"",
            "retire = { active = false }",
            "where = \"region = 'x'\"",
        ] {
            let blocker = blocked(
                &format!("[[lookup]]\ntable = \"t\"\n{settings}\n"),
                &schema,
                &format!("INSERT INTO t (id, region) VALUES ({one}, 'x')"),
                &format!("INSERT INTO t (id, region) VALUES ({other}, 'y')"),
            );
            assert_eq!(blocker.code, Code::KeyTaken, "{kind} {settings}");
            assert!(
                blocker
                    .message
                    .contains(&format!("id = {}", other.trim_matches('\''))),
                "{blocker}"
            );
        }
    }
    let child = "CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE sw (u citext PRIMARY KEY); \
         CREATE TABLE c (id integer PRIMARY KEY, s citext REFERENCES sw ON DELETE CASCADE ON UPDATE CASCADE)";
    let blocker = blocked(
        &format!("{SW}[[lookup]]\ntable = \"c\"\n"),
        child,
        "INSERT INTO sw VALUES ('ABC'); INSERT INTO c VALUES (1, 'ABC')",
        "INSERT INTO sw VALUES ('abc'); INSERT INTO c VALUES (1, 'abc')",
    );
    assert_eq!(
        blocker.message,
        "rows of `sw` would exchange values of `u` (abc), which Test cannot do while rows of `c` refer to them"
    );
}

pub(super) fn a_number_that_only_the_database_gives() {
    let schema = "CREATE TABLE g (id integer PRIMARY KEY, g integer GENERATED ALWAYS AS IDENTITY)";
    let rows = |g: u8| format!("INSERT INTO g OVERRIDING SYSTEM VALUE VALUES (1, {g})");
    let stage = stage(
        Backend::Postgres,
        "[[lookup]]\ntable = \"g\"\n",
        schema,
        &rows(1),
        &rows(2),
    );
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::ConstraintViolated);
    assert_eq!(
        blocker.message,
        "`g` of `g` is GENERATED ALWAYS AS IDENTITY and would have to change in 1 row"
    );
    stage
        .dev
        .run("INSERT INTO g OVERRIDING SYSTEM VALUE VALUES (2, 7)");
    stage.test.run(
        "UPDATE g SET id = 5 WHERE id = 1; INSERT INTO g OVERRIDING SYSTEM VALUE VALUES (1, 1)",
    );
    assert_eq!(stage.plan().blockers, []);
    let blocker = blocked(
        "[[lookup]]\ntable = \"g\"\nretire = { g = 5 }\n",
        schema,
        "",
        &rows(2),
    );
    assert_eq!(blocker.code, Code::ColumnMismatch);
    assert!(
        blocker
            .message
            .contains("`g` of `g` in Development cannot be in retire"),
        "{blocker}"
    );
}

pub(super) fn a_retired_row_keeps_what_is_unique(backend: Backend) {
    let stage = stage(
        backend,
        "[[lookup]]\ntable = \"t\"\nretire = { code = \"off\" }\n",
        "CREATE TABLE t (id integer PRIMARY KEY, code text UNIQUE)",
        "",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
    );
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::ColumnMismatch);
    assert!(
        blocker.message.contains("`code`") && blocker.message.contains("retire"),
        "{blocker}"
    );
}

pub(super) fn a_key_of_another_type(backend: Backend) {
    let stage = stage(backend, "[[lookup]]\ntable = \"t\"\n", "", "", "");
    stage
        .dev
        .run("CREATE TABLE t (id integer NOT NULL PRIMARY KEY); INSERT INTO t VALUES (2), (10)");
    stage
        .test
        .run("CREATE TABLE t (id text NOT NULL PRIMARY KEY); INSERT INTO t VALUES ('2')");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::ColumnMismatch);
    assert!(
        blocker
            .message
            .to_lowercase()
            .contains("key column `id` of `t` is integer in development and text in test"),
        "{blocker}"
    );
}

/// A row that refers belongs to the table that the foreign key is of, not to those that inherit.
pub(super) fn foreign_keys_are_not_inherited() {
    let rows = "INSERT INTO b VALUES (1)";
    let stage = stage(
        Backend::Postgres,
        "protected = [\"a\", \"b\"]\n[[lookup]]\ntable = \"l\"\n",
        "CREATE TABLE l (id integer PRIMARY KEY); CREATE TABLE a (l integer REFERENCES l); CREATE TABLE b () INHERITS (a)",
        "",
        &format!("INSERT INTO l VALUES (1); {rows}"),
    );
    stage.promote();
    assert!(stage.plan().empty);
}

/// SQLite takes `T` and `t` for one name.
pub(super) fn names_are_one_whatever_their_case() {
    let mut stage = stage(
        Backend::Sqlite,
        "[[lookup]]\ntable = \"T\"\n",
        "CREATE TABLE t (id integer PRIMARY KEY)",
        "INSERT INTO t VALUES (1)",
        "",
    );
    stage.promote();
    assert_eq!(stage.test.line("SELECT id FROM t"), "1");
    assert!(stage.plan().empty);
    stage.configure("protected = [\"T\"]\n[[lookup]]\ntable = \"t\"\n");
    let blocker = stage.plan().blockers.into_iter().next().unwrap();
    assert_eq!(blocker.code, Code::ConfigInvalid);
}

/// The way out that the blocker names.
pub(super) fn values_of_a_constraint_that_waits_change_places() {
    let stage = stage(
        Backend::Postgres,
        SW_BESIDE_P,
        "CREATE TYPE kind AS ENUM ('a', 'b'); \
         CREATE TABLE sw (id integer PRIMARY KEY, u kind NOT NULL UNIQUE DEFERRABLE INITIALLY IMMEDIATE); \
         CREATE TABLE p (sw integer REFERENCES sw ON DELETE CASCADE)",
        SWAPPED,
        &format!("{AS_IT_WAS}; INSERT INTO p VALUES (1), (2)"),
    );
    stage.promote();
    assert!(stage.plan().empty);
    assert_eq!(stage.test.line("SELECT sw FROM p ORDER BY sw"), "1 2");
}

pub(super) fn names_that_are_in_the_way(backend: Backend) {
    let mut stage = stage(
        backend,
        "[[lookup]]\ntable = \"t\"\n",
        "CREATE TABLE t (id integer PRIMARY KEY, __change text)",
        "INSERT INTO t VALUES (1, 'x')",
        "",
    );
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::ColumnMismatch);
    assert!(blocker.message.contains("`__change`"), "{blocker}");
    if backend == Backend::Sqlite {
        let name = "n".repeat(260);
        for database in [&stage.dev, &stage.test] {
            database.run(&format!("CREATE TABLE {name} (id integer PRIMARY KEY)"));
        }
        stage.dev.run(&format!("INSERT INTO {name} VALUES (1)"));
        stage.configure(&format!("[[lookup]]\ntable = \"{name}\"\n"));
        let blocker = stage.blocked();
        assert!(blocker.message.contains("too long"), "{blocker}");
    }
}

/// What waits to be loaded waits under a name that is in nobody's way.
pub(super) fn any_other_name_is_in_nobodys_way(backend: Backend) {
    let stage = stage(
        backend,
        "[[lookup]]\ntable = \"lookup_staging_0\"\nwhere = \"id IN (SELECT id FROM lookup_staging_0 WHERE code <> 'z')\"\n",
        "CREATE TABLE lookup_staging_0 (id integer PRIMARY KEY, code text UNIQUE)",
        "INSERT INTO lookup_staging_0 VALUES (1, 'a'), (2, 'b')",
        "INSERT INTO lookup_staging_0 VALUES (1, 'b'), (2, 'a'), (3, 'c')",
    );
    stage.promote();
    assert!(stage.plan().empty);
}

pub(super) fn a_column_that_one_end_computes(backend: Backend) {
    let stage = stage(backend, "[[lookup]]\ntable = \"t\"\n", "", "", "");
    stage
        .dev
        .run("CREATE TABLE t (id integer PRIMARY KEY, twice integer)");
    stage.test.run(
        "CREATE TABLE t (id integer PRIMARY KEY, twice integer GENERATED ALWAYS AS (id * 2) STORED)",
    );
    let blocker = stage.blocked();
    assert_eq!(
        blocker.message,
        "the columns of `t` differ: Test computes `twice` from others, and Development does not"
    );
}

pub(super) fn a_partition_is_no_table_of_its_own() {
    let blocker = stage(
        Backend::Postgres,
        "[[lookup]]\ntable = \"pa1\"\n",
        "CREATE TABLE pa (id integer PRIMARY KEY) PARTITION BY RANGE (id); \
         CREATE TABLE pa1 PARTITION OF pa FOR VALUES FROM (0) TO (100)",
        "INSERT INTO pa VALUES (1)",
        "",
    )
    .plan()
    .blockers
    .into_iter()
    .next()
    .unwrap();
    assert_eq!(blocker.code, Code::NotATable);
    assert_eq!(
        blocker.message,
        "`pa1` in Development is a partition of another table"
    );
}

pub(super) fn only_the_columns_that_are_named_are_emptied() {
    let schema = "CREATE TABLE l (a integer, b integer, PRIMARY KEY (a, b)); \
         CREATE TABLE p (a integer, b integer, FOREIGN KEY (a, b) REFERENCES l ON DELETE SET NULL (b))";
    let tables = "protected = [\"p\"]\n[[lookup]]\ntable = \"l\"\n";
    let rows = "INSERT INTO l VALUES (1, 2); INSERT INTO p VALUES (1, 2)";
    let blocker = blocked(tables, schema, "", rows);
    assert_eq!(
        blocker.message,
        "deleting 1 row of `l` would empty `b` of 1 row of `p` (1, 2: 1)"
    );
}

/// `public.w` at one end is `w` at the other.
pub(super) fn names_that_hang_on_the_search_path() {
    let stage = stage(
        Backend::Postgres,
        "protected = [\"w\", \"public.w\"]\n[[lookup]]\ntable = \"app.v\"\n",
        "CREATE SCHEMA app; CREATE TABLE w (id integer PRIMARY KEY); CREATE TABLE app.v (id integer PRIMARY KEY, rc regclass)",
        "INSERT INTO app.v VALUES (1, 'public.w')",
        "",
    );
    stage.promote();
    stage.dev.run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = app', current_database()); END $$");
    let blocker = stage.plan().blockers.into_iter().next().unwrap();
    assert_eq!(blocker.code, Code::ColumnMismatch);
    assert!(
        blocker.message.contains("`rc` of `app.v` is regclass")
            && blocker
                .message
                .contains("app in Development and public in Test"),
        "{blocker}"
    );
}
