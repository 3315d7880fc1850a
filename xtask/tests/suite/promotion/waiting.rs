//! What a promotion does where somebody else's lock is in the way.

use std::time::Duration;

use xtask::model::backend::Backend;
use xtask::problem::{Code, Problem};
use xtask::sync::event::Event;
use xtask::sync::promoting::report::{Outcome, Report};
use xtask::sync::promoting::retry::promote;

use super::parts::{TABLE, split};
use super::{Stage, codes};
use crate::support::database::Connection;

const NOTE: &str = "2024-02-01-000000_note";

/// A session that keeps its locks, and how it is named where that is known.
struct Holder {
    connection: Connection,
    process: String,
}

impl Holder {
    fn new(stage: &Stage, lock: &str) -> Self {
        let mut connection = stage.test.connect();
        let process = match stage.test.backend {
            Backend::Postgres => connection
                .texts("SELECT 'process ' || pg_backend_pid() || ' of user ' || current_user")
                .remove(0),
            Backend::Sqlite => None,
        };
        connection.run(&format!("BEGIN; {lock}"));
        Holder {
            connection,
            process: process.unwrap_or_default(),
        }
    }
}

/// A row less, and a row that changes. The target is not waited for for long.
fn ready(backend: Backend) -> Stage {
    let mut stage = Stage::promoted(backend);
    stage.do_not_rehearse();
    stage.config.pipeline[1].limits.lock_timeout = Duration::from_millis(600);
    stage.dev.run(
        "DELETE FROM fee_items WHERE group_id = 10; DELETE FROM fee_groups WHERE id = 10; \
         UPDATE fee_groups SET label = 'changed' WHERE id = 1",
    );
    stage
}

/// A lock that lets the plan be made, and keeps it from being carried out: on PostgreSQL in the
/// middle of the load, which has the rows checked that refer to one that goes; on SQLite at the
/// commit.
fn in_the_way(backend: Backend) -> &'static str {
    match backend {
        Backend::Postgres => "LOCK TABLE merchants IN SHARE MODE",
        Backend::Sqlite => "SELECT * FROM merchants",
    }
}

/// Carries the plan out. `in_pause` is done in each pause; what was said then comes back as well.
pub(super) fn attempted(
    stage: &Stage,
    mut in_pause: impl FnMut(),
) -> (Report, Result<(), Problem>, Vec<String>) {
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    let promotion = stage.config.promotion("dev-to-test").unwrap();
    let mut report = Report::new(&promotion.name(), &plan.id, &plan.warnings);
    let mut notes = Vec::new();
    let mut events = |event| {
        if let Event::Note(note) = event {
            notes.push(note);
            in_pause();
        }
    };
    let ended = promote(
        &stage.config,
        &promotion,
        &stage.seen(&plan),
        &mut report,
        &mut events,
    );
    (report, ended.map_err(|error| Problem::of(&error)), notes)
}

/// Nobody lets go of the lock; nothing is changed, and the words say who has it.
#[track_caller]
fn gives_up(stage: &Stage, lock: &str, words: &str, backups: usize) {
    let holder = Holder::new(stage, lock);
    let before = stage.everything();
    let (report, ended, notes) = attempted(stage, || {});
    let problem = ended.unwrap_err();
    let by = match stage.test.backend {
        Backend::Postgres => format!(
            " is locked by {} (idle in transaction), since ",
            holder.process
        ),
        Backend::Sqlite => String::new(),
    };
    assert!(
        problem.message.starts_with(&format!("{words}{by}")),
        "{problem}"
    );
    assert!(problem.message.ends_with("; tried 4 times"), "{problem}");
    assert_eq!((problem.code, problem.exit_code()), (Code::LockTimeout, 1));
    assert!(problem.hint.unwrap().contains("run it again"));
    let attempts = ["2", "3", "4"].map(|at| format!("then trying again ({at} of 4): {words}{by}"));
    assert_eq!(notes.len(), attempts.len(), "{notes:?}");
    for (note, attempt) in notes.iter().zip(attempts) {
        assert!(
            note.starts_with("waiting ") && note.contains(&attempt),
            "{note}"
        );
    }
    assert!(!report.target_changed);
    assert_eq!(stage.everything(), before);
    assert_eq!(stage.backups().len(), 1 + backups);
}

pub(super) fn a_lock_that_stays_is_given_up(backend: Backend) {
    let words = match backend {
        Backend::Postgres => "failed to delete rows of `fee_groups`: `merchants`",
        Backend::Sqlite => "failed to commit: database is locked",
    };
    // Of the backups that were made, the last one stays.
    gives_up(&ready(backend), in_the_way(backend), words, 1);
}

pub(super) fn a_lock_on_a_lookup_table_is_given_up() {
    let lock = "UPDATE fee_items SET label = 'theirs' WHERE id = 1";
    let words = "failed to lock `fee_items`: `fee_items`";
    gives_up(&ready(Backend::Postgres), lock, words, 0);
}

pub(super) fn a_lock_that_a_migration_meets_is_given_up() {
    for (up, lock, what) in [
        (
            "ALTER TABLE merchants ADD note text;",
            "SELECT * FROM merchants",
            "`merchants`",
        ),
        (
            "UPDATE merchants SET name = upper(name);",
            "UPDATE merchants SET name = 'theirs' WHERE id = 2",
            "a row of `merchants`",
        ),
    ] {
        let stage = ready(Backend::Postgres);
        stage.migrations.write(NOTE, up);
        stage.migrate();
        let words = format!("failed to run migration {NOTE}: {what}");
        gives_up(&stage, lock, &words, 1);
    }
}

pub(super) fn a_lock_that_goes_away_is_waited_out(backend: Backend) {
    let stage = ready(backend);
    let mut holder = Holder::new(&stage, in_the_way(backend));
    let mut pauses = 0;
    let (report, ended, notes) = attempted(&stage, || {
        pauses += 1;
        if pauses == 2 {
            holder.connection.run("ROLLBACK");
        }
    });
    ended.unwrap();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_eq!(report.outcome, Outcome::Applied);
    // Three attempts waited twice for the lock.
    assert!(report.duration_ms > 400, "{}", report.duration_ms);
    stage.assert_in_sync();
    // The backup that the run was recorded with, and the one of the promotion before.
    let backups = stage.backups();
    assert_eq!(backups.len(), 2);
    assert_eq!(backups[0].path, report.backup.unwrap().path);
}

pub(super) fn what_changed_in_a_pause_makes_the_plan_stale(backend: Backend) {
    let stage = ready(backend);
    let mut holder = Holder::new(&stage, in_the_way(backend));
    let (_, ended, notes) = attempted(&stage, || {
        holder
            .connection
            .run("COMMIT; UPDATE fee_items SET label = 'theirs' WHERE id = 1");
    });
    let problem = ended.unwrap_err();
    assert_eq!(problem.code, Code::PlanStale, "{problem}");
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!(
        stage.test.line("SELECT label FROM fee_items WHERE id = 1"),
        "theirs"
    );
}

pub(super) fn what_is_committed_is_not_tried_again() {
    let mut stage = split(
        Backend::Postgres,
        TABLE,
        "ALTER TABLE merchants ADD note text;",
    );
    stage.config.pipeline[1].limits.lock_timeout = Duration::from_millis(600);
    let holder = Holder::new(&stage, "LOCK TABLE merchants IN ACCESS SHARE MODE");
    let (report, ended, notes) = attempted(&stage, || {});
    let problem = ended.unwrap_err();
    assert_eq!((problem.code, problem.exit_code()), (Code::LockTimeout, 6));
    let by = format!("`merchants` is locked by {}", holder.process);
    assert!(problem.message.contains(&by), "{problem}");
    assert!(report.target_changed);
    assert!(
        notes.iter().all(|note| note.starts_with("committed part")),
        "{notes:?}"
    );
    drop(holder);
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn a_statement_that_takes_too_long_is_stopped() {
    let mut stage = ready(Backend::Postgres);
    stage.config.pipeline[1].limits.statement_timeout = Some(Duration::from_secs(1));
    // Development has no merchants.
    stage.migrations.write(
        NOTE,
        "CREATE TABLE notes (id integer);\nSELECT pg_sleep(60) FROM merchants WHERE id = 1;",
    );
    stage.migrate();
    let problem = stage.fails();
    assert_eq!(
        (problem.code, problem.message.as_str()),
        (
            Code::StatementTimeout,
            "failed to run migration 2024-02-01-000000_note: canceling statement due to statement timeout"
        )
    );
    assert!(
        problem.hint.unwrap().contains("raise `statement_timeout`"),
        "no hint"
    );
}

pub(super) fn a_rehearsal_that_takes_too_long_blocks() {
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.config.pipeline[1].limits.lock_timeout = Duration::from_millis(600);
    stage.config.pipeline[1].limits.statement_timeout = Some(Duration::from_secs(1));
    stage.test.run("UPDATE fee_groups SET label = 'slow'");
    stage.migrations.write(
        NOTE,
        "CREATE TABLE notes (id integer);\nSELECT pg_sleep(60) FROM fee_groups WHERE label = 'slow' LIMIT 1;",
    );
    stage.migrate();
    let blockers = stage.plan().blockers;
    assert_eq!(codes(&blockers), [Code::StatementTimeout]);
    assert!(
        blockers[0]
            .message
            .starts_with("rehearsed on a copy of Test: failed to run migration"),
        "{}",
        blockers[0]
    );
}
