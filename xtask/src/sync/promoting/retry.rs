//! What happens when a promotion meets somebody else's lock: it gives up, and tries again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::look::Seen;
use super::promote;
use super::report::Report;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::pipeline::Promotion;
use crate::sync::backups::retention::remove;
use crate::sync::event::{Event, Events};

/// How often a promotion is tried, the first time included.
const ATTEMPTS: u32 = 4;

/// Carries out the plan as [`promote::promote`] does. Where a lock was in the way and nothing was
/// committed, it is tried again after a pause, in which nothing is held: each time as a run of its
/// own that looks again, so that what changed meanwhile makes the plan stale as ever.
///
/// # Errors
/// As [`promote::promote`]; `lock_timeout` then says how often it was tried.
pub fn promote(
    config: &Config,
    promotion: &Promotion<'_>,
    seen: &Seen,
    report: &mut Report,
    events: &mut Events<'_>,
) -> anyhow::Result<()> {
    let clock = Instant::now();
    let untouched = report.clone();
    let mut backup: Option<PathBuf> = None;
    let mut attempt = 1;
    loop {
        let ended = promote::promote(config, promotion, seen, report, events);
        if let Some(made) = report.backup.as_ref().map(|backup| backup.path.clone())
            && let Some(earlier) = backup.replace(made)
        {
            // Of the same database, moments ago: more of them would only push out older ones.
            remove(&earlier);
        }
        report.duration_ms = promote::milliseconds(clock);
        let Err(error) = ended else {
            return Ok(());
        };
        let problem = Problem::of(&error);
        if problem.code != Code::LockTimeout || report.target_changed {
            return Err(error);
        }
        if attempt == ATTEMPTS {
            let message = format!("{}; tried {ATTEMPTS} times", problem.message);
            return Err(Problem { message, ..problem }.into());
        }
        let pause = pause(
            attempt,
            promotion.to.limits.lock_timeout,
            getrandom::u32().unwrap_or_default(),
        );
        attempt += 1;
        events(Event::Note(format!(
            "waiting {pause:.1?}, then trying again ({attempt} of {ATTEMPTS}): {problem}"
        )));
        std::thread::sleep(pause);
        *report = untouched.clone();
    }
}

/// How long to wait after an attempt: twice as long as after the one before, and up to twice that
/// by `chance`, so that two who are in each other's way do not meet again. It begins with a fifth
/// of what a lock is waited for, and a second at most.
fn pause(attempt: u32, lock_timeout: Duration, chance: u32) -> Duration {
    let first = (lock_timeout / 5).min(Duration::from_secs(1));
    let shortest = first * (1 << (attempt - 1));
    shortest + shortest.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_random() {
        let seconds = |attempt, lock_timeout, chance| {
            let lock_timeout = Duration::from_millis(lock_timeout);
            pause(attempt, lock_timeout, chance).as_secs_f64()
        };
        for (attempt, shortest, longest) in [(1, 1.0, 2.0), (2, 2.0, 4.0), (3, 4.0, 8.0)] {
            assert_eq!(seconds(attempt, 5000, 0), shortest);
            assert_eq!(seconds(attempt, 5000, u32::MAX), longest);
            let between = seconds(attempt, 5000, u32::MAX / 2);
            assert!(shortest < between && between < longest, "{between}");
            // Whoever waits for locks for longer does not pause for longer.
            assert_eq!(seconds(attempt, 600_000, 0), shortest);
        }
        assert_eq!(seconds(1, 50, 0), 0.01);
        assert_eq!(seconds(3, 50, u32::MAX), 0.08);
    }
}
