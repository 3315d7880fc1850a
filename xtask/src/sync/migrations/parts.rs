//! How a run is split that cannot be one transaction, and where a failure would leave it.

use serde::Serialize;

use super::enum_values::{added, holds, holds_any, mentions};
use super::migration::Migration;
use crate::sync::rows::lookup::Lookup;
use crate::sync::schema::catalog::Catalog;
use crate::sync::settings::environment::Backend;
use crate::sync::words::listed;

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

/// Splits a run. A run that can be one transaction has one part.
///
/// `lookups` are the lookup tables as `catalog`, the source's, has them: what they hold is written
/// in the last part.
pub fn parts(
    backend: Backend,
    migrations: &[&Migration],
    lookups: &[Lookup],
    catalog: &Catalog,
) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut together: Vec<&Migration> = Vec::new();
    for (at, migration) in migrations.iter().enumerate() {
        if !migration.transactional {
            if !together.is_empty() {
                let why = format!("{} cannot be in a transaction", migration.name);
                parts.push(part(&together, true, Some(why)));
                together.clear();
            }
            let why = "its metadata.toml says run_in_transaction = false".to_owned();
            parts.push(part(&[migration], false, Some(why)));
            continue;
        }
        together.push(migration);
        if backend == Backend::Postgres
            && let Some(why) = used_later(migration, &migrations[at + 1..], lookups, catalog)
        {
            parts.push(part(&together, true, Some(why)));
            together.clear();
        }
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

/// Why a migration must be committed before the rest goes on: PostgreSQL lets nobody use a new
/// value of an enum before.
fn used_later(
    migration: &Migration,
    later: &[&Migration],
    lookups: &[Lookup],
    catalog: &Catalog,
) -> Option<String> {
    added(&migration.up).into_iter().find_map(|added| {
        let by_migration = match &added {
            Some((_, value)) => later
                .iter()
                .find(|later| mentions(&later.up, value))
                .map(|later| format!("{} uses", later.name)),
            None => later.first().map(|later| format!("{} may use", later.name)),
        };
        let holds = |column_type: &str| match &added {
            Some((type_name, _)) => holds(catalog, column_type, type_name),
            None => holds_any(catalog, column_type),
        };
        let may_use = |lookup: &&Lookup| {
            let table = catalog.find(&lookup.table);
            let mut columns = table.into_iter().flat_map(|table| &table.columns);
            columns.any(|column| holds(&column.type_name))
        };
        let by_lookup = || {
            let lookup = lookups.iter().find(may_use)?;
            Some(format!("rows of `{}` may use", lookup.table))
        };
        let user = by_migration.or_else(by_lookup)?;
        let value = match &added {
            Some((type_name, value)) => format!("the value `{value}` of `{type_name}`"),
            None => format!("what {} adds to a type", migration.name),
        };
        Some(format!("{user} {value}, which has to be committed first"))
    })
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
    use crate::sync::rows::key_order::Reading;
    use crate::sync::schema::catalog::{Column, Table, TableKind};
    use crate::sync::schema::table::TableName;
    use crate::sync::settings::config::LookupSettings;

    fn migration(name: &str, up: &str) -> Migration {
        Migration::new(name, up.to_owned(), None).unwrap()
    }

    fn apart(name: &str, up: &str) -> Migration {
        Migration::new(name, up.to_owned(), Some("run_in_transaction = false")).unwrap()
    }

    fn split(migrations: &[Migration]) -> Vec<Part> {
        let migrations: Vec<&Migration> = migrations.iter().collect();
        parts(Backend::Postgres, &migrations, &[], &Catalog::default())
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
    fn a_new_value_is_committed_before_a_migration_uses_it() {
        let add = migration("1_a", "ALTER TYPE mood ADD VALUE 'glad'");
        let other = migration("2_b", "SELECT 2");
        let found = split(&[
            add.clone(),
            other.clone(),
            migration("3_c", "UPDATE t SET m = 'glad'"),
        ]);
        assert_eq!(
            shape(&found),
            [
                ("1".to_owned(), true, false),
                ("2 3".to_owned(), true, true)
            ]
        );
        assert_eq!(
            found[0].why.as_deref(),
            Some("3_c uses the value `glad` of `mood`, which has to be committed first")
        );
        assert_eq!(split(&[add, other.clone()]).len(), 1);
        let computed = migration(
            "1_a",
            "DO $$ BEGIN EXECUTE format('ALTER TYPE mood ADD VALUE %L', v); END $$",
        );
        assert_eq!(
            split(&[computed, other])[0].why.as_deref(),
            Some("2_b may use what 1_a adds to a type, which has to be committed first")
        );
    }

    #[test]
    fn a_new_value_is_committed_before_rows_use_it() {
        let name = TableName::new(None, "fees");
        let mut catalog = Catalog::default();
        let column = |name: &str, type_name: &str| Column {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            nullable: false,
            generated: false,
            fixed: false,
            reading: Reading::Text,
            default: None,
        };
        catalog.tables.insert(
            name.clone(),
            Table {
                name: name.clone(),
                kind: TableKind::Ordinary,
                columns: vec![column("id", "integer"), column("mood", "mood")],
                primary_key: vec!["id".to_owned()],
                unique_keys: vec![vec!["id".to_owned()]],
                partial_keys: Vec::new(),
                foreign_keys: Vec::new(),
            },
        );
        let settings: LookupSettings = toml::from_str("table = \"fees\"").unwrap();
        let lookup = Lookup::resolve(&settings, &[], &catalog, "Development").unwrap();
        for (type_name, expected) in [("mood", 2), ("other", 1)] {
            let add = migration("1_a", &format!("ALTER TYPE {type_name} ADD VALUE 'glad'"));
            let found = parts(
                Backend::Postgres,
                &[&add],
                std::slice::from_ref(&lookup),
                &catalog,
            );
            assert_eq!(found.len(), expected, "{type_name}");
            assert!(found.last().unwrap().loads);
        }
    }
}
