//! What a promotion does where somebody else's lock is in the way, or a statement takes too long.

use std::time::Duration;

use xtask::problem::Code;
use xtask::sync::environment::Backend;

use super::{Stage, codes};

const NOTE: &str = "2024-02-01-000000_note";

/// A row less, and a row that changes. The target is not waited for for long.
fn ready(backend: Backend) -> Stage {
    let mut stage = Stage::promoted(backend);
    stage.do_not_rehearse();
    stage.config.pipeline[1].limits.lock_timeout = Duration::from_millis(200);
    stage.dev.run(
        "DELETE FROM fee_items WHERE group_id = 10; DELETE FROM fee_groups WHERE id = 10; \
         UPDATE fee_groups SET label = 'changed' WHERE id = 1",
    );
    stage
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
    stage.config.pipeline[1].limits.lock_timeout = Duration::from_millis(200);
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
