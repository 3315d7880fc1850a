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
                on_delete,
                on_delete_columns: Vec::new(),
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

/// What is found in one migration, in words; with `!` where it must be allowed.
fn told(backend: Backend, tables: &str, ups: &[&str]) -> Vec<String> {
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
fn keys_that_the_plan_adds_lead_on() {
    let users = "line 1: deletes from `users` through `a`, which has 1,204 rows!";
    for key in [
        "CREATE TABLE a (id int PRIMARY KEY); ALTER TABLE users ADD CONSTRAINT k FOREIGN KEY (id) REFERENCES a (id) ON DELETE CASCADE;",
        "CREATE TABLE a (id int PRIMARY KEY); ALTER TABLE users ADD COLUMN a int REFERENCES a ON DELETE CASCADE;",
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a ON DELETE CASCADE); ALTER TABLE users ADD COLUMN b int REFERENCES b ON DELETE CASCADE;",
    ] {
        let found = told(Backend::Postgres, "", &[key, "DELETE FROM a"]);
        assert_eq!(found[0], users, "{key}");
    }
    let added = "CREATE TABLE a (id int PRIMARY KEY); ALTER TABLE users ADD COLUMN a int REFERENCES a ON DELETE SET NULL; DELETE FROM a";
    assert_eq!(told(Backend::Postgres, "", &[added]), [""; 0]);
}

#[test]
fn a_key_that_changes_changes_what_refers_to_it() {
    let told = |up: &str| told(Backend::Postgres, "", &[up]);
    assert_eq!(
        told("UPDATE logs SET id = 1"),
        [
            "line 1: updates `logs`, whose rows were not counted!",
            "line 1: updates `kids` through `logs`, whose rows were not counted!",
        ]
    );
    assert_eq!(told("UPDATE logs SET parent = 1").len(), 1);
    assert_eq!(
        told("INSERT INTO logs VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2").len(),
        2
    );
}

#[test]
fn another_path_may_lead_to_another_table() {
    let fees = "line 1: deletes from `aux.fees`, whose rows were not counted!".to_owned();
    for path in [
        "SET search_path = aux, public;",
        "SET LOCAL search_path TO aux;",
        "SET SCHEMA 'aux';",
        "SELECT set_config('search_path', 'aux', true);",
        "SET ROLE aux;",
    ] {
        let up = format!("{path} DELETE FROM fees");
        let found = told(Backend::Postgres, "", &[&up]);
        assert!(found.contains(&fees), "{path} {found:?}");
        assert!(!told(Backend::Postgres, "", &["DELETE FROM fees"]).contains(&fees));
    }
}

#[test]
fn columns_go_with_their_type() {
    let state = ["line 1: drops `state` of `app.jobs`, whose rows were not counted!"];
    for up in [
        "DROP SCHEMA types CASCADE",
        "DROP TYPE types.state CASCADE",
        "DROP DOMAIN state CASCADE",
        "CREATE TABLE types.state (id int); DROP TABLE types.state CASCADE",
    ] {
        assert_eq!(told(Backend::Postgres, "", &[up]), state, "{up}");
    }
    for up in ["DROP TYPE types.state", "DROP TYPE types.other CASCADE"] {
        assert_eq!(told(Backend::Postgres, "", &[up]), [""; 0], "{up}");
    }
}

#[test]
fn schemas_are_followed_too() {
    let jobs = "drops `app.jobs`, whose rows were not counted!";
    for up in [
        "ALTER SCHEMA app RENAME TO other; DROP TABLE other.jobs",
        "ALTER SCHEMA app RENAME TO other; DROP SCHEMA other CASCADE",
        "ALTER TABLE app.jobs RENAME TO tasks; DROP SCHEMA app CASCADE",
    ] {
        let found = told(Backend::Postgres, "", &[up]);
        assert_eq!(found[0], format!("line 1: {jobs}"), "{up}");
    }
    let moved = "ALTER TABLE users SET SCHEMA app; DROP SCHEMA app CASCADE";
    let found = told(Backend::Postgres, "", &[moved]);
    assert!(found.contains(&"line 1: drops `users`, which has 1,204 rows!".to_owned()));
    let renamed = "ALTER TABLE users RENAME TO u; DELETE FROM fees";
    assert_eq!(told(Backend::Postgres, "", &[renamed]).len(), 3);
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

/// What is told of a table that is made anew on SQLite, by what stands in the place of each.
fn rebuilt(new: &str, copy: &str, then: &str) -> Vec<String> {
    let up = format!(
        "CREATE TABLE n ({new}); {copy};\n{then};\nDROP TABLE users;\nALTER TABLE n RENAME TO users;"
    );
    told(Backend::Sqlite, "", &[&up])
}

#[test]
fn a_rebuild_loses_what_it_does_not_copy_as_it_is() {
    let plain = "INSERT INTO n SELECT id, name, code FROM users";
    for (new, copy) in [
        ("id, name, code", plain),
        (
            "id, name, code, more DEFAULT 1",
            "INSERT INTO n (code, name, id) SELECT u.code, u.name, u.id FROM users AS u",
        ),
        ("id, title, code", plain),
        ("id, name, code", "INSERT INTO n SELECT * FROM users"),
        (
            "id, name, code, more",
            "INSERT INTO n SELECT *, 1 FROM users",
        ),
        ("id, name, code, sum AS (id + 1)", plain),
    ] {
        assert_eq!(rebuilt(new, copy, ""), [""; 0], "{new} {copy}");
    }
    for (new, copy, lost) in [
        (
            "id, name",
            "INSERT INTO n SELECT id, name FROM users",
            &["code"][..],
        ),
        (
            "id, name",
            "INSERT INTO n SELECT id, coalesce(name, code) FROM users",
            &["name", "code"],
        ),
        (
            "id, name, code",
            "INSERT INTO n (id, name, code) SELECT id, NULL AS name, code FROM users",
            &["name"],
        ),
        (
            "id, name, code",
            "INSERT INTO n SELECT id, 'name', code FROM users",
            &["name"],
        ),
        ("id, code, name", plain, &["name", "code"]),
        (
            "id, code, name",
            "INSERT INTO n SELECT * FROM users",
            &["name", "code"],
        ),
        (
            "id, name, more, code",
            "INSERT INTO n SELECT id, NULL, name, code FROM users",
            &["name"],
        ),
    ] {
        let lost: Vec<String> = lost
            .iter()
            .map(|column| format!("line 3: drops `{column}` of `users`, which has 1,204 rows!"))
            .collect();
        assert_eq!(rebuilt(new, copy, ""), lost, "{new} {copy}");
    }
    for (new, copy) in [
        ("id UNIQUE ON CONFLICT REPLACE, name, code", plain),
        ("id, name, code, UNIQUE (name) ON CONFLICT IGNORE", plain),
        (
            "id, name, code",
            "INSERT OR IGNORE INTO n SELECT * FROM users",
        ),
        (
            "id, name, code",
            "INSERT OR REPLACE INTO n SELECT * FROM users",
        ),
        (
            "id, name, code",
            "INSERT INTO n SELECT * FROM users WHERE(id > 1)",
        ),
        (
            "id, name, code",
            "INSERT INTO n WITH users AS (SELECT 1, 2, 3) SELECT * FROM users",
        ),
        ("id, name", "INSERT INTO n SELECT * FROM users"),
        (
            "id, name, code",
            "ALTER TABLE users RENAME name TO x; ALTER TABLE users ADD name; INSERT INTO n SELECT id, name, code FROM users",
        ),
        (
            "id, name, code",
            "CREATE TEMP VIEW users AS SELECT 1, 2, 3; INSERT INTO n SELECT * FROM users",
        ),
    ] {
        assert_eq!(
            rebuilt(new, copy, ""),
            ["line 3: drops `users`, which has 1,204 rows!"],
            "{new} {copy}"
        );
    }
}

#[test]
fn the_heir_of_a_table_has_its_rows_before_it_has_its_name() {
    let plain = "INSERT INTO n SELECT id, name, code FROM users";
    for (then, what) in [
        ("DELETE FROM n WHERE id > 1", "deletes from"),
        ("UPDATE n SET name = NULL", "updates"),
        (
            "INSERT OR REPLACE INTO n VALUES (1, 2, 3, 4)",
            "replaces rows of",
        ),
        ("ALTER TABLE n DROP COLUMN name", "drops `name` of"),
        ("DROP TABLE n", "drops"),
    ] {
        assert_eq!(
            rebuilt(
                "id, name, code, more",
                "INSERT INTO n (id, name, code) SELECT id, name, code FROM users",
                then
            )[..1],
            [format!("line 2: {what} `users`, which has 1,204 rows!")],
            "{then}"
        );
    }
    for then in [
        "UPDATE n SET more = 1",
        "CREATE INDEX i ON n (id)",
        "UPDATE n SET more = name",
    ] {
        let copy = "INSERT INTO n (id, name, code) SELECT id, name, code FROM users";
        assert_eq!(
            rebuilt("id, name, code, more", copy, then),
            [""; 0],
            "{then}"
        );
    }
    let renamed = "ALTER TABLE n RENAME name TO x; UPDATE n SET x = NULL";
    assert_eq!(
        rebuilt("id, name, code", plain, renamed),
        ["line 3: drops `users`, which has 1,204 rows!"]
    );
    let twice = "CREATE TABLE n (id, title, code, name); INSERT INTO n (id, title, code) SELECT id, name, code FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users;";
    for (up, found) in [
        ("UPDATE users SET title = NULL", 1),
        (
            "CREATE TABLE n (id, name, code); INSERT INTO n SELECT id, name, code FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users",
            1,
        ),
    ] {
        assert_eq!(told(Backend::Sqlite, "", &[twice, up]).len(), found, "{up}");
    }
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
    assert_eq!(
        rebuild("SELECT id, name, 1 FROM users"),
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
