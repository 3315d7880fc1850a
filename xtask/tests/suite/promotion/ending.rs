//! Promotions that end at a migration: what they carry, and what they leave for another run.

use xtask::model::backend::Backend;
use xtask::problem::{Code, Problem};
use xtask::sync::planning::contract::Contract;
use xtask::sync::planning::stale::changes;
use xtask::sync::promoting::look::look;
use xtask::sync::promoting::promote::promote;
use xtask::sync::promoting::report::Report;
use xtask::sync::status::status;

use super::parts::{MARKED, outside};
use super::{BASE, Stage, TABLES, codes, configuration};
use crate::support::database::Database;
use crate::support::role::Role;

pub(super) const ADD: &str = "2024-02-01-000000_add";
pub(super) const FILL: &str = "2024-02-02-000000_fill";
pub(super) const DEMAND: &str = "2024-02-03-000000_demand";
pub(super) const WIDEN: &str = "2024-02-04-000000_widen";

/// A column in three steps. The last fails where a row has no value that the second can know.
fn in_three_steps(backend: Backend) -> Stage {
    let demand = match backend {
        Backend::Postgres => "ALTER TABLE merchants ALTER COLUMN phone SET NOT NULL;",
        Backend::Sqlite => {
            "CREATE TABLE merchants_new (id integer PRIMARY KEY, name text NOT NULL, \
             group_id integer REFERENCES fee_groups (id) ON DELETE SET NULL, phone text NOT NULL); \
             INSERT INTO merchants_new SELECT id, name, group_id, phone FROM merchants; \
             DROP TABLE merchants; ALTER TABLE merchants_new RENAME TO merchants;"
        }
    };
    let fill = "UPDATE merchants SET phone = 'none' WHERE phone IS NULL AND group_id IS NOT NULL;";
    with_a_phone_and(backend, &[(FILL, fill), (DEMAND, demand)])
}

/// A migration that changes no lookup table, and a later one that does.
pub(super) fn with_another_column(backend: Backend) -> Stage {
    let widen =
        "ALTER TABLE fee_groups ADD COLUMN colour text; UPDATE fee_groups SET colour = 'red';";
    with_a_phone_and(backend, &[(WIDEN, widen)])
}

/// Development has run these after a first one, and has changed a lookup row.
pub(super) fn with_a_phone_and(backend: Backend, migrations: &[(&str, &str)]) -> Stage {
    let stage = Stage::promoted(backend);
    let add = (ADD, "ALTER TABLE merchants ADD COLUMN phone text;");
    for (name, up) in std::iter::once(&add).chain(migrations) {
        stage.migrations.write(name, up);
    }
    stage.migrate();
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'All cards' WHERE id = 1");
    stage
}

pub(super) fn until(stage: &mut Stage, name: &str) {
    stage.config.until = Some(name.to_owned());
}

fn names(plan: &xtask::sync::planning::plan::Plan) -> Vec<&str> {
    let migrations = plan.migrations.iter();
    migrations.map(|migration| &*migration.name).collect()
}

pub(super) fn a_sequence_is_carried_in_two_runs(backend: Backend) {
    let mut stage = in_three_steps(backend);
    // All at once, it cannot be.
    assert_eq!(codes(&stage.plan().blockers), [Code::MigrationFailed]);

    until(&mut stage, ADD);
    let plan = stage.plan();
    assert_eq!(names(&plan), [ADD]);
    assert_eq!(plan.until.as_ref().unwrap().later, [FILL, DEMAND]);
    assert_eq!((plan.drift.len(), plan.warnings.len()), (0, 0), "{plan:?}");
    let report = stage.promote();
    // The columns of lookup tables are the same, so their rows travel as always.
    assert_eq!(report.lookups[0].updated, 1);
    assert!(report.verified);
    let plan = stage.plan();
    assert!(plan.empty && plan.drift.is_empty() && plan.blockers.is_empty());
    assert_eq!(
        plan.nothing_to_do(),
        format!("the target has run all migrations up to {ADD}")
    );
    let status = status(&stage.config).unwrap();
    assert_eq!(status.promotions[0].migrations, [FILL, DEMAND]);
    assert!(!status.promotions[0].in_sync && status.promotions[0].drift.is_empty());

    // What only Test can know is filled in there.
    stage
        .test
        .run("UPDATE merchants SET phone = '555' WHERE id = 3");
    stage.config.until = None;
    assert_eq!(stage.promote().migrations.len(), 2);
    stage.assert_in_sync();
    let phones = stage
        .test
        .line("SELECT id || phone FROM merchants ORDER BY id");
    assert_eq!(phones, "1none 2none 3555");
}

pub(super) fn no_rows_are_loaded_where_later_migrations_change_their_columns(backend: Backend) {
    let mut stage = with_another_column(backend);
    until(&mut stage, "20240201000000");
    let before = stage.test.line("SELECT label FROM fee_groups WHERE id = 1");
    let plan = stage.plan();
    assert_eq!((names(&plan), plan.lookups.len()), (vec![ADD], 0));
    assert_eq!(
        plan.until.as_ref().unwrap().sentence(),
        format!(
            "left for another run: 1 migration after {ADD}; no lookup rows are loaded, because it changes the columns of fee_groups"
        )
    );
    let exported = stage.root.path().join("data-sync/exports/dev");
    let files = || {
        let files = std::fs::read_dir(&exported).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        files.sort();
        files
    };
    let there = files();
    let report = stage.promote();
    assert_eq!((report.lookups.len(), report.exports), (0, None));
    assert_eq!(files(), there);
    assert_eq!(
        stage.test.line("SELECT label FROM fee_groups WHERE id = 1"),
        before
    );
    // The backup knows the lookup rows all the same.
    assert_eq!(stage.backups()[0].manifest.lookups.len(), 2);
    assert!(stage.plan().empty);
    stage.config.until = None;
    let report = stage.promote();
    assert_eq!(report.migrations[0].name, WIDEN);
    stage.assert_in_sync();
}

/// Rows that nothing brings back are as good as protected ones.
pub(super) fn what_a_migration_does_to_rows_that_stay_needs_leave(backend: Backend) {
    let mut stage = with_another_column(backend);
    stage
        .migrations
        .write(FILL, "DELETE FROM fee_items WHERE id = 3;");
    stage.migrate();
    stage.make_strict();
    until(&mut stage, FILL);
    assert_eq!(codes(&stage.plan().blockers), [Code::Destructive]);
    stage.config.allow_data_loss = vec![FILL.to_owned()];
    assert_eq!(stage.promote().migrations.len(), 2);
}

pub(super) fn the_end_is_part_of_what_is_approved(backend: Backend) {
    let mut stage = in_three_steps(backend);
    until(&mut stage, ADD);
    let approved = stage.plan();
    for (other, words) in [
        (
            Some(FILL),
            format!("it ends at migration {FILL} now, and ended at {ADD}"),
        ),
        (
            None,
            format!("it ended at migration {ADD}, and does not now: add --until {ADD}"),
        ),
    ] {
        stage.config.until = other.map(str::to_owned);
        let plan = stage.plan();
        let found = changes(&Contract::of(&approved), &Contract::of(&plan));
        assert_eq!(found[0], words);
        assert_ne!(plan.id, approved.id);
    }
    // By another name it is the same.
    until(&mut stage, "20240201000000");
    stage.carry_out(&approved).1.unwrap();
}

pub(super) fn an_end_that_cannot_be_is_refused(backend: Backend) {
    let mut stage = in_three_steps(backend);
    stage
        .migrations
        .write(WIDEN, "CREATE TABLE another (id integer PRIMARY KEY);");
    for (named, code, hint) in [
        (
            "2024-02-01-000000_ad",
            Code::Usage,
            format!("did you mean `{ADD}`?"),
        ),
        (
            "20240201000001",
            Code::Usage,
            "did you mean `20240201000000`?".to_owned(),
        ),
        (
            WIDEN,
            Code::GoldenRule,
            "`cargo xtask migrate` runs it on Development".to_owned(),
        ),
    ] {
        until(&mut stage, named);
        let error = stage.try_plan().unwrap_err();
        let problem = Problem::of(&error);
        assert_eq!((problem.code, problem.hint.unwrap()), (code, hint));
    }
    // What Test has already leaves the rows.
    until(&mut stage, BASE);
    let plan = stage.plan();
    assert_eq!((names(&plan), plan.blockers.len()), (vec![], 0), "{plan:?}");
    assert_eq!(stage.promote().lookups[0].updated, 1);
    assert!(stage.plan().empty);
}

pub(super) fn what_no_migration_up_to_the_end_makes_is_drift(backend: Backend) {
    let mut stage = in_three_steps(backend);
    stage.test.run("CREATE INDEX by_hand ON merchants (name)");
    stage.make_strict();
    until(&mut stage, ADD);
    let plan = stage.plan();
    assert_eq!(codes(&plan.blockers), [Code::Drift]);
    assert!(
        plan.blockers[0].message.contains(&format!(
            "Development up to {ADD} and Test would still differ"
        )),
        "{plan:?}"
    );
    // Not tried on a copy, it is found before the commit.
    stage.config.pipeline[1].require_rehearsal = Some(false);
    stage.do_not_rehearse();
    assert_eq!(stage.fails().code, Code::VerificationFailed);
    stage.test.run("DROP INDEX by_hand");
    stage.promote();
}

pub(super) fn production_gets_what_test_was_given(backend: Backend) {
    let mut stage = in_three_steps(backend);
    let production = Database::create(backend);
    let mut third = stage.config.pipeline[1].clone();
    third.name = "prod".to_owned();
    third.label = "Production".to_owned();
    third.url = Ok(production.checked_url());
    stage.config.pipeline.push(third);
    until(&mut stage, ADD);
    stage.promote();
    stage.config.until = None;
    let promote_on = |stage: &Stage| {
        let promotion = stage.config.promotion("test-to-prod").unwrap();
        let seen = look(&stage.config, &promotion, false).unwrap().seen;
        assert_eq!(seen.plan.blockers, []);
        let mut report = Report::new("test-to-prod", &seen.plan.id, &seen.plan.warnings);
        promote(&stage.config, &promotion, &seen, &mut report, &mut |_| {}).unwrap();
        report.migrations.len()
    };
    // Step by step there as well.
    until(&mut stage, BASE);
    assert_eq!(promote_on(&stage), 1);
    stage.config.until = None;
    assert_eq!(promote_on(&stage), 1);
    let status = status(&stage.config).unwrap();
    assert!(status.promotions[1].in_sync, "{:?}", status.promotions[1]);
    assert_eq!(status.promotions[0].migrations, [FILL, DEMAND]);
}

/// What cannot be in a transaction lies before the end, is the end, and lies behind it.
pub(super) fn an_end_among_several_parts(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    let add = "ALTER TABLE merchants ADD COLUMN phone text;";
    stage.migrations.write(ADD, add);
    stage.migrations.write(FILL, outside(backend));
    stage.migrations.write_metadata(FILL, MARKED);
    stage
        .migrations
        .write(DEMAND, "CREATE UNIQUE INDEX one_name ON merchants (name);");
    stage
        .migrations
        .write(WIDEN, "CREATE TABLE wide (id integer);");
    stage.migrate();
    let parts = |stage: &Stage| stage.plan().parts.len();
    for (end, expected) in [(ADD, 1), (FILL, 3), (DEMAND, 3)] {
        until(&mut stage, end);
        assert_eq!(parts(&stage), expected, "{end}");
    }
    // The last part fails; the same command goes on from there.
    stage.do_not_rehearse();
    stage
        .test
        .run("INSERT INTO merchants VALUES (9, 'Ann', NULL)");
    let (report, ended) = stage.carry_out(&stage.plan());
    let problem = ended.unwrap_err();
    assert_eq!(
        (problem.code, problem.exit_code()),
        (Code::MigrationFailed, 6)
    );
    assert_eq!(report.migrations.len(), 2);
    stage.test.run("DELETE FROM merchants WHERE id = 9");
    assert_eq!(names(&stage.plan()), [DEMAND]);
    stage.promote();
    assert!(stage.plan().empty);
    stage.config.until = None;
    assert_eq!(names(&stage.plan()), [WIDEN]);
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn what_the_source_lacks_before_the_end_is_told(backend: Backend) {
    let mut stage = in_three_steps(backend);
    let skipped = "2024-01-02-000000_skipped";
    let table = "CREATE TABLE skipped (id integer PRIMARY KEY);";
    stage.migrations.write(skipped, table);
    // What comes behind the end is no part of it.
    stage.migrations.write(WIDEN, table);
    until(&mut stage, ADD);
    let warnings = stage.plan().warnings;
    assert_eq!(codes(&warnings), [Code::SourceBehindTarget]);
    assert_eq!(
        warnings[0].message,
        "Development has not run 1 migration: it is not promoted"
    );
    // Where the target has run it, the source has to as well.
    stage.test.run(&format!(
        "{table} INSERT INTO __diesel_schema_migrations (version) VALUES ('20240102000000')"
    ));
    assert_eq!(codes(&stage.plan().blockers), [Code::SourceBehindTarget]);
}

pub(super) fn without_the_right_to_make_a_database_no_schema_is_known() {
    let role = Role::create("");
    let mut stage = in_three_steps(Backend::Postgres);
    let all = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO";
    stage.test.run(&format!("{all} {}", role.name));
    let (dev, test) = (&stage.dev.url, &role.url(&stage.test));
    stage.config = configuration(&stage.root, &stage.migrations, dev, test, TABLES);
    until(&mut stage, ADD);
    let problem = Problem::of(&stage.try_plan().unwrap_err());
    assert_eq!(problem.code, Code::NotRehearsed);
    assert!(
        problem.message.ends_with("may not create databases"),
        "{problem}"
    );
    assert!(problem.hint.unwrap().contains("CREATEDB"));
    // Where nothing stays behind, the source has that schema.
    until(&mut stage, DEMAND);
    assert_eq!(codes(&stage.plan().warnings), [Code::NotRehearsed]);
}
