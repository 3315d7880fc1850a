//! Edits made on the target, brought home.

use serde_json::json;
use xtask::model::backend::Backend;
use xtask::model::schema::table::TableName;
use xtask::problem::{Code, Problem};
use xtask::settings::environment::OnTargetEdit;
use xtask::settings::row_source::Folder;
use xtask::sync::adopt::{AdoptReport, adopt};

use super::editing::{edited, groups};
use super::retired::retiring;
use super::{Stage, importing};

pub(super) fn try_adopt(stage: &Stage, from: &str, table: &str) -> Result<AdoptReport, Problem> {
    let tables = [TableName::parse(table).unwrap()];
    adopt(&stage.config, from, &tables, &mut |_| {}).map_err(|error| Problem::of(&error))
}

pub(super) fn a_hotfix_comes_home(backend: Backend) {
    let mut stage = edited(backend, OnTargetEdit::Refuse);
    let before = stage.everything();
    let report = try_adopt(&stage, "test", "fee_groups").unwrap();
    assert_eq!(report.next, "cargo xtask sync import --env dev fee_groups");
    let [table] = report.tables.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!((table.changed, table.added, table.removed), (1, 0, 0));
    assert_eq!(
        serde_json::to_value(&table.edited).unwrap(),
        json!([{
            "key": {"id": "1"}, "edit": "changed", "both_changed": true,
            "cells": [{"column": "label", "promoted": "Cards", "first": "Cool", "target": "Hot", "both_changed": true}],
        }])
    );
    let text = std::fs::read_to_string(&table.file).unwrap();
    assert_eq!(
        text,
        "id,code,label\n1,card,Hot\n2,cash,Cash!\n10,wire,\\N\n"
    );
    let report = try_adopt(&stage, "test", "fee_items").unwrap();
    let [table] = report.tables.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!((table.changed, table.added, table.removed), (0, 1, 1));
    assert!(table.edited[0].both_changed && !table.edited[1].both_changed);
    let text = std::fs::read_to_string(&table.file).unwrap();
    let ids: Vec<&str> = text
        .lines()
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert_eq!(ids, ["id", "1", "3", "5", "11"]);
    assert_eq!(stage.everything(), before);
    let manifest =
        std::fs::read_to_string(stage.config.export_dir.join("dev/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["tables"].as_array().unwrap().len(), 2);
    assert_eq!(
        manifest["tables"][1]["digest"],
        json!(digest_of(&stage, "test"))
    );

    // What the files say, in Development.
    stage.dev.run(
        "UPDATE fee_groups SET label = 'Hot' WHERE id = 1; DELETE FROM fee_items WHERE id = 2; \
         INSERT INTO fee_items VALUES (5, 2, 'hot', 9)",
    );
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Refuse;
    stage.promote();
    stage.assert_in_sync();
    assert_eq!(groups(&stage), "1Hot 2Cash! 10-");
}

/// What an environment holds of `fee_items`.
fn digest_of(stage: &Stage, environment: &str) -> String {
    let environment = stage.config.environment(environment).unwrap();
    let mut observed = xtask::sync::snapshot::observe(environment).unwrap();
    observed.digest_lookups(&stage.config.lookups);
    observed.lookups[&TableName::new(None, "fee_items")]
        .digest
        .clone()
}

pub(super) fn what_cannot_be_adopted_is_refused(backend: Backend) {
    let stage = Stage::ready(backend);
    let code = |from, table| try_adopt(&stage, from, table).unwrap_err().code;
    assert_eq!(code("dev", "fee_groups"), Code::Usage);
    assert_eq!(code("nowhere", "fee_groups"), Code::Usage);
    assert_eq!(code("test", "merchants"), Code::MissingTable);
    stage.promote();
    assert!(try_adopt(&stage, "test", "fee_groups").is_ok());
    stage
        .test
        .run("UPDATE __sync_stamp SET environment = 'prod'");
    let code = try_adopt(&stage, "test", "fee_groups").unwrap_err().code;
    assert_eq!(code, Code::WrongStamp);
}

/// What was adopted goes into Development, as the command says that adopting prints.
fn import(stage: &Stage) {
    let folder = Folder::find(&stage.config, &stage.config.pipeline[0], None).unwrap();
    importing::carry_out(stage, &folder).1.unwrap();
}

pub(super) fn a_deletion_comes_home_where_rows_are_retired(backend: Backend) {
    let mut stage = retiring(backend);
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Refuse;
    stage
        .test
        .run("DELETE FROM merchants; DELETE FROM fee_items WHERE group_id = 2; DELETE FROM fee_groups WHERE id = 2");
    let removed = |stage: &Stage, table: &str| {
        let report = try_adopt(stage, "test", table).unwrap();
        report.tables[0].edited.len()
    };
    assert_eq!(removed(&stage, "fee_groups"), 1);
    assert_eq!(removed(&stage, "fee_items"), 1);
    import(&stage);
    assert_eq!(removed(&stage, "fee_groups"), 0);
    stage.promote();
    assert_eq!(groups(&stage), "1Cards 2off 10off");
    assert!(stage.plan().empty);
}

pub(super) fn what_was_adopted_is_never_taken_for_a_spreadsheets_work(backend: Backend) {
    let mut stage = Stage::ready(backend);
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Refuse;
    stage.dev.run(
        "UPDATE fee_groups SET code = '1-2', label = '007' WHERE id = 1; \
         UPDATE fee_groups SET label = 'true' WHERE id = 2; UPDATE fee_groups SET label = 'a\nb' WHERE id = 10",
    );
    stage.promote();
    stage.test.run(
        "UPDATE fee_groups SET code = '2-Jan', label = '7' WHERE id = 1; \
         UPDATE fee_groups SET label = 'TRUE' WHERE id = 2; UPDATE fee_groups SET label = 'a\r\nb' WHERE id = 10",
    );
    let before = groups(&stage);
    try_adopt(&stage, "test", "fee_groups").unwrap();
    import(&stage);
    stage.promote();
    stage.assert_in_sync();
    assert_eq!(groups(&stage), before);
}

/// No import deletes rows there, so that adopting does not promise it.
pub(super) fn what_no_import_deletes_is_deleted_by_hand(backend: Backend) {
    for extra_rows in ["keep", "refuse"] {
        let mut stage = Stage::empty(backend);
        stage.configure(&format!(
            "[[lookup]]\ntable = \"t\"\nextra_rows = \"{extra_rows}\"\n"
        ));
        for database in [&stage.dev, &stage.test] {
            database.run("CREATE TABLE t (id integer PRIMARY KEY, v text)");
        }
        stage.config.pipeline[1].on_target_edit = OnTargetEdit::Refuse;
        stage
            .dev
            .run("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
        stage.promote();
        stage
            .test
            .run("DELETE FROM t WHERE id = 2; UPDATE t SET v = 'z' WHERE id = 3");
        stage
            .dev
            .run("UPDATE t SET v = 'x' WHERE id = 2; UPDATE t SET v = 'y' WHERE id = 3");
        let blocker = stage.blocked();
        assert_eq!(blocker.code, Code::TargetEdited);
        let hint = blocker.hint.unwrap();
        assert!(
            hint.starts_with("what was deleted there has to be deleted by hand in Development too, as `extra_rows` of `t` lets no import do it; `cargo xtask sync adopt --from test t` brings the rest home; or set"),
            "{hint}"
        );
        let report = try_adopt(&stage, "test", "t").unwrap();
        let [table] = report.tables.as_slice() else {
            panic!("{report:?}")
        };
        assert_eq!((table.changed, table.removed), (1, 0));
        assert_eq!(
            serde_json::to_value(&table.left).unwrap(),
            json!([{"id": "2"}])
        );
        import(&stage);
        let hint = stage.blocked().hint.unwrap();
        assert!(
            hint.starts_with("what was deleted there has to be deleted by hand in Development too, as `extra_rows` of `t` lets no import do it; or set"),
            "{hint}"
        );
        stage.dev.run("DELETE FROM t WHERE id = 2");
        assert_eq!(stage.plan().blockers, []);
        assert_eq!(try_adopt(&stage, "test", "t").unwrap().tables[0].left, []);
    }
}
