//! What changed between a plan that was approved and the one that is made now, part by part.

use super::contract::{BoundLookup, BoundMigration, Contract, End};
use super::plan::{LookupComparison, Plan};
use crate::model::words::{counted, counts, shell_word};
use crate::problem::{Code, Problem};
use crate::settings::rehearsal::Extent;

/// Why a plan that was approved a moment ago is not the one that is made now, under the lock.
pub fn stale_problem(approved: &Plan, now: &Plan) -> Problem {
    let contract = Contract::of(approved);
    if let Some(lost) = lost_rehearsal(&contract, now) {
        return lost;
    }
    if let Some(blocker) = now.blockers.first() {
        return blocker.clone();
    }
    Problem::new(
        Code::PlanStale,
        format!(
            "one of the two databases changed since the plan was made (it is now {})",
            now.id
        ),
    )
    .details(changes(&contract, &Contract::of(now)))
    .hint("look at the new plan and confirm it: nothing was changed")
}

/// That a rehearsal could be made when the plan was and cannot be now, with the cause: what follows
/// from that in the plan of now is nothing that changed.
pub fn lost_rehearsal(approved: &Contract, now: &Plan) -> Option<Problem> {
    let cause = match (approved.rehearsal, now.rehearsal) {
        (Some(_), None) => {
            let problems = now.blockers.iter().chain(&now.warnings);
            let mut problems = problems.filter(|problem| problem.code == Code::NotRehearsed);
            problems.next()?.message.clone()
        }
        (Some(Extent::Full), Some(Extent::Schema)) => format!(
            "the migrations were not rehearsed on a copy of `{}` with all rows: {}",
            now.to,
            now.not_tried.as_ref()?
        ),
        _ => return None,
    };
    let mut details = Vec::new();
    let contract = Contract::of(now);
    end_changes(&approved.source, &contract.source, &mut details);
    end_changes(&approved.target, &contract.target, &mut details);
    Some(
        Problem::new(
            Code::NotRehearsed,
            format!("{cause}; they were when the plan was made"),
        )
        .details(details)
        .hint(format!(
            "nothing was changed; {NEEDED} as when it was made, then run the same command again"
        )),
    )
}

/// What a run of a rehearsed plan needs.
pub const NEEDED: &str = "whoever carries the plan out has to be able to rehearse";

/// A sentence for each part that is another by now; none for equal contracts.
pub fn changes(approved: &Contract, now: &Contract) -> Vec<String> {
    let mut changes = Vec::new();
    if approved.program_version != now.program_version {
        changes.push(format!(
            "the program is version {} now, and the plan was made by {}",
            now.program_version, approved.program_version
        ));
    }
    if approved.promotion != now.promotion {
        changes.push(format!(
            "the promotion is `{}` now, and was `{}`",
            now.promotion, approved.promotion
        ));
    }
    until_changes(approved, now, &mut changes);
    end_changes(&approved.source, &now.source, &mut changes);
    end_changes(&approved.target, &now.target, &mut changes);
    migration_changes(&approved.migrations, &now.migrations, &mut changes);
    if approved.migrations == now.migrations && approved.rehearsal != now.rehearsal {
        let what = match (approved.rehearsal, now.rehearsal) {
            (None, _) => {
                "the migrations were tried on a copy of the target now, and were not when the plan was made"
            }
            (_, None) => {
                "the migrations could not be tried on a copy of the target now, and were when the plan was made"
            }
            (_, Some(Extent::Full)) => {
                "the copy that the migrations were tried on has all rows now, and had not when the plan was made"
            }
            (_, Some(Extent::Schema)) => {
                "the copy that the migrations were tried on has no rows of protected tables now, and had when the plan was made"
            }
        };
        changes.push(what.to_owned());
    }
    // Other migrations are other parts; those are told already.
    if approved.migrations == now.migrations && approved.parts != now.parts {
        changes.push(format!(
            "the run is split otherwise: into {} now, and into {} before",
            counted(now.parts.len() as u64, "part"),
            approved.parts.len()
        ));
    }
    lookup_changes(approved, now, &mut changes);
    changes
}

fn until_changes(approved: &Contract, now: &Contract, changes: &mut Vec<String>) {
    let last = |contract: &Contract| contract.until.as_ref().map(|until| until.name.clone());
    let change = match (last(approved), last(now)) {
        (was, is) if was == is => return,
        (Some(was), Some(is)) => format!("it ends at migration {is} now, and ended at {was}"),
        (Some(was), None) => {
            format!("it ended at migration {was}, and does not now: add --until {was}")
        }
        (None, is) => format!(
            "it ends at migration {} now, and carried all: leave --until out",
            is.unwrap_or_default()
        ),
    };
    changes.push(change);
}

fn end_changes(approved: &End, now: &End, changes: &mut Vec<String>) {
    let name = &now.environment;
    if approved.environment != *name {
        changes.push(format!(
            "the environment is `{name}` now, and was `{}`",
            approved.environment
        ));
    }
    if approved.instance != now.instance {
        changes.push(format!(
            "`{name}` is another database than the one that the plan was made for"
        ));
    }
    if approved.database_id != now.database_id {
        changes.push(format!(
            "the stamp of `{name}` is another: its database id is {} now, and was {}",
            short(now.database_id.as_deref()),
            short(approved.database_id.as_deref())
        ));
    }
    if approved.backend != now.backend || approved.server_version != now.server_version {
        changes.push(format!(
            "the server of `{name}` is {} {} now, and was {} {}",
            now.backend, now.server_version, approved.backend, approved.server_version
        ));
    }
    if approved.schema_fingerprint != now.schema_fingerprint {
        changes.push(format!(
            "the schema of `{name}` changed: its fingerprint is {} now, and was {}",
            short(Some(&now.schema_fingerprint)),
            short(Some(&approved.schema_fingerprint))
        ));
    }
    if approved.applied != now.applied {
        let last = |end: &End| end.applied.last.clone().unwrap_or("none".to_owned());
        changes.push(format!(
            "`{name}` has run {} now (the newest is {}), and had run {} (the newest was {})",
            counted(now.applied.count, "migration"),
            last(now),
            approved.applied.count,
            last(approved)
        ));
    }
}

fn migration_changes(
    approved: &[BoundMigration],
    now: &[BoundMigration],
    changes: &mut Vec<String>,
) {
    let find = |list: &'_ [BoundMigration], version: &str| {
        list.iter()
            .find(|migration| migration.version == version)
            .cloned()
    };
    for migration in approved {
        match find(now, &migration.version) {
            None => changes.push(format!("migration {} is not to run now", migration.name)),
            Some(other) if other.checksum != migration.checksum || other.name != migration.name => {
                changes.push(format!(
                    "migration {} was edited: its checksum is {} now, and was {}",
                    other.name,
                    short(Some(&other.checksum)),
                    short(Some(&migration.checksum))
                ))
            }
            Some(other) => effect_changes(migration, &other, changes),
        }
    }
    for migration in now {
        if find(approved, &migration.version).is_none() {
            changes.push(format!("migration {} is to run too", migration.name));
        }
    }
}

fn effect_changes(approved: &BoundMigration, now: &BoundMigration, changes: &mut Vec<String>) {
    let name = &now.name;
    if approved.effects != now.effects {
        changes.push(format!(
            "migration {name} does something else to protected rows than when the plan was made"
        ));
    }
    match (approved.destructive_allowed, now.destructive_allowed) {
        (false, true) => changes.push(format!(
            "migration {name} may lose or change protected rows now, and was not allowed to"
        )),
        (true, false) => changes.push(format!(
            "migration {name} was allowed to lose or change protected rows, and is not now: add --allow-data-loss {name}"
        )),
        _ => {}
    }
}

fn lookup_changes(approved: &Contract, now: &Contract, changes: &mut Vec<String>) {
    for lookup in &approved.lookups {
        let Some(other) = now.lookups.iter().find(|other| other.table == lookup.table) else {
            changes.push(format!("`{}` is not to be loaded now", lookup.table));
            continue;
        };
        for (end, is, was) in [
            (&now.source, &other.source_digest, &lookup.source_digest),
            (&now.target, &other.target_digest, &lookup.target_digest),
        ] {
            if is != was {
                changes.push(format!(
                    "`{}` in `{}` changed: its digest is {} now, and was {}",
                    lookup.table,
                    end.environment,
                    short(is.as_deref()),
                    short(was.as_deref())
                ));
            }
        }
        let (is, was) = (change(other), change(lookup));
        if is != was {
            changes.push(format!("`{}` is {is} now, and was {was}", lookup.table));
        }
        match (lookup.deletes_allowed, other.deletes_allowed) {
            (false, true) => changes.push(format!(
                "`{}` may lose more rows than `max_delete` allows now, and was not allowed to",
                lookup.table
            )),
            (true, false) => changes.push(format!(
                "`{}` was allowed to lose more rows than `max_delete` allows, and is not now: add --allow-deletes {}",
                lookup.table,
                shell_word(&lookup.table.to_string())
            )),
            _ => {}
        }
        if other.edits_digest != lookup.edits_digest {
            changes.push(format!(
                "`{}`: other rows were edited in `{}`, or something else is to become of them",
                lookup.table, now.target.environment
            ));
        }
    }
    for lookup in &now.lookups {
        let is_known = |other: &BoundLookup| other.table == lookup.table;
        if !approved.lookups.iter().any(is_known) {
            changes.push(format!("`{}` is to be loaded too", lookup.table));
        }
    }
}

/// `different (1 to insert)`.
fn change(lookup: &BoundLookup) -> String {
    let counts = counts(&[
        (lookup.insert, "to insert"),
        (lookup.update, "to update"),
        (lookup.delete, "to delete"),
        (lookup.retire, "to retire"),
        (lookup.keep, "kept"),
    ]);
    let state = match lookup.state {
        LookupComparison::Same => "the same",
        LookupComparison::Different => "different",
        LookupComparison::Missing => "missing",
    };
    match counts.is_empty() {
        true => state.to_owned(),
        false => format!("{state} ({counts})"),
    }
}

/// As many digits as a person compares.
fn short(digits: Option<&str>) -> &str {
    match digits {
        None => "none",
        Some(digits) => digits.get(..12).unwrap_or(digits),
    }
}

#[cfg(test)]
mod tests;
