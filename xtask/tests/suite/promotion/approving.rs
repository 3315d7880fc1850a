//! What a plan binds: a plan that was approved is carried out as it is, or it is told what changed.

use xtask::model::backend::Backend;
use xtask::problem::Code;
use xtask::sync::planning::contract::Contract;
use xtask::sync::planning::plan::Plan;
use xtask::sync::planning::plan_file::Approved;
use xtask::sync::planning::stale::changes;

use super::{Stage, TABLES, configuration};
use crate::support::database::Database;

/// The approved plan as a file is stale for these reasons, digits aside; and it is refused under
/// the lock with the very same words.
#[track_caller]
fn assert_stale(stage: &Stage, approved: &Plan, words: &[&str]) {
    let found = assert_another(stage, approved, words);
    let before = stage.everything();
    let backups = stage.backups().len();
    let (_, ended) = stage.carry_out(approved);
    assert_eq!(stage.everything(), before);
    assert_eq!(stage.backups().len(), backups);
    let problem = ended.unwrap_err();
    assert_eq!(problem.code, Code::PlanStale, "{problem}");
    assert_eq!(problem.details, found);
}

/// The plan is another than the one in a file; returns what differs.
#[track_caller]
fn assert_another(stage: &Stage, approved: &Plan, words: &[&str]) -> Vec<String> {
    let file = stage.root.path().join("plan.json");
    approved.write(&file).unwrap();
    let read = Approved::read(&file).unwrap();
    assert_eq!(read.id, approved.id);
    let now = stage.plan();
    assert_ne!(read.id, now.id);
    let found = changes(&read.contract, &Contract::of(&now));
    assert_eq!(without_digits(&found), words);
    found
}

/// Digests, which are twelve hexadecimal digits here, as a dot.
fn without_digits(sentences: &[String]) -> Vec<String> {
    let plain = |word: &str| {
        let bare = word.trim_end_matches(',');
        let is_digest = bare.len() == 12 && bare.chars().all(|letter| letter.is_ascii_hexdigit());
        match is_digest {
            true => word.replace(bare, "·"),
            false => word.to_owned(),
        }
    };
    sentences
        .iter()
        .map(|sentence| sentence.split(' ').map(plain).collect::<Vec<_>>().join(" "))
        .collect()
}

pub(super) fn a_row_of_the_source_changed(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let approved = stage.plan();
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'changed again'");
    assert_stale(
        &stage,
        &approved,
        &["`fee_groups` in `dev` changed: its digest is · now, and was ·"],
    );
}

pub(super) fn a_row_of_the_target_changed(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let approved = stage.plan();
    stage
        .test
        .run("UPDATE fee_items SET label = 'theirs' WHERE id = 3");
    assert_stale(
        &stage,
        &approved,
        &[
            "`fee_items` in `test` changed: its digest is · now, and was ·",
            "`fee_items` is different (1 to update) now, and was the same",
            "`fee_items`: other rows were edited in `test`, or something else is to become of them",
        ],
    );
}

pub(super) fn the_schema_of_the_target_changed(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let approved = stage.plan();
    stage.test.run("CREATE TABLE theirs (id integer)");
    assert_stale(
        &stage,
        &approved,
        &["the schema of `test` changed: its fingerprint is · now, and was ·"],
    );
}

pub(super) fn a_migration_came_in_between(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let approved = stage.plan();
    stage.migrations.write(
        "2024-02-02-000000_more",
        "CREATE INDEX by_name ON merchants (name);",
    );
    stage.migrate();
    assert_stale(
        &stage,
        &approved,
        &[
            "the schema of `dev` changed: its fingerprint is · now, and was ·",
            "`dev` has run 2 migrations now (the newest is 20240202000000), and had run 1 (the newest was 20240101000000)",
            "migration 2024-02-02-000000_more is to run too",
        ],
    );
}

pub(super) fn another_database_has_the_same_contents(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let approved = stage.plan();
    let copy = match backend {
        Backend::Postgres => stage.test.copy_on_server(),
        Backend::Sqlite => {
            let copy = Database::create(backend);
            std::fs::copy(stage.test.file(), copy.file()).unwrap();
            copy
        }
    };
    let original = std::mem::replace(&mut stage.test, copy);
    stage.config = configuration(
        &stage.root,
        &stage.migrations,
        &stage.dev.url,
        &stage.test.url,
        TABLES,
    );
    assert_stale(
        &stage,
        &approved,
        &["`test` is another database than the one that the plan was made for"],
    );
    drop(original);
}

pub(super) fn what_was_approved_is_carried_out_once(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let approved = stage.plan();
    let (_, ended) = stage.carry_out(&approved);
    ended.unwrap();
    stage.assert_in_sync();
    assert_stale(
        &stage,
        &approved,
        &[
            "`fee_groups` in `test` changed: its digest is · now, and was ·",
            "`fee_groups` is the same now, and was different (3 to update)",
        ],
    );
}

pub(super) fn what_may_be_lost_is_approved(backend: Backend) {
    let clean = "2024-02-01-000000_clean";
    let mut stage = Stage::promoted(backend);
    stage.migrations.write(clean, "DELETE FROM merchants;");
    stage.migrate();
    stage.make_strict();
    let refused = stage.plan();
    let file = stage.root.path().join("plan.json");
    refused.write(&file).unwrap();
    assert_eq!(Approved::read(&file).unwrap().blockers, 1);
    stage.config.allow_data_loss = vec![clean.to_owned()];
    assert_another(
        &stage,
        &refused,
        &[
            "migration 2024-02-01-000000_clean may lose or change protected rows now, and was not allowed to",
        ],
    );
    // How many there are changes all the time.
    let approved = stage.plan();
    stage.test.run("INSERT INTO merchants VALUES (9, 'Ida', 1)");
    assert_eq!(stage.plan().id, approved.id);
}

pub(super) fn whoever_plans_has_to_rehearse_as_whoever_promotes(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.migrations.write(
        "2024-02-01-000000_next",
        "CREATE TABLE more (id integer PRIMARY KEY);",
    );
    stage.migrate();
    let approved = stage.plan();
    stage.do_not_rehearse();
    assert_another(
        &stage,
        &approved,
        &[
            "the migrations could not be tried on a copy of the target now, and were when the plan was made",
        ],
    );
}
