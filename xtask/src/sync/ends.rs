//! Whether the databases are those that they are taken for: what each says of itself, and what the
//! two say together.

use crate::model::backend::Backend;
use crate::model::ledger::Stamp;
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::sync::history::moment::to_the_second;
use crate::sync::snapshot::Snapshot;

/// Why these two databases cannot be the ends of a promotion at all. Where there is a reason,
/// their rows need not be compared.
pub fn wrong_ends(source: &Snapshot, target: &Snapshot) -> Vec<Problem> {
    if source.backend != target.backend {
        let mismatch = Problem::new(
            Code::BackendMismatch,
            format!(
                "{} is {} and {} is {}",
                source.label, source.backend, target.label, target.backend
            ),
        )
        .hint("both ends of a promotion use the same kind of database");
        let stamps = [source, target].into_iter().filter_map(wrong_stamp);
        return std::iter::once(mismatch).chain(stamps).collect();
    }
    if source.identity.instance == target.identity.instance {
        return vec![same_database(source, target)];
    }
    let mut problems: Vec<Problem> = [(source, target), (target, source)]
        .into_iter()
        .filter_map(|(end, other)| {
            let problem = wrong_stamp(end)?;
            let stamp = end.ledger.stamp.as_ref()?;
            let is_copy = one_id(end, other)
                && wrong_stamp(other).is_none()
                && !matches!(stands(end, stamp), Stands::WhereItWas);
            Some(if is_copy { copy(end, other) } else { problem })
        })
        .collect();
    if problems.is_empty() && one_id(source, target) {
        problems.push(copy(target, source));
    }
    problems
}

fn same_database(source: &Snapshot, target: &Snapshot) -> Problem {
    let says = match &target.ledger.stamp {
        Some(stamp) => format!(", which says of itself that it is `{}`", stamp.environment),
        None => String::new(),
    };
    Problem::new(
        Code::SameDatabase,
        format!(
            "{} and {} are one and the same database{says}",
            source.label, target.label
        ),
    )
    .hint(format!(
        "correct {} or {}: both lead to it, by whatever name",
        source.url_variable, target.url_variable
    ))
}

/// The id of a database is drawn with its stamp, and only a copy brings it along.
fn one_id(one: &Snapshot, other: &Snapshot) -> bool {
    let ids = [one, other].map(|end| end.ledger.stamp.as_ref().map(|stamp| &stamp.database_id));
    ids[0].is_some() && ids[0] == ids[1]
}

fn copy(copy: &Snapshot, original: &Snapshot) -> Problem {
    let id = copy
        .ledger
        .stamp
        .as_ref()
        .map_or("", |stamp| stamp.database_id.as_str());
    Problem::new(
        Code::WrongStamp,
        format!(
            "the database behind {} is a copy of that behind {}: both carry the database id {id}",
            copy.label, original.label
        ),
    )
    .hint(format!(
        "correct {}; if the copy is to be {} from now on, `cargo xtask sync stamp --env {}` says so",
        copy.url_variable, copy.label, copy.environment
    ))
}

/// The database says that it is another environment, or of another project.
pub fn wrong_stamp(snapshot: &Snapshot) -> Option<Problem> {
    let stamp = snapshot.ledger.stamp.as_ref()?;
    let Snapshot {
        environment,
        label,
        url_variable,
        ..
    } = snapshot;
    let says_so = format!("`cargo xtask sync stamp --env {environment}` says so");
    if let (Some(theirs), Some(ours)) = (&stamp.project, &snapshot.project)
        && theirs != ours
    {
        return Some(
            Problem::new(
                Code::WrongStamp,
                format!(
                    "the database behind {label} belongs to the project `{theirs}`, where it is `{}`; this one is `{ours}`",
                    stamp.environment
                ),
            )
            .hint(format!(
                "correct {url_variable}, or `project` in data-sync/sync.toml; if it is to be {label} here from now on, {says_so}"
            )),
        );
    }
    if stamp.environment == *environment {
        return None;
    }
    let (place, hint) = match stands(snapshot, stamp) {
        Stands::WhereItWas => (
            ", and it stands where it was when it first said so",
            format!(
                "{url_variable} leads to `{}` itself: correct it; only if that database has another part from now on, {says_so}",
                stamp.environment
            ),
        ),
        Stands::Elsewhere => (
            ", but it said so first in another place: it is a copy of that database, or was moved",
            format!("correct {url_variable}; if it is to be {label} from now on, {says_so}"),
        ),
        Stands::Unknown => (
            "",
            format!(
                "correct {url_variable}; if it is a copy of `{}` that is to be {label} from now on, {says_so}",
                stamp.environment
            ),
        ),
    };
    Some(
        Problem::new(
            Code::WrongStamp,
            format!(
                "the database behind {label} says of itself that it is `{}`, since {}{place}",
                stamp.environment,
                to_the_second(&stamp.since)
            ),
        )
        .hint(hint),
    )
}

/// Nothing was ever promoted to the source, so that its rows are anybody's. Where a pipeline begins
/// that is as it should be.
pub(crate) fn untested(config: &Config, source: &Snapshot) -> Option<Problem> {
    let before = config
        .promotions()
        .find(|before| before.to.name == source.environment)?;
    if source.is_folder || source.ledger.stamp.is_some() {
        return None;
    }
    let Snapshot {
        environment,
        label,
        url_variable,
        ..
    } = source;
    Some(
        Problem::new(
            Code::WrongStamp,
            format!(
                "the database behind {label} does not say that it is {label}: nothing was ever promoted to it"
            ),
        )
        .hint(format!(
            "correct {url_variable}; or promote to it first (`cargo xtask sync {}`); or, if it is {label} all the same, `cargo xtask sync stamp --env {environment}` says so",
            before.name()
        )),
    )
}

enum Stands {
    WhereItWas,
    Elsewhere,
    Unknown,
}

fn stands(snapshot: &Snapshot, stamp: &Stamp) -> Stands {
    match &stamp.place {
        None => Stands::Unknown,
        Some(place) if *place == snapshot.identity.place => Stands::WhereItWas,
        Some(_) => Stands::Elsewhere,
    }
}

/// The database has the right name but was stamped elsewhere. That is what a copy looks like, and
/// also what is left of Production after a new server; nobody but a person knows. A file of SQLite
/// has another path in every checkout, which says nothing.
pub(crate) fn moved(snapshot: &Snapshot) -> Option<Problem> {
    let stamp = snapshot.ledger.stamp.as_ref()?;
    let elsewhere = matches!(stands(snapshot, stamp), Stands::Elsewhere);
    (elsewhere && snapshot.backend == Backend::Postgres && wrong_stamp(snapshot).is_none()).then(
        || {
            Problem::new(
                Code::WrongStamp,
                format!(
                    "the database behind {} was stamped as `{}` in another place: it was moved or put back, or it is a copy",
                    snapshot.label, stamp.environment
                ),
            )
            .hint(format!(
                "if {} leads to the right one, `cargo xtask sync stamp --env {}` ends this warning",
                snapshot.url_variable, snapshot.environment
            ))
        },
    )
}
