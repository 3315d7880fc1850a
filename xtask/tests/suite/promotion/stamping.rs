//! What databases say of themselves: copies, exchanged URLs, other projects, and how one says
//! otherwise.

use xtask::model::backend::Backend;
use xtask::model::ledger::RunKind;
use xtask::model::url::DatabaseUrl;
use xtask::problem::{Code, Problem};
use xtask::sync::migrate::migrate;
use xtask::sync::promoting::look;
use xtask::sync::record::record;
use xtask::sync::stamp::{StampReport, Unstamped};

use super::{BASE, BASE_UP, Stage, TABLES, codes, configuration};
use crate::support::database::{Database, another_host};

fn look(stage: &Stage) -> Result<Unstamped, Problem> {
    let test = stage.config.environment("test").unwrap();
    Unstamped::look(&stage.config, test).map_err(|error| Problem::of(&error))
}

fn stamp(stage: &Stage) -> StampReport {
    let test = stage.config.environment("test").unwrap();
    look(stage)
        .unwrap()
        .stamp(&stage.config, test, &mut |_| {})
        .unwrap()
}

/// Test is another database from now on.
fn point_test_at(stage: &mut Stage, url: &str) {
    stage.config = configuration(&stage.root, &stage.migrations, &stage.dev.url, url, TABLES);
}

/// A database that holds the same. The value keeps one on a server alive.
fn copy(stage: &Stage, database: &Database) -> (String, Option<Database>) {
    match database.backend {
        Backend::Postgres => {
            let copy = database.copy_on_server();
            (copy.url.clone(), Some(copy))
        }
        Backend::Sqlite => {
            let file = stage.root.path().join("copy.sqlite3");
            std::fs::copy(database.file(), &file).unwrap();
            (format!("sqlite:{}", file.display()), None)
        }
    }
}

/// The one blocker, which nobody gets past.
fn refused(stage: &Stage) -> (String, String) {
    let plan = stage.plan();
    let [blocker] = plan.blockers.as_slice() else {
        panic!("{:?}", plan.blockers)
    };
    let (_, ended) = stage.carry_out(&plan);
    assert_eq!(ended.unwrap_err(), *blocker);
    assert_eq!(blocker.code, Code::WrongStamp);
    (blocker.message.clone(), blocker.hint.clone().unwrap())
}

pub(super) fn a_copy_of_the_other_end_is_told_and_can_be_stamped(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    let (url, _kept) = copy(&stage, &stage.dev);
    point_test_at(&mut stage, &url);
    let (message, hint) = refused(&stage);
    assert!(
        message.starts_with(
            "the database behind Test is a copy of that behind Development: both carry the database id "
        ),
        "{message}"
    );
    assert_eq!(
        hint,
        "correct TEST; if the copy is to be Test from now on, `cargo xtask sync stamp --env test` says so"
    );

    let before = stage.dev.everything();
    let report = stamp(&stage);
    let was = report.before.unwrap();
    assert_eq!(was.environment, "dev");
    assert_eq!(report.stamp.environment, "test");
    assert_ne!(report.stamp.database_id, was.database_id);
    assert_ne!(report.stamp.place, was.place);
    assert_eq!(stage.dev.everything(), before);
    let plan = stage.plan();
    assert_eq!((plan.blockers, plan.warnings), (vec![], vec![]));
}

pub(super) fn a_stamp_tells_a_database_from_its_copy(backend: Backend) {
    let stage = Stage::promoted(backend);
    let says = |change: &str| {
        stage.test.run(&format!("UPDATE __sync_stamp SET {change}"));
        refused(&stage)
    };
    let (message, hint) = says("environment = 'prod'");
    assert!(
        message.starts_with("the database behind Test says of itself that it is `prod`, since 2")
            && message.ends_with("Z, and it stands where it was when it first said so"),
        "{message}"
    );
    assert!(
        hint.starts_with("TEST leads to `prod` itself: correct it;"),
        "{hint}"
    );
    let (message, hint) = says("place = 'elsewhere'");
    assert!(
        message.ends_with(
            "Z, but it said so first in another place: it is a copy of that database, or was moved"
        ),
        "{message}"
    );
    assert_eq!(
        hint,
        "correct TEST; if it is to be Test from now on, `cargo xtask sync stamp --env test` says so"
    );
    // An older program did not write the place.
    let (message, hint) = says("place = NULL");
    assert!(message.ends_with("Z"), "{message}");
    assert!(
        hint.contains("if it is a copy of `prod` that is to be Test"),
        "{hint}"
    );
}

pub(super) fn one_id_is_in_one_database(backend: Backend) {
    let stage = Stage::promoted(backend);
    let id = stage.dev.line("SELECT database_id FROM __sync_stamp");
    stage
        .test
        .run(&format!("UPDATE __sync_stamp SET database_id = '{id}'"));
    let (message, _) = refused(&stage);
    assert_eq!(
        message,
        format!(
            "the database behind Test is a copy of that behind Development: both carry the database id {id}"
        )
    );
    stamp(&stage);
    assert_eq!(stage.plan().blockers, []);
}

pub(super) fn a_database_of_another_project(backend: Backend) {
    let mut stage = Stage::ready(backend);
    for environment in &mut stage.config.pipeline {
        environment.project = Some("shop".to_owned());
    }
    stage.promote();
    assert_eq!(stage.test.line("SELECT project FROM __sync_stamp"), "shop");
    // The stamp of Development was written when the project had no name, and no run since.
    assert_eq!(stage.dev.texts("SELECT project FROM __sync_stamp"), [None]);
    stage.config.pipeline[1].project = Some("bank".to_owned());
    let (message, hint) = refused(&stage);
    assert_eq!(
        message,
        "the database behind Test belongs to the project `shop`, where it is `test`; this one is `bank`"
    );
    assert!(
        hint.contains("or `project` in data-sync/sync.toml"),
        "{hint}"
    );
    assert_eq!(stamp(&stage).stamp.project.as_deref(), Some("bank"));
    assert_eq!(stage.plan().blockers, []);
}

pub(super) fn a_database_that_was_moved_warns_at_most(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage
        .test
        .run("UPDATE __sync_stamp SET place = 'elsewhere'");
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    match backend {
        // Every checkout has another path.
        Backend::Sqlite => assert_eq!(plan.warnings, []),
        Backend::Postgres => {
            assert_eq!(codes(&plan.warnings), [Code::WrongStamp]);
            assert_eq!(
                plan.warnings[0].message,
                "the database behind Test was stamped as `test` in another place: it was moved or put back, or it is a copy"
            );
        }
    }
    stamp(&stage);
    assert_eq!(stage.plan().warnings, []);
}

pub(super) fn a_stamp_is_a_run_and_changes_nothing_else(backend: Backend) {
    let stage = Stage::promoted(backend);
    let rows = |stage: &Stage| -> Vec<String> {
        let contents = stage.test.contents().into_iter();
        contents.filter(|row| !row.contains("__sync_")).collect()
    };
    let before = rows(&stage);
    let report = stamp(&stage);
    assert_eq!(rows(&stage), before);
    assert_eq!(stage.test.line("SELECT count(*) FROM __sync_stamp"), "1");
    let looked = xtask::sync::snapshot::observe(&stage.config.pipeline[1]).unwrap();
    let ledger = looked.snapshot.ledger.clone();
    // An open reader would keep SQLite from committing.
    drop(looked);
    let run = &ledger.runs[0];
    assert_eq!((run.kind, run.subject.as_str()), (RunKind::Stamp, "test"));
    assert_eq!(run.id, report.run_id);
    assert_eq!(run.summary, "stamped as test, before that as test");
    // What was asked about is what is stamped.
    let seen = look(&stage).unwrap();
    stage
        .test
        .run("UPDATE __sync_stamp SET environment = 'prod'");
    let everything = stage.everything();
    let error = seen.stamp(&stage.config, &stage.config.pipeline[1], &mut |_| {});
    assert_eq!(Problem::of(&error.unwrap_err()).code, Code::PlanStale);
    assert_eq!(stage.everything(), everything);
}

pub(super) fn a_database_is_stamped_as_one_environment(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    let url = by_another_name(&stage.dev);
    point_test_at(&mut stage, &url);
    let refused = look(&stage).unwrap_err();
    assert_eq!(refused.code, Code::SameDatabase);
    assert_eq!(
        refused.message,
        "the database behind Test is the one behind Development too"
    );
    let plan = stage.plan();
    assert_eq!(codes(&plan.blockers), [Code::SameDatabase]);
    assert_eq!(
        plan.blockers[0].message,
        "Development and Test are one and the same database, which says of itself that it is `dev`"
    );
}

/// Another environment after Test, behind this URL.
fn add_production(stage: &mut Stage, url: &str) {
    let mut production = stage.config.pipeline[1].clone();
    production.name = "prod".to_owned();
    production.label = "Production".to_owned();
    production.url_variable = "PROD".to_owned();
    production.url = DatabaseUrl::parse(url, "PROD", stage.root.path());
    stage.config.pipeline.push(production);
}

/// The same database by another name, where it has one.
fn by_another_name(database: &Database) -> String {
    match database.backend {
        Backend::Postgres => another_host(&database.url),
        Backend::Sqlite => database.url.clone(),
    }
}

pub(super) fn no_other_environment_is_written_by_a_wrong_url(backend: Backend) {
    let mut stage = Stage::ready(backend);
    let url = by_another_name(&stage.test);
    add_production(&mut stage, &url);
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::SameDatabase);
    assert_eq!(
        blocker.message,
        "the database behind Test is the one behind Production too"
    );
    assert_eq!(
        blocker.hint.as_deref(),
        Some("correct TEST or PROD: a database is one environment")
    );
    let status = xtask::sync::status::status(&stage.config).unwrap();
    assert_eq!(status.promotions[0].blockers, [blocker]);
}

pub(super) fn development_is_no_other_environment(backend: Backend) {
    let mut stage = Stage::empty(backend);
    stage.migrations.write(BASE, BASE_UP);
    let url = by_another_name(&stage.dev);
    add_production(&mut stage, &url);
    let before = stage.dev.everything();
    let development = &stage.config.pipeline[0];
    let refused = [
        migrate(&stage.config, &mut |_| {}).map(drop),
        record(&stage.config, development, &[], &mut |_| {}).map(drop),
    ];
    for ended in refused {
        let problem = Problem::of(&ended.unwrap_err());
        assert_eq!(problem.code, Code::SameDatabase);
        assert_eq!(
            problem.message,
            "the database behind Development is the one behind Production too"
        );
    }
    assert_eq!(stage.dev.everything(), before);
}

pub(super) fn other_environments_that_cannot_be_reached_are_no_reason(backend: Backend) {
    let mut stage = Stage::ready(backend);
    let url = match backend {
        Backend::Postgres => "postgres://nobody@127.0.0.1:1/nothing",
        Backend::Sqlite => "sqlite:nothing.sqlite3",
    };
    add_production(&mut stage, url);
    stage.migrate();
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn what_was_promoted_to_no_test_reaches_no_production(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    let production = Database::create(backend);
    add_production(&mut stage, &production.url);
    stage.config.pipeline[2].confirm.push("REALLY".to_owned());
    let judged = |stage: &Stage| {
        let promotion = stage.config.promotion("test-to-prod").unwrap();
        let plan = look::look(&stage.config, &promotion, false)
            .unwrap()
            .seen
            .plan;
        (plan.blockers, plan.warnings)
    };
    assert_eq!(judged(&stage), (vec![], vec![]));
    // Any database may have the right tables.
    stage.test.run("DELETE FROM __sync_stamp");
    let (blockers, warnings) = judged(&stage);
    assert_eq!(
        (codes(&blockers), warnings),
        (vec![Code::WrongStamp], vec![])
    );
    assert_eq!(
        blockers[0].message,
        "the database behind Test does not say that it is Test: nothing was ever promoted to it"
    );
    assert_eq!(
        blockers[0].hint.as_deref(),
        Some(
            "correct TEST; or promote to it first (`cargo xtask sync dev-to-test`); or, if it is Test all the same, `cargo xtask sync stamp --env test` says so"
        )
    );
    stage.config.pipeline[2].confirm.pop();
    let (none, warnings) = judged(&stage);
    let warnings: Vec<Problem> = warnings.into_iter().map(Problem::blocking).collect();
    assert_eq!((none, warnings), (vec![], blockers));
    stamp(&stage);
    assert_eq!(judged(&stage), (vec![], vec![]));
    // Development may be any database: what is in it is tested in Test.
    stage
        .dev
        .run("DELETE FROM __sync_stamp; UPDATE fee_groups SET label = 'changed'");
    stage.make_strict();
    let plan = stage.plan();
    assert!(!plan.empty);
    assert_eq!((plan.blockers, plan.warnings), (vec![], vec![]));
}

pub(super) fn an_older_stamp_says_less_until_the_next_run(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.test.run(
        "ALTER TABLE __sync_stamp DROP COLUMN project; ALTER TABLE __sync_stamp DROP COLUMN place",
    );
    let id = "SELECT database_id FROM __sync_stamp";
    let was = stage.test.line(id);
    stage.config.pipeline[1].project = Some("shop".to_owned());
    let plan = stage.plan();
    assert_eq!((plan.blockers, plan.warnings), (vec![], vec![]));
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    stage.promote();
    assert_eq!(stage.test.line(id), was);
    assert_eq!(stage.test.line("SELECT project FROM __sync_stamp"), "shop");
    let place = stage.test.line("SELECT place FROM __sync_stamp");
    assert!(place.starts_with(backend.name()), "{place}");
}
