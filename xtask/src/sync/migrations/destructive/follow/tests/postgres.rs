//! What only PostgreSQL has: foreign keys that are enforced, schemas, types.

use super::told;
use crate::sync::settings::environment::Backend;

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
fn rows_of_a_partition_are_rows_of_its_table() {
    for (up, what) in [
        (
            "ALTER TABLE users RENAME TO old; CREATE TABLE users (id int) PARTITION BY RANGE (id); \
             ALTER TABLE users ATTACH PARTITION old DEFAULT; DELETE FROM users",
            "deletes from",
        ),
        (
            "CREATE TABLE all_users (id int) PARTITION BY RANGE (id); \
             ALTER TABLE all_users ATTACH PARTITION users DEFAULT; DROP TABLE all_users",
            "drops",
        ),
        (
            "CREATE TABLE all_users (id int); ALTER TABLE users INHERIT all_users; UPDATE all_users SET id = 1",
            "updates",
        ),
        (
            "CREATE TABLE top (id int) PARTITION BY RANGE (id); CREATE TABLE mid PARTITION OF top DEFAULT PARTITION BY RANGE (id); \
             ALTER TABLE mid ATTACH PARTITION users DEFAULT; DELETE FROM top",
            "deletes from",
        ),
        (
            "CREATE TABLE top (id int); CREATE TABLE mid (id int) INHERITS (top); ALTER TABLE top RENAME TO above; ALTER TABLE mid RENAME TO between; \
             ALTER TABLE users RENAME TO kids; ALTER TABLE kids INHERIT public.between; ALTER TABLE kids RENAME TO below; DELETE FROM above",
            "deletes from",
        ),
    ] {
        let found = told(Backend::Postgres, "", &[up]);
        assert!(
            found
                .iter()
                .any(|found| found.contains(&format!("{what} `users`")) && found.ends_with('!')),
            "{up}: {found:?}"
        );
    }
}

#[test]
fn a_table_may_be_renamed_as_if_it_were_something_else() {
    for kind in [
        "INDEX",
        "VIEW",
        "SEQUENCE",
        "MATERIALIZED VIEW",
        "FOREIGN TABLE",
    ] {
        let up = format!("ALTER {kind} users RENAME TO u; DELETE FROM u");
        assert_eq!(
            told(Backend::Postgres, "", &[&up])[0],
            "line 1: deletes from `users`, which has 1,204 rows!",
            "{up}"
        );
    }
    for kind in ["VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE"] {
        let up = format!(
            "ALTER TABLE users ADD a int; ALTER {kind} users RENAME a TO b; ALTER {kind} users RENAME name TO a; UPDATE users SET a = NULL"
        );
        assert_eq!(told(Backend::Postgres, "", &[&up]).len(), 1, "{up}");
    }
}

#[test]
fn the_columns_of_a_view_are_its_own() {
    for up in [
        "CREATE VIEW v AS SELECT a FROM users; ALTER VIEW v RENAME a TO name; UPDATE users SET name = NULL",
        "CREATE VIEW v AS SELECT name AS a FROM users; UPDATE v SET a = NULL",
    ] {
        let up = format!("ALTER TABLE users ADD a int; {up}");
        assert_eq!(told(Backend::Postgres, "", &[&up]).len(), 1, "{up}");
    }
}

#[test]
fn the_type_of_a_renamed_column_is_not_that_of_its_new_name() {
    let up = "ALTER TABLE users RENAME id TO z; ALTER TABLE users RENAME name TO id; ALTER TABLE users ALTER id TYPE integer";
    assert_eq!(
        told(Backend::Postgres, "", &[up]),
        ["line 1: changes the type of `id` of `users`, which has 1,204 rows!"]
    );
}
