//! Rows that cannot be changed one after the other: unique values that change places, trees,
//! references among lookup tables, identities and sequences.

use xtask::problem::Code;
use xtask::sync::environment::Backend;

use super::loading::Ends;

/// Three rows whose codes rotate, one that takes over a deleted row's code, and one more.
fn rotate(ends: &Ends, column: &str, more: &str) {
    ends.again(
        &format!("CREATE TABLE fees (id integer PRIMARY KEY, code {column}, label text); {more}"),
        "INSERT INTO fees VALUES (1, 'b', 'x'), (2, 'c', 'x'), (3, 'a', 'x'), (4, 'e', 'x'), (6, 'd', 'x')",
        "INSERT INTO fees VALUES (1, 'a', 'x'), (2, 'b', 'x'), (3, 'c', 'x'), (4, 'd', 'y'), (5, 'e', 'x')",
    );
}

pub(super) fn unique_values_rotate(backend: Backend) {
    let ends = Ends::empty(backend, &["fees"]);
    for column in [
        "text UNIQUE",
        "text NOT NULL UNIQUE",
        "varchar(1) NOT NULL UNIQUE",
        "char(1) UNIQUE",
    ] {
        rotate(&ends, column, "");
        ends.load();
    }
    let index = "CREATE UNIQUE INDEX by_code ON fees (code)";
    rotate(&ends, "text NOT NULL", index);
    ends.load_twice();
}

pub(super) fn unique_values_of_referenced_rows_rotate(backend: Backend) {
    let ends = Ends::empty(backend, &["fees"]);
    let uses = "CREATE TABLE uses (id integer PRIMARY KEY, \
                fee_id integer NOT NULL REFERENCES fees (id) ON DELETE CASCADE)";
    for column in [
        "text UNIQUE",
        "text NOT NULL UNIQUE",
        "varchar(40) NOT NULL UNIQUE",
        "varchar(3) NOT NULL UNIQUE",
    ] {
        rotate(&ends, column, uses);
        ends.target
            .run("INSERT INTO uses VALUES (1, 1), (2, 2), (3, 4)");
        ends.load();
        let found = "SELECT id || ':' || fee_id FROM uses ORDER BY id";
        assert_eq!(ends.target.line(found), "1:1 2:2 3:4", "{column}");
    }
}

pub(super) fn short_values_of_many_referenced_rows_rotate(backend: Backend) {
    let rows = |shift: usize| -> String {
        let rows: Vec<String> = (0..26usize)
            .map(|at| {
                format!(
                    "({at}, '{}')",
                    char::from(b'a' + u8::try_from((at + shift) % 26).unwrap())
                )
            })
            .collect();
        format!("INSERT INTO fees VALUES {}", rows.join(", "))
    };
    let ends = Ends::new(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, code varchar(1) NOT NULL UNIQUE); \
         CREATE TABLE uses (fee_id integer NOT NULL REFERENCES fees (id))",
        &rows(1),
        &format!("{}; INSERT INTO uses VALUES (3), (4)", rows(0)),
        &["fees"],
    );
    ends.load();
}

pub(super) fn unique_numbers_swap(backend: Backend) {
    let uses = "CREATE TABLE uses (fee_id integer NOT NULL REFERENCES fees (id))";
    let ends = Ends::empty(backend, &["fees"]);
    for kind in ["smallint", "bigint", "numeric(4, 1)"] {
        for more in ["", uses] {
            ends.again(
                &format!(
                    "CREATE TABLE fees (id integer PRIMARY KEY, rank {kind} NOT NULL UNIQUE); {more}"
                ),
                "INSERT INTO fees VALUES (1, 2), (2, 1), (3, 3)",
                "INSERT INTO fees VALUES (1, 1), (2, 2), (3, 4), (4, 3)",
            );
            ends.load();
        }
    }
}

pub(super) fn unique_pairs_swap(backend: Backend) {
    let uses = "CREATE TABLE uses (fee_id integer NOT NULL REFERENCES fees (id))";
    let ends = Ends::empty(backend, &["fees"]);
    for more in ["", uses] {
        for kind in ["NOT NULL", ""] {
            ends.again(
                &format!(
                    "CREATE TABLE fees (id integer PRIMARY KEY, region text {kind}, rank integer {kind}, note text, \
                     UNIQUE (region, rank), UNIQUE (rank, note)); {more}"
                ),
                "INSERT INTO fees VALUES (1, 'x', 2, 'a'), (2, 'x', 1, 'b'), (3, 'y', 1, 'a'), (4, 'y', 3, NULL)",
                "INSERT INTO fees VALUES (1, 'x', 1, 'b'), (2, 'x', 2, 'a'), (3, 'y', 3, 'a'), (4, 'y', 1, 'a')",
            );
            ends.load();
        }
    }
}

pub(super) fn part_of_the_key_may_be_unique_with_another_column(backend: Backend) {
    let ends = Ends::new(
        backend,
        "CREATE TABLE fees (region text, id integer, rank integer NOT NULL, PRIMARY KEY (region, id), UNIQUE (region, rank))",
        "INSERT INTO fees VALUES ('x', 1, 2), ('x', 2, 1), ('y', 1, 1)",
        "INSERT INTO fees VALUES ('x', 1, 1), ('x', 2, 2), ('y', 1, 3), ('y', 2, 1)",
        &["fees"],
    );
    ends.load();
}

pub(super) fn a_partly_unique_value_swaps(backend: Backend) {
    let ends = Ends::new(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, code text NOT NULL, active integer); \
         CREATE UNIQUE INDEX active_codes ON fees (code) WHERE active = 1",
        "INSERT INTO fees VALUES (1, 'b', 1), (2, 'a', 1), (3, 'a', 0), (4, 'a', 0)",
        "INSERT INTO fees VALUES (1, 'a', 1), (2, 'b', 1), (3, 'a', 0)",
        &["fees"],
    );
    ends.load();
}

const TREE: &str = "CREATE TABLE nodes (id integer PRIMARY KEY, parent_id integer REFERENCES nodes (id), label text)";

pub(super) fn trees_are_moved_and_pruned(backend: Backend) {
    let ends = Ends::new(
        backend,
        TREE,
        // 7 is new below 8, which is new too; 3 moves from a branch that goes.
        "INSERT INTO nodes VALUES (1, NULL, 'root'), (8, 1, 'new'), (7, 8, 'leaf'), (3, 8, 'moved'), (2, 3, 'turned')",
        "INSERT INTO nodes VALUES (1, NULL, 'root'), (2, 1, 'was above'), (4, 2, 'goes'), (5, 4, 'goes'), (6, 5, 'goes'), (3, 6, 'moves')",
        &["nodes"],
    );
    let loaded = ends.load();
    assert_eq!(
        (loaded[0].insert, loaded[0].update, loaded[0].delete),
        (2, 2, 3)
    );
}

pub(super) fn a_root_that_goes_takes_nobody_along(backend: Backend) {
    let cascading = TREE.replace("nodes (id)", "nodes (id) ON DELETE CASCADE");
    let ends = Ends::new(
        backend,
        &cascading,
        "INSERT INTO nodes VALUES (9, NULL, 'new root'), (2, 9, 'stays'), (3, 2, 'stays')",
        "INSERT INTO nodes VALUES (1, NULL, 'root'), (2, 1, 'stays'), (3, 2, 'stays')",
        &["nodes"],
    );
    let loaded = ends.load();
    assert_eq!(
        (
            loaded[0].insert,
            loaded[0].update,
            loaded[0].delete,
            loaded[0].unchanged
        ),
        (1, 1, 1, 1)
    );
}

pub(super) fn children_move_to_new_parents(backend: Backend) {
    let ends = Ends::new(
        backend,
        "CREATE TABLE groups (id integer PRIMARY KEY, code text NOT NULL UNIQUE); \
         CREATE TABLE items (id integer PRIMARY KEY, group_id integer NOT NULL REFERENCES groups (id) ON DELETE CASCADE, label text)",
        "INSERT INTO groups VALUES (2, 'b'), (3, 'a'); INSERT INTO items VALUES (10, 2, 'moved'), (11, 3, 'moved'), (13, 3, 'new'), (14, 2, 'stays')",
        "INSERT INTO groups VALUES (1, 'a'), (2, 'c'); INSERT INTO items VALUES (10, 1, 'x'), (11, 1, 'y'), (12, 1, 'goes'), (14, 2, 'stays')",
        // Children are listed first: the order comes from the references.
        &["items", "groups"],
    );
    ends.load();
}

pub(super) fn a_protected_row_keeps_what_it_refers_to(backend: Backend) {
    let ends = Ends::empty(backend, &["fees"]);
    for action in ["CASCADE", "SET NULL", "NO ACTION"] {
        ends.again(
            &format!(
                "CREATE TABLE fees (id integer PRIMARY KEY); \
                 CREATE TABLE uses (id integer PRIMARY KEY, fee_id integer REFERENCES fees (id) ON DELETE {action})"
            ),
            "INSERT INTO fees VALUES (1)",
            "INSERT INTO fees VALUES (1), (2), (3); INSERT INTO uses VALUES (1, 2), (2, 2), (3, NULL), (4, 1)",
        );
        let refused = ends.refuse();
        assert_eq!(refused.code, Code::ReferencedRows, "{action}: {refused}");
        assert!(
            refused.message.contains("`uses`") && refused.message.contains("2 rows"),
            "{refused}"
        );
    }
}

pub(super) fn identities_are_given() {
    let ends = Ends::empty(Backend::Postgres, &["fees"]);
    for identity in [
        "GENERATED ALWAYS AS IDENTITY",
        "GENERATED BY DEFAULT AS IDENTITY",
    ] {
        ends.again(
            &format!(
                "CREATE TABLE fees (id integer {identity} PRIMARY KEY, code text NOT NULL UNIQUE, label text)"
            ),
            "INSERT INTO fees (code, label) VALUES ('a', 'new'), ('b', 'b'), ('c', 'c'); DELETE FROM fees WHERE code = 'b'",
            "INSERT INTO fees (code, label) VALUES ('a', 'old')",
        );
        ends.load();
        ends.target.run("INSERT INTO fees (code) VALUES ('next')");
        assert_eq!(
            ends.target.line("SELECT id FROM fees ORDER BY id"),
            "1 3 4",
            "{identity}"
        );
    }
}

pub(super) fn an_identity_beside_the_key_stays_or_comes() {
    let mut ends = Ends::empty(Backend::Postgres, &["fees"]);
    for identity in [
        "GENERATED ALWAYS AS IDENTITY",
        "GENERATED BY DEFAULT AS IDENTITY",
        "DEFAULT 0",
    ] {
        ends.again(
            &format!(
                "CREATE TABLE fees (code text PRIMARY KEY, number integer {identity}, label text)"
            ),
            "INSERT INTO fees (code, label) VALUES ('a', 'new'), ('b', 'b')",
            "INSERT INTO fees (code, label) VALUES ('a', 'old')",
        );
        ends.settings[0].key = vec!["code".to_owned()];
        ends.load();
    }
}

pub(super) fn an_identity_that_would_have_to_change_is_refused() {
    let mut ends = Ends::new(
        Backend::Postgres,
        "CREATE TABLE fees (code text PRIMARY KEY, number integer GENERATED ALWAYS AS IDENTITY, label text)",
        "INSERT INTO fees (code) VALUES ('b'), ('a')",
        "INSERT INTO fees (code) VALUES ('a')",
        &["fees"],
    );
    let refused = ends.refuse();
    assert_eq!(refused.code, Code::ConstraintViolated);
    assert!(refused.hint.unwrap().contains("insert_only"));
    ends.settings[0].insert_only = vec!["number".to_owned()];
    ends.source
        .run("UPDATE fees SET label = 'new'; DELETE FROM fees WHERE code = 'b'");
    ends.try_load().unwrap();
    assert_eq!(ends.target.line("SELECT label || number FROM fees"), "new1");
}

pub(super) fn sequences_are_raised_and_never_lowered() {
    let schema = "CREATE TABLE fees (id serial PRIMARY KEY, label text)";
    let ends = Ends::new(
        Backend::Postgres,
        schema,
        "INSERT INTO fees VALUES (7, 'a')",
        "",
        &["fees"],
    );
    ends.load();
    assert_eq!(ends.target.line("SELECT nextval('fees_id_seq')"), "8");

    let set = "SELECT setval('fees_id_seq', 1000)";
    let ends = Ends::new(
        Backend::Postgres,
        schema,
        "INSERT INTO fees VALUES (7, 'a')",
        set,
        &["fees"],
    );
    ends.load();
    assert_eq!(ends.target.line("SELECT nextval('fees_id_seq')"), "1001");

    // Equal to the highest value but not called, and one that counts down.
    let set = "SELECT setval('fees_id_seq', 7, false)";
    let ends = Ends::new(
        Backend::Postgres,
        schema,
        "INSERT INTO fees VALUES (7, 'a')",
        set,
        &["fees"],
    );
    ends.load();
    assert_eq!(ends.target.line("SELECT nextval('fees_id_seq')"), "8");
    let schema = "CREATE TABLE fees (id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (INCREMENT -1 MINVALUE -100 MAXVALUE 100 START 50))";
    let ends = Ends::new(
        Backend::Postgres,
        schema,
        "INSERT INTO fees OVERRIDING SYSTEM VALUE VALUES (60)",
        "",
        &["fees"],
    );
    ends.load();
    assert_eq!(
        ends.target
            .line("SELECT nextval(pg_get_serial_sequence('fees', 'id'))"),
        "50"
    );
}

pub(super) fn automatic_numbers_go_on_above_the_highest() {
    let ends = Ends::new(
        Backend::Sqlite,
        "CREATE TABLE fees (id integer PRIMARY KEY AUTOINCREMENT, label text)",
        "INSERT INTO fees VALUES (7, 'a')",
        "INSERT INTO fees VALUES (900, 'gone'), (1, 'old')",
        &["fees"],
    );
    ends.load();
    ends.target.run("INSERT INTO fees (label) VALUES ('next')");
    assert_eq!(ends.target.line("SELECT max(id) FROM fees"), "901");
}

pub(super) fn a_row_goes_whatever_its_columns_demand() {
    let ends = Ends::new(
        Backend::Postgres,
        "CREATE DOMAIN price AS numeric NOT NULL CHECK (VALUE >= 0); CREATE TYPE mood AS ENUM ('a', 'b'); \
         CREATE TABLE fees (id integer PRIMARY KEY, amount price, mood mood NOT NULL, c char(3) NOT NULL, x integer CHECK (x IS NOT NULL))",
        "INSERT INTO fees VALUES (1, 5, 'a', 'x', 1)",
        "INSERT INTO fees VALUES (1, 5, 'b', 'x', 1), (2, 6, 'a', 'y', 1)",
        &["fees"],
    );
    ends.load();
}

pub(super) fn a_table_may_be_in_another_schema() {
    let ends = Ends::new(
        Backend::Postgres,
        "CREATE SCHEMA \"bill ing\"; CREATE TABLE \"bill ing\".fees (id integer PRIMARY KEY, code text NOT NULL UNIQUE); \
         CREATE TABLE fees (id integer PRIMARY KEY, label text); INSERT INTO fees VALUES (1, 'other')",
        "INSERT INTO \"bill ing\".fees VALUES (1, 'a'), (2, 'b')",
        "INSERT INTO \"bill ing\".fees VALUES (1, 'b'), (2, 'a'), (3, 'c')",
        &["bill ing.fees"],
    );
    ends.load();
    assert_eq!(ends.target.line("SELECT label FROM fees"), "other");
}

pub(super) fn a_strict_table_keeps_its_classes() {
    let ends = Ends::new(
        Backend::Sqlite,
        "CREATE TABLE fees (id integer PRIMARY KEY, a any, b blob, t text, r real, n int) STRICT",
        "INSERT INTO fees VALUES (1, '5', x'35', '5', 5, 5), (2, 5, x'', '', 0.1, NULL), (3, x'35', NULL, NULL, NULL, NULL), (4, 5.0, NULL, NULL, 1e300, -5)",
        "INSERT INTO fees VALUES (1, 5, x'36', '5', 5, 5), (4, '5.0', NULL, NULL, NULL, NULL)",
        &["fees"],
    );
    ends.load();
    assert_eq!(
        ends.target.line("SELECT typeof(a) FROM fees ORDER BY id"),
        "text integer blob real"
    );
}
