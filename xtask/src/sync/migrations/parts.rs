//! How a run is split that cannot be one transaction, and where a failure would leave it.

use serde::Serialize;

use crate::model::migrations::migration::Migration;
use crate::model::words::listed;

/// What commits, or runs outside any transaction, by itself. The last part is always a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The versions of its migrations, in order.
    pub migrations: Vec<String>,
    /// Their names.
    #[serde(skip)]
    pub names: Vec<String>,
    /// It is one transaction; else it is one migration that runs outside any.
    pub transaction: bool,
    /// It loads the lookup tables, verifies and records the run.
    pub loads: bool,
    /// Why the run is split here; nothing for the last part.
    pub why: Option<String>,
    /// What stays when this part fails.
    pub after_failure: String,
}

impl Part {
    /// What it does, how and why, as people read it.
    pub fn does(&self) -> String {
        let mut what = self.names.clone();
        if self.loads {
            what.push("the lookup tables".to_owned());
        }
        let how = match (self.transaction, self.loads) {
            (true, false) => "commits by itself",
            (true, true) => "commits at the end",
            (false, _) => "runs outside a transaction",
        };
        let why = self
            .why
            .as_ref()
            .map_or(String::new(), |why| format!(", because {why}"));
        format!("{}: {how}{why}", listed(&what))
    }
}

/// Where a run has to be split beside what the migrations say of themselves, as it was tried: a
/// new value of an enum of PostgreSQL has to be committed before it is used.
/// <https://www.postgresql.org/docs/current/sql-altertype.html>
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Splits {
    /// The versions before which something is committed.
    before: Vec<String>,
    /// Why something is committed before rows are loaded.
    pub before_rows: Option<String>,
}

impl Splits {
    /// Commits before a migration what ran before it; false where that was known.
    pub fn add(&mut self, migration: &Migration) -> bool {
        let is_new = !self.before.contains(&migration.version);
        if is_new {
            self.before.push(migration.version.clone());
        }
        is_new
    }
}

/// Splits a run. A run that can be one transaction has one part.
pub fn parts(migrations: &[&Migration], splits: &Splits) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut together: Vec<&Migration> = Vec::new();
    for migration in migrations {
        let why = match migration.transactional {
            false => Some(format!("{} cannot be in a transaction", migration.name)),
            true => splits.before.contains(&migration.version).then(|| {
                let name = &migration.name;
                format!("{name} uses a new value of an enum, which has to be committed first")
            }),
        };
        if why.is_some() && !together.is_empty() {
            parts.push(part(&together, true, why));
            together.clear();
        }
        if migration.transactional {
            together.push(migration);
        } else {
            let why = "its metadata.toml says run_in_transaction = false".to_owned();
            parts.push(part(&[migration], false, Some(why)));
        }
    }
    if splits.before_rows.is_some() && !together.is_empty() {
        parts.push(part(&together, true, splits.before_rows.clone()));
        together.clear();
    }
    parts.push(Part {
        loads: true,
        ..part(&together, true, None)
    });
    let mut applied: Vec<String> = Vec::new();
    for part in &mut parts {
        part.after_failure = after_failure(&applied, part);
        applied.extend(part.names.iter().cloned());
    }
    parts
}

fn part(migrations: &[&Migration], transaction: bool, why: Option<String>) -> Part {
    let migrations = migrations.iter();
    let (versions, names) = migrations
        .map(|migration| (migration.version.clone(), migration.name.clone()))
        .unzip();
    Part {
        migrations: versions,
        names,
        transaction,
        loads: false,
        why,
        after_failure: String::new(),
    }
}

fn after_failure(applied: &[String], part: &Part) -> String {
    let stays = match applied {
        [] => None,
        [one] => Some(format!("{one} stays applied")),
        several => Some(format!("{} stay applied", listed(several))),
    };
    let begun = (!part.transaction).then(|| {
        format!(
            "what {} did by then stays, though it is not recorded",
            part.names.join(", ")
        )
    });
    match (stays, begun) {
        (None, None) => "nothing is changed".to_owned(),
        (Some(stays), None) => stays,
        (None, Some(begun)) => begun,
        (Some(stays), Some(begun)) => format!("{stays}, and {begun}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(name: &str, up: &str) -> Migration {
        Migration::new(name, up.to_owned(), None).unwrap()
    }

    fn apart(name: &str, up: &str) -> Migration {
        Migration::new(name, up.to_owned(), Some("run_in_transaction = false")).unwrap()
    }

    fn split(migrations: &[Migration]) -> Vec<Part> {
        let migrations: Vec<&Migration> = migrations.iter().collect();
        parts(&migrations, &Splits::default())
    }

    fn shape(parts: &[Part]) -> Vec<(String, bool, bool)> {
        parts
            .iter()
            .map(|part| (part.migrations.join(" "), part.transaction, part.loads))
            .collect()
    }

    #[test]
    fn what_can_be_one_transaction_is_one() {
        let whole = split(&[migration("1_a", "SELECT 1"), migration("2_b", "SELECT 2")]);
        assert_eq!(shape(&whole), [("1 2".to_owned(), true, true)]);
        assert_eq!(whole[0].after_failure, "nothing is changed");
        assert_eq!(shape(&split(&[])), [(String::new(), true, true)]);
    }

    #[test]
    fn what_runs_outside_a_transaction_is_a_part() {
        let found = split(&[
            migration("1_a", "SELECT 1"),
            apart("2_b", "VACUUM"),
            apart("3_c", "VACUUM"),
            migration("4_d", "SELECT 4"),
        ]);
        assert_eq!(
            shape(&found),
            [
                ("1".to_owned(), true, false),
                ("2".to_owned(), false, false),
                ("3".to_owned(), false, false),
                ("4".to_owned(), true, true),
            ]
        );
        let left: Vec<&str> = found
            .iter()
            .map(|part| part.after_failure.as_str())
            .collect();
        assert_eq!(
            left,
            [
                "nothing is changed",
                "1_a stays applied, and what 2_b did by then stays, though it is not recorded",
                "1_a and 2_b stay applied, and what 3_c did by then stays, though it is not recorded",
                "1_a, 2_b and 3_c stay applied",
            ]
        );
    }

    #[test]
    fn new_values_are_committed_before_they_are_used() {
        let known = [
            migration("1_a", "SELECT 1"),
            migration("2_b", "SELECT 2"),
            migration("3_c", "SELECT 3"),
        ];
        let known: Vec<&Migration> = known.iter().collect();
        let mut splits = Splits::default();
        assert!(splits.add(known[2]));
        assert!(!splits.add(known[2]));
        let found = parts(&known, &splits);
        assert_eq!(
            shape(&found),
            [
                ("1 2".to_owned(), true, false),
                ("3".to_owned(), true, true)
            ]
        );
        assert_eq!(
            found[0].why.as_deref(),
            Some("3_c uses a new value of an enum, which has to be committed first")
        );
        let splits = Splits {
            before_rows: Some("rows use it".to_owned()),
            ..Splits::default()
        };
        let found = parts(&known, &splits);
        assert_eq!(
            shape(&found),
            [
                ("1 2 3".to_owned(), true, false),
                (String::new(), true, true)
            ]
        );
        assert_eq!(found[0].why.as_deref(), Some("rows use it"));
    }
}
