//! What ran, as the ledger remembers it: edited files, ends that ran different texts, and
//! migrations that other programs ran.

use xtask::model::backend::Backend;
use xtask::model::migrations::migration::UnrecordedPolicy;
use xtask::problem::{Code, Problem};
use xtask::sync::migrate::{MigrateReport, migrate};
use xtask::sync::record::record;

use super::parts::MARKED;
use super::{BASE, BASE_UP, DEV_ROWS, Stage, codes};

const DIESEL: &str = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
     run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); \
     INSERT INTO __diesel_schema_migrations (version) VALUES ('20240101000000')";

/// The file says something else than what ran.
fn edit(stage: &Stage) {
    let edited = BASE_UP.replace("label text NOT NULL", "label text");
    assert_ne!(edited, BASE_UP);
    stage.migrations.write(BASE, &edited);
}

fn record_on(stage: &Stage, at: usize, again: &[&str]) -> Result<MigrateReport, Problem> {
    let again: Vec<String> = again.iter().map(|name| (*name).to_owned()).collect();
    let environment = &stage.config.pipeline[at];
    record(&stage.config, environment, &again, &mut |_| {}).map_err(|error| Problem::of(&error))
}

fn names(report: &MigrateReport) -> Vec<&str> {
    let recorded = report.recorded.iter();
    recorded.map(|migration| migration.name.as_str()).collect()
}

/// The lines that only one of the two texts has.
fn changed(problem: &Problem) -> Vec<String> {
    let lines = problem.details.iter();
    lines
        .filter(|line| line.starts_with(['-', '+']))
        .cloned()
        .collect()
}

fn edited_lines() -> Vec<String> {
    let line = BASE_UP
        .lines()
        .find(|line| line.contains("label text NOT NULL"));
    let line = line.unwrap();
    vec![
        format!("- {line}"),
        format!("+ {}", line.replace("label text NOT NULL", "label text")),
    ]
}

pub(super) fn an_edited_migration_shows_what_changed(backend: Backend) {
    let stage = Stage::ready(backend);
    edit(&stage);
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::EditedMigration);
    assert_eq!(
        blocker.message,
        format!("up.sql of migration {BASE} changed since it ran on Development")
    );
    assert_eq!(changed(&blocker), edited_lines());
}

pub(super) fn another_transaction_is_another_migration(backend: Backend) {
    let stage = Stage::ready(backend);
    let added = "+ -- metadata.toml: run_in_transaction = false";
    stage.migrations.write_metadata(BASE, MARKED);
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::EditedMigration);
    assert_eq!(
        blocker.message,
        format!("metadata.toml of migration {BASE} changed since it ran on Development")
    );
    assert_eq!(changed(&blocker), [added]);
    // The default may be written down.
    stage
        .migrations
        .write_metadata(BASE, "run_in_transaction = true");
    assert_eq!(stage.plan().blockers, []);
    stage.migrations.write_metadata(BASE, MARKED);
    edit(&stage);
    let blocker = stage.blocked();
    assert!(blocker.message.starts_with("up.sql of "), "{blocker}");
    assert_eq!(changed(&blocker).last().unwrap(), added);
}

pub(super) fn a_migration_edited_after_both_ran_it_is_a_warning(backend: Backend) {
    let stage = Stage::promoted(backend);
    edit(&stage);
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    assert_eq!(codes(&plan.warnings), [Code::EditedMigration]);
    assert_eq!(
        plan.warnings[0].message,
        format!("up.sql of migration {BASE} changed since it ran on Development and Test")
    );
    assert_eq!(changed(&plan.warnings[0]), edited_lines());
    let report = migrate(&stage.config, &mut |_| {}).unwrap();
    assert_eq!(
        report.warnings[0].message,
        format!("up.sql of migration {BASE} changed since it ran on Development")
    );
    // It is no reason to keep rows from being promoted.
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    stage.promote();
}

pub(super) fn ends_that_ran_different_texts(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage
        .test
        .run("UPDATE __sync_migrations SET checksum = 'other', up = 'SELECT 1;'");
    let plan = stage.plan();
    assert_eq!((plan.blockers.len(), plan.warnings.len()), (0, 1));
    let warning = plan.warnings[0].clone();
    assert_eq!(warning.code, Code::EditedMigration);
    assert_eq!(
        warning.message,
        format!("Development and Test have run different texts of migration {BASE}")
    );
    assert_eq!(changed(&warning)[0], "- SELECT 1;");
    assert!(
        warning
            .hint
            .as_ref()
            .unwrap()
            .contains(&format!("`cargo xtask migrate --record --env test {BASE}`"))
    );
    stage.config.pipeline[1].confirm.push("REALLY".to_owned());
    assert_eq!(stage.plan().blockers, [warning.blocking()]);
    // What is known is recorded anew by name alone.
    assert!(names(&record_on(&stage, 1, &[]).unwrap()).is_empty());
    assert_eq!(names(&record_on(&stage, 1, &[BASE]).unwrap()), [BASE]);
    let plan = stage.plan();
    assert_eq!((plan.blockers, plan.warnings), (vec![], vec![]));
}

pub(super) fn what_other_programs_ran_is_recorded(backend: Backend) {
    let mut stage = Stage::empty(backend);
    stage.migrations.write(BASE, BASE_UP);
    stage.dev.run(&format!("{BASE_UP}{DIESEL};{DEV_ROWS}"));
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    assert_eq!(codes(&plan.warnings), [Code::UnrecordedMigration]);
    assert_eq!(
        plan.warnings[0].message,
        format!(
            "it is not recorded what Development ran of 1 migration, so that the files cannot be compared with it: {BASE}"
        )
    );
    // Where it hurts nothing passes of which that is not known, unless that is said.
    stage.make_strict();
    let plan = stage.plan();
    assert_eq!(codes(&plan.blockers), [Code::UnrecordedMigration]);
    let hint = plan.blockers[0].hint.clone().unwrap();
    assert!(
        hint.contains("migrate --record` records them; unrecorded = \"warn\" for `test`"),
        "{hint}"
    );
    stage.config.pipeline[1].unrecorded = Some(UnrecordedPolicy::Warn);
    assert_eq!(stage.plan().blockers, []);
    stage.config.pipeline[1].confirm.pop();
    let before: Vec<String> = stage.dev.contents();
    assert_eq!(names(&record_on(&stage, 0, &[]).unwrap()), [BASE]);
    let mut after = stage.dev.contents();
    after.retain(|row| !row.contains("__sync_"));
    assert_eq!(after, before);
    let run = stage
        .dev
        .line("SELECT kind || ' ' || summary FROM __sync_runs");
    assert_eq!(run, "migrate recorded 1 migration");
    assert_eq!(
        stage.dev.line("SELECT environment FROM __sync_stamp"),
        "dev"
    );
    // There is nothing more to record, and no run for it.
    assert!(names(&record_on(&stage, 0, &[]).unwrap()).is_empty());
    assert_eq!(stage.dev.line("SELECT count(*) FROM __sync_runs"), "1");
    assert_eq!(stage.plan().warnings, []);
    edit(&stage);
    assert_eq!(changed(&stage.blocked()), edited_lines());
    stage.migrations.write(BASE, BASE_UP);
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn only_what_was_applied_is_recorded(backend: Backend) {
    let stage = Stage::promoted(backend);
    let before = stage.everything();
    let refused = record_on(&stage, 1, &["2024-01-01-000000_bose"]).unwrap_err();
    assert_eq!(refused.code, Code::Usage);
    assert_eq!(
        refused.message,
        "Test has not applied a migration `2024-01-01-000000_bose`"
    );
    assert_eq!(refused.hint.unwrap(), format!("did you mean `{BASE}`?"));
    stage
        .migrations
        .write("2024-02-01-000000_more", "CREATE TABLE more (id integer);");
    assert!(names(&record_on(&stage, 0, &[]).unwrap()).is_empty());
    assert_eq!(stage.everything(), before);
    stage
        .test
        .run("UPDATE __sync_stamp SET environment = 'prod'");
    let refused = record_on(&stage, 1, &[BASE]).unwrap_err();
    assert_eq!(refused.code, Code::WrongStamp);
}

pub(super) fn an_older_ledger_has_no_texts(backend: Backend) {
    let stage = Stage::promoted(backend);
    for database in [&stage.dev, &stage.test] {
        database.run("ALTER TABLE __sync_migrations DROP COLUMN up");
    }
    let plan = stage.plan();
    assert_eq!((plan.blockers, plan.warnings), (vec![], vec![]));
    edit(&stage);
    let warnings = stage.plan().warnings;
    assert_eq!(codes(&warnings), [Code::EditedMigration]);
    assert!(warnings[0].details.is_empty());
    // A file that is not what ran is not recorded unasked.
    assert!(names(&record_on(&stage, 1, &[]).unwrap()).is_empty());
    stage.migrations.write(BASE, BASE_UP);
    assert_eq!(names(&record_on(&stage, 1, &[]).unwrap()), [BASE]);
    edit(&stage);
    assert_eq!(changed(&stage.plan().warnings[0]), edited_lines());
}
