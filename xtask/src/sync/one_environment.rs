//! Whether a database that is about to be written is another environment as well: by one wrong
//! URL, what is meant for Test would go to Production.

use crate::database::{self, Identity};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::ends;
use crate::sync::snapshot::Snapshot;

/// How long to wait for another environment's server, in seconds.
const PATIENCE: u32 = 3;

/// Checks before a write that the database is this environment, and no other of the pipeline.
///
/// # Errors
/// `wrong_stamp` or `same_database`.
pub fn check(
    config: &Config,
    environment: &Environment,
    snapshot: &Snapshot,
) -> Result<(), Problem> {
    match ends::wrong_stamp(snapshot)
        .or_else(|| another(config, environment, &snapshot.identity, None))
    {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

/// The other environment that the database of this one is too, `apart_from` one that is compared
/// with it anyway.
///
/// Those that are not set or cannot be reached are no reason to refuse: whoever may write to one
/// environment need not be able to reach the others.
pub fn another(
    config: &Config,
    environment: &Environment,
    identity: &Identity,
    apart_from: Option<&str>,
) -> Option<Problem> {
    let others: Vec<&Environment> = config
        .pipeline
        .iter()
        .filter(|other| other.name != environment.name)
        .filter(|other| apart_from.is_none_or(|name| other.name != name))
        .collect();
    // All at once, so that one that does not answer is waited for once.
    std::thread::scope(|scope| {
        let asked: Vec<_> = others
            .iter()
            .map(|other| scope.spawn(|| leads_to(other, environment, identity)))
            .collect();
        let answers = asked.into_iter().map(|asked| asked.join().unwrap_or(false));
        let mut same = others.iter().zip(answers).filter(|(_, is_same)| *is_same);
        same.next()
            .map(|(other, _)| one_database(environment, other))
    })
}

fn leads_to(other: &Environment, environment: &Environment, identity: &Identity) -> bool {
    match (&other.url, &environment.url) {
        // Needs no connection, of which a role may have too few.
        (Ok(there), Ok(here)) if there == here => true,
        (Ok(there), Ok(here)) if there.backend() == here.backend() => {
            let found =
                database::open(&there.hurried(PATIENCE)).and_then(|mut session| session.identity());
            found.is_ok_and(|found| found.instance == identity.instance)
        }
        _ => false,
    }
}

/// The refusal of two environments that are one database.
pub fn one_database(environment: &Environment, other: &Environment) -> Problem {
    Problem::new(
        Code::SameDatabase,
        format!(
            "the database behind {} is the one behind {} too",
            environment.label, other.label
        ),
    )
    .hint(format!(
        "correct {} or {}: a database is one environment",
        environment.url_variable, other.url_variable
    ))
}
