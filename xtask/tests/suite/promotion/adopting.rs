//! Edits made on the target, brought home.

use serde_json::json;
use xtask::problem::{Code, Problem};
use xtask::sync::adopt::{AdoptReport, adopt};
use xtask::sync::environment::Backend;
use xtask::sync::table::TableName;
use xtask::sync::three_way::OnTargetEdit;

use super::Stage;
use super::editing::{edited, groups};

pub(super) fn try_adopt(stage: &Stage, from: &str, table: &str) -> Result<AdoptReport, Problem> {
    let tables = [TableName::parse(table).unwrap()];
    adopt(&stage.config, from, &tables, &mut |_| {}).map_err(|error| Problem::of(&error))
}

pub(super) fn a_hotfix_comes_home(backend: Backend) {
    let mut stage = edited(backend, OnTargetEdit::Refuse);
    let before = stage.everything();
    let report = try_adopt(&stage, "test", "fee_groups").unwrap();
    assert_eq!(report.next, "cargo xtask sync import --env dev");
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
