//! Tables of SQLite that are made anew.

use super::told;
use crate::sync::settings::environment::Backend;

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
            "id, name, code",
            "INSERT INTO n SELECT id, name ISNULL, code FROM users",
            &["name"],
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
            "id, name, code, more",
            "INSERT INTO n SELECT id, name, code, count(*) FROM users",
        ),
        (
            "id, name, code",
            "INSERT INTO n SELECT id, coalesce(max(name), ''), code FROM users",
        ),
        (
            "id, name, code",
            "INSERT INTO n SELECT id, coalesce((SELECT lower('A')), max(name)), code FROM users",
        ),
        (
            "id, name, code",
            "CREATE TRIGGER no BEFORE INSERT ON n BEGIN SELECT RAISE(IGNORE); END; INSERT INTO n SELECT * FROM users",
        ),
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
fn text_that_becomes_numbers_is_told() {
    let plain = "INSERT INTO n SELECT id, name, code FROM users";
    for new in [
        "id, name varchar(2) NOT NULL, code",
        "id, name \"text\", code BLOB",
    ] {
        assert_eq!(rebuilt(new, plain, ""), [""; 0], "{new}");
    }
    assert_eq!(
        rebuilt("id, name integer CHECK (name <> 'text'), code", plain, ""),
        ["line 3: changes the type of `name` of `users`, which has 1,204 rows!"]
    );
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
            "CREATE TABLE n (id, name text, code text); INSERT INTO n {copy};\nDROP TABLE users;\nALTER TABLE n RENAME TO users;\nDELETE FROM users;"
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

#[test]
fn the_old_table_may_step_aside_first() {
    let rebuild = |copy: &str| {
        let up = format!(
            "ALTER TABLE users RENAME TO old; CREATE TABLE users (id, name text, code text);\nINSERT INTO users {copy};\nDROP TABLE old;"
        );
        told(Backend::Sqlite, "", &[&up])
    };
    assert_eq!(rebuild("SELECT * FROM old"), [""; 0]);
    assert_eq!(
        rebuild("SELECT id, name, 1 FROM old"),
        ["line 3: drops `code` of `users`, which has 1,204 rows!"]
    );
    assert_eq!(
        rebuild("SELECT * FROM old WHERE id > 1"),
        ["line 3: drops `users`, which has 1,204 rows!"]
    );
}
