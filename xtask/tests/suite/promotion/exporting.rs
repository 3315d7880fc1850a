//! Exported files that somebody edited.

use std::path::PathBuf;

use xtask::model::backend::Backend;
use xtask::model::schema::table::TableName;
use xtask::problem::{Code, Problem};
use xtask::settings::environment::OnTargetEdit;
use xtask::settings::row_source::Folder;

use super::adopting::try_adopt;
use super::importing::{self, edit};
use super::{Stage, codes};

/// Promoted and so exported; then Development has another row to promote.
fn exported(backend: Backend) -> (Stage, Folder) {
    let stage = Stage::promoted(backend);
    let folder = development(&stage);
    stage
        .dev
        .run("UPDATE fee_items SET label = 'coin' WHERE id = 3");
    (stage, folder)
}

fn development(stage: &Stage) -> Folder {
    Folder::find(&stage.config, &stage.config.pipeline[0], None).unwrap()
}

fn file(folder: &Folder, name: &str) -> PathBuf {
    folder.path.join(name)
}

fn read(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(file(folder, name)).unwrap()
}

pub(super) fn an_edited_export_is_never_replaced_unasked(backend: Backend) {
    let (mut stage, folder) = exported(backend);
    edit(&folder, "fee_groups.csv", "Cards", "Plastic");
    let before = (
        read(&folder, "fee_groups.csv"),
        read(&folder, "manifest.json"),
    );
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::EditedExport);
    assert!(
        blocker
            .message
            .contains("fee_groups.csv (edited since it was written)"),
        "{blocker:?}"
    );
    let hint = blocker.hint.unwrap();
    assert!(hint.contains("sync import --env dev fee_groups`"), "{hint}");
    assert!(hint.contains("--discard-edits"), "{hint}");
    let after = (
        read(&folder, "fee_groups.csv"),
        read(&folder, "manifest.json"),
    );
    assert_eq!(before, after);
    stage.config.discard_edits = true;
    assert_eq!(codes(&stage.plan().warnings), [Code::EditedExport]);
    stage.promote();
    assert!(!read(&folder, "fee_groups.csv").contains("Plastic"));
    stage.assert_in_sync();
}

pub(super) fn an_edit_after_the_plan_stops_the_run(backend: Backend) {
    let (stage, folder) = exported(backend);
    let plan = stage.plan();
    edit(&folder, "fee_items.csv", "debit", "debits");
    let before = stage.everything();
    let (_, ended) = stage.carry_out(&plan);
    assert_eq!(ended.unwrap_err().code, Code::EditedExport);
    assert_eq!(stage.everything(), before);
    assert!(read(&folder, "fee_items.csv").contains("debits"));
}

pub(super) fn what_was_imported_may_be_replaced(backend: Backend) {
    let (stage, folder) = exported(backend);
    // In another order than an export has.
    let text = read(&folder, "fee_groups.csv");
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    let turned = lines.join("\n").replace("Cards", "Plastic") + "\n";
    std::fs::write(file(&folder, "fee_groups.csv"), turned).unwrap();
    std::fs::remove_file(file(&folder, "fee_items.csv")).unwrap();
    importing::carry_out(&stage, &folder).1.unwrap();
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'Coins' WHERE id = 2");
    stage.promote();
    stage.assert_in_sync();
    assert_eq!(
        stage
            .test
            .line("SELECT label FROM fee_groups WHERE id < 3 ORDER BY id"),
        "Plastic Coins"
    );
    // An edit after the import is one again.
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'Money' WHERE id = 2");
    edit(&folder, "fee_groups.csv", "Plastic", "Cards");
    assert_eq!(codes(&stage.plan().blockers), [Code::EditedExport]);
}

pub(super) fn only_files_with_other_contents_are_in_the_way(backend: Backend) {
    let (stage, folder) = exported(backend);
    // The source has the same by other means.
    edit(&folder, "fee_items.csv", "debit", "debits");
    stage.dev.run(
        "UPDATE fee_items SET label = 'debits' WHERE id = 2; UPDATE fee_items SET label = 'coins' WHERE id = 3",
    );
    assert_eq!(stage.plan().blockers, []);
    stage
        .dev
        .run("UPDATE fee_items SET label = 'coin' WHERE id = 3");
    assert_eq!(codes(&stage.plan().blockers), [Code::EditedExport]);
    // A file that is gone is written anew; one that nobody knows is not replaced.
    std::fs::remove_file(file(&folder, "fee_items.csv")).unwrap();
    assert_eq!(stage.plan().blockers, []);
    std::fs::write(file(&folder, "fee_items.csv"), "id\n1\n").unwrap();
    assert_eq!(codes(&stage.plan().blockers), [Code::EditedExport]);
    std::fs::remove_file(file(&folder, "fee_items.csv")).unwrap();
    std::fs::write(file(&folder, "notes.csv"), "mine").unwrap();
    std::fs::remove_file(file(&folder, "manifest.json")).unwrap();
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'Cash!' WHERE id = 2");
    let blocker = stage.blocked();
    assert!(
        blocker
            .message
            .contains("fee_groups.csv (not in the manifest)"),
        "{blocker:?}"
    );
    std::fs::remove_file(file(&folder, "fee_groups.csv")).unwrap();
    std::fs::create_dir(file(&folder, "fee_groups.csv")).unwrap();
    assert!(stage.blocked().message.contains("no ordinary file"));
    std::fs::remove_dir(file(&folder, "fee_groups.csv")).unwrap();
    stage.promote();
    assert_eq!(read(&folder, "notes.csv"), "mine");
}

/// A run that was killed while it gave its files their names.
pub(super) fn a_killed_export_is_no_edit(backend: Backend) {
    let (stage, folder) = exported(backend);
    let old = read(&folder, "fee_items.csv");
    importing::export_development(&stage);
    let manifest = read(&folder, "manifest.json");
    let mut killed: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    std::fs::write(file(&folder, "other.csv"), &old).unwrap();
    let sha256 = xtask::files::private::sha256(&file(&folder, "other.csv")).unwrap();
    for table in killed["tables"].as_array_mut().unwrap() {
        if table["table"] == "fee_items" {
            table["replaces"] = sha256.clone().into();
        }
    }
    std::fs::write(file(&folder, "manifest.json"), killed.to_string()).unwrap();
    stage
        .dev
        .run("UPDATE fee_items SET label = 'x' WHERE id = 3");
    for text in [read(&folder, "fee_items.csv"), old] {
        std::fs::write(file(&folder, "fee_items.csv"), text).unwrap();
        assert_eq!(stage.plan().blockers, []);
    }
    stage.promote();
    assert!(!read(&folder, "manifest.json").contains("replaces"));
}

/// One row of `fee_groups` is edited on Test, others in Development.
fn adopted(backend: Backend) -> (Stage, Folder) {
    let mut stage = Stage::promoted(backend);
    stage.config.pipeline[1].on_target_edit = OnTargetEdit::Overwrite;
    stage
        .test
        .run("UPDATE fee_groups SET label = 'Hot' WHERE id = 1");
    let report = try_adopt(&stage, "test", "fee_groups").unwrap();
    assert_eq!(report.next, "cargo xtask sync import --env dev fee_groups");
    let folder = development(&stage);
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'Coins' WHERE id = 2; INSERT INTO fee_groups VALUES (4, 'new', 'New'); UPDATE fee_items SET label = 'coin' WHERE id = 3");
    (stage, folder)
}

fn groups(stage: &Stage) -> String {
    stage
        .dev
        .line("SELECT id || coalesce(label, '-') FROM fee_groups ORDER BY id")
}

pub(super) fn adopting_brings_the_adopted_rows_and_no_other(backend: Backend) {
    let (stage, folder) = adopted(backend);
    let only = vec![TableName::new(None, "fee_groups")];
    let folder = folder.only(&stage.config, only).unwrap();
    importing::carry_out(&stage, &folder).1.unwrap();
    // What others did meanwhile stays, in the same table and in the others.
    assert_eq!(groups(&stage), "1Hot 2Coins 4New 10-");
    let item = "SELECT label FROM fee_items WHERE id = 3";
    assert_eq!(stage.dev.line(item), "coin");
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn what_was_adopted_is_not_replaced_before_it_is_imported(backend: Backend) {
    let (stage, _) = adopted(backend);
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::EditedExport);
    assert!(
        blocker
            .message
            .contains("fee_groups.csv (adopted from test and not imported yet)"),
        "{blocker:?}"
    );
    // The same again is no loss.
    try_adopt(&stage, "test", "fee_groups").unwrap();
    stage
        .test
        .run("UPDATE fee_groups SET label = 'Cards' WHERE id = 1");
    let refused = try_adopt(&stage, "test", "fee_groups").unwrap_err();
    assert_eq!(refused.code, Code::EditedExport);
}

pub(super) fn adopting_never_replaces_an_edited_file(backend: Backend) {
    let (mut stage, folder) = adopted(backend);
    edit(&folder, "fee_groups.csv", "Cash", "Notes");
    let before = read(&folder, "fee_groups.csv");
    let refused = try_adopt(&stage, "test", "fee_groups").unwrap_err();
    assert_eq!(refused.code, Code::EditedExport);
    assert_eq!(read(&folder, "fee_groups.csv"), before);
    // All of an edited file is meant, and that is said.
    let plan = importing::try_plan(&stage, &folder).unwrap();
    assert!(
        plan.warnings.iter().any(|warning| warning
            .message
            .contains("edited after its rows were adopted")),
        "{:?}",
        plan.warnings
    );
    stage.config.discard_edits = true;
    let report = try_adopt(&stage, "test", "fee_groups").unwrap();
    assert_eq!(codes(&report.warnings), [Code::EditedExport]);
    assert!(!read(&folder, "fee_groups.csv").contains("Notes"));
}

pub(super) fn an_import_takes_the_tables_that_are_named(backend: Backend) {
    let (stage, folder) = exported(backend);
    edit(&folder, "fee_groups.csv", "Cards", "Plastic");
    edit(&folder, "fee_items.csv", "debit", "debits");
    let only = |table: &str| {
        let tables = vec![TableName::parse(table).unwrap()];
        folder.clone().only(&stage.config, tables)
    };
    let code = |table: &str| only(table).map_err(|problem: Problem| problem.code).err();
    assert_eq!(code("merchants"), Some(Code::MissingTable));
    importing::carry_out(&stage, &only("fee_groups").unwrap())
        .1
        .unwrap();
    assert_eq!(groups(&stage), "1Plastic 2Cash 10-");
    let labels = "SELECT label FROM fee_items ORDER BY id";
    assert_eq!(stage.dev.line(labels), "credit debit coin abroad");
    // The other file is still what somebody edited.
    assert!(stage.blocked().message.starts_with("1 file "));
    std::fs::remove_file(file(&folder, "fee_items.csv")).unwrap();
    assert_eq!(code("fee_items"), Some(Code::Usage));
}
