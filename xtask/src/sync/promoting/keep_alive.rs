//! Keeping a session that waits with its locks from being taken for one that is forgotten.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::database::Target;

/// How many signs of life there are to one limit.
const SIGNS: u32 = 4;

/// Does what takes long beside a session, which meanwhile gives the server a sign of life often
/// enough that `limit` does not end it. A program that was stopped gives none.
pub(super) fn keep_alive<T>(
    target: &mut dyn Target,
    limit: Option<Duration>,
    work: impl FnOnce() -> T,
) -> T {
    let Some(limit) = limit else {
        return work();
    };
    let (end, ended) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while ended.recv_timeout(limit / SIGNS) == Err(RecvTimeoutError::Timeout) {
                // Whoever uses the session next meets the error.
                if target.sign_of_life().is_err() {
                    break;
                }
            }
        });
        let done = work();
        drop(end);
        done
    })
}
