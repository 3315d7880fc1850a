//! Rows that are switched off instead of deleted, and edits of the target.

use xtask::model::backend::Backend;
use xtask::settings::environment::OnTargetEdit;
use xtask::sync::status::status;

use super::editing::{assert_quiet, edited_rows, groups};
use super::{Stage, TABLES};

pub(super) fn retired_rows_are_no_edit(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&TABLES.replace(
        "table = \"fee_groups\"\n",
        "table = \"fee_groups\"\nretire = { label = \"off\" }\n",
    ));
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Refuse;
    stage
        .dev
        .run("DELETE FROM fee_items WHERE group_id = 10; DELETE FROM fee_groups WHERE id = 10");
    assert_quiet(&stage);
    stage.promote();
    assert_eq!(groups(&stage), "1Cards 2Cash 10off");
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'new' WHERE id = 1");
    assert_quiet(&stage);
    stage
        .test
        .run("UPDATE fee_groups SET label = 'on' WHERE id = 10");
    assert_eq!(edited_rows(&stage), [1, 0]);
}

/// Groups are switched off instead of deleted, and the group `wire` is.
pub(super) fn retiring(backend: Backend) -> Stage {
    let mut stage = Stage::promoted(backend);
    stage.configure(&TABLES.replace(
        "table = \"fee_groups\"\n",
        "table = \"fee_groups\"\nretire = { label = \"off\" }\n",
    ));
    stage
        .dev
        .run("DELETE FROM fee_items WHERE group_id = 10; DELETE FROM fee_groups WHERE id = 10");
    stage.promote();
    assert_eq!(groups(&stage), "1Cards 2Cash 10off");
    stage
}

pub(super) fn a_retired_row_comes_back(backend: Backend) {
    for policy in [OnTargetEdit::Refuse, OnTargetEdit::Keep] {
        let mut stage = retiring(backend);
        stage.config.pipeline[1].on_target_edit = policy;
        stage
            .dev
            .run("INSERT INTO fee_groups VALUES (10, 'wire', 'back')");
        assert_quiet(&stage);
        stage.promote();
        assert_eq!(groups(&stage), "1Cards 2Cash 10back");
        stage.assert_in_sync();
    }
    // One that somebody switched on by hand is an edit.
    let mut stage = retiring(backend);
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Refuse;
    stage
        .test
        .run("UPDATE fee_groups SET label = 'on' WHERE id = 10");
    stage
        .dev
        .run("INSERT INTO fee_groups VALUES (10, 'wire', 'back')");
    assert_eq!(edited_rows(&stage), [1, 0]);
}

pub(super) fn a_row_that_is_gone_on_the_target_and_off_in_the_source_is_no_edit(backend: Backend) {
    let mut stage = retiring(backend);
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Refuse;
    stage.test.run(
        "UPDATE merchants SET group_id = NULL; DELETE FROM fee_items WHERE group_id = 2; DELETE FROM fee_groups WHERE id = 2",
    );
    stage.dev.run("DELETE FROM fee_items WHERE group_id = 2");
    assert_eq!(edited_rows(&stage), [1, 0]);
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'off' WHERE id = 2");
    assert_quiet(&stage);
    stage.promote();
    assert_eq!(groups(&stage), "1Cards 2off 10off");
}

/// SQLite takes any value for any column.
pub(super) fn a_retired_value_that_is_none_of_its_column() {
    let mut stage = Stage::empty(Backend::Postgres);
    stage.configure(
        "[[lookup]]\ntable = \"r\"\nretire = { active = \"maybe\" }\n[[lookup]]\ntable = \"s\"\n",
    );
    for database in [&stage.dev, &stage.test] {
        database.run("CREATE TABLE r (id integer PRIMARY KEY, active boolean); CREATE TABLE s (id integer PRIMARY KEY)");
    }
    stage.test.run("INSERT INTO r VALUES (1, true)");
    stage.dev.run("INSERT INTO s VALUES (1)");
    let blocker = stage.blocked();
    assert!(blocker.message.contains("`r`") && blocker.message.contains("maybe"));
    assert!(blocker.hint.unwrap().contains("`retire` of `r`"));
    let board = status(&stage.config).unwrap();
    assert_eq!(board.promotions[0].blockers, stage.plan().blockers);
    assert_eq!(board.promotions[0].lookups[1].insert, 1);
}

/// A domain over an enum, and json, have no operators.
pub(super) fn rows_are_retired_by_values_that_cannot_be_compared() {
    let mut stage = Stage::empty(Backend::Postgres);
    stage.configure(
        "[[lookup]]\ntable = \"d\"\nretire = { state = \"off\" }\n[[lookup]]\ntable = \"j\"\nretire = { state = '{\"off\": 1}' }\n",
    );
    for database in [&stage.dev, &stage.test] {
        database.run(
            "CREATE TYPE state AS ENUM ('on', 'off'); CREATE DOMAIN state_now AS state; \
             CREATE TABLE d (id integer PRIMARY KEY, state state_now); CREATE TABLE j (id integer PRIMARY KEY, state json)",
        );
    }
    stage
        .test
        .run("INSERT INTO d VALUES (1, 'on'), (2, 'off'), (3, NULL); INSERT INTO j VALUES (1, '{}'), (2, '{\"off\": 1}')");
    let retired: Vec<u64> = stage
        .plan()
        .lookups
        .iter()
        .map(|found| found.retire)
        .collect();
    assert_eq!(retired, [2, 1]);
    stage.promote();
    assert!(stage.plan().empty);
    assert_eq!(stage.test.line("SELECT state FROM d"), "off off off");
}
