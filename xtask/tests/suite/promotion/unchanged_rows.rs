//! Rows of lookup tables that a promotion is to leave as they are: whoever changes them, it stops.

use xtask::model::backend::Backend;
use xtask::problem::Code;
use xtask::settings::environment::OnTargetEdit;

use super::Stage;
use super::clashing::stage;

const TABLES: &str = "CREATE TABLE a (id integer PRIMARY KEY, v text); CREATE TABLE b (id integer PRIMARY KEY, region text, v text);";

/// A change of `a` does this too.
fn trigger(backend: Backend, act: &str) -> String {
    match backend {
        Backend::Postgres => format!(
            "CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {act}; RETURN NULL; END $$; \
             CREATE TRIGGER act AFTER UPDATE ON a FOR EACH ROW EXECUTE FUNCTION act();"
        ),
        Backend::Sqlite => format!("CREATE TRIGGER act AFTER UPDATE ON a BEGIN {act}; END;"),
    }
}

fn assert_left_alone(stage: &Stage, message: &str) {
    let before = stage.everything();
    let problem = stage.fails();
    assert_eq!(problem.code, Code::ProtectedRowsChanged, "{problem}");
    assert_eq!(problem.message, message);
    assert_eq!(stage.everything(), before);
}

pub(super) fn a_trigger_cannot_reach_rows_of_a_table_that_has_nothing_to_do(backend: Backend) {
    for (settings, rows) in [
        (
            "where = \"region = 'global'\"",
            "that its `where` leaves to others",
        ),
        ("extra_rows = \"keep\"", "that were to stay as they are"),
    ] {
        for act in [
            "DELETE FROM b WHERE region = 'local'",
            "UPDATE b SET v = 'changed' WHERE region = 'local'",
        ] {
            let stage = stage(
                backend,
                &format!("[[lookup]]\ntable = \"a\"\n[[lookup]]\ntable = \"b\"\n{settings}\n"),
                &format!("{TABLES} {}", trigger(backend, act)),
                "INSERT INTO a VALUES (1, 'new'); INSERT INTO b VALUES (1, 'global', '1')",
                "INSERT INTO a VALUES (1, 'old'); INSERT INTO b VALUES (1, 'global', '1'), (2, 'local', 'precious')",
            );
            assert_left_alone(
                &stage,
                &format!("loading the lookup tables changed rows of `b` in Test {rows}"),
            );
        }
    }
}

pub(super) fn a_trigger_cannot_reach_rows_that_are_kept(backend: Backend) {
    let act = "UPDATE b SET v = 'gone' WHERE v = 'precious'";
    let mut stage = stage(
        backend,
        "[[lookup]]\ntable = \"a\"\n[[lookup]]\ntable = \"b\"\n",
        &format!("{TABLES} {}", trigger(backend, act)),
        "INSERT INTO a VALUES (1, 'old'); INSERT INTO b VALUES (1, 'global', '1')",
        "",
    );
    stage.promote();
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Keep;
    stage.test.run("UPDATE b SET v = 'precious'");
    stage
        .dev
        .run("UPDATE a SET v = 'new'; UPDATE b SET v = '2'");
    assert_left_alone(
        &stage,
        "loading the lookup tables changed rows of `b` in Test that were to stay as they are",
    );
}

pub(super) fn a_trigger_may_do_what_development_shows(backend: Backend) {
    let act = "UPDATE b SET v = (SELECT v FROM a) WHERE id = 1";
    let stage = stage(
        backend,
        "[[lookup]]\ntable = \"a\"\n[[lookup]]\ntable = \"b\"\nextra_rows = \"keep\"\n",
        &format!("{TABLES} {}", trigger(backend, act)),
        "INSERT INTO a VALUES (1, 'new'); INSERT INTO b VALUES (1, 'global', 'new')",
        "INSERT INTO a VALUES (1, 'old'); INSERT INTO b VALUES (1, 'global', 'old'), (2, 'local', 'theirs')",
    );
    stage.promote();
    assert_eq!(
        stage.test.line("SELECT id || v FROM b ORDER BY id"),
        "1new 2theirs"
    );
}

/// A row that a unique key of SQLite would throw out without a word, for a value that only the load
/// knows.
pub(super) fn rows_are_not_replaced_unseen() {
    let stage = stage(
        Backend::Sqlite,
        "[[lookup]]\ntable = \"t\"\nextra_rows = \"keep\"\nignore = [\"region\"]\n",
        "CREATE TABLE t (id integer PRIMARY KEY, code text, region text NOT NULL DEFAULT (lower('E')), \
         UNIQUE (code, region) ON CONFLICT REPLACE)",
        "INSERT INTO t VALUES (1, 'a', 'x')",
        "INSERT INTO t VALUES (2, 'a', 'e')",
    );
    assert_left_alone(
        &stage,
        "loading the lookup tables changed rows of `t` in Test that were to stay as they are",
    );
}

pub(super) fn a_row_that_is_switched_off_lets_go_of_its_values(backend: Backend) {
    for unique in [
        "CREATE UNIQUE INDEX one ON t (code, active)",
        "CREATE UNIQUE INDEX one ON t (code) WHERE active = 1",
    ] {
        let stage = stage(
            backend,
            "[[lookup]]\ntable = \"t\"\nretire = { active = 0 }\n",
            &format!(
                "CREATE TABLE t (id integer PRIMARY KEY, code text, active integer NOT NULL); {unique}"
            ),
            "INSERT INTO t VALUES (1, 'A', 1)",
            "INSERT INTO t VALUES (2, 'A', 1)",
        );
        stage.promote();
        assert_eq!(
            stage
                .test
                .line("SELECT id || code || active FROM t ORDER BY id"),
            "1A1 2A0"
        );
        assert!(stage.plan().empty);
    }
}

/// The row that has it now changes in the same promotion.
pub(super) fn a_row_that_is_switched_off_takes_a_value(backend: Backend) {
    for (protected, others) in [
        ("", ""),
        ("RESTRICT", "INSERT INTO p VALUES (3), (4)"),
        ("NO ACTION", "INSERT INTO p VALUES (3), (4)"),
    ] {
        for code in ["text", "text NOT NULL"] {
            let p = match protected {
                "" => String::new(),
                action => format!("; CREATE TABLE p (t integer REFERENCES t ON DELETE {action})"),
            };
            let stage = stage(
                backend,
                &format!(
                    "{}[[lookup]]\ntable = \"t\"\nretire = {{ active = 0 }}\n",
                    if p.is_empty() {
                        ""
                    } else {
                        "protected = [\"p\"]\n"
                    }
                ),
                &format!(
                    "CREATE TABLE t (id integer PRIMARY KEY, code {code}, active integer NOT NULL, UNIQUE (code, active)){p}"
                ),
                "INSERT INTO t VALUES (1, 'A', 1), (2, 'B', 1), (4, 'C', 0)",
                &format!("INSERT INTO t VALUES (1, 'A', 1), (3, 'B', 1), (4, 'B', 0); {others}"),
            );
            stage.promote();
            assert_eq!(
                stage
                    .test
                    .line("SELECT id || code || active FROM t ORDER BY id"),
                "1A1 2B1 3B0 4C0"
            );
            assert!(stage.plan().empty);
        }
    }
}

/// SQLite takes a parameter without a value for NULL, and PostgreSQL does not have it at all.
pub(super) fn a_parameter_in_a_condition() {
    for (condition, parameter) in [
        ("v = ?", "?"),
        ("v = ?1", "?"),
        ("v = $1", "$1"),
        ("v = :a", ":"),
        ("v = @a", "@"),
        ("v = #a", "#"),
    ] {
        let stage = stage(
            Backend::Sqlite,
            &format!("[[lookup]]\ntable = \"t\"\nwhere = \"{condition}\"\n"),
            "CREATE TABLE t (id integer PRIMARY KEY, v text)",
            "INSERT INTO t VALUES (1, 'x')",
            "",
        );
        let blocker = stage.blocked();
        assert_eq!(blocker.code, Code::ConfigInvalid);
        assert_eq!(
            blocker.message,
            format!(
                "`where` of `t` has a parameter (`{parameter}`), and nobody gives a value for it"
            )
        );
        // It is refused by the plan, like every other blocker.
        assert_eq!(blocker.exit_code(), 4);
    }
    let stage = stage(
        Backend::Sqlite,
        "[[lookup]]\ntable = \"t\"\nwhere = \"v <> '?:@#$1' AND \\\"$v\\\" = 1\"\n",
        "CREATE TABLE t (id integer PRIMARY KEY, v text, \"$v\" integer)",
        "INSERT INTO t VALUES (1, 'x', 1)",
        "",
    );
    stage.promote();
}
