//! Lookup tables that refer to each other in a circle, and references to values that change.

use xtask::model::backend::Backend;

use super::either;
use super::loading::Ends;

/// Two tables that refer to each other, by a foreign key of the kind given.
fn schema(backend: Backend, kind: &str) -> String {
    either(
        backend,
        "CREATE TABLE a (id integer PRIMARY KEY, b_id integer, label text); \
         CREATE TABLE b (id integer PRIMARY KEY, a_id integer NOT NULL REFERENCES a (id) KIND); \
         ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b (id) KIND",
        "CREATE TABLE a (id integer PRIMARY KEY, b_id integer REFERENCES b (id) KIND, label text); \
         CREATE TABLE b (id integer PRIMARY KEY, a_id integer NOT NULL REFERENCES a (id) KIND)",
    )
    .replace("KIND", kind)
}

const KINDS: [&str; 5] = [
    "",
    "ON DELETE RESTRICT ON UPDATE RESTRICT",
    "ON DELETE CASCADE",
    "DEFERRABLE",
    "DEFERRABLE INITIALLY DEFERRED",
];

pub(super) fn tables_refer_to_each_other_in_a_circle(backend: Backend) {
    let ends = Ends::empty(backend, &["b", "a"]);
    for kind in KINDS {
        ends.again(
            &schema(backend, kind),
            "INSERT INTO a VALUES (1, NULL, 'x'), (2, NULL, 'y'), (3, NULL, 'z'); \
             INSERT INTO b VALUES (1, 2), (2, 3), (3, 3); UPDATE a SET b_id = 4 - id",
            "INSERT INTO a VALUES (1, NULL, 'w'), (9, NULL, 'old'); INSERT INTO b VALUES (1, 1), (9, 9); UPDATE a SET b_id = id",
        );
        ends.load_twice();
    }
}

pub(super) fn a_circle_that_goes_goes_as_a_whole(backend: Backend) {
    let ends = Ends::empty(backend, &["b", "a"]);
    for kind in KINDS {
        ends.again(
            &schema(backend, kind),
            "INSERT INTO a VALUES (1, NULL, 'x')",
            "INSERT INTO a VALUES (1, NULL, 'x'), (2, NULL, 'y'), (3, NULL, 'z'); \
             INSERT INTO b VALUES (2, 3), (3, 2); UPDATE a SET b_id = id WHERE id > 1",
        );
        let loaded = ends.load_twice();
        assert_eq!([loaded[0].delete, loaded[1].delete], [2, 2], "{kind}");
    }
}

pub(super) fn children_follow_a_value_that_changes(backend: Backend) {
    let ends = Ends::empty(backend, &["items", "groups"]);
    for kind in ["", "ON UPDATE CASCADE", "ON UPDATE RESTRICT", "DEFERRABLE"] {
        // RESTRICT is checked by the server before anything else of the statement is done.
        if kind == "ON UPDATE RESTRICT" && backend == Backend::Postgres {
            continue;
        }
        ends.again(
            &format!(
                "CREATE TABLE groups (id integer PRIMARY KEY, code text NOT NULL UNIQUE); \
                 CREATE TABLE items (id integer PRIMARY KEY, code text REFERENCES groups (code) {kind})"
            ),
            "INSERT INTO groups VALUES (1, 'new'), (2, 'b'); INSERT INTO items VALUES (1, 'new'), (2, 'new'), (3, 'b')",
            "INSERT INTO groups VALUES (1, 'old'), (2, 'b'); INSERT INTO items VALUES (1, 'old'), (3, 'old')",
        );
        ends.load_twice();
    }
}
