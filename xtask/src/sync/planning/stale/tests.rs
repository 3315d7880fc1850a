//! The tests of `changes`.

use super::*;
use crate::model::backend::Backend;
use crate::model::migrations::effects::{BoundEffect, EffectKind};
use crate::model::schema::table::TableName;
use crate::settings::rehearsal::Extent;
use crate::sync::planning::contract::{Applied, BoundPart, BoundUntil};

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
        effects: Vec::new(),
        destructive_allowed: false,
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
        deletes_allowed: false,
    }
}

fn contract() -> Contract {
    Contract {
        program_version: "1.0.0".to_owned(),
        promotion: "test-to-prod".to_owned(),
        source: end("test"),
        target: end("prod"),
        until: None,
        rehearsed: false,
        rehearsal: None,
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
    let cases: [(Edit, &str); 26] = [
        (
            |now| {
                now.until = Some(BoundUntil {
                    version: "2".to_owned(),
                    name: "m2".to_owned(),
                    other_columns: Vec::new(),
                });
            },
            "it ends at migration m2 now, and carried all: leave --until out",
        ),
        (
            |now| now.program_version = "2.0.0".to_owned(),
            "the program is version 2.0.0 now, and the plan was made by 1.0.0",
        ),
        (
            |now| now.promotion = "x-to-y".to_owned(),
            "the promotion is `x-to-y` now, and was `test-to-prod`",
        ),
        (
            |now| now.rehearsal = Some(Extent::Schema),
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
            |now| now.migrations[0].destructive_allowed = true,
            "migration 1_name may lose or change protected rows now, and was not allowed to",
        ),
        (
            |now| {
                now.migrations[0].effects.push(BoundEffect {
                    kind: EffectKind::RowsDeleted,
                    table: TableName::new(None, "users"),
                    column: None,
                });
            },
            "migration 1_name does something else to protected rows than when the plan was made",
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
