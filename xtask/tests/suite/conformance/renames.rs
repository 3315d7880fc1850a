//! Lookup rows that change a value which others refer to: who refers to the old one.

use xtask::model::backend::Backend;
use xtask::model::rows::lookup::settings::ExtraRows;
use xtask::problem::Code;

use super::either;
use super::loading::Ends;
use super::references::{ACTIONS, configure, problems, said};

const GROUPS: &str = "CREATE TABLE groups (id integer PRIMARY KEY, code text UNIQUE, label text);";

pub(super) fn every_action_upon_a_change_is_told(backend: Backend) {
    let ends = Ends::empty(backend, &["groups"]);
    for action in ACTIONS {
        ends.again(
            &format!(
                "{GROUPS} CREATE TABLE merchants (id integer PRIMARY KEY, group_code text DEFAULT 'x' REFERENCES groups (code) ON UPDATE {action})"
            ),
            "INSERT INTO groups VALUES (1, 'CARD', 'new'), (2, 'cash', 'new'), (3, NULL, NULL), (4, 'new', NULL), (5, 'added', NULL)",
            "INSERT INTO groups VALUES (1, 'card', 'old'), (2, 'cash', 'old'), (3, 'wire', NULL), (4, NULL, NULL); \
             INSERT INTO merchants VALUES (1, 'card'), (2, 'card'), (3, 'cash'), (4, 'wire'), (5, NULL)",
        );
        let (code, sentence) = match action {
            "CASCADE" => (
                Code::CascadeToProtected,
                "would change 3 rows of `merchants`",
            ),
            "SET NULL" => (
                Code::CascadeToProtected,
                "would empty `group_code` of 3 rows of `merchants`",
            ),
            "SET DEFAULT" => (
                Code::CascadeToProtected,
                "would reset `group_code` of 3 rows of `merchants`",
            ),
            _ => (
                Code::ReferencedRows,
                "would leave 3 rows of `merchants` without what they refer to",
            ),
        };
        let found = problems(&ends);
        let [problem] = found.as_slice() else {
            panic!("{action}: {found:?}")
        };
        assert_eq!(problem.code, code, "{action}");
        assert_eq!(
            problem.message,
            format!("changing `code` of 2 rows of `groups` {sentence} (1: 2; 3: 1)")
        );
        let hint = problem.hint.clone().unwrap();
        assert!(hint.contains("insert_only = [\"code\"]"), "{hint}");
        // Nobody refers to the others.
        ends.target
            .run("DELETE FROM merchants WHERE id IN (1, 2, 4)");
        assert_eq!(said(&ends), [""; 0]);
    }
}

pub(super) fn an_empty_text_is_another_value_than_none(backend: Backend) {
    let ends = Ends::new(
        backend,
        &format!("{GROUPS} CREATE TABLE merchants (group_code text REFERENCES groups (code))"),
        "INSERT INTO groups VALUES (1, NULL, NULL), (2, '', NULL)",
        "INSERT INTO groups VALUES (1, '', NULL), (2, NULL, NULL); INSERT INTO merchants VALUES (''), (NULL)",
        &["groups"],
    );
    assert_eq!(
        said(&ends),
        [
            "changing `code` of 1 row of `groups` would leave 1 row of `merchants` without what they refer to (1: 1)"
        ]
    );
}

pub(super) fn two_values_that_change_places_count(backend: Backend) {
    let ends = Ends::new(
        backend,
        &format!(
            "{GROUPS} CREATE TABLE merchants (group_code text REFERENCES groups (code) ON UPDATE CASCADE)"
        ),
        "INSERT INTO groups VALUES (1, 'b', NULL), (2, 'a', NULL)",
        "INSERT INTO groups VALUES (1, 'a', NULL), (2, 'b', NULL); INSERT INTO merchants VALUES ('a')",
        &["groups"],
    );
    assert_eq!(
        said(&ends),
        ["changing `code` of 1 row of `groups` would change 1 row of `merchants` (1: 1)"]
    );
}

pub(super) fn only_columns_that_are_referred_to_count(backend: Backend) {
    let mut ends = Ends::new(
        backend,
        "CREATE TABLE fees (id integer PRIMARY KEY, region text, number integer, label text, UNIQUE (region, number)); \
         CREATE TABLE uses (id integer PRIMARY KEY, fee_id integer REFERENCES fees (id), r text, n integer, \
         FOREIGN KEY (r, n) REFERENCES fees (region, number) ON UPDATE SET NULL)",
        "INSERT INTO fees VALUES (1, 'eu', 10, 'new'), (2, 'us', 2, 'new'), (3, 'us', 30, 'new'), (4, 'eu', 4, 'new')",
        "INSERT INTO fees VALUES (1, 'eu', 1, 'old'), (2, 'eu', 2, 'old'), (3, 'eu', 3, 'old'), (4, 'eu', 4, 'old'); \
         INSERT INTO uses VALUES (1, 1, 'eu', 1), (2, 2, 'eu', 2), (3, 2, 'eu', 2), (4, 3, NULL, 3), (5, 4, 'eu', 4), (6, 4, 'eu', NULL)",
        &["fees"],
    );
    assert_eq!(
        said(&ends),
        [
            "changing `region` and `number` of 2 rows of `fees` would empty `r` and `n` of 3 rows of `uses` (1: 1; 2: 2)"
        ]
    );
    // A column that stays as the target has it does not change.
    configure(&mut ends, 0, |fees| {
        fees.insert_only = vec!["region".to_owned()]
    });
    assert_eq!(
        said(&ends),
        ["changing `number` of 1 row of `fees` would empty `r` and `n` of 1 row of `uses` (1: 1)"]
    );
    configure(&mut ends, 0, |fees| {
        fees.insert_only = vec!["region".to_owned(), "number".to_owned()];
    });
    assert_eq!(said(&ends), [""; 0]);
}

pub(super) fn a_change_is_followed_as_far_as_it_goes(backend: Backend) {
    let ends = Ends::new(
        backend,
        &format!(
            "{GROUPS} CREATE TABLE merchants (id integer PRIMARY KEY, code text UNIQUE REFERENCES groups (code) ON UPDATE CASCADE); \
             CREATE TABLE orders (id integer PRIMARY KEY, code text REFERENCES merchants (code) ON UPDATE RESTRICT, \
             merchant_id integer REFERENCES merchants (id) ON UPDATE CASCADE)"
        ),
        "INSERT INTO groups VALUES (1, 'CARD', NULL), (2, 'cash', NULL)",
        "INSERT INTO groups VALUES (1, 'card', NULL), (2, 'cash', NULL); INSERT INTO merchants VALUES (1, 'card'), (2, 'cash'); \
         INSERT INTO orders VALUES (1, 'card', 1), (2, 'card', 2), (3, 'cash', 1), (4, NULL, 1)",
        &["groups"],
    );
    assert_eq!(
        said(&ends),
        [
            "changing `code` of 1 row of `groups` would change 1 row of `merchants` (1: 1)",
            "changing `code` of 1 row of `groups` would leave 2 rows of `orders` without what they refer to by `code` through `merchants` (1: 2)",
        ]
    );
}

pub(super) fn an_emptied_column_counts_for_who_refers_to_it(backend: Backend) {
    let ends = Ends::new(
        backend,
        &format!(
            "{GROUPS} CREATE TABLE merchants (id integer PRIMARY KEY, group_id integer UNIQUE REFERENCES groups (id) ON DELETE SET NULL); \
             CREATE TABLE orders (id integer PRIMARY KEY, group_id integer REFERENCES merchants (group_id) ON DELETE CASCADE ON UPDATE CASCADE)"
        ),
        "",
        "INSERT INTO groups VALUES (1, 'card', NULL); INSERT INTO merchants VALUES (1, 1), (2, NULL); INSERT INTO orders VALUES (1, 1), (2, 1), (3, NULL)",
        &["groups"],
    );
    assert_eq!(
        said(&ends),
        [
            "deleting 1 row of `groups` would empty `group_id` of 1 row of `merchants` (1: 1)",
            "deleting 1 row of `groups` would change 2 rows of `orders` through `merchants` (1: 2)",
        ]
    );
}

pub(super) fn lookup_rows_that_follow_a_change_do_not_count(backend: Backend) {
    let mut ends = Ends::empty(backend, &["items", "groups"]);
    let schema = |action: &str| {
        format!(
            "{GROUPS} CREATE TABLE items (id integer PRIMARY KEY, code text DEFAULT 'x' REFERENCES groups (code) ON UPDATE {action}, region text)"
        )
    };
    let source =
        "INSERT INTO groups VALUES (1, 'CARD', NULL); INSERT INTO items VALUES (1, 'CARD', 'eu')";
    let target = "INSERT INTO groups VALUES (1, 'card', NULL); INSERT INTO items VALUES (1, 'card', 'eu'), (2, 'card', 'eu'), (3, 'card', 'us')";
    for action in ACTIONS {
        ends.again(&schema(action), source, target);
        assert_eq!(said(&ends), [""; 0], "{action}");
    }
    ends.again(&schema("CASCADE"), source, target);
    let sentence =
        |rows: &str| format!("changing `code` of 1 row of `groups` would change {rows} of `items`");
    configure(&mut ends, 0, |items| {
        items.filter = Some("region = 'eu'".to_owned())
    });
    assert_eq!(said(&ends), [format!("{} (1: 1)", sentence("1 row"))]);
    configure(&mut ends, 0, |items| {
        items.filter = None;
        items.extra_rows = ExtraRows::Keep;
    });
    assert_eq!(said(&ends), [format!("{} (1: 2)", sentence("2 rows"))]);
    configure(&mut ends, 0, |items| {
        items.extra_rows = ExtraRows::Delete;
        items.insert_only = vec!["code".to_owned()];
    });
    assert_eq!(said(&ends), [format!("{} (1: 1)", sentence("1 row"))]);
    configure(&mut ends, 0, |items| items.extra_rows = ExtraRows::Keep);
    assert_eq!(said(&ends), [format!("{} (1: 3)", sentence("3 rows"))]);
}

pub(super) fn a_change_of_the_parent_of_a_row_is_a_change(backend: Backend) {
    let id = either(
        backend,
        "id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        "id integer PRIMARY KEY",
    );
    let mut ends = Ends::empty(backend, &["items", "groups"]);
    configure(&mut ends, 1, |groups| groups.key = vec!["code".to_owned()]);
    configure(&mut ends, 0, |items| items.key = vec!["code".to_owned()]);
    // Merchants name an item by the number of its group, which every environment has its own of.
    ends.again(
        &format!(
            "CREATE TABLE groups ({id}, code text NOT NULL UNIQUE); \
             CREATE TABLE items ({id}, group_id integer NOT NULL REFERENCES groups (id), code text NOT NULL UNIQUE, UNIQUE (group_id, code)); \
             CREATE TABLE merchants (id integer PRIMARY KEY, g integer, c text, FOREIGN KEY (g, c) REFERENCES items (group_id, code) ON UPDATE CASCADE)"
        ),
        "INSERT INTO groups VALUES (1, 'card'), (2, 'wire'); INSERT INTO items VALUES (1, 1, 'in'), (2, 2, 'out')",
        "INSERT INTO groups VALUES (5, 'wire'), (6, 'card'); INSERT INTO items VALUES (8, 6, 'in'), (9, 6, 'out'); \
         INSERT INTO merchants VALUES (1, 6, 'in'), (2, 6, 'out'), (3, 6, 'out')",
    );
    assert_eq!(
        said(&ends),
        ["changing `group_id` of 1 row of `items` would change 2 rows of `merchants` (out: 2)"]
    );
}
