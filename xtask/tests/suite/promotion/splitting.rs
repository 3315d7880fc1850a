//! Where a run has to be split, or need not be.

use xtask::database;
use xtask::model::backend::Backend;
use xtask::model::limits::Limits;
use xtask::problem::{Code, Problem};
use xtask::settings::rehearsal::RehearsalSetting;
use xtask::sync::migrate::migrate;

use super::parts::{FIRST, LAST, MARKED, OUTSIDE, TABLE, carried_out, outside, ran, split};
use super::{Stage, codes};

pub(super) fn development_is_migrated_in_parts(backend: Backend) {
    let stage = Stage::ready(backend);
    stage.migrations.write(FIRST, TABLE);
    stage.migrations.write(OUTSIDE, outside(backend));
    stage.migrations.write_metadata(OUTSIDE, MARKED);
    stage
        .migrations
        .write(LAST, "CREATE TABLE first (id integer);");
    let error = migrate(&stage.config, &mut |_| {}).unwrap_err();
    let problem = Problem::of(&error);
    assert_eq!(
        (problem.code, problem.exit_code()),
        (Code::MigrationFailed, 6)
    );
    assert!(
        problem.message.ends_with(&format!(
            ". Development is changed: {FIRST} and {OUTSIDE} are applied"
        )),
        "{problem}"
    );
    stage
        .migrations
        .write(LAST, "CREATE TABLE last (id integer);");
    let report = migrate(&stage.config, &mut |_| {}).unwrap();
    assert_eq!(report.migrations.len(), 1);
    assert_eq!(
        stage
            .dev
            .line("SELECT kind FROM __sync_runs ORDER BY finished_at"),
        "migrate unfinished migrate"
    );
}

pub(super) fn an_invalid_index_is_not_taken_for_the_one_to_make() {
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.migrations.write(
        OUTSIDE,
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one_name ON merchants (name);",
    );
    stage.migrations.write_metadata(OUTSIDE, MARKED);
    stage.migrate();
    stage.do_not_rehearse();
    stage.test.run("UPDATE merchants SET name = 'Ann'");
    let (_, ended) = stage.carry_out(&stage.plan());
    assert_eq!(ended.unwrap_err().exit_code(), 6);
    stage.test.run("UPDATE merchants SET name = name || id");
    let plan = stage.plan();
    assert_eq!(codes(&plan.blockers), [Code::MigrationFailed]);
    assert_eq!(
        plan.blockers[0].hint.as_deref(),
        Some("drop it first: DROP INDEX one_name")
    );
    stage.test.run("DROP INDEX one_name");
    stage.promote();
    stage.assert_in_sync();

    let stage = Stage::ready(Backend::Postgres);
    stage.migrations.write(
        OUTSIDE,
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one_item ON fee_items (group_id);",
    );
    stage.migrations.write_metadata(OUTSIDE, MARKED);
    for _ in 0..2 {
        let error = migrate(&stage.config, &mut |_| {}).unwrap_err();
        assert_eq!(Problem::of(&error).code, Code::MigrationFailed);
    }
}

pub(super) fn a_new_value_is_committed_before_rows_use_it() {
    let stage = Stage::ready(Backend::Postgres);
    stage.migrations.write(
        FIRST,
        "CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN feeling AS mood; \
         ALTER TABLE fee_groups ADD feelings feeling[] NOT NULL DEFAULT '{}';",
    );
    stage.migrate();
    stage.promote();
    stage
        .migrations
        .write(OUTSIDE, "ALTER TYPE mood ADD VALUE 'glad';");
    stage.migrate();
    stage
        .dev
        .run("UPDATE fee_groups SET feelings = '{glad,sad}' WHERE id = 2");
    let plan = stage.plan();
    assert_eq!(
        plan.parts[0].why.as_deref(),
        Some("rows of `fee_groups` may use a new value of `mood`, which has to be committed first")
    );
    assert_eq!(plan.parts.len(), 2);
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn a_new_value_is_committed_before_a_migration_uses_it() {
    let stage = Stage::promoted(Backend::Postgres);
    stage.migrations.write(
        FIRST,
        "CREATE TYPE mood AS ENUM ('sad'); ALTER TABLE merchants ADD mood mood;",
    );
    stage.migrate();
    stage.promote();
    stage
        .migrations
        .write(OUTSIDE, "ALTER TYPE mood ADD VALUE 'glad';");
    stage
        .migrations
        .write(LAST, "UPDATE merchants SET mood = 'glad';");
    stage.migrate();
    let plan = stage.plan();
    assert_eq!(plan.parts.len(), 2);
    assert_eq!(ran(&stage.promote()), [OUTSIDE, LAST]);
    assert_eq!(
        stage.test.line("SELECT DISTINCT mood FROM merchants"),
        "glad"
    );
    stage.migrations.write(
        "2024-02-04-000000_within",
        "DO $a$ BEGIN IF true THEN EXECUTE $$ALTER TYPE mood ADD VALUE 'calm'$$; END IF; END $a$;",
    );
    stage.migrations.write(
        "2024-02-05-000000_used",
        "UPDATE merchants SET mood = 'calm';",
    );
    stage.migrate();
    assert_eq!(stage.plan().parts.len(), 2);
    stage.promote();
    // No text has this one.
    stage.migrations.write(
        "2024-02-05-100000_computed",
        "DO $$ BEGIN EXECUTE format('ALTER TYPE mood ADD VALUE %L', 'wi' || 'ld'); END $$;",
    );
    stage.migrations.write(
        "2024-02-05-200000_computed_too",
        "UPDATE merchants SET mood = ('wi' || 'ld')::mood;",
    );
    stage.migrate();
    let plan = stage.plan();
    assert_eq!(
        plan.parts[0].why.as_deref(),
        Some(
            "2024-02-05-200000_computed_too uses a new value of an enum, which has to be committed first"
        )
    );
    stage.promote();
    // Nothing uses this one.
    stage
        .migrations
        .write("2024-02-06-000000_more", "ALTER TYPE mood ADD VALUE 'mad';");
    stage.migrate();
    assert!(stage.plan().atomic);
    stage.promote();
}

pub(super) fn a_new_value_that_nothing_tried_ends_a_promotion() {
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.migrations.write(
        FIRST,
        "CREATE TYPE mood AS ENUM ('sad'); ALTER TABLE merchants ADD mood mood;",
    );
    stage.migrate();
    stage.promote();
    stage
        .migrations
        .write(OUTSIDE, "ALTER TYPE mood ADD VALUE 'glad';");
    stage
        .migrations
        .write(LAST, "UPDATE merchants SET mood = 'glad';");
    stage.migrate();
    stage.do_not_rehearse();
    let problem = stage.fails();
    assert_eq!(problem.code, Code::ValueUncommitted);
    assert!(
        problem.hint.unwrap().contains("--until"),
        "{}",
        problem.message
    );
    stage.config.until = Some(OUTSIDE.to_owned());
    stage.promote();
    stage.config.until = None;
    stage.promote();
    assert_eq!(
        stage.test.line("SELECT DISTINCT mood FROM merchants"),
        "glad"
    );

    // It is added and used by one.
    let both = "ALTER TYPE mood ADD VALUE 'calm'; UPDATE merchants SET mood = 'calm';";
    stage.migrations.write("2024-02-04-000000_both", both);
    let error = migrate(&stage.config, &mut |_| {}).unwrap_err();
    assert_eq!(Problem::of(&error).code, Code::ValueUncommitted);
    stage.dev.run("ALTER TYPE mood ADD VALUE 'calm'");
    stage
        .dev
        .run("INSERT INTO __diesel_schema_migrations (version) VALUES ('20240204000000')");
    stage.config.pipeline[1].rehearsal.mode = RehearsalSetting::Full;
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::ValueUncommitted, "{blocker}");
}

pub(super) fn nobody_comes_between_two_parts() {
    let stage = split(
        Backend::Postgres,
        TABLE,
        "CREATE TABLE last (id integer PRIMARY KEY);",
    );
    let mut met = Vec::new();
    let (_, ended) = carried_out(&stage, || {
        // Whatever is done concurrently waits for everybody who has a snapshot.
        let holding = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL";
        assert_eq!(stage.test.line(holding), "0");
        let error = database::open_target(&stage.test.checked_url(), Limits::default()).err();
        met.push(Problem::of(&error.unwrap()));
    });
    ended.unwrap();
    assert_eq!(codes(&met), [Code::Busy]);
    assert!(met[0].message.contains(": process "), "{}", met[0]);
    // And afterwards the lock is free.
    database::open_target(&stage.test.checked_url(), Limits::default()).unwrap();
}

pub(super) fn what_is_deferred_is_checked_after_each_migration() {
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.migrations.write(
        FIRST,
        "ALTER TABLE merchants ADD boss integer, ADD CONSTRAINT boss FOREIGN KEY (boss) REFERENCES merchants \
         DEFERRABLE INITIALLY DEFERRED; UPDATE merchants SET boss = 1;",
    );
    // The rows of the first are checked; else the table could not be altered.
    stage.migrations.write(
        OUTSIDE,
        "ALTER TABLE merchants ADD note text; INSERT INTO merchants VALUES (8, 'Hal', 1, 9), (9, 'Ida', 1, 8);",
    );
    // What is deferred from the start still is, and what comes too.
    stage.migrations.write(
        LAST,
        "INSERT INTO merchants VALUES (6, 'Fay', 1, 7); INSERT INTO merchants VALUES (7, 'Gus', 1, 6); \
         CREATE TABLE pairs (id integer PRIMARY KEY, other integer REFERENCES pairs DEFERRABLE INITIALLY DEFERRED); \
         INSERT INTO pairs VALUES (1, 2); INSERT INTO pairs VALUES (2, 1);",
    );
    stage.dev.run("INSERT INTO merchants VALUES (1, 'Ann', 1)");
    stage.migrate();
    assert!(stage.plan().atomic);
    stage.promote();
    assert_eq!(stage.test.line("SELECT count(*) FROM merchants"), "7");

    // A constraint that breaks is told of the migration that breaks it.
    stage.migrations.write(
        "2024-02-04-000000_breaks",
        "UPDATE merchants SET boss = 3 WHERE id = 3; DELETE FROM merchants WHERE id = 3;",
    );
    stage
        .migrations
        .write("2024-02-05-000000_more", "CREATE TABLE more (id integer);");
    stage.dev.run("INSERT INTO merchants VALUES (3, 'Cyd', 1)");
    stage.migrate();
    stage.test.run("UPDATE merchants SET boss = 3 WHERE id = 2");
    let on_the_copy = stage.blocked();
    stage.do_not_rehearse();
    for problem in [on_the_copy, stage.fails()] {
        let words = "migration 2024-02-04-000000_breaks failed: ";
        assert!(problem.message.contains(words), "{problem}");
    }
}

pub(super) fn what_no_transaction_may_hold_is_found(backend: Backend) {
    let stage = Stage::promoted(backend);
    let up = outside(backend);
    stage.migrations.write(OUTSIDE, up);
    let error = migrate(&stage.config, &mut |_| {}).unwrap_err();
    assert_eq!(Problem::of(&error).code, Code::NotTransactional);
    // It ran on Development by other means.
    stage.dev.run(up);
    stage
        .dev
        .run("INSERT INTO __diesel_schema_migrations (version) VALUES ('20240202000000')");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::NotTransactional);
    let words = match backend {
        Backend::Postgres => "CREATE INDEX CONCURRENTLY cannot run inside a transaction block",
        Backend::Sqlite => "cannot VACUUM from within a transaction",
    };
    assert_eq!(
        blocker.message,
        format!(
            "rehearsed on a copy of Test: migration {OUTSIDE} failed at line 1 of up.sql: {words}"
        )
    );
    assert!(blocker.hint.unwrap().contains("run_in_transaction = false"));
    if backend == Backend::Sqlite {
        return;
    }
    stage
        .migrations
        .write(OUTSIDE, &format!("{up} CREATE TABLE more (id integer);"));
    stage.migrations.write_metadata(OUTSIDE, MARKED);
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::NotTransactional, "{blocker}");
    assert_eq!(
        blocker.hint.as_deref(),
        Some("give that statement a migration of its own")
    );
}

pub(super) fn a_setting_that_a_migration_leaves_ends_with_it() {
    let stage = Stage::promoted(Backend::Sqlite);
    stage.migrations.write(
        OUTSIDE,
        "PRAGMA foreign_keys = OFF;\nCREATE TABLE more (id integer PRIMARY KEY);\n\
         CREATE TEMPORARY TABLE fee_items AS SELECT * FROM fee_items;\nPRAGMA foreign_keys = ON;",
    );
    stage.migrations.write_metadata(OUTSIDE, "");
    // With foreign keys on, this would empty the tables that refer to it.
    stage.migrations.write(
        LAST,
        "CREATE TABLE new_groups (id integer PRIMARY KEY, code text NOT NULL UNIQUE, label text, note text);\n\
         INSERT INTO new_groups SELECT id, code, label, NULL FROM fee_groups;\nDROP TABLE fee_groups;\n\
         ALTER TABLE new_groups RENAME TO fee_groups;",
    );
    stage.migrate();
    stage.dev.run("UPDATE fee_items SET label = 'changed'");
    stage.promote();
    assert_eq!(stage.merchants(), "1Ann1 2Bob2 3Cyd0");
    stage.assert_in_sync();
}
