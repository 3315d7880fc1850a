//! The tests of `follow`.

use super::*;
use crate::sync::catalog::{Column, ForeignKey, Object, Reading, Table, TableKind};

fn named(name: &str) -> TableName {
    TableName::parse(name).unwrap()
}

fn table(name: &str, columns: &[(&str, &str)], parent: Option<(&str, Action)>) -> Table {
    Table {
        name: named(name),
        kind: TableKind::Ordinary,
        columns: columns
            .iter()
            .map(|(name, type_name)| Column {
                name: (*name).to_owned(),
                type_name: (*type_name).to_owned(),
                nullable: true,
                generated: false,
                fixed: false,
                reading: Reading::Text,
                default: None,
            })
            .collect(),
        primary_key: Vec::new(),
        unique_keys: Vec::new(),
        foreign_keys: parent
            .into_iter()
            .map(|(parent, on_delete)| ForeignKey {
                name: None,
                columns: vec!["parent".to_owned()],
                parent: named(parent),
                parent_columns: vec!["id".to_owned()],
                deferrable: false,
                on_delete_columns: Vec::new(),
                on_delete,
                on_update: Action::NoAction,
            })
            .collect(),
    }
}

/// Fees are a lookup table; the others are not.
fn target() -> (Catalog, BTreeMap<TableName, u64>) {
    let tables = [
        table("fees", &[("id", "integer")], None),
        table(
            "users",
            &[
                ("id", "integer"),
                ("name", "text"),
                ("code", "character varying(9)"),
            ],
            Some(("fees", Action::Cascade)),
        ),
        table(
            "logs",
            &[("id", "integer")],
            Some(("users", Action::SetNull)),
        ),
        table(
            "notes",
            &[("id", "integer")],
            Some(("logs", Action::Cascade)),
        ),
        table("app.jobs", &[("id", "integer")], None),
    ];
    let part = Object {
        kind: "table".to_owned(),
        name: "app.part".to_owned(),
    };
    (
        Catalog {
            tables: tables
                .into_iter()
                .map(|table| (table.name.clone(), table))
                .collect(),
            objects: BTreeMap::from([(part, String::new())]),
            search_path: vec!["public".to_owned()],
            ..Catalog::default()
        },
        BTreeMap::from([
            (named("users"), 1204),
            (named("fees"), 3),
            (named("notes"), 0),
        ]),
    )
}

/// What is found in one migration, in words; with `!` where it must be allowed.
fn told(backend: Backend, tables: &str, ups: &[&str]) -> Vec<String> {
    told_of(&target(), backend, tables, ups)
}

fn told_of(
    (catalog, row_counts): &(Catalog, BTreeMap<TableName, u64>),
    backend: Backend,
    tables: &str,
    ups: &[&str],
) -> Vec<String> {
    let lookups = format!("[[lookup]]\ntable = \"fees\"\n{tables}");
    let config = Config::parse(&lookups, std::path::Path::new("."), |_| None).unwrap();
    let migrations: Vec<Migration> = ups
        .iter()
        .map(|up| Migration {
            version: "1".to_owned(),
            name: "1_a".to_owned(),
            up: (*up).to_owned(),
            transactional: true,
        })
        .collect();
    let migrations: Vec<&Migration> = migrations.iter().collect();
    let held = Held {
        backend,
        catalog,
        row_counts,
    };
    follow(&config, held, &migrations)
        .into_iter()
        .flatten()
        .map(|found| format!("{}{}", found.words(), if found.hurts() { "!" } else { "" }))
        .collect()
}

#[test]
fn rows_and_their_tables_are_told() {
    for backend in [Backend::Postgres, Backend::Sqlite] {
        let up = "DELETE FROM logs WHERE id = 1;\nUPDATE users SET name = 'x';\nALTER TABLE users DROP COLUMN name;\nDROP TABLE notes;";
        let told = told(backend, "", &[up]);
        assert_eq!(
            [&told[told.len() - 3..]],
            [[
                "line 2: updates `users`, which has 1,204 rows!",
                "line 3: drops `name` of `users`, which has 1,204 rows!",
                "line 4: drops `notes`, which has 0 rows",
            ]]
        );
        assert_eq!(
            told[0],
            "line 1: deletes from `logs`, whose rows were not counted!"
        );
    }
}

#[test]
fn lookup_rows_come_from_the_source() {
    for backend in [Backend::Postgres, Backend::Sqlite] {
        assert_eq!(
            told(backend, "", &["UPDATE fees SET id = 1"]),
            ["line 1: updates `fees`, which has 3 rows"]
        );
        for tables in ["where = \"id > 1\"", "extra_rows = \"keep\""] {
            assert_eq!(
                told(backend, tables, &["UPDATE fees SET id = 1"]),
                ["line 1: updates `fees`, which has 3 rows!"]
            );
        }
        let drop = told(backend, "", &["DROP TABLE fees"]);
        assert_eq!(drop, ["line 1: drops `fees`, which has 3 rows!"]);
    }
}

#[test]
fn what_the_plan_adds_holds_nothing() {
    for backend in [Backend::Postgres, Backend::Sqlite] {
        for ups in [
            &["CREATE TABLE a (id int); DELETE FROM a;", "DROP TABLE a;"][..],
            &[
                "ALTER TABLE users ADD COLUMN nick text; UPDATE users SET nick = name;",
                "ALTER TABLE users DROP COLUMN nick",
            ],
            &["DROP TABLE IF EXISTS nowhere; DELETE FROM nowhere"],
        ] {
            assert_eq!(told(backend, "", ups), Vec::<String>::new(), "{ups:?}");
        }
        let both =
            "ALTER TABLE users ADD COLUMN nick text; UPDATE users SET nick = name, name = '';";
        assert_eq!(told(backend, "", &[both]).len(), 1);
        let exists = "CREATE TABLE IF NOT EXISTS notes (id int); DROP TABLE notes; CREATE TABLE notes (id int); DELETE FROM notes;";
        assert_eq!(
            told(backend, "", &[exists]),
            ["line 1: drops `notes`, which has 0 rows"]
        );
    }
}

#[test]
fn renamed_tables_are_followed() {
    for backend in [Backend::Postgres, Backend::Sqlite] {
        let ups = [
            "ALTER TABLE users RENAME TO people; CREATE TABLE users (id int); DELETE FROM users;",
            "UPDATE people SET name = ''",
        ];
        assert_eq!(
            told(backend, "", &ups),
            ["line 1: updates `users`, which has 1,204 rows!"]
        );
    }
    let up = "ALTER TABLE app.jobs RENAME TO tasks; ALTER TABLE app.tasks SET SCHEMA public;\nDROP TABLE tasks";
    assert_eq!(
        told(Backend::Postgres, "", &[up]),
        ["line 2: drops `app.jobs`, whose rows were not counted!"]
    );
}

#[test]
fn foreign_keys_lead_on_where_they_are_enforced() {
    assert_eq!(
        told(Backend::Postgres, "", &["DELETE FROM fees"]),
        [
            "line 1: deletes from `fees`, which has 3 rows",
            "line 1: deletes from `users` through `fees`, which has 1,204 rows!",
            "line 1: updates `logs` through `fees`, whose rows were not counted!",
        ]
    );
    assert_eq!(told(Backend::Sqlite, "", &["DELETE FROM fees"]).len(), 1);
    assert_eq!(
        told(Backend::Postgres, "", &["TRUNCATE fees CASCADE"]).len(),
        4
    );
    assert_eq!(told(Backend::Postgres, "", &["TRUNCATE fees"]).len(), 1);
}

#[test]
fn schemas_and_partitions_have_tables() {
    let dropped = told(
        Backend::Postgres,
        "",
        &["DROP SCHEMA app CASCADE; DROP TABLE app.jobs"],
    );
    assert_eq!(
        dropped,
        ["line 1: drops `app.jobs`, whose rows were not counted!"]
    );
    assert_eq!(
        told(Backend::Postgres, "", &["DROP SCHEMA app"]),
        Vec::<String>::new()
    );
    for up in [
        "DELETE FROM app.part",
        "SET search_path TO app; DELETE FROM jobs",
    ] {
        assert_eq!(told(Backend::Postgres, "", &[up]).len(), 1, "{up}");
    }
}

#[test]
fn only_types_that_hold_less_are_told() {
    let told = |up: &str| told(Backend::Postgres, "", &[&format!("ALTER TABLE users {up}")]).len();
    for up in [
        "ALTER id TYPE bigint",
        "ALTER name TYPE varchar",
        "ALTER code SET DATA TYPE text",
    ] {
        assert_eq!(told(up), 0, "{up}");
    }
    for up in [
        "ALTER id TYPE smallint",
        "ALTER name TYPE varchar(3)",
        "ALTER id TYPE bigint USING 1",
    ] {
        assert_eq!(told(up), 1, "{up}");
    }
}

#[test]
fn an_update_goes_where_foreign_keys_carry_it() {
    let mut target = target();
    for name in ["users", "logs"] {
        let table = target.0.tables.get_mut(&named(name)).unwrap();
        table.foreign_keys[0].on_update = Action::Cascade;
    }
    let told = |up: &str| told_of(&target, Backend::Postgres, "", &[up]);
    let fees = "line 1: updates `fees`, which has 3 rows";
    let users = "line 1: updates `users` through `fees`, which has 1,204 rows!";
    assert_eq!(told("UPDATE fees SET id = 2"), [fees, users]);
    assert_eq!(told("UPDATE fees SET name = 'x'"), [fees]);
}

#[test]
fn a_rebuild_loses_the_columns_that_it_does_not_copy() {
    let rebuild = |copy: &str| {
        let up = format!(
            "CREATE TABLE n (id int, name text, code text); INSERT INTO n {copy};\nDROP TABLE users;\nALTER TABLE n RENAME TO users;\nDELETE FROM users;"
        );
        told(Backend::Sqlite, "", &[&up])
    };
    let deleted = "line 4: deletes from `users`, which has 1,204 rows!";
    assert_eq!(rebuild("SELECT * FROM users"), [deleted]);
    assert_eq!(rebuild("SELECT id, name, code FROM users"), [deleted]);
    assert_eq!(
        rebuild("SELECT id, name FROM users"),
        [
            "line 2: drops `code` of `users`, which has 1,204 rows!",
            deleted
        ]
    );
    assert_eq!(
        rebuild("SELECT * FROM users WHERE id > 1"),
        ["line 2: drops `users`, which has 1,204 rows!"]
    );
}
