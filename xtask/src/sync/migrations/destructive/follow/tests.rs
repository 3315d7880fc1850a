//! The tests of `follow`.

mod postgres;
mod rebuilds;

use super::*;
use crate::sync::schema::catalog::{Action, Column, ForeignKey, Object, Reading, Table, TableKind};

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
        partial_keys: Vec::new(),
        foreign_keys: parent
            .into_iter()
            .map(|(parent, on_delete)| ForeignKey {
                name: None,
                columns: vec!["parent".to_owned()],
                parent: named(parent),
                parent_columns: vec!["id".to_owned()],
                deferrable: false,
                on_delete,
                on_delete_columns: Vec::new(),
                on_update: Action::NoAction,
            })
            .collect(),
    }
}

/// Fees are a lookup table; the others are not.
pub(super) fn target() -> (Catalog, BTreeMap<TableName, u64>) {
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
        table(
            "app.jobs",
            &[("id", "integer"), ("state", "types.state[]")],
            None,
        ),
        table("aux.fees", &[("id", "integer")], None),
        table("people", &[("id", "integer")], None),
    ];
    let mut tables = tables;
    tables[6].kind = TableKind::NotATable;
    let mut kid = table(
        "kids",
        &[("parent", "text")],
        Some(("logs", Action::NoAction)),
    );
    kid.foreign_keys[0].on_update = Action::SetNull;
    let object = |kind: &str, name: &str| Object {
        kind: kind.to_owned(),
        name: name.to_owned(),
    };
    let view = "SELECT u.id FROM users u";
    (
        Catalog {
            tables: tables
                .into_iter()
                .chain([kid])
                .map(|table| (table.name.clone(), table))
                .collect(),
            objects: BTreeMap::from([
                (object("table", "app.part"), String::new()),
                (object("view", "people"), view.to_owned()),
            ]),
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

pub(super) fn migrations(ups: &[&str]) -> Vec<Migration> {
    ups.iter()
        .map(|up| Migration {
            version: "1".to_owned(),
            name: "1_a".to_owned(),
            up: (*up).to_owned(),
            transactional: true,
        })
        .collect()
}

/// What is found in one migration, in words; with `!` where it must be allowed.
fn told(backend: Backend, tables: &str, ups: &[&str]) -> Vec<String> {
    let lookups = format!("[[lookup]]\ntable = \"fees\"\n{tables}");
    let config = Config::parse(&lookups, std::path::Path::new("."), |_| None).unwrap();
    let migrations = migrations(ups);
    let migrations: Vec<&Migration> = migrations.iter().collect();
    let (catalog, row_counts) = &target();
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
        // What only the target has.
        for (tables, up, hurts) in [
            ("ignore = [\"uses\"]", "UPDATE fees SET uses = 0", true),
            ("ignore = [\"uses\"]", "UPDATE fees SET id = 0", false),
            (
                "insert_only = [\"uses\"]",
                "ALTER TABLE fees DROP COLUMN uses",
                true,
            ),
            ("insert_only = [\"uses\"]", "DELETE FROM fees", true),
            ("ignore = [\"Uses\"]", "UPDATE fees SET uses = 0", true),
            (
                "ignore = [\"uses\"]",
                "ALTER TABLE fees RENAME uses TO n; UPDATE fees SET n = 0",
                true,
            ),
            (
                "ignore = [\"n\"]",
                "UPDATE fees SET uses = 0; ALTER TABLE fees RENAME uses TO n",
                true,
            ),
            ("retire = { active = false }", "DELETE FROM fees", true),
            (
                "retire = { active = false }",
                "UPDATE fees SET id = 0",
                false,
            ),
        ] {
            let found = told(backend, tables, &[up]);
            assert_eq!(found[0].ends_with('!'), hurts, "{tables} {up}");
        }
        if backend == Backend::Sqlite {
            let up = "REPLACE INTO fees VALUES (1)";
            assert!(told(backend, "retire = { active = false }", &[up])[0].ends_with('!'));
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
            &[
                "ALTER TABLE users ADD a int; ALTER TABLE users ADD b int;",
                "UPDATE users SET (a, b) = (id, id)",
            ],
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
            "ALTER TABLE users RENAME TO persons; CREATE TABLE users (id int); DELETE FROM users;",
            "UPDATE persons SET name = ''",
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
        5
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
        [
            "line 1: drops `app.jobs`, whose rows were not counted!",
            "line 1: drops `app.part`, whose rows were not counted!",
        ]
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
fn views_lead_to_the_tables_that_they_read() {
    let through = |view: &str| {
        [format!(
            "line 1: deletes from `users` through `{view}`, which has 1,204 rows!"
        )]
    };
    for backend in [Backend::Postgres, Backend::Sqlite] {
        let first = |ups: &[&str]| told(backend, "", ups)[..1].to_vec();
        assert_eq!(first(&["DELETE FROM people"]), through("people"));
        let made = "CREATE VIEW v AS SELECT id FROM people; ";
        assert_eq!(first(&[made, "DELETE FROM v"]), through("v"));
        let hidden = "ALTER TABLE users RENAME TO u; CREATE VIEW users AS SELECT * FROM u; DELETE FROM users";
        assert_eq!(first(&[hidden]), through("users"));
        let new = "CREATE TABLE t (id int); CREATE VIEW v AS SELECT id FROM t; DELETE FROM v";
        assert_eq!(told(backend, "", &[new]), [""; 0]);
    }
    let renamed = "ALTER VIEW people RENAME TO v; DELETE FROM v";
    assert_eq!(told(Backend::Postgres, "", &[renamed])[..1], through("v"));
}

#[test]
fn a_column_that_holds_something_is_not_taken_for_a_new_one() {
    for backend in [Backend::Postgres, Backend::Sqlite] {
        for up in [
            "ALTER TABLE users ADD COLUMN a int; ALTER TABLE users RENAME a TO b; ALTER TABLE users RENAME name TO a; UPDATE users SET a = NULL",
            "ALTER TABLE users RENAME name TO a; ALTER TABLE users ADD a int; UPDATE users SET a = NULL",
            "ALTER TABLE users ADD COLUMN note int; UPDATE users SET note = id IS DISTINCT FROM 1, name = NULL",
        ] {
            assert_eq!(told(backend, "", &[up]).len(), 1, "{backend:?} {up}");
        }
        let new =
            "ALTER TABLE users ADD a int; ALTER TABLE users RENAME a TO b; UPDATE users SET b = 1";
        assert_eq!(told(backend, "", &[new]), [""; 0]);
    }
}

#[test]
fn a_schema_is_no_table() {
    for (up, what) in [
        ("DELETE FROM \"main\".users", "deletes from `users`"),
        ("DELETE FROM main.[users]", "deletes from `users`"),
        ("DELETE FROM 'main'.'users'", "deletes from `users`"),
        ("UPDATE \"main\".users SET name = 1", "updates `users`"),
        (
            "INSERT OR REPLACE INTO `main`.users VALUES (1)",
            "replaces rows of `users`",
        ),
        (
            "ALTER TABLE main.\"users\" DROP COLUMN name",
            "drops `name` of `users`",
        ),
        ("DROP TABLE \"main\".users", "drops `users`"),
        (
            "WITH \"update\" AS (SELECT 1 AS x) DELETE FROM users",
            "deletes from `users`",
        ),
        (
            "WITH replace AS (SELECT 1) DELETE FROM users",
            "deletes from `users`",
        ),
    ] {
        assert_eq!(
            told(Backend::Sqlite, "", &[up]),
            [format!("line 1: {what}, which has 1,204 rows!")],
            "{up}"
        );
    }
    for up in ["DELETE FROM temp.users", "DELETE FROM aux.users"] {
        assert_eq!(told(Backend::Sqlite, "", &[up]), [""; 0], "{up}");
    }
}
