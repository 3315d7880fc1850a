//! Commits whose answer is lost: the ledger is asked, and what it says is what is reported.

use std::path::Path;
use std::time::Duration;

use xtask::model::backend::Backend;
use xtask::model::url::DatabaseUrl;
use xtask::problem::{Code, Problem};
use xtask::sync::event::Event;
use xtask::sync::migrate::migrate;
use xtask::sync::promoting::commit::Commit;
use xtask::sync::promoting::report::Outcome;
use xtask::sync::record::record;
use xtask::sync::restore::restore;
use xtask::sync::snapshot::observe;
use xtask::sync::stamp::Unstamped;

use super::Stage;
use super::parts::{TABLE, ran, split};
use crate::support::proxy::{Fault, Proxy};

/// What the server is sent to commit.
const COMMIT: &str = "COMMIT\0";

/// A network before one of the two environments.
fn behind_a_network(stage: &mut Stage, at: usize) -> Proxy {
    // A proof by a restore commits as well.
    stage.config.backup.verify = xtask::settings::config::Verify::Archive;
    let url = [&stage.dev.url, &stage.test.url][at];
    let proxy = Proxy::before(url);
    // A session that records a run, and none of those that only look.
    proxy.only_after("__sync_runs (id, kind");
    let environment = &mut stage.config.pipeline[at];
    environment.url = DatabaseUrl::parse(&proxy.url(url), "TEST", Path::new("/"));
    environment.limits.network_timeout = Duration::from_secs(3);
    proxy
}

/// Development has something for Test.
fn changed() -> Stage {
    let stage = Stage::promoted(Backend::Postgres);
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'changed' WHERE id = 1");
    stage
}

fn label(stage: &Stage) -> String {
    stage.test.line("SELECT label FROM fee_groups WHERE id = 1")
}

fn hint(problem: &Problem) -> &str {
    problem.hint.as_deref().unwrap_or_default()
}

#[track_caller]
fn assert_unknown(problem: &Problem, environment: &str) {
    assert_eq!(
        (problem.code, problem.exit_code()),
        (Code::OutcomeUnknown, 6)
    );
    assert!(problem.target_changed);
    let find_out = format!("`cargo xtask sync history --env {environment}`");
    assert!(hint(problem).contains(&find_out), "{problem:?}");
}

pub(super) fn a_promotion_whose_commit_is_not_answered() {
    for (fault, is_done) in [
        (Fault::AnswerLost, true),
        (Fault::StatementLate, true),
        (Fault::StatementLost, false),
    ] {
        let mut stage = changed();
        let before = stage.test.everything();
        let proxy = behind_a_network(&mut stage, 1);
        let plan = stage.plan();
        let mut notes = Vec::new();
        proxy.fail(COMMIT, 0, fault);
        let (report, ended) = stage.carry_out_with(&plan, &mut |event| {
            if let Event::Note(note) = event {
                notes.push(note);
            }
        });
        assert!(proxy.has_failed());
        if is_done {
            assert_eq!(ended, Ok(()), "{fault:?}");
            assert_eq!(
                (report.outcome, report.target_changed),
                (Outcome::Applied, true)
            );
            assert!(report.backup.is_some());
            assert!(
                notes[0].contains(&format!("run {} is done", report.run_id)),
                "{notes:?}"
            );
            assert_eq!(label(&stage), "changed");
            assert!(stage.plan().empty);
        } else {
            let problem = ended.unwrap_err();
            assert_eq!(
                (problem.code, problem.exit_code()),
                (Code::Unreachable, 1),
                "{problem}"
            );
            assert!(!report.target_changed);
            assert_eq!(stage.test.everything(), before);
        }
    }
}

pub(super) fn nobody_can_say_whether_a_promotion_was_committed() {
    for (fault, is_done) in [(Fault::AnswerLost, true), (Fault::StatementLost, false)] {
        let mut stage = changed();
        let proxy = behind_a_network(&mut stage, 1);
        stage.config.pipeline[1].limits.network_timeout = Duration::from_millis(300);
        let plan = stage.plan();
        proxy.fail_for_good(COMMIT, 0, fault);
        let (report, ended) = stage.carry_out(&plan);
        let problem = ended.unwrap_err();
        assert_unknown(&problem, "test");
        assert!(
            problem
                .message
                .starts_with("it is not known whether Test was changed: ")
        );
        let way_back = &report.backup.as_ref().unwrap().way_back;
        assert!(hint(&problem).contains(&**way_back), "{problem:?}");
        assert!(hint(&problem).contains(&report.run_id), "{problem:?}");
        assert!(report.target_changed);
        assert_eq!(label(&stage) == "changed", is_done);
    }
}

pub(super) fn a_part_whose_commit_is_not_answered() {
    for (fault, is_known, applied) in [
        (Fault::AnswerLost, true, 1),
        (Fault::StatementLost, true, 0),
        (Fault::AnswerLost, false, 1),
    ] {
        let mut stage = split(
            Backend::Postgres,
            TABLE,
            "CREATE TABLE last (id integer PRIMARY KEY);",
        );
        let proxy = behind_a_network(&mut stage, 1);
        let plan = stage.plan();
        match is_known {
            true => proxy.fail(COMMIT, 0, fault),
            false => {
                stage.config.pipeline[1].limits.network_timeout = Duration::from_millis(300);
                proxy.fail_for_good(COMMIT, 0, fault);
            }
        }
        let (report, ended) = stage.carry_out(&plan);
        let problem = ended.unwrap_err();
        if is_known {
            assert_eq!(problem.code, Code::Unreachable, "{problem}");
            assert_eq!(
                problem.exit_code(),
                if applied > 0 { 6 } else { 1 },
                "{problem}"
            );
            assert_eq!(ran(&report).len(), applied);
        } else {
            assert_unknown(&problem, "test");
        }
        let applied_since = "SELECT count(*) - 1 FROM __diesel_schema_migrations";
        assert_eq!(stage.test.line(applied_since), applied.to_string());

        // The rest can be done through another network.
        behind_a_network(&mut stage, 1);
        let report = stage.promote();
        assert_eq!(ran(&report).len(), 3 - applied);
        stage.assert_in_sync();
    }
}

/// Each of the other commands that write, and whether it was done.
pub(super) fn whatever_commits_asks_the_ledger() {
    type Work = fn(&Stage) -> anyhow::Result<()>;
    let commands: [(&str, usize, Work); 4] = [
        ("migrate", 0, |stage| {
            migrate(&stage.config, &mut |_| {}).map(drop)
        }),
        ("record", 0, |stage| {
            let development = &stage.config.pipeline[0];
            record(
                &stage.config,
                development,
                &[super::BASE.to_owned()],
                &mut |_| {},
            )
            .map(drop)
        }),
        ("stamp", 1, |stage| {
            let test = &stage.config.pipeline[1];
            let unstamped = Unstamped::look(&stage.config, test)?;
            unstamped.stamp(&stage.config, test, &mut |_| {}).map(drop)
        }),
        ("restore", 1, |stage| {
            let test = &stage.config.pipeline[1];
            restore(&stage.config, test, &stage.backups()[0], &mut |_| {}).map(drop)
        }),
    ];
    let mut stage = Stage::promoted(Backend::Postgres);
    let mut month = 2;
    for (name, at, work) in commands {
        let environment = ["dev", "test"][at];
        for (fault, is_known, is_done) in [
            (Fault::AnswerLost, true, true),
            (Fault::StatementLost, true, false),
            (Fault::AnswerLost, false, true),
        ] {
            stage.migrations.write(
                &format!("2024-{month:02}-01-000000_more"),
                &format!("CREATE TABLE more_{month} (id integer);"),
            );
            month += 1;
            let proxy = behind_a_network(&mut stage, at);
            let runs = || {
                let database = [&stage.dev, &stage.test][at];
                let count = database.line("SELECT count(*) FROM __sync_runs");
                count.parse::<usize>().unwrap()
            };
            let before = runs();
            if is_known {
                proxy.fail(COMMIT, 0, fault);
            } else {
                proxy.fail_for_good(COMMIT, 0, fault);
            }
            let ended = work(&stage).map_err(|error| Problem::of(&error));
            assert!(proxy.has_failed(), "{name}");
            match (is_known, is_done) {
                (true, true) => assert_eq!(ended, Ok(()), "{name}"),
                (true, false) => assert_eq!(ended.unwrap_err().exit_code(), 1, "{name}"),
                (false, _) => {
                    let problem = ended.unwrap_err();
                    assert_unknown(&problem, environment);
                    let has_way_back = hint(&problem).contains("sync restore --env test");
                    assert_eq!(has_way_back, name == "restore", "{problem:?}");
                }
            }
            assert_eq!(runs() - before, usize::from(is_done), "{name}");
        }
    }
}

/// What an error at the commit means is asked of the ledger, whatever the error says.
pub(super) fn the_ledger_says_whether_it_was_committed(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    let run = observe(&stage.config.pipeline[1])
        .unwrap()
        .snapshot
        .ledger
        .runs
        .remove(0);
    stage.config.pipeline[1].limits.network_timeout = Duration::from_millis(200);
    let settle = |stage: &Stage, run| {
        let commit = Commit {
            environment: &stage.config.pipeline[1],
            options: " --config other.toml",
            way_back: Some("put it back"),
        };
        let error = Problem::new(Code::Failed, "failed to commit: disk I/O error");
        commit
            .settle(error.into(), run, &mut |_| {})
            .map_err(|error| Problem::of(&error))
    };
    assert_eq!(settle(&stage, &run), Ok(()));
    let mut other = run.clone();
    other.summary.push_str(", and more");
    let problem = settle(&stage, &other).unwrap_err();
    assert_eq!((problem.code, problem.exit_code()), (Code::Failed, 1));
    // Nobody answers.
    stage.config.pipeline[1].url = match backend {
        Backend::Postgres => DatabaseUrl::parse("postgres://127.0.0.1:1/x", "TEST", Path::new("/")),
        Backend::Sqlite => DatabaseUrl::parse("sqlite:gone", "TEST", stage.root.path()),
    };
    let problem = settle(&stage, &run).unwrap_err();
    assert_eq!(
        (problem.code, problem.exit_code()),
        (Code::OutcomeUnknown, 6)
    );
    assert_eq!(
        hint(&problem),
        format!(
            "find out with `cargo xtask sync history --env test --config other.toml`: what was committed is there as run {}, and nothing was where it is not; the way back is `put it back`",
            run.id
        )
    );
}
