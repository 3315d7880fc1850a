//! Backups, and the way back.

use xtask::database;
use xtask::model::backend::Backend;
use xtask::model::schema::table::TableName;
use xtask::problem::{Code, Problem};
use xtask::sync::backups::backup;
use xtask::sync::restore::{loss, restore};

use super::Stage;
use super::proving::try_restore;

fn subjects(stage: &Stage) -> Vec<String> {
    let mut session = database::open(&stage.test.checked_url()).unwrap();
    let runs = session.ledger().unwrap().runs;
    runs.iter()
        .map(|run| format!("{} {}", run.kind.name(), run.subject))
        .collect()
}

/// What users see: the contents without the tool's own tables.
fn rows(stage: &Stage) -> Vec<String> {
    let contents = stage.test.contents().into_iter();
    contents.filter(|row| !row.contains("__sync_")).collect()
}

pub(super) fn a_restore_brings_back_rows_and_schema(backend: Backend) {
    let stage = Stage::promoted(backend);
    let before = rows(&stage);
    // The clock of the machine that ran it was years ahead.
    stage
        .test
        .run("UPDATE __sync_runs SET finished_at = '2099-01-01T00:00:00Z'");
    stage.migrations.write(
        "2024-02-01-000000_more",
        "CREATE TABLE more (id integer);\nALTER TABLE merchants ADD COLUMN city text;",
    );
    stage.migrate();
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'changed'; DELETE FROM fee_items WHERE id = 1");
    stage.promote();
    stage.test.run("DELETE FROM merchants WHERE id = 1; CREATE TABLE by_hand (id integer); CREATE VIEW seen AS SELECT id FROM merchants");

    let backups = stage.backups();
    let newest = backups
        .iter()
        .find(|backup| backup.manifest.migrations.len() == 1)
        .unwrap();
    let since = loss(stage.config.environment("test").unwrap(), newest).unwrap();
    assert_eq!(since.runs.len(), 1);
    let report = try_restore(&stage, newest).unwrap();
    assert!(report.verified);
    assert_eq!(rows(&stage), before);
    let catalog = database::open(&stage.test.checked_url())
        .unwrap()
        .catalog()
        .unwrap();
    let tables: Vec<&str> = catalog
        .tables
        .keys()
        .map(|table| table.name.as_str())
        .collect();
    assert_eq!(tables, ["fee_groups", "fee_items", "merchants"]);
    // What was done is not forgotten, and what was there before the restore is not lost.
    assert_eq!(
        subjects(&stage),
        [
            "restore test",
            "promotion dev-to-test",
            "promotion dev-to-test"
        ]
    );
    let undone = report.backup.unwrap();
    let back = stage
        .backups()
        .into_iter()
        .find(|backup| backup.path == undone.path)
        .unwrap();
    try_restore(&stage, &back).unwrap();
    assert_eq!(stage.test.line("SELECT count(*) FROM by_hand"), "0");
    assert_eq!(
        stage.test.line("SELECT id FROM merchants ORDER BY id"),
        "2 3"
    );
    // And a promotion goes on from there.
    try_restore(&stage, newest).unwrap();
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn a_restore_fills_an_emptied_database(backend: Backend) {
    let stage = Stage::promoted(backend);
    let before = rows(&stage);
    let test = stage.config.environment("test").unwrap();
    let mut observed = xtask::sync::snapshot::observe(test).unwrap();
    let made = backup::make(
        &stage.config.backup,
        test,
        &mut observed,
        Default::default(),
        "by-hand",
    )
    .unwrap();
    drop(observed);
    assert_eq!(made.manifest.rows[&TableName::new(None, "merchants")], 3);
    match backend {
        Backend::Postgres => stage
            .test
            .run("DROP SCHEMA public CASCADE; CREATE SCHEMA public"),
        Backend::Sqlite => std::fs::write(stage.test.file(), "").unwrap(),
    }
    let report = try_restore(&stage, &made).unwrap();
    assert!(report.verified);
    assert!(report.backup.is_none());
    assert_eq!(rows(&stage), before);
    assert_eq!(subjects(&stage), ["restore test", "promotion dev-to-test"]);
    assert!(stage.plan().empty);
}

pub(super) fn an_empty_database_has_a_way_back(backend: Backend) {
    let stage = Stage::promoted(backend);
    let first = stage.backups().pop().unwrap();
    assert!(first.manifest.rows.is_empty() && first.manifest.database_id.is_none());
    let report = try_restore(&stage, &first).unwrap();
    assert!(report.verified);
    let catalog = database::open(&stage.test.checked_url())
        .unwrap()
        .catalog()
        .unwrap();
    assert!(catalog.tables.is_empty(), "{catalog:?}");
    assert_eq!(subjects(&stage), ["restore test", "promotion dev-to-test"]);
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn a_damaged_backup_is_refused(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    stage.promote();
    let backup = stage
        .backups()
        .into_iter()
        .find(|backup| !backup.manifest.rows.is_empty())
        .unwrap();
    let whole = std::fs::read(&backup.path).unwrap();
    let before = stage.everything();
    let mut flipped = whole.clone();
    let at = whole.len() / 2;
    flipped[at] ^= 0xff;
    let cut = whole[..whole.len() - whole.len() / 3].to_vec();
    for damaged in [flipped, cut, Vec::new()] {
        std::fs::write(&backup.path, &damaged).unwrap();
        let problem = try_restore(&stage, &backup).unwrap_err();
        assert_eq!(problem.code, Code::BackupUnproved, "{problem}");
        assert_eq!(stage.everything(), before);
    }
    // Even with a manifest to match, a file that cannot be read to its end is none.
    let cut = whole[..whole.len() - whole.len() / 3].to_vec();
    std::fs::write(&backup.path, &cut).unwrap();
    let mut forged = backup.clone();
    forged.manifest.sha256 = xtask::files::private::sha256(&backup.path).unwrap();
    let problem = try_restore(&stage, &forged).unwrap_err();
    assert_eq!(problem.code, Code::BackupUnproved, "{problem}");
    assert_eq!(stage.everything(), before);

    std::fs::write(&backup.path, &whole).unwrap();
    try_restore(&stage, &backup).unwrap();
}

pub(super) fn a_backup_of_another_environment_is_refused(backend: Backend) {
    let stage = Stage::promoted(backend);
    let backup = stage.backups().pop().unwrap();
    let (dev, test) = (
        stage.config.environment("dev").unwrap(),
        stage.config.environment("test").unwrap(),
    );
    let find = |environment, name: &str| {
        backup::find(&stage.config, environment, name.as_ref())
            .map_err(|error| Problem::of(&error).code)
    };
    assert_eq!(
        find(dev, &backup.manifest.file).err(),
        Some(Code::WrongStamp)
    );
    assert_eq!(find(test, "nothing.dump").err(), Some(Code::BackupUnknown));
    assert_eq!(find(test, &backup.manifest.file).unwrap().path, backup.path);
    assert_eq!(
        find(test, backup.path.to_str().unwrap())
            .unwrap()
            .manifest
            .sha256,
        backup.manifest.sha256
    );
}

pub(super) fn old_backups_are_thinned_out(backend: Backend) {
    let mut stage = Stage::ready(backend);
    stage.config.backup.keep = 2;
    for number in 0..4 {
        stage
            .dev
            .run(&format!("UPDATE fee_groups SET label = 'round {number}'"));
        let report = stage.promote();
        // The newest is never the one that goes.
        assert!(report.backup.unwrap().path.is_file());
        let left = stage.backups().len();
        assert_eq!(left, 2.min(number + 1));
    }
    let files = std::fs::read_dir(&stage.config.backup.dir).unwrap().count();
    assert_eq!(files, 4, "a backup and its manifest each, and nothing else");
}

pub(super) fn a_write_ahead_log_changes_nothing() {
    let stage = Stage::ready(Backend::Sqlite);
    for database in [&stage.dev, &stage.test] {
        database.run("PRAGMA journal_mode = WAL");
    }
    // Somebody who stays connected, so that the log is not folded into the file.
    let mut application = stage.test.connect();
    application.texts("SELECT count(*) FROM sqlite_schema");
    stage.promote();
    let before = rows(&stage);
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let report = stage.promote();
    stage.assert_in_sync();
    let made = report.backup.unwrap();
    let mut backups = stage.backups().into_iter();
    let backup = backups.find(|backup| backup.path == made.path).unwrap();
    assert!(try_restore(&stage, &backup).unwrap().verified);
    assert_eq!(rows(&stage), before);
    let seen = application.texts("SELECT label FROM fee_groups WHERE id = 1");
    assert_eq!(seen, [Some("Cards".to_owned())]);
}

pub(super) fn the_backup_that_is_restored_is_not_thinned_out(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.config.backup.keep = 1;
    let backup = stage.backups().pop().unwrap();
    let test = stage.config.environment("test").unwrap();
    let report = restore(&stage.config, test, &backup, &mut |_| {}).unwrap();
    assert!(report.verified);
}
