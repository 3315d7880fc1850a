//! Migrations that were run, edited, lost, or written out of order.

use xtask::model::backend::Backend;
use xtask::model::migrations::migration::OutOfOrder;
use xtask::problem::{Code, Problem};
use xtask::sync::migrate::migrate;

use super::{BASE, BASE_UP, Stage, codes};

const MORE: &str = "2024-02-01-000000_more";

pub(super) fn a_migration_this_checkout_lacks(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage
        .migrations
        .write(MORE, "CREATE TABLE more (id integer);");
    stage.migrate();
    stage.migrations.remove(MORE);
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::UnknownMigration);
    assert!(
        blocker.message.contains("Development") && blocker.message.contains("20240201000000"),
        "{blocker}"
    );
}

pub(super) fn many_of_a_kind_are_one_finding(backend: Backend) {
    let stage = Stage::promoted(backend);
    let versions = |year: &str| -> Vec<String> {
        let months = 1..=20;
        months
            .map(|at| format!("('{year}01{at:02}000000')"))
            .collect()
    };
    let insert = |year: &str| {
        let values = versions(year).join(", ");
        format!("INSERT INTO __diesel_schema_migrations (version) VALUES {values}")
    };
    stage.dev.run(&insert("2023"));
    let unknown = stage.blocked();
    assert_eq!(
        unknown.message,
        "Development has run 20 migrations that this checkout does not have: 20230101000000, 20230102000000, 20230103000000 and 17 more"
    );
    // At both ends it is the same finding; where they differ there are two.
    stage.test.run(&insert("2023"));
    let both = stage.blocked();
    assert!(
        both.message
            .starts_with("Development and Test have run 20 migrations that"),
        "{both}"
    );
    stage
        .test
        .run("INSERT INTO __diesel_schema_migrations (version) VALUES ('20230201000000')");
    assert_eq!(codes(&stage.plan().blockers), [Code::UnknownMigration; 2]);

    let mut stage = Stage::promoted(backend);
    for at in 1..=5 {
        let name = format!("2023-01-0{at}-000000_older");
        stage.migrations.write(&name, "SELECT 1;");
    }
    let report = migrate(&stage.config, &mut |_| {}).unwrap();
    assert_eq!(codes(&report.warnings), [Code::OutOfOrder]);
    let plan = stage.plan();
    assert_eq!(codes(&plan.warnings), [Code::OutOfOrder]);
    assert_eq!(
        plan.warnings[0].message,
        "5 migrations are older than the newest one on Test: 2023-01-01-000000_older, 2023-01-02-000000_older, 2023-01-03-000000_older and 2 more"
    );
    stage.config.pipeline[1].out_of_order = OutOfOrder::Refuse;
    assert_eq!(stage.blocked().code, Code::OutOfOrder);
}

pub(super) fn a_source_behind_its_target(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage
        .migrations
        .write(MORE, "CREATE TABLE more (id integer);");
    stage.test.run("CREATE TABLE more (id integer); INSERT INTO __diesel_schema_migrations (version) VALUES ('20240201000000')");
    let blocker = stage.plan().blockers[0].clone();
    assert_eq!(blocker.code, Code::SourceBehindTarget);
    assert!(blocker.message.contains("20240201000000"), "{blocker}");
}

pub(super) fn a_migration_edited_after_it_ran(backend: Backend) {
    let stage = Stage::ready(backend);
    // Other line endings are no edit.
    stage.migrations.write(BASE, &BASE_UP.replace('\n', "\r\n"));
    assert_eq!(stage.plan().blockers, []);
    stage
        .migrations
        .write(BASE, &BASE_UP.replace("label text NOT NULL", "label text"));
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::EditedMigration);
    assert!(
        blocker.message.contains(BASE) && blocker.message.contains("Development"),
        "{blocker}"
    );
    stage.migrations.write(BASE, BASE_UP);
    stage.promote();
}

pub(super) fn two_migrations_with_one_version(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.migrations.write("2024-02-01-000000_one", "SELECT 1;");
    stage.migrations.write("20240201000000_other", "SELECT 1;");
    let problem = Problem::of(&stage.try_plan().unwrap_err());
    assert_eq!(problem.code, Code::DuplicateVersion);
    assert!(
        problem.message.contains("_one") && problem.message.contains("_other"),
        "{problem}"
    );
}

pub(super) fn an_older_migration_runs_with_a_warning(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&super::TABLES.replace("[\"merchants\"]", "[\"merchants\", \"older\"]"));
    stage.migrations.write(
        "2023-01-01-000000_older",
        "CREATE TABLE older (id integer PRIMARY KEY);",
    );
    stage.migrate();
    let plan = stage.plan();
    assert!(plan.migrations[0].out_of_order);
    assert_eq!(codes(&plan.warnings), [Code::OutOfOrder]);
    assert_eq!(
        plan.warnings[0].message,
        "migration 2023-01-01-000000_older is older than the newest one on Test"
    );
    let report = stage.promote();
    assert_eq!(report.migrations[0].version, "20230101000000");
    assert_eq!(stage.test.line("SELECT count(*) FROM older"), "0");
}

pub(super) fn an_older_migration_is_refused_where_that_is_said(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.migrations.write(
        "2023-01-01-000000_older",
        "CREATE TABLE older (id integer PRIMARY KEY);",
    );
    stage.config.pipeline[0].out_of_order = OutOfOrder::Refuse;
    let before = stage.everything();
    let error = migrate(&stage.config, &mut |_| {}).unwrap_err();
    let refused = Problem::of(&error);
    assert_eq!(refused.code, Code::OutOfOrder);
    assert_eq!(
        refused.message,
        "migration 2023-01-01-000000_older is older than the newest one on Development"
    );
    assert_eq!(stage.everything(), before);

    stage.config.pipeline[0].out_of_order = OutOfOrder::Warn;
    let report = migrate(&stage.config, &mut |_| {}).unwrap();
    assert_eq!(codes(&report.warnings), [Code::OutOfOrder]);
    stage.config.pipeline[1].out_of_order = OutOfOrder::Refuse;
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::OutOfOrder);
    assert!(blocker.message.ends_with("on Test"), "{blocker}");
    assert!(blocker.hint.unwrap().contains("for `test` in"));
}

pub(super) fn a_migration_that_development_lacks_waits(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage
        .migrations
        .write(MORE, "CREATE TABLE more (id integer);");
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let plan = stage.plan();
    assert!(plan.migrations.is_empty());
    assert_eq!(codes(&plan.warnings), [Code::SourceBehindTarget]);
    stage.promote();
    assert_eq!(
        stage
            .test
            .line("SELECT version FROM __diesel_schema_migrations"),
        "20240101000000"
    );
}

pub(super) fn a_migration_that_commits_by_itself(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage
        .migrations
        .write(MORE, "CREATE TABLE more (id integer);\nCOMMIT;");
    let error = migrate(&stage.config, &mut |_| {}).unwrap_err();
    assert_eq!(Problem::of(&error).code, Code::NotTransactional);
    assert!(!stage.dev.everything().join(" ").contains("more"));
    // It ran on Development by other means.
    stage
        .dev
        .run("INSERT INTO __diesel_schema_migrations (version) VALUES ('20240201000000')");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::NotTransactional);
    assert_eq!(
        blocker.message,
        format!("migration {MORE} begins or ends a transaction itself: COMMIT")
    );
}
