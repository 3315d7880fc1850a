//! Committing a run, and finding out whether it happened where the database's answer got lost.
//!
//! A connection that breaks while COMMIT is on its way leaves two possibilities, and only the
//! ledger knows which: the run is in it, written by the very transaction, or it is not.

use std::time::{Duration, Instant};

use crate::database::{self, Session, Target};
use crate::model::ledger::Run;
use crate::problem::{Code, Problem};
use crate::settings::environment::Environment;
use crate::sync::event::{Event, Events};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// Who may have been changed, and the ways on.
#[derive(Clone, Copy)]
pub struct Commit<'run> {
    pub environment: &'run Environment,
    /// The options that every command needs which is shown to be pasted.
    pub options: &'run str,
    /// The command that takes the run back, where there is one.
    pub way_back: Option<&'run str>,
}

impl Commit<'_> {
    /// Commits the transaction that recorded this run.
    ///
    /// # Errors
    /// As [`Commit::settle`].
    pub fn commit(
        &self,
        target: Box<dyn Target>,
        run: &Run,
        events: &mut Events<'_>,
    ) -> anyhow::Result<()> {
        match target.commit() {
            Ok(()) => Ok(()),
            Err(error) => self.settle(error, run, events),
        }
    }

    /// What it means that a transaction which recorded this run could not be committed: nothing
    /// where it was committed all the same. No session of the run may be left that holds its lock.
    ///
    /// # Errors
    /// The error itself where nothing was committed; `outcome_unknown` where nobody answers.
    pub fn settle(
        &self,
        error: anyhow::Error,
        run: &Run,
        events: &mut Events<'_>,
    ) -> anyhow::Result<()> {
        if is_refusal(&error) {
            return Err(error);
        }
        let label = &self.environment.label;
        match self.is_committed(run) {
            Ok(true) => {
                events(Event::Note(format!(
                    "the answer to the commit was lost ({error}); {label} was asked again: run {} is done",
                    run.id
                )));
                Ok(())
            }
            Ok(false) => Err(error),
            Err(silence) => Err(self.unknown(&error, &silence, run).into()),
        }
    }

    /// Asks the ledger until somebody answers, or the time for that is up.
    fn is_committed(&self, run: &Run) -> anyhow::Result<bool> {
        let url = self.environment.url()?;
        let limits = self.environment.limits;
        let until = Instant::now() + limits.network_timeout;
        loop {
            // Whoever gets the lock comes after the transaction that had it, however that ended.
            let answer = database::open_target(url, limits)
                .and_then(|mut target| has(&mut *target, run))
                .or_else(|busy| {
                    let seen = database::open(url).and_then(|mut session| has(&mut *session, run));
                    // That it is not there yet says nothing as long as somebody has the lock.
                    seen.ok().filter(|seen| *seen).ok_or(busy)
                });
            match answer {
                Err(_) if Instant::now() < until => std::thread::sleep(PAUSE),
                answer => return answer,
            }
        }
    }

    fn unknown(&self, error: &anyhow::Error, silence: &anyhow::Error, run: &Run) -> Problem {
        let Environment { name, label, .. } = self.environment;
        let back = self.way_back.map_or(String::new(), |command| {
            format!("; the way back is `{command}`")
        });
        let mut problem = Problem::new(
            Code::OutcomeUnknown,
            format!(
                "it is not known whether {label} was changed: the answer to the commit was lost ({error}), and nobody could be asked since ({silence})"
            ),
        )
        .hint(format!(
            "find out with `cargo xtask sync history --env {name}{}`: what was committed is there as run {}, and nothing was where it is not{back}",
            self.options, run.id
        ));
        problem.target_changed = true;
        problem
    }
}

/// The database said no, so that nothing was committed.
fn is_refusal(error: &anyhow::Error) -> bool {
    matches!(
        Problem::of(error).code,
        Code::ConstraintViolated | Code::LockTimeout | Code::StatementTimeout
    )
}

/// A run that is recorded before its last part has another summary then.
fn has<S: Session + ?Sized>(session: &mut S, run: &Run) -> anyhow::Result<bool> {
    Ok(session.ledger()?.runs.contains(run))
}
