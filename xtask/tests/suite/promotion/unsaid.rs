//! Migrations that do more to protected rows than their texts say.

use xtask::problem::{Code, Problem};
use xtask::sync::schema::table::TableName;
use xtask::sync::settings::environment::Backend;
use xtask::sync::settings::rehearsal::RehearsalSetting;

use super::stage::MERCHANTS;
use super::{Stage, codes};

const NEXT: &str = "2024-03-01-000000_next";

/// The target asks twice. Both ends have `notes`, and whoever writes there also does `deed`, a
/// statement that no pending migration names.
fn with_deed(backend: Backend, deed: &str) -> Stage {
    let mut stage = Stage::ready(backend);
    let trigger = match backend {
        Backend::Postgres => format!(
            "CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE '{}'; RETURN NULL; END$$; \
             CREATE TRIGGER act AFTER INSERT ON notes EXECUTE FUNCTION act();",
            deed.replace('\'', "''")
        ),
        Backend::Sqlite => {
            format!("CREATE TRIGGER act AFTER INSERT ON notes BEGIN {deed}; END;")
        }
    };
    let base = format!("CREATE TABLE notes (id integer PRIMARY KEY); {trigger}");
    stage.migrations.write("2024-02-01-000000_notes", &base);
    stage.config.protected.push(TableName::new(None, "notes"));
    stage.migrate();
    stage.do_not_rehearse();
    stage.promote();
    stage.config.pipeline[1].rehearsal.mode = RehearsalSetting::Full;
    stage.test.run(MERCHANTS);
    stage.make_strict();
    stage
        .migrations
        .write(NEXT, "INSERT INTO notes VALUES (7);");
    stage.migrate();
    stage
}

/// What stands in the way: where all rows are on the copy it is known before, else in the run.
fn refused(stage: &Stage) -> Problem {
    match stage.test.backend {
        Backend::Sqlite => stage.blocked(),
        Backend::Postgres => stage.fails(),
    }
}

pub(super) fn protected_rows_go_only_with_leave(backend: Backend) {
    let mut stage = with_deed(backend, "DELETE FROM merchants WHERE id = 1");
    let problem = refused(&stage);
    let (code, words) = match backend {
        Backend::Sqlite => (
            Code::Destructive,
            "rehearsed on a copy of Test, the migrations do what none of them says: `merchants` loses 1 row".to_owned(),
        ),
        Backend::Postgres => (
            Code::ProtectedRowsChanged,
            format!("migration {NEXT} did to rows of Test what its text does not say: 1 row deleted in `merchants`"),
        ),
    };
    assert_eq!((problem.code, &problem.message), (code, &words));
    let hint = problem.hint.unwrap();
    assert!(
        hint.ends_with(&format!("if it is meant, add --allow-destructive {NEXT}")),
        "{hint}"
    );
    stage.config.allow_destructive = vec![NEXT.to_owned()];
    stage.promote();
    assert_eq!(stage.merchants(), "2Bob2 3Cyd0");
}

pub(super) fn protected_rows_change_only_with_leave(backend: Backend) {
    let stage = with_deed(backend, "UPDATE merchants SET name = 'x' WHERE id < 3");
    let problem = refused(&stage);
    let words = match backend {
        Backend::Sqlite => "2 rows of `merchants` get other values",
        Backend::Postgres => "2 rows updated in `merchants`",
    };
    assert!(problem.message.ends_with(words), "{problem}");
}

pub(super) fn what_is_not_said_warns_where_one_yes_is_enough(backend: Backend) {
    let mut stage = with_deed(backend, "DELETE FROM merchants WHERE id = 1");
    stage.config.pipeline[1].confirm.pop();
    let report = stage.promote();
    let code = match backend {
        Backend::Sqlite => Code::Destructive,
        Backend::Postgres => Code::ProtectedRowsChanged,
    };
    assert_eq!(codes(&report.warnings), [code]);
}

pub(super) fn tables_and_columns_go_only_with_leave() {
    for (deed, words) in [
        ("DROP TABLE merchants", "`merchants` is gone"),
        (
            "ALTER TABLE merchants DROP COLUMN name",
            "`name` of `merchants` is gone",
        ),
        (
            "ALTER TABLE merchants ALTER id TYPE smallint",
            "`id` of `merchants` turns from integer into smallint",
        ),
    ] {
        let stage = with_deed(Backend::Postgres, deed);
        let problem = stage.blocked();
        assert!(problem.message.ends_with(words), "{problem}");
    }
    let stage = with_deed(Backend::Postgres, "TRUNCATE merchants");
    let problem = stage.fails();
    assert!(
        problem.message.ends_with("all rows taken in `merchants`"),
        "{problem}"
    );
}

/// What is undone in the schema before anybody looks, or where nothing is rehearsed.
pub(super) fn what_the_schema_does_not_show_goes_only_with_leave() {
    let anew = "CREATE TABLE merchants (id integer PRIMARY KEY, name text NOT NULL, group_id integer REFERENCES fee_groups (id) ON DELETE SET NULL)";
    for (deed, rehearsed, words) in [
        (
            format!("DROP TABLE merchants; {anew}").as_str(),
            true,
            "`merchants` dropped in `merchants`",
        ),
        (
            "ALTER TABLE merchants DROP COLUMN name; ALTER TABLE merchants ADD COLUMN name text NOT NULL DEFAULT ''; \
             ALTER TABLE merchants ALTER name DROP DEFAULT",
            true,
            "column `name` dropped in `merchants`",
        ),
        (
            "ALTER TABLE merchants ALTER id TYPE smallint",
            false,
            "`id` turned from integer into smallint in `merchants`",
        ),
        ("TRUNCATE merchants", false, "all rows taken in `merchants`"),
    ] {
        let mut stage = with_deed(Backend::Postgres, deed);
        if !rehearsed {
            stage.do_not_rehearse();
        }
        let problem = stage.fails();
        assert_eq!(problem.code, Code::ProtectedRowsChanged);
        assert!(problem.message.ends_with(words), "{problem}");
    }
}

pub(super) fn a_partition_goes_only_with_leave() {
    for (up, is_harmless) in [
        (
            "DO $$ BEGIN EXECUTE 'DROP TABLE logs_' || 'one'; END $$;",
            false,
        ),
        (
            "ALTER TABLE logs DETACH PARTITION logs_one; UPDATE logs_one SET id = id WHERE false; \
             ALTER TABLE logs ATTACH PARTITION logs_one FOR VALUES FROM (0) TO (10);",
            true,
        ),
        (
            "CREATE TABLE logs_two PARTITION OF logs FOR VALUES FROM (10) TO (20); \
             INSERT INTO logs_two VALUES (7, 17); UPDATE logs_two SET id = 8; DELETE FROM logs_two;",
            true,
        ),
    ] {
        let mut stage = Stage::ready(Backend::Postgres);
        let logs = "CREATE TABLE logs (id integer, at integer) PARTITION BY RANGE (at); \
             CREATE TABLE logs_one PARTITION OF logs FOR VALUES FROM (0) TO (10);";
        stage.migrations.write("2024-02-01-000000_logs", logs);
        stage.config.protected.push(TableName::new(None, "logs"));
        stage.migrate();
        stage.do_not_rehearse();
        stage.promote();
        stage.test.run("INSERT INTO logs VALUES (1, 1), (2, 2)");
        stage.migrations.write(NEXT, up);
        stage.migrate();
        // The text tells of rows that are met; what is asked here is what was done.
        let report = stage.carry_out(&stage.plan());
        let done = codes(&report.0.warnings);
        assert_eq!(
            done.contains(&Code::ProtectedRowsChanged),
            !is_harmless,
            "{up}: {:?} {:?}",
            report.0.warnings,
            report.1
        );
        assert_eq!(report.1, Ok(()), "{up}");
    }
}

/// Rows that the target did not have are nobody's loss, and neither is room that rows left.
pub(super) fn tables_without_rows_may_be_rewritten() {
    for (up, more) in [
        ("ALTER TABLE merchants ALTER id TYPE bigint;", ""),
        (
            "INSERT INTO merchants VALUES (1, 'Ann', 1);",
            "CLUSTER merchants USING merchants_pkey; UPDATE merchants SET name = 'Bea';",
        ),
    ] {
        let mut stage = Stage::promoted(Backend::Postgres);
        stage.test.run("DELETE FROM merchants");
        stage.make_strict();
        stage.migrations.write("2024-02-02-000000_one", up);
        stage.migrations.write(NEXT, more);
        if more.is_empty() {
            stage.migrations.write(NEXT, "SELECT 1;");
        }
        stage.migrate();
        stage.promote();
    }
}

/// That one migration fills a new column says nothing of what another does.
pub(super) fn a_new_column_excuses_no_other() {
    let deed = "UPDATE merchants SET name = 'x' WHERE id = 1";
    let stage = with_deed(Backend::Sqlite, deed);
    let fill = "ALTER TABLE merchants ADD COLUMN since integer; UPDATE merchants SET since = 7;";
    stage.migrations.write("2024-03-02-000000_fill", fill);
    stage.migrate();
    let problem = stage.blocked();
    assert!(
        problem
            .message
            .ends_with("1 row of `merchants` get other values"),
        "{problem}"
    );
}

pub(super) fn rows_may_change_their_partition() {
    let mut stage = Stage::promoted(Backend::Postgres);
    let logs = "CREATE TABLE logs (id integer, at integer) PARTITION BY RANGE (at); \
         CREATE TABLE logs_one PARTITION OF logs FOR VALUES FROM (0) TO (10); \
         CREATE TABLE logs_two PARTITION OF logs FOR VALUES FROM (10) TO (20);";
    stage.dev.run(logs);
    stage.test.run(logs);
    stage.test.run("INSERT INTO logs VALUES (1, 1), (2, 2)");
    stage.config.protected.push(TableName::new(None, "logs"));
    let up = "UPDATE logs SET at = at + 10 WHERE id = 1;";
    stage.migrations.write(NEXT, up);
    stage.migrate();
    let report = stage.promote();
    assert_eq!(codes(&report.warnings), [Code::Destructive]);
}

pub(super) fn what_keeps_every_row_needs_no_leave(backend: Backend) {
    let both = [
        "ALTER TABLE merchants ADD COLUMN since integer; UPDATE merchants SET since = 7;",
        "ALTER TABLE merchants RENAME COLUMN name TO title; ALTER TABLE merchants ADD COLUMN name text; UPDATE merchants SET name = 'new';",
        "ALTER TABLE merchants RENAME TO traders; INSERT INTO traders VALUES (9, 'Ida', NULL);",
        "ALTER TABLE merchants RENAME COLUMN name TO \"Name\";",
        "CREATE INDEX by_name ON merchants (name); INSERT INTO merchants VALUES (0, 'Zoe', 1);",
    ];
    let one = match backend {
        Backend::Sqlite => [
            "CREATE TABLE new (id integer PRIMARY KEY, title text NOT NULL, group_id integer, more text); \
             INSERT INTO new SELECT id, name, group_id, 'more' FROM merchants; DROP TABLE merchants; ALTER TABLE new RENAME TO merchants;",
            "CREATE TABLE new (ID integer PRIMARY KEY, Name text NOT NULL, Group_id integer); \
             INSERT INTO new SELECT id, name, group_id FROM merchants; DROP TABLE merchants; ALTER TABLE new RENAME TO merchants;",
            "CREATE TABLE notes (line text); INSERT INTO notes VALUES ('a'), ('b'); INSERT INTO notes VALUES ('c');",
        ],
        Backend::Postgres => [
            "ALTER TABLE merchants ALTER id TYPE bigint; ALTER TABLE merchants ADD COLUMN chance float DEFAULT random(); INSERT INTO merchants VALUES (0, 'Zoe', 1);",
            "ALTER TABLE merchants DROP CONSTRAINT merchants_pkey; ALTER TABLE merchants RENAME TO old; \
             CREATE TABLE merchants (LIKE old INCLUDING DEFAULTS) PARTITION BY RANGE (id); \
             ALTER TABLE merchants ATTACH PARTITION old FOR VALUES FROM (0) TO (100);",
            "CREATE SCHEMA shop; ALTER TABLE merchants SET SCHEMA shop; ALTER SCHEMA shop RENAME TO market; UPDATE market.merchants SET name = name || 'x' WHERE false;",
        ],
    };
    for up in both.into_iter().chain(one) {
        let mut stage = Stage::promoted(backend);
        stage.make_strict();
        stage.migrations.write(NEXT, up);
        stage.migrate();
        stage.config.allow_destructive.clear();
        let plan = stage.plan();
        let blockers = plan.blockers.iter();
        let told: Vec<&Problem> = blockers
            .filter(|problem| problem.message.contains("none of them says"))
            .collect();
        assert!(told.is_empty(), "{up}: {told:?}");
        if plan.blockers.is_empty() {
            let (_, ended) = stage.carry_out(&plan);
            assert_eq!(ended, Ok(()), "{up}");
        }
    }
}
