//! What goes wrong while a plan is carried out leaves both ends as they were.

use xtask::database;
use xtask::model::backend::Backend;
use xtask::model::ledger::RunKind;
use xtask::model::limits::Limits;
use xtask::problem::Code;
use xtask::sync::runs::history;

use super::Stage;

/// A trigger on a lookup table of both ends, so that it is no drift.
fn with_trigger(backend: Backend, event: &str, postgres: &str, sqlite: &str) -> Stage {
    let stage = Stage::ready(backend);
    let up = match backend {
        Backend::Postgres => format!(
            "CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {postgres}; END $$;\n\
             CREATE TRIGGER act {event} ON fee_groups FOR EACH ROW EXECUTE FUNCTION act();"
        ),
        Backend::Sqlite => format!("CREATE TRIGGER act {event} ON fee_groups BEGIN {sqlite}; END;"),
    };
    stage.promote();
    stage
        .test
        .run("INSERT INTO merchants VALUES (1, 'Ann', 1), (2, 'Bob', 2)");
    stage.migrations.write("2024-02-01-000000_trigger", &up);
    stage.migrate();
    stage
}

pub(super) fn a_trigger_that_writes_protected_rows_rolls_back(backend: Backend) {
    let stage = with_trigger(
        backend,
        "AFTER UPDATE",
        "UPDATE merchants SET name = name || '!' WHERE group_id = new.id; RETURN NULL",
        "UPDATE merchants SET name = name || '!' WHERE group_id = new.id",
    );
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let problem = stage.fails();
    assert_eq!(problem.code, Code::ProtectedRowsChanged, "{problem}");
    assert!(
        problem.message.contains("2 rows of `merchants`"),
        "{problem}"
    );
}

pub(super) fn a_trigger_that_changes_loaded_values_rolls_back(backend: Backend) {
    let (event, postgres, sqlite) = match backend {
        Backend::Postgres => (
            "BEFORE UPDATE",
            "new.label := upper(new.label); RETURN new",
            "",
        ),
        Backend::Sqlite => (
            "AFTER UPDATE",
            "",
            "UPDATE fee_groups SET label = upper(label) WHERE id = new.id",
        ),
    };
    let stage = with_trigger(backend, event, postgres, sqlite);
    // On Development the trigger was disabled, as a restore does it.
    match backend {
        Backend::Postgres => stage.dev.connect().run("SET session_replication_role = replica; UPDATE fee_groups SET label = 'changed' WHERE id < 3"),
        Backend::Sqlite => {
            let trigger = stage.dev.line("SELECT sql FROM sqlite_schema WHERE name = 'act'");
            stage.dev.run(&format!("DROP TRIGGER act; UPDATE fee_groups SET label = 'changed' WHERE id < 3; {trigger}"));
        }
    }
    let problem = stage.fails();
    assert_eq!(problem.code, Code::VerificationFailed, "{problem}");
    assert!(
        problem.message.contains("`fee_groups`")
            && problem.message.contains("2 rows different in `label`"),
        "{problem}"
    );
}

/// What the server says of rows is not for everybody who can read a report.
pub(super) fn messages_have_no_rows() {
    for (up, words) in [
        (
            "CREATE UNIQUE INDEX one_name ON merchants (name);",
            "could not create unique index \"one_name\" (Key (name) is duplicated; the server's log has the values)",
        ),
        (
            "ALTER TABLE merchants ADD CONSTRAINT short CHECK (length(name) < 3);",
            "check constraint \"short\" of relation \"merchants\" is violated by some row",
        ),
        (
            "ALTER TABLE merchants ALTER name TYPE integer USING name::integer;",
            "invalid input syntax for type integer (the server's log has the values)",
        ),
        (
            "ALTER TABLE merchants ADD CHECK (name <> 'secret'); UPDATE merchants SET name = 'secret';",
            "new row for relation \"merchants\" violates check constraint \"merchants_name_check\" (the server's log has the values)",
        ),
    ] {
        let mut stage = Stage::ready(Backend::Postgres);
        stage.promote();
        stage
            .test
            .run("INSERT INTO merchants VALUES (1, 'SECRET (a) b', 1), (2, 'SECRET (a) b', 2)");
        stage.migrations.write("2024-02-01-000000_more", up);
        stage.migrate();
        let on_the_copy = stage.blocked();
        stage.do_not_rehearse();
        for problem in [on_the_copy, stage.fails()] {
            assert_eq!(problem.code, Code::MigrationFailed);
            assert!(problem.message.ends_with(words), "{problem}");
            let printed = serde_json::to_string(&problem).unwrap();
            assert!(!printed.contains("SECRET"), "{printed}");
        }
    }
}

/// A plan sees unique columns that only the target has, but not what they are computed by.
pub(super) fn a_constraint_of_the_target_rolls_back(backend: Backend) {
    for (unique, is_seen) in [("label", true), ("lower(label)", false)] {
        let stage = Stage::promoted(backend);
        stage.test.run(&format!(
            "CREATE UNIQUE INDEX one_label ON fee_items ({unique})"
        ));
        stage.dev.run("INSERT INTO fee_items VALUES (20, 1, 'credit', 5); UPDATE fee_groups SET label = 'x' WHERE id = 1");
        assert_eq!(super::codes(&stage.plan().warnings), [Code::Drift]);
        if is_seen {
            let blocker = stage.blocked();
            assert_eq!(blocker.code, Code::KeyTaken);
            assert!(blocker.message.contains("(20)"), "{blocker}");
            continue;
        }
        let problem = stage.fails();
        assert_eq!(problem.code, Code::ConstraintViolated, "{problem}");
        assert!(problem.message.contains("fee_items"), "{problem}");
        assert!(problem.hint.unwrap().contains("--rows"));
    }
}

pub(super) fn a_failing_migration_rolls_back(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.do_not_rehearse();
    stage.migrations.write(
        "2024-02-01-000000_first",
        "CREATE TABLE first (id integer);",
    );
    // Holds on Development, where no merchant is without a group.
    let up = match backend {
        Backend::Postgres => {
            "-- every merchant has a group\n\nALTER TABLE merchants ALTER COLUMN group_id SET NOT NULL;"
        }
        Backend::Sqlite => {
            "-- every merchant has a group\n\nCREATE TABLE strict_merchants (id integer PRIMARY KEY, name text NOT NULL, group_id integer NOT NULL);\n\
             INSERT INTO strict_merchants SELECT id, name, group_id FROM merchants;\nDROP TABLE merchants;\n\
             ALTER TABLE strict_merchants RENAME TO merchants;"
        }
    };
    stage.migrations.write("2024-02-02-000000_second", up);
    stage.migrate();
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let problem = stage.fails();
    assert_eq!(problem.code, Code::MigrationFailed, "{problem}");
    assert!(
        problem.message.contains("2024-02-02-000000_second"),
        "{problem}"
    );
    assert!(problem.message.contains("group_id"), "{problem}");
}

/// The target stays as it is to the byte, so that its ledger cannot say it.
pub(super) fn a_failed_run_is_in_the_history(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.do_not_rehearse();
    stage.migrations.write(
        "2024-02-01-000000_table",
        "CREATE TABLE later (id integer PRIMARY KEY);",
    );
    stage.migrate();
    stage.dev.run("CREATE INDEX by_hand ON later (id)");
    let plan = stage.plan();
    let (report, ended) = stage.carry_out(&plan);
    let problem = ended.unwrap_err();

    let history = || history(&stage.config, &stage.config.pipeline[1]).unwrap();
    let failed = history().remove(0);
    assert_eq!(failed.kind, RunKind::Failed);
    assert_eq!(failed.id, report.run_id);
    assert_eq!(failed.plan_id, Some(plan.id));
    assert_eq!(failed.subject, "dev-to-test");
    assert_eq!(failed.summary, problem.message);
    let backup = report.backup.unwrap().path;
    assert_eq!(failed.backup, Some(backup.display().to_string()));

    // What succeeds later comes before it.
    stage.dev.run("DROP INDEX by_hand");
    let done = stage.promote();
    let ids: Vec<String> = history().into_iter().map(|run| run.id).collect();
    assert_eq!(ids[..2], [done.run_id, failed.id]);
}

pub(super) fn a_schema_that_ends_up_different_rolls_back(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.do_not_rehearse();
    stage.migrations.write(
        "2024-02-01-000000_table",
        "CREATE TABLE later (id integer PRIMARY KEY);",
    );
    stage.migrate();
    // Never written as a migration, so it cannot arrive.
    stage.dev.run("CREATE INDEX by_hand ON later (id)");
    let problem = stage.fails();
    assert_eq!(problem.code, Code::VerificationFailed, "{problem}");
    assert!(problem.message.contains("by_hand"), "{problem}");
}

pub(super) fn a_target_in_use_is_busy(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let other = database::open_target(&stage.test.checked_url(), Limits::default()).unwrap();
    let problem = stage.fails();
    assert_eq!(problem.code, Code::Busy, "{problem}");
    drop(other);
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn a_backup_that_cannot_be_written_stops_everything(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    // Below a file there is no folder, whatever the rights of the one who runs this.
    let file = stage.root.path().join("file");
    std::fs::write(&file, "").unwrap();
    stage.config.backup.dir = file.join("backups");
    let problem = stage.fails();
    assert_eq!(problem.code, Code::BackupFailed, "{problem}");
    assert!(problem.message.contains("backups"), "{problem}");
}

pub(super) fn a_plan_is_stale_when_the_target_changes(backend: Backend) {
    for change in [
        "UPDATE fee_items SET label = 'theirs' WHERE id = 3",
        "CREATE TABLE theirs (id integer)",
    ] {
        let stage = Stage::promoted(backend);
        stage.dev.run("UPDATE fee_groups SET label = 'changed'");
        let plan = stage.plan();
        stage.test.run(change);
        let before = stage.everything();
        let (_, ended) = stage.carry_out(&plan);
        assert_eq!(ended.unwrap_err().code, Code::PlanStale);
        assert_eq!(stage.everything(), before);
        assert_eq!(stage.backups().len(), 1);
    }
}

pub(super) fn a_plan_is_stale_when_the_source_changes(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let plan = stage.plan();
    // As many changes as before, but others.
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'changed again'");
    let (_, ended) = stage.carry_out(&plan);
    assert_eq!(ended.unwrap_err().code, Code::PlanStale);
    // Protected rows are not part of a plan.
    let plan = stage.plan();
    stage
        .test
        .run("INSERT INTO merchants VALUES (77, 'meanwhile', 1)");
    let (_, ended) = stage.carry_out(&plan);
    ended.unwrap();
}

pub(super) fn a_trigger_that_changes_another_lookup_table_rolls_back(backend: Backend) {
    let act = "UPDATE fee_items SET label = 'touched' WHERE id = 1";
    let stage = with_trigger(backend, "AFTER UPDATE", &format!("{act}; RETURN NULL"), act);
    // On Development the row was put right again; on the target only the trigger touches it.
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'changed' WHERE id = 1");
    stage
        .dev
        .run("UPDATE fee_items SET label = 'credit' WHERE id = 1");
    let problem = stage.fails();
    assert_eq!(problem.code, Code::VerificationFailed, "{problem}");
    assert!(problem.message.contains("`fee_items`"), "{problem}");
}

pub(super) fn a_trigger_that_changes_rows_outside_the_condition_rolls_back(backend: Backend) {
    let mut stage = with_trigger(
        backend,
        "AFTER INSERT",
        "UPDATE fee_groups SET label = label || '!' WHERE id > 5; RETURN NULL",
        "UPDATE fee_groups SET label = label || '!' WHERE id > 5",
    );
    stage.configure(&super::TABLES.replace(
        "table = \"fee_groups\"\n",
        "table = \"fee_groups\"\nwhere = \"id < 5\"\n",
    ));
    stage
        .test
        .run("UPDATE fee_groups SET label = 'theirs' WHERE id = 10");
    stage
        .dev
        .run("INSERT INTO fee_groups VALUES (3, 'new', 'new')");
    let problem = stage.fails();
    assert_eq!(problem.code, Code::ProtectedRowsChanged, "{problem}");
    assert_eq!(
        problem.message,
        "loading the lookup tables changed rows of `fee_groups` in Test that its `where` leaves to others"
    );
}
