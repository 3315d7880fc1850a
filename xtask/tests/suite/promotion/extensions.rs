//! Types of extensions, in a schema in which others may create: no search path finds their operators.

use xtask::model::backend::Backend;
use xtask::problem::Code;

use super::Stage;
use super::clashing::stage;

const SCHEMA: &str = "CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS hstore; \
    CREATE TABLE t (code citext PRIMARY KEY, tag citext UNIQUE, more hstore); \
    CREATE TABLE c (id integer PRIMARY KEY, code citext NOT NULL REFERENCES t)";

fn in_open_schema(tables: &str, dev: &str, test: &str) -> Stage {
    let stage = stage(Backend::Postgres, tables, SCHEMA, dev, test);
    for database in [&stage.dev, &stage.test] {
        database.run("GRANT CREATE ON SCHEMA public TO PUBLIC");
    }
    stage
}

const BOTH: &str = "[[lookup]]\ntable = \"t\"\n[[lookup]]\ntable = \"c\"\n";

pub(super) fn values_of_extensions_arrive() {
    let stage = in_open_schema(
        BOTH,
        "INSERT INTO t VALUES ('a', 'X', 'k=>1'), ('b', 'y', 'k=>2'), ('n', NULL, NULL); INSERT INTO c VALUES (1, 'A'), (2, 'n')",
        "INSERT INTO t VALUES ('a', 'Y', 'k=>3'), ('b', 'x', 'k=>4'), ('z', 'z', NULL); INSERT INTO c VALUES (1, 'B'), (2, 'z')",
    );
    // A reference that is spelled otherwise is none that leads nowhere.
    assert_eq!(stage.plan().blockers, []);
    stage.promote();
    assert!(stage.plan().empty);
    assert_eq!(
        stage
            .test
            .line("SELECT string_agg(code || coalesce(tag, '-'), ' ' ORDER BY code) FROM t"),
        "aX by n-"
    );
}

pub(super) fn values_of_extensions_that_are_taken_are_blockers() {
    let stage = in_open_schema(
        "[[lookup]]\ntable = \"t\"\nextra_rows = \"keep\"\n[[lookup]]\ntable = \"c\"\n",
        "INSERT INTO t VALUES ('a', 'X', NULL)",
        "INSERT INTO t VALUES ('other', 'x', NULL)",
    );
    assert_eq!(stage.blocked().code, Code::KeyTaken);

    let stage = in_open_schema(
        "protected = [\"c\"]\n[[lookup]]\ntable = \"t\"\n",
        "INSERT INTO t VALUES ('a', NULL, NULL)",
        "INSERT INTO t VALUES ('a', NULL, NULL), ('old', NULL, NULL); INSERT INTO c VALUES (1, 'OLD')",
    );
    assert_eq!(stage.blocked().code, Code::ReferencedRows);
}
