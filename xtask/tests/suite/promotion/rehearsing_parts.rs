//! Runs in several parts are tried in those parts.

use xtask::model::backend::Backend;
use xtask::problem::Code;

use super::parts::{MARKED, outside};
use super::rehearsing::{NEXT, copies, counts};
use super::{Stage, codes};

const LAST: &str = "2024-02-02-000000_last";

/// Test lacks two migrations, of which the first is a part of its own.
fn in_parts(backend: Backend, first: &str, last: &str) -> Stage {
    let stage = Stage::promoted(backend);
    stage.migrations.write(NEXT, first);
    stage.migrations.write_metadata(NEXT, MARKED);
    stage.migrations.write(LAST, last);
    stage.migrate();
    stage
}

pub(super) fn a_run_in_parts_is_rehearsed(backend: Backend) {
    let stage = in_parts(
        backend,
        outside(backend),
        "UPDATE fee_groups SET label = 'renamed' WHERE id = 1; ALTER TABLE fee_groups ADD COLUMN last integer;",
    );
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'mine' WHERE id = 2");
    let before = stage.everything();
    let plan = stage.plan();
    assert!(plan.rehearsed && plan.parts.len() == 2, "{plan:?}");
    assert_eq!((&plan.drift[..], &plan.warnings[..]), (&[][..], &[][..]));
    assert_eq!(counts(&plan, "fee_groups"), (0, 1, 0, 2));
    assert_eq!(stage.everything(), before);
    stage.promote();
    stage.assert_in_sync();

    // The second part, which would leave the first behind, fails on the copy.
    let stage = in_parts(
        backend,
        outside(backend),
        "ALTER TABLE fee_groups ADD COLUMN last integer; CREATE UNIQUE INDEX one_label ON fee_items (label);",
    );
    stage
        .test
        .run("INSERT INTO fee_items VALUES (30, 1, 'twice', NULL), (31, 1, 'twice', NULL)");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::MigrationFailed);
    assert!(
        blocker
            .message
            .starts_with(&format!("rehearsed on a copy of Test: migration {LAST}")),
        "{blocker}"
    );
    if backend == Backend::Postgres {
        assert_eq!(copies(&stage), []);
    }
}

/// What is still open when a part ends is lost, and the plan says so.
pub(super) fn a_part_that_stays_open_is_found_out() {
    let stage = in_parts(
        Backend::Sqlite,
        "SAVEPOINT s; CREATE TABLE lost (id integer PRIMARY KEY); RELEASE s;",
        "ALTER TABLE fee_groups ADD COLUMN last integer;",
    );
    // Development has run another text; the one that stays open comes from somebody else.
    let open = "SAVEPOINT s; CREATE TABLE lost (id integer PRIMARY KEY);";
    stage.migrations.write(NEXT, open);
    stage.dev.run("DELETE FROM __sync_migrations");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::NotTransactional);
    assert!(blocker.message.contains("does not end"), "{blocker}");
}

/// SQLite does not watch references while migrations run.
pub(super) fn a_part_that_breaks_references_is_found_out() {
    let mut stage = in_parts(
        Backend::Sqlite,
        "UPDATE merchants SET group_id = 77 WHERE id = 1;",
        "ALTER TABLE fee_groups ADD COLUMN last integer;",
    );
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::MigrationFailed);
    assert!(
        blocker.message.contains("breaks a constraint") && blocker.message.contains("`merchants`"),
        "{blocker}"
    );
    stage.do_not_rehearse();
    let (_, ended) = stage.carry_out(&stage.plan());
    let problem = ended.unwrap_err();
    assert_eq!(
        (problem.code, problem.exit_code()),
        (Code::MigrationFailed, 6)
    );
}

/// What a transaction does to the server is seen before the copy commits it.
pub(super) fn a_part_that_changes_the_server_is_not_committed_on_the_copy() {
    let role = format!("sync_test_in_part_{}", std::process::id());
    let stage = Stage::promoted(Backend::Postgres);
    let make = format!("DO $$ BEGIN EXECUTE 'CREATE ' || 'ROLE {role}'; END $$;");
    stage.migrations.write(NEXT, &make);
    stage.migrations.write(LAST, outside(Backend::Postgres));
    stage.migrations.write_metadata(LAST, MARKED);
    stage.migrate();
    stage.dev.run(&format!("DROP ROLE {role}"));
    let plan = stage.plan();
    assert_eq!(codes(&plan.warnings), [Code::NotRehearsed]);
    let expected = format!("{NEXT} reaches beyond the database (pg_authid)");
    assert!(plan.warnings[0].message.contains(&expected), "{plan:?}");
    let there = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'");
    assert_eq!(stage.test.line(&there), "0");
}

pub(super) fn names_of_tables_reach_nowhere() {
    let stage = Stage::promoted(Backend::Postgres);
    stage.migrations.write(
        NEXT,
        "CREATE TABLE subscription (id integer PRIMARY KEY, plan text); CREATE INDEX one_plan ON subscription (plan);",
    );
    stage.migrations.write(
        LAST,
        "CREATE INDEX CONCURRENTLY two_plan ON subscription (plan, id);",
    );
    stage.migrations.write_metadata(LAST, MARKED);
    stage.migrate();
    assert!(stage.plan().rehearsed);
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn what_reaches_beyond_its_database_is_not_rehearsed(backend: Backend) {
    let folder = crate::support::database::folder();
    let copy = folder.path().join("copy.sqlite3");
    let role = format!("sync_test_{}", std::process::id());
    let (first, words) = match backend {
        Backend::Postgres => (format!("CREATE ROLE {role};"), "CREATE ROLE"),
        Backend::Sqlite => (format!("VACUUM INTO '{}';", copy.display()), "VACUUM INTO"),
    };
    let stage = Stage::promoted(backend);
    stage.migrations.write(NEXT, &first);
    stage.migrations.write_metadata(NEXT, MARKED);
    // Development has run it, as it says; what it left there goes again.
    stage.migrate();
    match backend {
        Backend::Postgres => stage.dev.run(&format!("DROP ROLE {role}")),
        Backend::Sqlite => std::fs::remove_file(&copy).unwrap(),
    }
    let plan = stage.plan();
    assert!(!plan.rehearsed && plan.blockers.is_empty(), "{plan:?}");
    assert_eq!(codes(&plan.warnings), [Code::NotRehearsed]);
    let expected = format!("{NEXT} reaches beyond its database ({words})");
    assert!(plan.warnings[0].message.contains(&expected), "{plan:?}");
    match backend {
        Backend::Postgres => {
            let there = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'");
            assert_eq!(stage.test.line(&there), "0");
        }
        Backend::Sqlite => assert!(!copy.exists()),
    }
}
