//! Rows that somebody edited on the target.

use serde_json::json;
use xtask::model::backend::Backend;
use xtask::problem::Code;
use xtask::settings::environment::OnTargetEdit;
use xtask::sync::planning::plan::PlannedLookup;
use xtask::sync::promoting::look::look;
use xtask::sync::restore::restore;

use super::adopting::try_adopt;
use super::{Stage, codes};

/// One row is changed on the target, one deleted, one added; the source changes the same rows.
pub(super) fn edited(backend: Backend, on_target_edit: OnTargetEdit) -> Stage {
    let mut stage = Stage::promoted(backend);
    stage.config.pipeline[1].on_target_edit = on_target_edit;
    edit(&stage);
    stage
}

fn edit(stage: &Stage) {
    stage.test.run(
        "UPDATE fee_groups SET label = 'Hot' WHERE id = 1; DELETE FROM fee_items WHERE id = 2; \
         INSERT INTO fee_items VALUES (5, 2, 'hot', 9)",
    );
    stage.dev.run(
        "UPDATE fee_groups SET label = 'Cool' WHERE id = 1; UPDATE fee_groups SET label = 'Cash!' WHERE id = 2; \
         UPDATE fee_items SET label = 'debit!' WHERE id = 2",
    );
}

pub(super) fn edited_rows(stage: &Stage) -> Vec<u64> {
    let plan = stage.plan();
    plan.lookups
        .iter()
        .map(|lookup| lookup.edited_rows)
        .collect()
}

fn shown(lookup: &PlannedLookup) -> serde_json::Value {
    serde_json::to_value(&lookup.edited).unwrap()
}

pub(super) fn groups(stage: &Stage) -> String {
    stage
        .test
        .line("SELECT id || coalesce(label, '-') FROM fee_groups ORDER BY id")
}

fn items(stage: &Stage) -> String {
    stage
        .test
        .line("SELECT id || label FROM fee_items ORDER BY id")
}

/// The source changes, and nobody edited anything.
pub(super) fn assert_quiet(stage: &Stage) {
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    assert_eq!(plan.warnings, []);
    for lookup in &plan.lookups {
        assert_eq!((lookup.edited_rows, lookup.changed_since), (0, false));
    }
}

fn promoted_file(stage: &Stage, table: &str) -> std::path::PathBuf {
    let folder = stage.config.export_dir.join("test/promoted");
    folder.join(format!("{table}.csv"))
}

pub(super) fn edits_are_overwritten_and_shown(backend: Backend) {
    let stage = edited(backend, OnTargetEdit::Overwrite);
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    assert_eq!(codes(&plan.warnings), [Code::TargetEdited; 2]);
    assert_eq!(
        shown(&plan.lookups[0]),
        json!([{
            "key": {"id": "1"}, "edit": "changed", "change": "update", "outcome": "overwrite",
            "cells": [{"column": "label", "promoted": "Cards", "source": "Cool", "target": "Hot"}],
        }])
    );
    let kinds: Vec<_> = plan.lookups[1]
        .edited
        .iter()
        .map(|row| serde_json::to_value((row.edit, row.change)).unwrap())
        .collect();
    assert_eq!(
        kinds,
        [json!(["deleted", "insert"]), json!(["added", "delete"])]
    );
    let (report, ended) = stage.carry_out(&plan);
    ended.unwrap();
    assert_eq!(codes(&report.warnings), [Code::TargetEdited; 2]);
    stage.assert_in_sync();
    assert_quiet(&stage);
    stage.dev.run("UPDATE fee_groups SET label = 'next'");
    assert_quiet(&stage);
}

pub(super) fn edits_are_kept(backend: Backend) {
    let stage = edited(backend, OnTargetEdit::Keep);
    let plan = stage.plan();
    assert_eq!(codes(&plan.warnings), [Code::TargetEdited; 2]);
    assert_eq!((plan.lookups[0].update, plan.lookups[0].keep), (1, 1));
    assert_eq!((plan.lookups[1].insert, plan.lookups[1].delete), (0, 0));
    let report = stage.promote();
    assert!(report.verified);
    assert_eq!(report.lookups[0].kept, 1);
    assert_eq!(groups(&stage), "1Hot 2Cash! 10-");
    assert_eq!(items(&stage), "1credit 3coins 5hot 11abroad");
    // They stay, whatever comes.
    assert!(stage.plan().empty);
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'next'; DELETE FROM fee_items WHERE id = 3");
    stage.promote();
    assert_eq!(groups(&stage), "1Hot 2next 10next");
    assert_eq!(items(&stage), "1credit 5hot 11abroad");
}

pub(super) fn a_kept_row_keeps_what_it_refers_to(backend: Backend) {
    let gone = "2 rows of `t` that are to go are still referred to by 2 rows of `c`";
    for (action, code, words) in [
        ("", Code::ReferencedRows, gone),
        (
            "ON DELETE CASCADE",
            Code::CascadeToProtected,
            "deleting 2 rows of `t` would delete 2 rows of `c`",
        ),
        (
            "ON DELETE SET NULL",
            Code::CascadeToProtected,
            "deleting 2 rows of `t` would empty `t` of 2 rows of `c`",
        ),
    ] {
        let mut stage = Stage::empty(backend);
        stage.migrations.write(
            "2024-01-01-000000_base",
            &format!(
                "CREATE TABLE t (id integer PRIMARY KEY); \
                 CREATE TABLE c (id integer PRIMARY KEY, t integer REFERENCES t (id) {action}, label text);"
            ),
        );
        stage.configure("[[lookup]]\ntable = \"t\"\n[[lookup]]\ntable = \"c\"\n");
        stage.config.pipeline[1].on_target_edit = OnTargetEdit::Keep;
        stage.migrate();
        stage.dev.run(
            "INSERT INTO t VALUES (1), (2), (3); INSERT INTO c VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c'), (4, 3, 'd')",
        );
        stage.promote();
        // One that the source moves elsewhere, one that it deletes; those that are not kept go.
        stage.test.run(
            "UPDATE c SET label = 'hot' WHERE id = 2; UPDATE c SET label = 'hot' WHERE id = 3",
        );
        stage.dev.run(
            "UPDATE c SET t = 1 WHERE id = 2; DELETE FROM c WHERE id > 2; DELETE FROM t WHERE id > 1",
        );
        let blocker = stage.blocked();
        assert_eq!(blocker.code, code);
        assert_eq!(blocker.message, format!("{words} (2: 1; 3: 1)"));
        // Where they may stay, so may what they refer to.
        stage.configure(
            "[[lookup]]\ntable = \"t\"\nextra_rows = \"keep\"\n[[lookup]]\ntable = \"c\"\n",
        );
        stage.config.pipeline[1].on_target_edit = OnTargetEdit::Keep;
        stage.promote();
        let left = "SELECT id || label FROM c ORDER BY id";
        assert_eq!(stage.test.line(left), "1a 2hot 3hot");
    }
}

pub(super) fn edits_are_kept_through_a_migration(backend: Backend) {
    let stage = edited(backend, OnTargetEdit::Keep);
    stage.migrations.write(
        "2024-02-01-000000_rank",
        "ALTER TABLE fee_groups ADD COLUMN rank integer;",
    );
    stage.migrate();
    stage.dev.run("UPDATE fee_groups SET rank = id");
    let plan = stage.plan();
    assert_eq!(plan.lookups[0].edited_rows, 1);
    stage.promote();
    assert_eq!(groups(&stage), "1Hot 2Cash! 10-");
    let ranks = stage
        .test
        .line("SELECT coalesce(rank, 0) FROM fee_groups ORDER BY id");
    assert_eq!(ranks, "0 2 10");
}

pub(super) fn edits_are_refused(backend: Backend) {
    let mut stage = edited(backend, OnTargetEdit::Refuse);
    let plan = stage.plan();
    assert_eq!(codes(&plan.blockers), [Code::TargetEdited; 2]);
    assert_eq!(
        plan.blockers[1].message,
        "2 rows of `fee_items` were edited in Test since the last promotion, which Development would overwrite: 2; 5"
    );
    let hint = plan.blockers[1].hint.clone().unwrap();
    assert!(
        hint.starts_with("`cargo xtask sync adopt --from test fee_items`"),
        "{hint}"
    );
    let before = stage.everything();
    let (_, ended) = stage.carry_out(&plan);
    assert_eq!(ended.unwrap_err().code, Code::TargetEdited);
    assert_eq!(stage.everything(), before);
    // Another policy is another plan.
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Overwrite;
    assert_ne!(stage.plan().id, plan.id);
}

pub(super) fn a_hotfix_that_arrives_is_no_conflict(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Refuse;
    stage
        .test
        .run("UPDATE fee_groups SET label = 'Hot' WHERE id = 1");
    assert_eq!(edited_rows(&stage), [1, 0]);
    stage.dev.run(
        "UPDATE fee_groups SET label = 'Hot' WHERE id = 1; UPDATE fee_groups SET label = 'new' WHERE id = 2",
    );
    assert_quiet(&stage);
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn a_new_column_is_no_edit(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.migrations.write(
        "2024-02-01-000000_rank",
        "ALTER TABLE fee_groups ADD COLUMN rank integer DEFAULT 7;",
    );
    stage.migrate();
    stage
        .dev
        .run("UPDATE fee_groups SET rank = id, label = 'new'");
    assert_quiet(&stage);
    stage.promote();
    stage.assert_in_sync();
    stage.dev.run("UPDATE fee_groups SET rank = 0");
    assert_quiet(&stage);
    // A column that came without a promotion: the others tell.
    for database in [&stage.dev, &stage.test] {
        database.run("ALTER TABLE fee_groups ADD COLUMN note text");
    }
    stage
        .dev
        .run("UPDATE fee_groups SET note = 'x', label = 'newer'");
    assert_quiet(&stage);
    stage
        .test
        .run("UPDATE fee_groups SET label = 'Hot' WHERE id = 2");
    assert_eq!(edited_rows(&stage), [1, 0]);
}

pub(super) fn a_restore_is_no_edit(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_groups SET label = 'second'");
    stage.promote();
    let mut backups = stage.backups();
    backups.retain(|backup| !backup.manifest.rows.is_empty());
    let test = stage.config.environment("test").unwrap();
    restore(&stage.config, test, &backups[0], &mut |_| {}).unwrap();
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Refuse;
    assert_quiet(&stage);
    // What was promoted before is not at hand any more, but its digest is.
    stage
        .test
        .run("UPDATE fee_groups SET label = 'Hot' WHERE id = 2");
    assert!(stage.plan().lookups[0].changed_since);
    stage
        .test
        .run("UPDATE fee_groups SET label = 'Cash' WHERE id = 2");
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn what_is_not_promoted_is_no_edit(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(
        "protected = [\"merchants\"]\n[[lookup]]\ntable = \"fee_groups\"\ninsert_only = [\"label\"]\nextra_rows = \"keep\"\n\
         [[lookup]]\ntable = \"fee_items\"\nwhere = \"amount IS NOT NULL\"\n",
    );
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Refuse;
    // What was promoted under another condition is not compared.
    assert_quiet(&stage);
    stage.dev.run("INSERT INTO fee_groups VALUES (20, 'new', 'x'); UPDATE fee_items SET amount = 3 WHERE id = 1");
    stage.promote();
    stage.test.run(
        "UPDATE fee_groups SET label = 'own' WHERE id = 1; INSERT INTO fee_groups VALUES (30, 'own', 'own'); \
         INSERT INTO fee_items VALUES (40, 30, 'own', NULL)",
    );
    stage.dev.run(
        "UPDATE fee_groups SET code = 'code' WHERE id = 20; UPDATE fee_items SET amount = 4 WHERE id = 1",
    );
    assert_quiet(&stage);
    stage.promote();
    stage
        .test
        .run("UPDATE fee_items SET amount = 5 WHERE id = 1");
    assert_eq!(edited_rows(&stage), [0, 1]);
}

pub(super) fn without_the_promoted_rows_the_digest_tells(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'new' WHERE id = 2");
    let file = promoted_file(&stage, "fee_groups");
    let whole = std::fs::read_to_string(&file).unwrap();
    let damage: [&dyn Fn(); 3] = [
        &|| std::fs::write(&file, whole.replace("Cards", "Hot")).unwrap(),
        &|| std::fs::write(&file, "no,such,file\n").unwrap(),
        &|| std::fs::remove_file(&file).unwrap(),
    ];
    for damage in damage {
        damage();
        assert_quiet(&stage);
    }
    stage
        .test
        .run("UPDATE fee_groups SET label = 'Hot' WHERE id = 1");
    let plan = stage.plan();
    assert!(plan.lookups[0].changed_since);
    assert_eq!(codes(&plan.warnings), [Code::TargetEdited]);
    let refused = try_adopt(&stage, "test", "fee_groups").unwrap_err();
    assert_eq!(refused.code, Code::TargetEdited);
    for policy in [OnTargetEdit::Refuse, OnTargetEdit::Keep] {
        stage.config.pipeline[1].on_target_edit = policy;
        assert_eq!(stage.blocked().code, Code::TargetEdited);
    }
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(edited_rows(&stage), [1, 0]);
}

pub(super) fn what_was_promoted_is_kept_beside_the_exports(backend: Backend) {
    let stage = Stage::promoted(backend);
    let file = promoted_file(&stage, "fee_groups");
    let exported = stage.config.export_dir.join("dev/fee_groups.csv");
    let before = std::fs::read(&file).unwrap();
    assert_eq!(before, std::fs::read(exported).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // A run that fails leaves what was there, and a killed one only what goes with the next.
    let folder = file.parent().unwrap();
    std::fs::write(folder.join(".killed.part"), "").unwrap();
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'new' WHERE id = 1");
    stage.promote();
    assert_ne!(std::fs::read(&file).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2);
}

pub(super) fn an_older_ledger_knows_nothing(backend: Backend) {
    let mut stage = edited(backend, OnTargetEdit::Refuse);
    stage.test.run("DROP TABLE __sync_lookups");
    assert_quiet(&stage);
    stage.promote();
    edit(&stage);
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Keep;
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'Cooler' WHERE id = 1");
    assert_eq!(edited_rows(&stage)[0], 1);
}

pub(super) fn every_edited_row_is_shown_on_demand(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.test.run(
        "INSERT INTO fee_items SELECT i.id + 100 * g.id, 1, 'own', 0 FROM fee_items AS i, fee_groups AS g",
    );
    let promotion = stage.config.promotion("dev-to-test").unwrap();
    let few = look(&stage.config, &promotion, false).unwrap().seen.plan;
    let all = look(&stage.config, &promotion, true).unwrap().seen.plan;
    let counts = |plan: &xtask::sync::planning::plan::Plan| {
        (plan.lookups[1].edited_rows, plan.lookups[1].edited.len())
    };
    assert_eq!((counts(&few), counts(&all)), ((12, 5), (12, 12)));
    assert_eq!(few.id, all.id);
}
