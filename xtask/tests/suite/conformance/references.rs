//! Rows that refer to lookup rows that would go: who counts, and in which words it is told.

use std::collections::BTreeMap;
use std::path::Path;

use xtask::problem::{Code, Problem};

use xtask::model::backend::Backend;
use xtask::model::ledger::Ledger;
use xtask::model::migrations::migration::OutOfOrder;
use xtask::model::rows::lookup::settings::{ExtraRows, LookupSettings};
use xtask::settings::environment::OnTargetEdit;
use xtask::sync::comparing::difference::{Outcome, compare_lookups};
use xtask::sync::snapshot::{Observed, Snapshot};

use super::loading::Ends;
use super::{either, open};
use crate::support::database::Database;

fn observed(database: &Database, label: &str) -> Observed {
    let mut session = open(database);
    let snapshot = Snapshot {
        environment: label.to_lowercase(),
        label: label.to_owned(),
        url_variable: "TEST_DATABASE_URL".to_owned(),
        project: None,
        strict: false,
        refuses_drift: false,
        max_delete: None,
        requires_rehearsal: false,
        refuses_unrecorded: false,
        is_folder: false,
        on_target_edit: OnTargetEdit::Overwrite,
        out_of_order: OutOfOrder::Warn,
        backend: database.backend,
        identity: session.identity().unwrap(),
        ledger: Ledger::default(),
        applied: Vec::new(),
        catalog: session.catalog().unwrap(),
    };
    Observed {
        snapshot,
        session,
        lookups: BTreeMap::new(),
    }
}

/// What speaks against the changes, by what refers to the rows of every table; nothing is changed
/// by asking.
pub(super) fn problems(ends: &Ends) -> Vec<Problem> {
    let before = ends.target.everything();
    let (mut source, mut target) = (
        observed(&ends.source, "Dev"),
        observed(&ends.target, "Test"),
    );
    let compared = compare_lookups(
        &ends.settings,
        &mut source,
        &mut target,
        None,
        Path::new("nowhere"),
        false,
    )
    .unwrap();
    let mut found = Vec::new();
    for comparison in compared {
        match comparison.outcome {
            Outcome::Compared { references, .. } => found.extend(
                references
                    .iter()
                    .map(|reached| reached.problem(&comparison.table).unwrap()),
            ),
            Outcome::Refused(problem) => found.push(problem),
            Outcome::Missing { .. } => panic!("{comparison:?}"),
        }
    }
    drop((source, target));
    assert_eq!(ends.target.everything(), before);
    for problem in &found {
        assert!(problem.hint.is_some(), "{problem}");
    }
    found
}

/// The sentences alone.
pub(super) fn said(ends: &Ends) -> Vec<String> {
    problems(ends)
        .into_iter()
        .map(|problem| problem.message)
        .collect()
}

pub(super) fn configure(ends: &mut Ends, at: usize, change: impl FnOnce(&mut LookupSettings)) {
    change(&mut ends.settings[at]);
}

pub(super) const ACTIONS: [&str; 5] = [
    "NO ACTION",
    "RESTRICT",
    "CASCADE",
    "SET NULL",
    "SET DEFAULT",
];

const GROUPS: &str = "CREATE TABLE groups (id integer PRIMARY KEY, code text UNIQUE, label text);";

pub(super) fn every_action_is_told_in_its_words(backend: Backend) {
    let ends = Ends::empty(backend, &["groups"]);
    for action in ACTIONS {
        ends.again(
            &format!(
                "{GROUPS} CREATE TABLE merchants (id integer PRIMARY KEY, group_id integer DEFAULT 1 REFERENCES groups (id) ON DELETE {action})"
            ),
            "INSERT INTO groups VALUES (1, 'card', NULL)",
            "INSERT INTO groups VALUES (1, 'card', NULL), (2, 'cash', NULL), (3, 'wire', NULL), (10, 'gift', NULL); \
             INSERT INTO merchants VALUES (1, 1), (2, 2), (3, 2), (4, 10), (5, NULL)",
        );
        let (code, sentence) = match action {
            "CASCADE" => (
                Code::CascadeToProtected,
                "deleting 2 rows of `groups` would delete 3 rows of `merchants`",
            ),
            "SET NULL" => (
                Code::CascadeToProtected,
                "deleting 2 rows of `groups` would empty `group_id` of 3 rows of `merchants`",
            ),
            "SET DEFAULT" => (
                Code::CascadeToProtected,
                "deleting 2 rows of `groups` would reset `group_id` of 3 rows of `merchants`",
            ),
            _ => (
                Code::ReferencedRows,
                "2 rows of `groups` that are to go are still referred to by 3 rows of `merchants`",
            ),
        };
        let found = problems(&ends);
        let [problem] = found.as_slice() else {
            panic!("{action}: {found:?}")
        };
        assert_eq!(problem.code, code, "{action}");
        assert_eq!(
            problem.message,
            format!("{sentence} (2: 2; 10: 1)"),
            "{action}"
        );
        let hint = problem.hint.clone().unwrap();
        for way in [
            "extra_rows = \"keep\"",
            "retire = { active = false }",
            "another row first",
        ] {
            assert!(hint.contains(way), "{hint}");
        }
        // Nobody refers to the others.
        ends.target
            .run("DELETE FROM merchants WHERE id IN (2, 3, 4)");
        assert_eq!(said(&ends), [""; 0]);
    }
}

pub(super) fn rows_are_told_by_the_key_that_means_something(backend: Backend) {
    let mut ends = Ends::empty(backend, &["groups"]);
    configure(&mut ends, 0, |groups| groups.key = vec!["code".to_owned()]);
    let id = either(
        backend,
        "id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        "id integer PRIMARY KEY",
    );
    ends.again(
        &format!(
            "CREATE TABLE groups ({id}, code text NOT NULL UNIQUE); \
             CREATE TABLE merchants (id integer PRIMARY KEY, group_id integer REFERENCES groups (id) ON DELETE CASCADE)"
        ),
        "INSERT INTO groups VALUES (7, 'card'), (8, 'wire')",
        "INSERT INTO groups VALUES (1, 'card'), (2, 'cash'), (8, 'gift'), (4, 'wire'); \
         INSERT INTO merchants VALUES (1, 1), (2, 2), (3, 8), (4, 8), (5, 4)",
    );
    assert_eq!(
        said(&ends),
        ["deleting 2 rows of `groups` would delete 3 rows of `merchants` (cash: 1; gift: 2)"]
    );
}

pub(super) fn every_foreign_key_is_told_for_itself(backend: Backend) {
    let ends = Ends::new(
        backend,
        &format!(
            "{GROUPS} CREATE TABLE merchants (id integer PRIMARY KEY, group_id integer REFERENCES groups (id) ON DELETE CASCADE, \
             old_group_id integer REFERENCES groups (id) ON DELETE SET NULL, code text REFERENCES groups (code)); \
             CREATE TABLE others (group_id integer REFERENCES groups (id))"
        ),
        "",
        "INSERT INTO groups VALUES (1, 'card', NULL), (2, 'cash', NULL); \
         INSERT INTO merchants VALUES (1, 1, 2, 'card'), (2, 2, 2, NULL), (3, NULL, NULL, 'card'); INSERT INTO others VALUES (2)",
        &["groups"],
    );
    assert_eq!(
        said(&ends),
        [
            "1 row of `groups` that is to go is still referred to by 2 rows of `merchants` by `code` (1: 2)",
            "deleting 2 rows of `groups` would delete 2 rows of `merchants` by `group_id` (1: 1; 2: 1)",
            "deleting 1 row of `groups` would empty `old_group_id` of 2 rows of `merchants` (2: 2)",
            "1 row of `groups` that is to go is still referred to by 1 row of `others` (2: 1)",
        ]
    );
}

pub(super) fn several_columns_refer_together(backend: Backend) {
    let ends = Ends::new(
        backend,
        "CREATE TABLE fees (region text, number integer, label text, PRIMARY KEY (region, number)); \
         CREATE TABLE uses (id integer PRIMARY KEY, r text, n integer, \
         FOREIGN KEY (r, n) REFERENCES fees (region, number) ON DELETE SET NULL)",
        "INSERT INTO fees VALUES ('eu', 1, 'stays'), ('us', 1, 'stays')",
        "INSERT INTO fees VALUES ('eu', 1, 'stays'), ('eu', 2, NULL), ('us', 1, 'stays'), ('us', 2, NULL), ('us', 3, NULL); \
         INSERT INTO uses VALUES (1, 'eu', 2), (2, 'eu', 2), (3, 'us', 1), (4, 'us', NULL), (5, NULL, 2), (6, NULL, NULL), (7, 'us', 3)",
        &["fees"],
    );
    assert_eq!(
        said(&ends),
        [
            "deleting 2 rows of `fees` would empty `r` and `n` of 3 rows of `uses` (eu, 2: 2; us, 3: 1)"
        ]
    );
}

pub(super) fn cascades_are_followed_to_their_end(backend: Backend) {
    let ends = Ends::empty(backend, &["groups"]);
    let rows = "INSERT INTO groups VALUES (1, 'card', NULL), (2, 'cash', NULL); \
         INSERT INTO merchants VALUES (1, 1), (2, 2), (3, 2); INSERT INTO orders VALUES (1, 1), (2, 2), (3, 2), (4, 3), (5, NULL); \
         INSERT INTO lines VALUES (1, 2), (2, 2), (3, 4), (4, 1)";
    for (orders, lines, expected) in [
        (
            "CASCADE",
            "SET NULL",
            vec![
                "deleting 1 row of `groups` would delete 2 rows of `merchants` (2: 2)",
                "deleting 1 row of `groups` would delete 3 rows of `orders` through `merchants` (2: 3)",
                "deleting 1 row of `groups` would empty `order_id` of 3 rows of `lines` through `merchants`, then `orders` (2: 3)",
            ],
        ),
        (
            "NO ACTION",
            "CASCADE",
            vec![
                "deleting 1 row of `groups` would delete 2 rows of `merchants` (2: 2)",
                "1 row of `groups` that is to go is still referred to by 3 rows of `orders` through `merchants` (2: 3)",
            ],
        ),
    ] {
        ends.again(
            &format!(
                "{GROUPS} CREATE TABLE merchants (id integer PRIMARY KEY, group_id integer REFERENCES groups (id) ON DELETE CASCADE); \
                 CREATE TABLE orders (id integer PRIMARY KEY, merchant_id integer REFERENCES merchants (id) ON DELETE {orders}); \
                 CREATE TABLE lines (id integer PRIMARY KEY, order_id integer REFERENCES orders (id) ON DELETE {lines})"
            ),
            "INSERT INTO groups VALUES (1, 'card', NULL)",
            rows,
        );
        assert_eq!(said(&ends), expected);
    }
}

pub(super) fn a_tree_goes_with_its_root(backend: Backend) {
    let ends = Ends::new(
        backend,
        &format!(
            "{GROUPS} CREATE TABLE merchants (id integer PRIMARY KEY, group_id integer REFERENCES groups (id) ON DELETE CASCADE, \
             above integer REFERENCES merchants (id) ON DELETE CASCADE); \
             CREATE TABLE orders (id integer PRIMARY KEY, merchant_id integer REFERENCES merchants (id))"
        ),
        "",
        // 6 and 7 refer to each other, below 2; 8 and 9 are another tree.
        "INSERT INTO groups VALUES (1, 'card', NULL), (2, 'cash', NULL); \
         INSERT INTO merchants VALUES (1, NULL, NULL), (2, 2, 1), (3, NULL, 2), (4, NULL, 3), (5, NULL, 4), (8, NULL, NULL), (9, NULL, 8), (6, NULL, 2), (7, NULL, 6); \
         UPDATE merchants SET above = 7 WHERE id = 6; INSERT INTO merchants VALUES (10, NULL, 7); \
         INSERT INTO orders VALUES (1, 2), (2, 5), (3, 5), (4, 9)",
        &["groups"],
    );
    // Behind the circle, 2 is not above 6 any more.
    assert_eq!(
        said(&ends),
        [
            "deleting 1 row of `groups` would delete 1 row of `merchants` (2: 1)",
            "deleting 1 row of `groups` would delete 3 rows of `merchants` through `merchants` (2: 3)",
            "1 row of `groups` that is to go is still referred to by 1 row of `orders` through `merchants` (2: 1)",
            "1 row of `groups` that is to go is still referred to by 2 rows of `orders` through `merchants`, then `merchants` (2: 2)",
        ]
    );
    ends.target
        .run("UPDATE merchants SET above = 2 WHERE id = 7");
    let found = said(&ends);
    assert!(
        found[1].contains("would delete 6 rows of `merchants` through `merchants`"),
        "{found:?}"
    );
}

pub(super) fn references_are_counted_over_many_batches_of_keys(backend: Backend) {
    let numbers = |count: u32| {
        format!(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count}) SELECT"
        )
    };
    // More keys than go to a database at once, and nothing has an index that would help.
    let ends = Ends::new(
        backend,
        &format!(
            "{GROUPS} CREATE TABLE merchants (id integer PRIMARY KEY, group_id integer REFERENCES groups (id) ON DELETE CASCADE); \
             CREATE TABLE notes (merchant_id integer REFERENCES merchants (id) ON DELETE CASCADE)"
        ),
        "INSERT INTO groups VALUES (1, 'card', NULL)",
        &format!(
            "INSERT INTO groups {} n, NULL, NULL FROM n; INSERT INTO merchants {} n, n % 5000 + 1 FROM n; \
             INSERT INTO notes {} n FROM n",
            numbers(5000),
            numbers(20_000),
            numbers(20_000)
        ),
        &["groups"],
    );
    let found = said(&ends);
    let keys = "(2: 4; 3: 4; 4: 4; 5: 4; 6: 4; and 4,994 more)";
    assert_eq!(
        found,
        [
            format!(
                "deleting 4,999 rows of `groups` would delete 19,996 rows of `merchants` {keys}"
            ),
            format!(
                "deleting 4,999 rows of `groups` would delete 19,996 rows of `notes` through `merchants` {keys}"
            ),
        ]
    );
}

pub(super) fn rows_that_are_refused_are_not_walked(backend: Backend) {
    let mut ends = Ends::new(
        backend,
        &format!("{GROUPS} CREATE TABLE merchants (group_id integer REFERENCES groups (id))"),
        "",
        "INSERT INTO groups VALUES (1, 'card', NULL); INSERT INTO merchants VALUES (1)",
        &["groups"],
    );
    assert_eq!(said(&ends).len(), 1);
    for extra_rows in [ExtraRows::Refuse, ExtraRows::Keep] {
        configure(&mut ends, 0, |groups| groups.extra_rows = extra_rows);
        assert_eq!(said(&ends), [""; 0]);
    }
}
