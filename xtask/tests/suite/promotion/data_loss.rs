//! Migrations that lose or change protected rows: who has to allow it, and what happens where a run
//! does something else than was approved.

use xtask::model::backend::Backend;
use xtask::model::migrations::effects::RowEffect;
use xtask::problem::{Code, Problem};
use xtask::settings::rehearsal::RehearsalSetting;
use xtask::sync::event::Event;

use super::effects::{NEXT, lossy, with_deed};
use super::{BASE, Stage, codes};

const CLEAN_UP: &str = "UPDATE merchants SET name = 'x' WHERE id < 3;\nDELETE FROM fee_items WHERE id = 11;\n\
    CREATE TABLE clean (id integer);\nINSERT INTO clean VALUES (1);\nDROP TABLE clean;\n";

const WORDS: &str = "changes `name` in 2 rows of `merchants` (1; 2)";

pub(super) fn a_loss_warns_where_one_yes_is_enough(backend: Backend) {
    let mut stage = lossy(backend, CLEAN_UP);
    stage.config.pipeline[1].confirm.pop();
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    assert_eq!(codes(&plan.warnings), [Code::Destructive]);
    assert_eq!(
        plan.warnings[0].message,
        format!("migration {NEXT} loses or changes protected rows of Test: {WORDS}")
    );
    let effects: Vec<String> = plan.migrations[0]
        .effects
        .iter()
        .map(RowEffect::words)
        .collect();
    assert_eq!(effects, [WORDS]);
    let report = stage.promote();
    // The report says what was done.
    assert_eq!(report.migrations[0].effects, plan.migrations[0].effects);
    assert_eq!(report.protected_rows_changed, 2);
    assert!(report.protected_by_load.is_empty());
    assert!(report.summary().contains(WORDS), "{}", report.summary());
    stage.assert_in_sync();
    assert_eq!(stage.merchants(), "1x1 2x2 3Cyd0");
}

pub(super) fn a_loss_has_to_be_allowed_where_two_are_asked(backend: Backend) {
    let mut stage = lossy(backend, CLEAN_UP);
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::Destructive);
    assert_eq!(
        blocker.hint.unwrap(),
        format!("if that is meant, add --allow-data-loss {NEXT}")
    );
    let id = stage.plan().id;
    for named in [NEXT, "20240301000000", "2024-03-01-000000"] {
        stage.config.allow_data_loss = vec![named.to_owned()];
        let plan = stage.plan();
        assert_eq!((plan.blockers, plan.warnings), (vec![], vec![]), "{named}");
        assert!(plan.migrations[0].destructive_allowed);
        // Whoever approves a plan approves what it may lose.
        assert_ne!(plan.id, id);
    }
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn only_migrations_that_are_there_can_be_allowed(backend: Backend) {
    let mut stage = lossy(backend, CLEAN_UP);
    stage.config.allow_data_loss = vec![NEXT.to_owned(), "2024-02-01-000000_other".to_owned()];
    let problem = Problem::of(&stage.try_plan().unwrap_err());
    assert_eq!(problem.code, Code::Usage);
    assert!(
        problem.message.contains("`2024-02-01-000000_other`"),
        "{problem}"
    );
    assert_eq!(problem.hint.unwrap(), format!("the plan has {NEXT}"));
    // One that ran already is no mistake, so that the same command can be given again.
    stage.config.allow_data_loss = vec![NEXT.to_owned(), BASE.to_owned()];
    stage.promote();
    assert!(stage.plan().empty);
}

pub(super) fn rows_are_measured_again_under_the_lock(backend: Backend) {
    let stage = lossy(backend, "UPDATE merchants SET name = 'x' WHERE id = 9;");
    let plan = stage.plan();
    assert_eq!((&plan.blockers, &plan.warnings), (&vec![], &vec![]));
    stage
        .test
        .run("INSERT INTO merchants VALUES (9, 'Ida', NULL)");
    let before = stage.everything();
    let (_, ended) = stage.carry_out(&plan);
    let problem = ended.unwrap_err();
    assert_eq!(problem.code, Code::ProtectedRowsChanged);
    assert!(
        problem
            .message
            .contains("which it did not do on the copy: changes `name` in 1 row"),
        "{problem}"
    );
    assert_eq!(stage.everything(), before);
}

/// How many rows there are is not what was approved; which table, column and kind is.
pub(super) fn more_rows_of_the_same_are_approved(backend: Backend) {
    let mut stage = lossy(backend, "UPDATE merchants SET name = 'x';");
    stage.config.allow_data_loss = vec![NEXT.to_owned()];
    let plan = stage.plan();
    stage
        .test
        .run("INSERT INTO merchants VALUES (9, 'Ida', NULL)");
    let (report, ended) = stage.carry_out(&plan);
    assert_eq!(ended, Ok(()));
    assert_eq!(report.migrations[0].effects[0].rows, Some(4));
    assert_eq!(report.protected_rows_changed, 4);
}

pub(super) fn what_a_trigger_does_is_measured(backend: Backend) {
    let mut stage = with_deed(backend, "DELETE FROM merchants WHERE id = 1");
    let blocker = stage.blocked();
    assert_eq!(
        blocker.message,
        format!(
            "migration {NEXT} loses or changes protected rows of Test: deletes 1 row of `merchants` (1)"
        )
    );
    stage.config.allow_data_loss = vec![NEXT.to_owned()];
    let report = stage.promote();
    assert_eq!(report.protected_rows_changed, 1);
    assert_eq!(stage.merchants(), "2Bob2 3Cyd0");
}

/// Without a copy it is measured in the run all the same.
pub(super) fn what_was_not_tried_rolls_back(backend: Backend) {
    let mut stage = with_deed(backend, "UPDATE merchants SET name = 'x' WHERE id < 3");
    stage.do_not_rehearse();
    let problem = stage.fails();
    assert_eq!(problem.code, Code::ProtectedRowsChanged);
    assert!(problem.message.ends_with(WORDS), "{problem}");
    let hint = problem.hint.unwrap();
    assert!(
        hint.ends_with(&format!("add --allow-data-loss {NEXT}")),
        "{hint}"
    );
    stage.config.allow_data_loss = vec![NEXT.to_owned()];
    let report = stage.promote();
    assert_eq!(report.migrations[0].effects[0].words(), WORDS);

    let mut stage = with_deed(backend, "DELETE FROM merchants WHERE id = 1");
    stage.do_not_rehearse();
    stage.config.pipeline[1].confirm.pop();
    let report = stage.promote();
    assert_eq!(codes(&report.warnings), [Code::ProtectedRowsChanged]);
}

pub(super) fn a_loss_that_the_copy_did_not_show_rolls_back() {
    let mut stage = lossy(
        Backend::Postgres,
        "UPDATE merchants SET name = 'x' WHERE id = 1; DELETE FROM merchants WHERE id = 9;",
    );
    stage.config.allow_data_loss = vec![NEXT.to_owned()];
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    let (_, ended) = stage.carry_out_with(&plan, &mut |event| {
        if matches!(&event, Event::Step { title, .. } if title.starts_with("export ")) {
            stage
                .test
                .run("INSERT INTO merchants VALUES (9, 'Eve', NULL)");
        }
    });
    let problem = ended.unwrap_err();
    assert_eq!(problem.code, Code::ProtectedRowsChanged, "{problem}");
    assert!(
        problem
            .message
            .ends_with("which it did not do on the copy: deletes 1 row of `merchants` (9)"),
        "{problem}"
    );
    assert_eq!(stage.merchants(), "1Ann1 2Bob2 3Cyd0 9Eve0");
}

/// Of a copy without protected rows only what becomes of the schema is known.
pub(super) fn a_copy_of_the_schema_shows_what_is_dropped() {
    let schema = |up: &str| {
        let mut stage = lossy(Backend::Postgres, up);
        stage.config.pipeline[1].rehearsal.mode = RehearsalSetting::Schema;
        stage
    };
    for (up, words) in [
        (
            "ALTER TABLE merchants DROP COLUMN name;",
            "drops `name` of `merchants` with values that were not counted",
        ),
        ("DROP TABLE merchants;", "drops `merchants` with 3 rows"),
    ] {
        let blocker = schema(up).blocked();
        assert!(blocker.message.ends_with(words), "{blocker}");
    }
    let mut stage = schema(CLEAN_UP);
    assert!(stage.fails().message.ends_with(WORDS));
    stage.config.allow_data_loss = vec![NEXT.to_owned()];
    stage.promote();
    for up in [
        "ALTER TABLE merchants ALTER id TYPE bigint;",
        "ALTER TABLE merchants ADD COLUMN since integer; UPDATE merchants SET since = 7;",
    ] {
        let report = schema(up).promote();
        assert_eq!(report.protected_rows_changed, 0, "{up}");
    }
}

/// Of a lookup table only what is left to the target can be lost.
pub(super) fn rows_of_lookup_tables_are_lost_where_they_are_the_targets_own(backend: Backend) {
    let up = "UPDATE fee_items SET amount = 9 WHERE id = 2; DELETE FROM fee_items WHERE id = 11;";
    let deleted = "deletes 1 row of `fee_items` (11)";
    let changed = "changes `amount` in 1 row of `fee_items` (2)";
    for (settings, expected) in [
        ("", vec![]),
        ("extra_rows = \"keep\"", vec![deleted, changed]),
        ("ignore = [\"amount\"]", vec![deleted, changed]),
        ("ignore = [\"label\"]", vec![deleted]),
    ] {
        let mut stage = lossy(backend, up);
        stage.configure(&format!("{}{settings}\n", super::TABLES));
        let plan = stage.plan();
        let effects = plan.migrations[0].effects.iter();
        assert_eq!(
            effects.map(RowEffect::words).collect::<Vec<_>>(),
            expected,
            "{settings}"
        );
    }
}

pub(super) fn a_migration_outside_a_transaction_is_measured(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage
        .migrations
        .write(NEXT, "DELETE FROM merchants WHERE id = 1;");
    stage.migrations.write_metadata(NEXT, super::parts::MARKED);
    stage.migrate();
    let mut stage = stage;
    stage.make_strict();
    let blocker = stage.blocked();
    assert!(
        blocker.message.contains("deletes 1 row of `merchants`"),
        "{blocker}"
    );
    stage.config.allow_data_loss = vec![NEXT.to_owned()];
    stage.promote();
    assert_eq!(stage.merchants(), "2Bob2 3Cyd0");
}
