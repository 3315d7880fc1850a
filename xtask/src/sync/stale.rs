//! What changed between a plan that was approved and the one that is made now, part by part.

use super::contract::{BoundLookup, BoundMigration, Contract, End};
use super::plan::LookupComparison;
use super::words::counted;

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
    end_changes(&approved.source, &now.source, &mut changes);
    end_changes(&approved.target, &now.target, &mut changes);
    migration_changes(&approved.migrations, &now.migrations, &mut changes);
    if approved.migrations == now.migrations && approved.rehearsed != now.rehearsed {
        changes.push(match now.rehearsed {
            true => "the migrations were tried on a copy of the target now, and were not when the plan was made".to_owned(),
            false => "the migrations could not be tried on a copy of the target now, and were when the plan was made".to_owned(),
        });
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
            Some(other) if other != *migration => changes.push(format!(
                "migration {} was edited: its checksum is {} now, and was {}",
                other.name,
                short(Some(&other.checksum)),
                short(Some(&migration.checksum))
            )),
            Some(_) => {}
        }
    }
    for migration in now {
        if find(approved, &migration.version).is_none() {
            changes.push(format!("migration {} is to run too", migration.name));
        }
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
    let counts: Vec<String> = [
        (lookup.insert, "to insert"),
        (lookup.update, "to update"),
        (lookup.delete, "to delete"),
        (lookup.retire, "to retire"),
        (lookup.keep, "kept"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    let state = match lookup.state {
        LookupComparison::Same => "the same",
        LookupComparison::Different => "different",
        LookupComparison::Missing => "missing",
    };
    match counts.is_empty() {
        true => state.to_owned(),
        false => format!("{state} ({})", counts.join(", ")),
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
mod tests {
    use super::*;
    use crate::sync::contract::{Applied, BoundPart};
    use crate::sync::environment::Backend;
    use crate::sync::table::TableName;

    fn end(environment: &str) -> End {
        End {
            environment: environment.to_owned(),
            backend: Backend::Sqlite,
            server_version: "3.53.2".to_owned(),
            instance: format!("{environment}-instance"),
            database_id: Some(format!("{environment}-database")),
            schema_fingerprint: format!("{environment}-schema"),
            applied: Applied {
                count: 2,
                last: Some("20240102".to_owned()),
            },
        }
    }

    fn migration(version: &str, checksum: &str) -> BoundMigration {
        BoundMigration {
            version: version.to_owned(),
            name: format!("{version}_name"),
            checksum: checksum.to_owned(),
        }
    }

    fn lookup(table: &str) -> BoundLookup {
        BoundLookup {
            table: TableName::new(None, table),
            state: LookupComparison::Different,
            insert: 1,
            update: 2,
            delete: 3,
            retire: 0,
            keep: 0,
            source_digest: Some("aaaa".to_owned()),
            target_digest: Some("bbbb".to_owned()),
            edits_digest: None,
        }
    }

    fn contract() -> Contract {
        Contract {
            program_version: "1.0.0".to_owned(),
            promotion: "test-to-prod".to_owned(),
            source: end("test"),
            target: end("prod"),
            rehearsed: false,
            migrations: vec![migration("1", "m1"), migration("2", "m2")],
            parts: Vec::new(),
            lookups: vec![lookup("fees"), lookup("groups")],
        }
    }

    #[test]
    fn equal_contracts_have_one_id_and_no_changes() {
        assert_eq!(changes(&contract(), &contract()), Vec::<String>::new());
        assert_eq!(contract().id(), contract().id());
        assert_eq!(contract().id().len(), 16);
    }

    #[test]
    fn each_part_that_is_another_is_told() {
        type Edit = fn(&mut Contract);
        let cases: [(Edit, &str); 23] = [
            (
                |now| now.program_version = "2.0.0".to_owned(),
                "the program is version 2.0.0 now, and the plan was made by 1.0.0",
            ),
            (
                |now| now.promotion = "x-to-y".to_owned(),
                "the promotion is `x-to-y` now, and was `test-to-prod`",
            ),
            (
                |now| now.rehearsed = true,
                "the migrations were tried on a copy of the target now, and were not when the plan was made",
            ),
            (
                |now| {
                    now.parts.push(BoundPart {
                        migrations: Vec::new(),
                        transaction: true,
                    });
                },
                "the run is split otherwise: into 1 part now, and into 0 before",
            ),
            (
                |now| now.target.environment = "live".to_owned(),
                "the environment is `live` now, and was `prod`",
            ),
            (
                |now| now.target.instance = "other".to_owned(),
                "`prod` is another database than the one that the plan was made for",
            ),
            (
                |now| now.source.database_id = None,
                "the stamp of `test` is another: its database id is none now, and was test-databas",
            ),
            (
                |now| now.target.server_version = "3.54.0".to_owned(),
                "the server of `prod` is SQLite 3.54.0 now, and was SQLite 3.53.2",
            ),
            (
                |now| now.target.backend = Backend::Postgres,
                "the server of `prod` is PostgreSQL 3.53.2 now, and was SQLite 3.53.2",
            ),
            (
                |now| now.target.schema_fingerprint = "0123456789abcdef".to_owned(),
                "the schema of `prod` changed: its fingerprint is 0123456789ab now, and was prod-schema",
            ),
            (
                |now| {
                    now.source.applied = Applied {
                        count: 1,
                        last: None,
                    };
                },
                "`test` has run 1 migration now (the newest is none), and had run 2 (the newest was 20240102)",
            ),
            (
                |now| now.migrations.truncate(1),
                "migration 2_name is not to run now",
            ),
            (
                |now| now.migrations.push(migration("3", "m3")),
                "migration 3_name is to run too",
            ),
            (
                |now| now.migrations[0].checksum = "other".to_owned(),
                "migration 1_name was edited: its checksum is other now, and was m1",
            ),
            (
                |now| now.lookups.truncate(1),
                "`groups` is not to be loaded now",
            ),
            (
                |now| now.lookups.push(lookup("texts")),
                "`texts` is to be loaded too",
            ),
            (
                |now| now.lookups[0].source_digest = None,
                "`fees` in `test` changed: its digest is none now, and was aaaa",
            ),
            (
                |now| now.lookups[0].target_digest = Some("cccc".to_owned()),
                "`fees` in `prod` changed: its digest is cccc now, and was bbbb",
            ),
            (
                |now| now.lookups[1].insert = 9,
                "`groups` is different (9 to insert, 2 to update, 3 to delete) now, \
                 and was different (1 to insert, 2 to update, 3 to delete)",
            ),
            (|now| now.lookups[1].retire = 9, "`groups` is different (1"),
            (|now| now.lookups[1].keep = 9, "`groups` is different (1"),
            (
                |now| now.lookups[1].state = LookupComparison::Same,
                "`groups` is the same (1 to insert",
            ),
            (
                |now| now.lookups[1].edits_digest = Some("e".to_owned()),
                "`groups`: other rows were edited in `prod`",
            ),
        ];
        for (edit, words) in cases {
            let mut now = contract();
            edit(&mut now);
            let found = changes(&contract(), &now);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(words), "{found:?}");
            assert_ne!(contract().id(), now.id(), "{words}");
        }
    }
}
