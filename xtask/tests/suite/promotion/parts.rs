//! Runs that cannot be one transaction: how they are split, and what a failure leaves.

use std::process::Command;

use xtask::model::backend::Backend;
use xtask::model::ledger::RunKind;
use xtask::problem::{Code, Problem};
use xtask::settings::rehearsal::RehearsalSetting;
use xtask::sync::event::Event;
use xtask::sync::promoting::report::{Outcome, Report};
use xtask::sync::promoting::retry::promote;
use xtask::sync::snapshot::observe;

use super::{Stage, codes};
use crate::schemas::assert_fits;

pub(super) const FIRST: &str = "2024-02-01-000000_first";
pub(super) const OUTSIDE: &str = "2024-02-02-000000_outside";
pub(super) const LAST: &str = "2024-02-03-000000_last";

pub(super) const MARKED: &str = "run_in_transaction = false";

/// A statement that fails in any transaction, and does no harm.
pub(super) fn outside(backend: Backend) -> &'static str {
    match backend {
        Backend::Postgres => "CREATE INDEX CONCURRENTLY by_label ON fee_items (label);",
        Backend::Sqlite => "VACUUM;",
    }
}

/// Holds on Development, where no merchant is without a group.
fn strict_merchants(backend: Backend) -> &'static str {
    match backend {
        Backend::Postgres => "ALTER TABLE merchants ALTER COLUMN group_id SET NOT NULL;",
        Backend::Sqlite => {
            "CREATE TABLE strict_merchants (id integer PRIMARY KEY, name text NOT NULL, group_id integer NOT NULL);\n\
             INSERT INTO strict_merchants SELECT id, name, group_id FROM merchants;\nDROP TABLE merchants;\n\
             ALTER TABLE strict_merchants RENAME TO merchants;"
        }
    }
}

/// Test lacks three migrations, the second of which runs outside any transaction, and a label.
///
/// What fails is to fail there, and not on a copy.
pub(super) fn split(backend: Backend, first: &str, last: &str) -> Stage {
    let mut stage = Stage::promoted(backend);
    stage.do_not_rehearse();
    stage.migrations.write(FIRST, first);
    stage.migrations.write(OUTSIDE, outside(backend));
    stage.migrations.write_metadata(OUTSIDE, MARKED);
    stage.migrations.write(LAST, last);
    stage.migrate();
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'changed' WHERE id = 1");
    stage
}

pub(super) const TABLE: &str = "CREATE TABLE first (id integer PRIMARY KEY);";

/// Carries the plan out with something done after the first commit.
pub(super) fn carried_out(
    stage: &Stage,
    mut between: impl FnMut(),
) -> (Report, Result<(), Problem>) {
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    stage.carry_out_with(&plan, &mut |event| {
        if matches!(&event, Event::Note(note) if note.starts_with("committed part 1 ")) {
            between();
        }
    })
}

pub(super) fn ran(report: &Report) -> Vec<&str> {
    let migrations = report.migrations.iter();
    migrations
        .map(|migration| migration.name.as_str())
        .collect()
}

/// The runs on Test, the newest first.
fn runs(stage: &Stage) -> Vec<(RunKind, String)> {
    let observed = observe(&stage.config.pipeline[1]).unwrap();
    let runs = observed.snapshot.ledger.runs.into_iter();
    runs.map(|run| (run.kind, run.summary)).collect()
}

fn recorded(stage: &Stage) -> String {
    stage
        .test
        .line("SELECT name FROM __sync_migrations ORDER BY version")
}

pub(super) fn a_run_is_split_where_it_must_be(backend: Backend) {
    let stage = split(
        backend,
        TABLE,
        "CREATE TABLE last (id integer PRIMARY KEY);",
    );
    let plan = stage.plan();
    let parts: Vec<_> = plan
        .parts
        .iter()
        .map(|part| (part.names.join(" "), part.transaction, part.loads))
        .collect();
    assert_eq!(
        parts,
        [
            (FIRST.to_owned(), true, false),
            (OUTSIDE.to_owned(), false, false),
            (LAST.to_owned(), true, true)
        ]
    );
    assert!(!plan.atomic && !plan.migrations[1].transactional);
    let (report, ended) = carried_out(&stage, || {});
    ended.unwrap();
    assert!(report.verified && report.target_changed);
    assert_eq!(ran(&report), [FIRST, OUTSIDE, LAST]);
    assert_eq!(
        recorded(&stage),
        format!("{} {FIRST} {OUTSIDE} {LAST}", super::BASE)
    );
    // It is one run, and a finished one.
    assert_eq!(
        runs(&stage)[0],
        (
            RunKind::Promotion,
            "3 migrations; fee_groups: 1 updated".to_owned()
        )
    );
    assert_eq!(runs(&stage).len(), 2);
    assert_eq!(stage.merchants(), "1Ann1 2Bob2 3Cyd0");
    stage.assert_in_sync();
}

pub(super) fn what_was_committed_stays_and_the_next_run_goes_on(backend: Backend) {
    let stage = split(backend, TABLE, strict_merchants(backend));
    assert_fits(
        "plan",
        &serde_json::to_value(stage.plan().document()).unwrap(),
    );
    let (mut report, ended) = carried_out(&stage, || {});
    let problem = ended.unwrap_err();
    report.outcome = Outcome::Failed;
    report.error = Some(problem.clone());
    assert_fits("promotion", &serde_json::to_value(&report).unwrap());
    assert_eq!(
        (problem.code, problem.exit_code()),
        (Code::MigrationFailed, 6)
    );
    assert!(
        problem
            .message
            .starts_with(&format!("migration {LAST} failed"))
            && problem.message.ends_with(&format!(
                ". Test is changed: {FIRST} and {OUTSIDE} are applied"
            )),
        "{problem}"
    );
    let hint = problem.hint.unwrap();
    let way_back = report.backup.as_ref().unwrap().way_back.clone();
    assert!(
        hint.contains("it goes on from there") && hint.contains(&way_back),
        "{hint}"
    );
    assert_eq!(ran(&report), [FIRST, OUTSIDE]);
    assert!(report.target_changed && !report.verified && report.duration_ms > 0);
    assert_eq!(
        recorded(&stage),
        format!("{} {FIRST} {OUTSIDE}", super::BASE)
    );
    assert_eq!(
        runs(&stage)[0],
        (RunKind::Unfinished, format!("part 2 of 3: {OUTSIDE}"))
    );
    assert_eq!(
        stage.test.line("SELECT label FROM fee_groups WHERE id = 1"),
        "Cards"
    );

    stage
        .test
        .run("UPDATE merchants SET group_id = 1 WHERE group_id IS NULL");
    let plan = stage.plan();
    assert!(plan.atomic);
    assert_eq!(plan.migrations.len(), 1);
    let report = stage.promote();
    assert_eq!(ran(&report), [LAST]);
    stage.assert_in_sync();
    let kinds: Vec<RunKind> = runs(&stage).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        kinds,
        [RunKind::Promotion, RunKind::Unfinished, RunKind::Promotion]
    );
}

pub(super) fn what_fails_outside_a_transaction_is_told(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.do_not_rehearse();
    let up = match backend {
        Backend::Postgres => "CREATE UNIQUE INDEX CONCURRENTLY one_name ON merchants (name);",
        Backend::Sqlite => {
            "CREATE TABLE half (id integer PRIMARY KEY);\nCREATE UNIQUE INDEX one_name ON merchants (name);"
        }
    };
    stage.migrations.write(OUTSIDE, up);
    stage.migrations.write_metadata(OUTSIDE, MARKED);
    stage.migrate();
    stage.test.run("UPDATE merchants SET name = 'Ann'");
    let (report, ended) = carried_out(&stage, || {});
    let problem = ended.unwrap_err();
    assert_eq!(
        (problem.code, problem.exit_code()),
        (Code::MigrationFailed, 6)
    );
    assert_eq!(ran(&report), Vec::<&str>::new());
    assert!(report.target_changed);
    assert!(
        problem.message.ends_with(&format!(
            ". Test may be changed: what {OUTSIDE} did before it failed stays"
        )),
        "{problem}"
    );
    assert_eq!(recorded(&stage), super::BASE);
    let (left, mend) = match backend {
        Backend::Postgres => (
            "an invalid index behind, to be dropped first: `one_name`",
            "DROP INDEX one_name",
        ),
        Backend::Sqlite => ("at line 2 of up.sql", "DROP TABLE half"),
    };
    assert!(problem.message.contains(left), "{problem}");
    stage
        .test
        .run(&format!("{mend}; UPDATE merchants SET name = name || id"));
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn a_failure_in_the_first_part_changes_nothing(backend: Backend) {
    let stage = split(backend, strict_merchants(backend), TABLE);
    let before = stage.everything();
    let (report, ended) = carried_out(&stage, || {});
    let problem = ended.unwrap_err();
    assert_eq!(
        (problem.code, problem.exit_code()),
        (Code::MigrationFailed, 1)
    );
    assert!(!report.target_changed && report.migrations.is_empty());
    assert_eq!(stage.everything(), before);
}

pub(super) fn edits_between_two_parts_stop_the_run(backend: Backend) {
    let stage = split(
        backend,
        TABLE,
        "CREATE TABLE last (id integer PRIMARY KEY);",
    );
    let (report, ended) = carried_out(&stage, || {
        stage
            .test
            .run("UPDATE fee_items SET label = 'theirs' WHERE id = 3");
    });
    let problem = ended.unwrap_err();
    assert_eq!((problem.code, problem.exit_code()), (Code::PlanStale, 6));
    assert!(
        problem
            .message
            .starts_with("somebody changed rows of `fee_items` in Test"),
        "{problem}"
    );
    assert_eq!(ran(&report), [FIRST]);
    // The next plan shows it.
    let warnings = codes(&stage.plan().warnings);
    assert!(warnings.contains(&Code::TargetEdited), "{warnings:?}");
}

pub(super) fn migrations_between_two_parts_stop_the_run(backend: Backend) {
    let stage = split(
        backend,
        TABLE,
        "CREATE TABLE last (id integer PRIMARY KEY);",
    );
    let (_, ended) = carried_out(&stage, || {
        stage.test.run(&format!(
            "CREATE TABLE last (id integer PRIMARY KEY); \
             INSERT INTO __diesel_schema_migrations (version) VALUES ('{}')",
            "20240203000000"
        ));
    });
    let problem = ended.unwrap_err();
    assert_eq!((problem.code, problem.exit_code()), (Code::PlanStale, 6));
    assert!(
        problem
            .message
            .starts_with("somebody else ran migrations on Test"),
        "{problem}"
    );
}

/// What the child of the next test is told by: folders and databases, one on a line.
const CHILD: &str = "XTASK_TEST_KILLED_BETWEEN_PARTS";

pub(super) fn a_run_that_is_killed_between_parts_goes_on(backend: Backend) {
    let stage = split(
        backend,
        TABLE,
        "CREATE TABLE last (id integer PRIMARY KEY);",
    );
    let told = [
        stage.root.path().display().to_string(),
        stage.migrations.path().display().to_string(),
        stage.dev.url.clone(),
        stage.test.url.clone(),
    ];
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "promotion::parts::killed_between_parts",
        ])
        .env(CHILD, told.join("\n"))
        .output()
        .unwrap();
    // It neither ended well nor failed as a test does.
    assert!(!matches!(child.status.code(), Some(0 | 101)), "{child:?}");
    assert_eq!(
        recorded(&stage),
        format!("{} {FIRST} {OUTSIDE}", super::BASE)
    );
    assert_eq!(
        runs(&stage)[0],
        (RunKind::Unfinished, format!("part 2 of 3: {OUTSIDE}"))
    );
    // The server may take a moment to notice, and holds the lock until then.
    let report = loop {
        let plan = stage.plan();
        let (report, ended) = stage.carry_out(&plan);
        match ended {
            Err(problem) if problem.code == Code::Busy => std::thread::yield_now(),
            ended => {
                ended.unwrap();
                break report;
            }
        }
    };
    assert_eq!(ran(&report), [LAST]);
    stage.assert_in_sync();
}

/// Not a test: the program that is killed.
#[test]
#[ignore = "ends its whole process"]
fn killed_between_parts() {
    let Ok(told) = std::env::var(CHILD) else {
        return;
    };
    let told: Vec<&str> = told.lines().collect();
    let mut config = super::configured(
        told[0].as_ref(),
        xtask::model::migrations::migration::Origin::Folder(told[1].into()),
        [told[2], told[3]],
        super::TABLES,
    );
    // As its parent does.
    config.pipeline[1].rehearsal.mode = RehearsalSetting::Off;
    let promotion = config.promotion("dev-to-test").unwrap();
    let seen = xtask::sync::promoting::look::look(&config, &promotion, false)
        .unwrap()
        .seen;
    let mut report = Report::new(&promotion.name(), &seen.plan.id, &seen.plan.warnings);
    let _ = promote(&config, &promotion, &seen, &mut report, &mut |event| {
        if matches!(&event, Event::Note(note) if note.starts_with("committed part 2 ")) {
            std::process::abort();
        }
    });
}
