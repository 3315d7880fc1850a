//! References between lookup tables: what goes or moves in the same promotion does not count,
//! what stays does.

use xtask::model::backend::Backend;
use xtask::model::rows::lookup::settings::{ExtraRows, Retire, RetiredValue};
use xtask::problem::Code;

use super::loading::Ends;
use super::references::{ACTIONS, configure, problems, said};
use super::{either, name};

fn schema(action: &str) -> String {
    format!(
        "CREATE TABLE groups (id integer PRIMARY KEY, code text UNIQUE); \
         CREATE TABLE items (id integer PRIMARY KEY, group_id integer DEFAULT 1 REFERENCES groups (id) ON DELETE {action}, \
         region text, active boolean DEFAULT true); \
         CREATE TABLE uses (id integer PRIMARY KEY, item_id integer REFERENCES items (id) ON DELETE CASCADE)"
    )
}

const SOURCE: &str = "INSERT INTO groups VALUES (1, 'card'); INSERT INTO items VALUES (1, 1, 'eu', true), (2, 1, 'eu', true)";

/// Item 2 moves away from group 2, item 3 goes with it; item 4 is of another region.
const TARGET: &str = "INSERT INTO groups VALUES (1, 'card'), (2, 'cash'); \
     INSERT INTO items VALUES (1, 1, 'eu', true), (2, 2, 'eu', true), (3, 2, 'eu', true), (4, 2, 'us', true), (5, NULL, NULL, true)";

pub(super) fn rows_that_go_or_move_do_not_count(backend: Backend) {
    let ends = Ends::empty(backend, &["items", "groups"]);
    for action in ACTIONS {
        ends.again(&schema(action), SOURCE, TARGET);
        assert_eq!(said(&ends), [""; 0], "{action}");
    }
    // They do what they are not stopped from.
    ends.load();
}

pub(super) fn rows_that_the_condition_leaves_out_count(backend: Backend) {
    let mut ends = Ends::empty(backend, &["items", "groups"]);
    // Whether NULL meets it nobody knows; then it does not.
    configure(&mut ends, 0, |items| {
        items.filter = Some("items.region = 'eu'".to_owned())
    });
    for action in ACTIONS {
        ends.again(
            &schema(action),
            SOURCE,
            &TARGET.replace("(5, NULL, NULL, true)", "(5, 2, NULL, true)"),
        );
        let sentence = match action {
            "CASCADE" => "deleting 1 row of `groups` would delete 2 rows of `items`",
            "SET NULL" => "deleting 1 row of `groups` would empty `group_id` of 2 rows of `items`",
            "SET DEFAULT" => {
                "deleting 1 row of `groups` would reset `group_id` of 2 rows of `items`"
            }
            _ => "1 row of `groups` that is to go is still referred to by 2 rows of `items`",
        };
        assert_eq!(said(&ends), [format!("{sentence} (2: 2)")], "{action}");
    }
}

pub(super) fn rows_that_are_kept_count(backend: Backend) {
    let mut ends = Ends::empty(backend, &["items", "groups"]);
    ends.again(&schema("CASCADE"), SOURCE, TARGET);
    let expected = ["deleting 1 row of `groups` would delete 2 rows of `items` (2: 2)"];
    // Item 2 moves; 3 and 4 stay.
    configure(&mut ends, 0, |items| items.extra_rows = ExtraRows::Keep);
    assert_eq!(said(&ends), expected);
    configure(&mut ends, 0, |items| {
        items.extra_rows = ExtraRows::Delete;
        items.retire = Some(Retire(
            [("active".to_owned(), RetiredValue::Boolean(false))].into(),
        ));
    });
    assert_eq!(said(&ends), expected);
    // Of the other region too, and each once.
    configure(&mut ends, 0, |items| {
        items.filter = Some("region = 'eu'".to_owned())
    });
    assert_eq!(said(&ends), expected);
}

pub(super) fn rows_whose_reference_never_changes_count(backend: Backend) {
    let mut ends = Ends::empty(backend, &["items", "groups"]);
    ends.again(&schema("NO ACTION"), SOURCE, TARGET);
    let sentence = |rows: &str| {
        format!("1 row of `groups` that is to go is still referred to by {rows} of `items`")
    };
    // Item 2 keeps its group; 3 and 4 go.
    configure(&mut ends, 0, |items| {
        items.insert_only = vec!["group_id".to_owned()]
    });
    assert_eq!(said(&ends), [format!("{} (2: 1)", sentence("1 row"))]);
    configure(&mut ends, 0, |items| {
        items.insert_only = Vec::new();
        items.ignore = vec!["group_id".to_owned()];
    });
    assert_eq!(said(&ends), [format!("{} (2: 1)", sentence("1 row"))]);
    // Now 3 and 4 stay as well.
    configure(&mut ends, 0, |items| items.extra_rows = ExtraRows::Keep);
    assert_eq!(said(&ends), [format!("{} (2: 3)", sentence("3 rows"))]);
}

pub(super) fn a_cascade_through_lookup_rows_is_followed(backend: Backend) {
    let mut ends = Ends::empty(backend, &["items", "groups"]);
    let uses = "INSERT INTO uses VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 4)";
    ends.again(&schema("CASCADE"), SOURCE, &format!("{TARGET}; {uses}"));
    // What goes by itself is told for itself.
    let items = "deleting 2 rows of `items` would delete 3 rows of `uses` (3: 1; 4: 2)";
    assert_eq!(said(&ends), [items]);
    configure(&mut ends, 0, |items| {
        items.filter = Some("region = 'eu'".to_owned())
    });
    assert_eq!(
        said(&ends),
        [
            "deleting 1 row of `items` would delete 1 row of `uses` (3: 1)",
            "deleting 1 row of `groups` would delete 1 row of `items` (2: 1)",
            "deleting 1 row of `groups` would delete 2 rows of `uses` through `items` (2: 2)",
        ]
    );
    let kept = [
        "deleting 1 row of `groups` would delete 2 rows of `items` (2: 2)",
        "deleting 1 row of `groups` would delete 3 rows of `uses` through `items` (2: 3)",
    ];
    configure(&mut ends, 0, |items| {
        items.filter = None;
        items.extra_rows = ExtraRows::Keep;
    });
    assert_eq!(said(&ends), kept);
    configure(&mut ends, 0, |items| {
        items.filter = Some("region = 'eu'".to_owned());
    });
    assert_eq!(said(&ends), kept);
}

pub(super) fn children_of_kept_rows_go_or_stay(backend: Backend) {
    let mut ends = Ends::new(
        backend,
        "CREATE TABLE groups (id integer PRIMARY KEY); \
         CREATE TABLE items (id integer PRIMARY KEY, group_id integer REFERENCES groups (id) ON DELETE CASCADE); \
         CREATE TABLE prices (id integer PRIMARY KEY, item_id integer REFERENCES items (id) ON DELETE CASCADE)",
        "INSERT INTO groups VALUES (1); INSERT INTO items VALUES (1, 1), (2, 1); INSERT INTO prices VALUES (1, 1), (2, 2)",
        // Price 2 moves, 3 goes; on item 2, which the source has, price 4 would stay as it is.
        "INSERT INTO groups VALUES (1), (2); INSERT INTO items VALUES (1, 1), (2, 2), (3, 2); \
         INSERT INTO prices VALUES (1, 1), (2, 3), (3, 3)",
        &["prices", "items", "groups"],
    );
    configure(&mut ends, 1, |items| items.extra_rows = ExtraRows::Keep);
    let items = "deleting 1 row of `groups` would delete 1 row of `items` (2: 1)";
    assert_eq!(said(&ends), [items]);
    configure(&mut ends, 0, |prices| prices.extra_rows = ExtraRows::Keep);
    assert_eq!(
        said(&ends),
        [
            items,
            "deleting 1 row of `groups` would delete 1 row of `prices` through `items` (2: 1)"
        ]
    );
    // Rows that both ends have and that a cascade would take: what refers to them need not move.
    ends.target
        .run("UPDATE prices SET item_id = 2 WHERE id = 2");
    configure(&mut ends, 1, |items| {
        items.extra_rows = ExtraRows::Delete;
        items.insert_only = vec!["group_id".to_owned()];
    });
    configure(&mut ends, 0, |prices| prices.extra_rows = ExtraRows::Delete);
    assert_eq!(
        said(&ends),
        [
            items,
            "deleting 1 row of `groups` would delete 1 row of `prices` through `items` (2: 1)"
        ]
    );
}

pub(super) fn a_lookup_tree_counts_what_stays(backend: Backend) {
    let mut ends = Ends::new(
        backend,
        "CREATE TABLE nodes (id integer PRIMARY KEY, up integer REFERENCES nodes (id) ON DELETE CASCADE, region text)",
        "INSERT INTO nodes VALUES (1, NULL, 'eu'), (5, 1, 'eu')",
        "INSERT INTO nodes VALUES (1, NULL, 'eu'), (2, 1, 'eu'), (3, 2, 'eu'), (4, 3, 'us'), (5, 3, 'eu'), (6, 4, 'us'), (7, 6, 'us')",
        &["nodes"],
    );
    // All of the branch goes, 5 moves.
    assert_eq!(said(&ends), [""; 0]);
    configure(&mut ends, 0, |nodes| {
        nodes.filter = Some("region = 'eu'".to_owned())
    });
    assert_eq!(
        said(&ends),
        ["deleting 1 row of `nodes` would delete 3 rows of `nodes` (3: 3)"]
    );
    configure(&mut ends, 0, |nodes| {
        nodes.filter = None;
        nodes.insert_only = vec!["up".to_owned()];
    });
    assert_eq!(
        said(&ends),
        ["deleting 1 row of `nodes` would delete 1 row of `nodes` (3: 1)"]
    );
}

pub(super) fn kept_rows_are_known_by_what_they_mean(backend: Backend) {
    let id = either(
        backend,
        "id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        "id integer PRIMARY KEY",
    );
    let mut ends = Ends::empty(backend, &["items", "groups"]);
    configure(&mut ends, 1, |groups| groups.key = vec!["code".to_owned()]);
    configure(&mut ends, 0, |items| {
        items.key = vec!["group_id".to_owned(), "code".to_owned()];
        items.extra_rows = ExtraRows::Keep;
    });
    ends.again(
        &format!(
            "CREATE TABLE groups ({id}, code text NOT NULL UNIQUE); \
             CREATE TABLE items ({id}, group_id integer NOT NULL REFERENCES groups (id), code text NOT NULL, UNIQUE (group_id, code)); \
             CREATE TABLE uses (item_id integer REFERENCES items (id))"
        ),
        "INSERT INTO groups VALUES (1, 'card'), (2, 'wire'); INSERT INTO items VALUES (1, 1, 'in'), (2, 2, 'in')",
        "INSERT INTO groups VALUES (5, 'wire'), (6, 'card'), (7, 'cash'), (8, 'gift'); \
         INSERT INTO items VALUES (9, 5, 'in'), (8, 7, 'in'), (7, 7, 'out'), (6, 6, 'in'); INSERT INTO uses VALUES (8), (9)",
    );
    let problems = problems(&ends);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].code, Code::ReferencedRows);
    assert_eq!(
        problems[0].message,
        "1 row of `groups` that is to go is still referred to by 2 rows of `items` (cash: 2)"
    );
    assert_eq!(ends.settings[0].table, name("items"));
}
