//! Backups that are proved by a restore, and restores that lose nothing.

use xtask::database;
use xtask::model::backend::Backend;
use xtask::model::schema::table::TableName;
use xtask::problem::{Code, Problem};
use xtask::settings::config::Verify;
use xtask::sync::backups::backup::{self, Backup};
use xtask::sync::backups::proof::Proof;
use xtask::sync::restore::{RestoreReport, restore};

use super::Stage;
use crate::support::database::Database;

pub(super) fn try_restore(stage: &Stage, backup: &Backup) -> Result<RestoreReport, Problem> {
    let test = stage.config.environment("test").unwrap();
    restore(&stage.config, test, backup, &mut |_| {}).map_err(|error| Problem::of(&error))
}

/// A backup of Test with rows and one of another moment, and what Test holds afterwards.
fn two_backups(stage: &Stage) -> (Backup, Backup) {
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    stage.promote();
    stage.dev.run("UPDATE fee_groups SET label = 'once more'");
    stage.promote();
    let mut backups = stage.backups().into_iter();
    (backups.next().unwrap(), backups.next().unwrap())
}

pub(super) fn damage_is_found_before_the_target_is_touched(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    let (backup, other) = two_backups(&stage);
    // Of the present state, which is not what this is about.
    stage.config.backup.verify = Verify::Archive;
    let whole = std::fs::read(&backup.path).unwrap();
    let before = stage.test.everything();
    let refused = |bytes: &[u8], backup: &Backup| {
        std::fs::write(&backup.path, bytes).unwrap();
        // Whoever damages the file may also give the manifest its hash.
        let mut forged = backup.clone();
        forged.manifest.sha256 = xtask::files::private::sha256(&backup.path).unwrap();
        for backup in [backup, &forged] {
            let problem = try_restore(&stage, backup).unwrap_err();
            let codes = [Code::BackupUnproved, Code::RestoreFailed, Code::WrongStamp];
            assert!(codes.contains(&problem.code), "{problem}");
            assert_eq!(stage.test.everything(), before);
        }
    };
    for tenth in 0..10 {
        refused(&whole[..whole.len() * tenth / 10], &backup);
    }
    // The file of another moment, and one of another database.
    let theirs = std::fs::read(&other.path).unwrap();
    refused(&theirs, &backup);
    let foreign = Database::with(backend, "CREATE TABLE foreigners (id integer PRIMARY KEY)");
    let folder = tempfile::tempdir().unwrap();
    for (name, database) in [("foreign", &foreign), ("empty", &Database::create(backend))] {
        let dump = folder.path().join(name);
        let mut session = database::open(&database.checked_url()).unwrap();
        session.back_up(&dump).unwrap();
        refused(&std::fs::read(&dump).unwrap(), &backup);
    }
    // Flipped bits; where they change nothing that is restored, the hash alone tells.
    for at in (0..whole.len()).step_by(whole.len() / 20) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&backup.path, &flipped).unwrap();
        let problem = try_restore(&stage, &backup).unwrap_err();
        assert_eq!(problem.code, Code::BackupUnproved, "{problem}");
    }
    std::fs::write(&backup.path, &whole).unwrap();
    assert_eq!(stage.test.everything(), before);

    let forge = |change: &dyn Fn(&mut Backup)| {
        let mut forged = backup.clone();
        change(&mut forged);
        refused(&whole, &forged);
    };
    forge(&|backup| backup.manifest.version = 7);
    forge(&|backup| backup.manifest.backend = "oracle".to_owned());
    forge(&|backup| backup.manifest.database_id = Some("of another".to_owned()));
    forge(&|backup| backup.manifest.database_id = None);
    forge(&|backup| backup.manifest.migrations.push("9".to_owned()));
    forge(&|backup| {
        backup
            .manifest
            .rows
            .insert(TableName::new(None, "merchants"), 2);
    });
    forge(&|backup| {
        let tables = &mut backup.manifest.figures.tables;
        tables
            .get_mut(&TableName::new(None, "merchants"))
            .unwrap()
            .digest = String::new();
    });
    forge(&|backup| backup.manifest.figures.catalog_fingerprint = "another".to_owned());
    assert!(try_restore(&stage, &backup).unwrap().verified);
}

pub(super) fn a_backup_of_another_database_is_refused(backend: Backend) {
    let stage = Stage::promoted(backend);
    let other = Stage::promoted(backend);
    let (foreign, _) = two_backups(&other);
    let before = stage.test.everything();
    let problem = try_restore(&stage, &foreign).unwrap_err();
    assert_eq!(problem.code, Code::WrongStamp, "{problem}");
    assert_eq!(stage.test.everything(), before);
    // One that was made before anything was promoted is known by its run.
    let mut unstamped = other.backups().pop().unwrap();
    assert_eq!(unstamped.manifest.database_id, None);
    let problem = try_restore(&stage, &unstamped).unwrap_err();
    assert_eq!(problem.code, Code::WrongStamp, "{problem}");
    unstamped = stage.backups().pop().unwrap();
    try_restore(&stage, &unstamped).unwrap();
}

/// Every row that was written while a restore runs is in its backup, or in the database afterwards.
pub(super) fn no_row_is_lost_during_a_restore(backend: Backend) {
    no_row_is_lost(backend, "");
}

pub(super) fn no_row_is_lost_during_a_restore_with_a_log() {
    no_row_is_lost(Backend::Sqlite, "PRAGMA journal_mode = WAL");
}

fn no_row_is_lost(backend: Backend, mode: &str) {
    use std::sync::atomic::{AtomicBool, Ordering};
    let stage = Stage::promoted(backend);
    stage.test.run(mode);
    let (backup, _) = two_backups(&stage);
    let stop = AtomicBool::new(false);
    let (written, report) = std::thread::scope(|scope| {
        let mut application = stage.test.connect();
        let stop = &stop;
        let writer = scope.spawn(move || {
            let mut written = Vec::new();
            for id in 1000.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let insert = format!("INSERT INTO merchants VALUES ({id}, 'new', NULL)");
                if application.attempt(&insert).is_ok() {
                    written.push(id);
                }
            }
            written
        });
        // Somebody who writes without a pause may be in the way.
        let report = (0..20).find_map(|_| try_restore(&stage, &backup).ok());
        stop.store(true, Ordering::Relaxed);
        (writer.join().unwrap(), report)
    });
    let report = report.expect("a restore comes through");
    let undone = report.backup.unwrap().path;
    let here: Vec<String> = ids(&mut *database::open(&stage.test.checked_url()).unwrap());
    let scratch = database::restore_into_scratch(&stage.test.checked_url(), &undone);
    let there: Vec<String> = ids(&mut *database::open(&scratch.unwrap().url).unwrap());
    assert!(!written.is_empty());
    for id in written.iter().map(i32::to_string) {
        assert!(here.contains(&id) || there.contains(&id), "{id} is lost");
    }
}

fn ids(session: &mut dyn database::Session) -> Vec<String> {
    let settings =
        xtask::model::rows::lookup::settings::LookupSettings::of(TableName::new(None, "merchants"));
    let catalog = session.catalog().unwrap();
    let lookup =
        xtask::model::rows::lookup::Lookup::resolve(&settings, &[], &catalog, "Test").unwrap();
    let rows = session.rows(&lookup).unwrap();
    rows.map(|row| row.unwrap()[0].to_owned()).collect()
}

pub(super) fn rights_are_those_of_the_backup() {
    let stage = Stage::promoted(Backend::Postgres);
    stage.test.run("GRANT SELECT ON merchants TO pg_monitor");
    let (backup, _) = two_backups(&stage);
    let grants = |stage: &Stage| {
        let mut session = database::open(&stage.test.checked_url()).unwrap();
        session.catalog().unwrap().optional
    };
    let before = grants(&stage);
    stage.test.run(
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
         ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO PUBLIC;
         ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
         GRANT ALL ON SCHEMA public TO PUBLIC; REVOKE SELECT ON merchants FROM pg_monitor",
    );
    assert!(try_restore(&stage, &backup).unwrap().verified);
    assert_eq!(grants(&stage), before);
    assert_eq!(stage.test.line("SELECT count(*) FROM pg_default_acl"), "0");
}

pub(super) fn objects_of_every_kind_are_replaced() {
    let stage = Stage::promoted(Backend::Postgres);
    let kinds = "CREATE FUNCTION same(a integer, b integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT a = b';
        CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = same);
        CREATE OPERATOR CLASS by_number FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer);
        CREATE OPERATOR FAMILY by_none USING hash;
        CREATE TYPE pair AS (a integer, b integer);
        CREATE TYPE span AS RANGE (subtype = integer);
        CREATE FUNCTION paired(n integer) RETURNS pair LANGUAGE sql IMMUTABLE AS 'SELECT ROW(n, n)::pair';
        CREATE CAST (integer AS pair) WITH FUNCTION paired(integer);
        CREATE AGGREGATE total (integer) (SFUNC = int4pl, STYPE = integer);
        CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = simple);
        CREATE TEXT SEARCH CONFIGURATION texts (COPY = simple);
        CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
        CREATE COLLATION plain (LOCALE = 'C');
        CREATE FOREIGN DATA WRAPPER far; CREATE SERVER away FOREIGN DATA WRAPPER far;
        CREATE USER MAPPING FOR PUBLIC SERVER away;
        CREATE STATISTICS together (dependencies) ON id, group_id FROM merchants;
        CREATE PUBLICATION news FOR TABLE merchants;
        CREATE SCHEMA aside; CREATE TABLE aside.kept (id integer GENERATED ALWAYS AS IDENTITY, at pair);
        CREATE PROCEDURE work() LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''nothing is dropped here''; END';
        CREATE EVENT TRIGGER forbid ON sql_drop EXECUTE FUNCTION forbid();";
    stage.test.run(kinds);
    let test = stage.config.environment("test").unwrap();
    let mut observed = xtask::sync::snapshot::observe(test).unwrap();
    let settings = &stage.config.backup;
    let made = backup::make(settings, test, &mut observed, Default::default(), "kinds").unwrap();
    drop(observed);
    assert_eq!(made.manifest.proved, Proof::Restored);
    // Over the same objects, and over others.
    assert!(try_restore(&stage, &made).unwrap().verified);
    stage.test.run("ALTER EVENT TRIGGER forbid DISABLE; DROP SCHEMA aside CASCADE; DROP CAST (integer AS pair)");
    assert!(try_restore(&stage, &made).unwrap().verified);
}

pub(super) fn a_backup_that_cannot_be_proved_stops_the_promotion() {
    let mut stage = Stage::promoted(Backend::Postgres);
    let table = "CREATE TABLE odd (n integer)";
    // The constraint holds no longer, as no restore would accept.
    stage.test.run(&format!(
        "{table}; CREATE TABLE most (n integer); INSERT INTO most VALUES (9);
         CREATE FUNCTION within(n integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN n <= (SELECT max(m.n) FROM most m); END';
         ALTER TABLE odd ADD CONSTRAINT is_within CHECK (within(n)); INSERT INTO odd VALUES (7); UPDATE most SET n = 5"
    ));
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let count = stage.backups().len();
    let problem = stage.fails();
    assert_eq!(problem.code, Code::BackupUnproved, "{problem}");
    assert!(problem.message.contains("is_within"), "{problem}");
    assert!(problem.hint.unwrap().contains("verify = \"archive\""));
    assert_eq!(stage.backups().len(), count);
    // The lesser choice is a choice, and is called so.
    stage.config.backup.verify = Verify::Archive;
    assert_eq!(stage.promote().backup.unwrap().proved, Proof::Archive);
}

pub(super) fn whoever_may_make_no_database_is_told_the_way_out() {
    let mut stage = Stage::promoted(Backend::Postgres);
    let backup = stage.backups().remove(0);
    // A role that every server has, and that may not create databases.
    stage.test.url.push_str("?options=-crole%3Dpg_monitor");
    stage.configure(super::TABLES);
    let test = stage.config.environment("test").unwrap();
    let problem = backup::verify(&stage.config, test, &mut backup.clone()).unwrap_err();
    let problem = Problem::of(&problem);
    assert_eq!(problem.code, Code::BackupUnproved, "{problem}");
    assert!(
        problem.message.contains("may not create databases"),
        "{problem}"
    );
    let hint = problem.hint.unwrap();
    assert!(
        hint.contains("CREATEDB") && hint.contains("verify = \"archive\""),
        "{hint}"
    );
}

pub(super) fn a_backup_is_proved_on_demand(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.config.backup.verify = Verify::Archive;
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    stage.promote();
    let mut made = stage.backups().remove(0);
    assert_eq!(made.manifest.proved, Proof::Archive);
    stage.config.backup.verify = Verify::Restore;
    let test = stage.config.environment("test").unwrap();
    backup::verify(&stage.config, test, &mut made).unwrap();
    assert_eq!(stage.backups().remove(0).manifest.proved, Proof::Restored);
    made.manifest.figures.tables.clear();
    let problem = backup::verify(&stage.config, test, &mut made).unwrap_err();
    assert_eq!(Problem::of(&problem).code, Code::BackupUnproved);
}
