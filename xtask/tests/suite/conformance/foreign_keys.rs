//! Foreign keys of every kind that one of the two databases has.

use xtask::database;
use xtask::model::backend::Backend;
use xtask::model::reference::{Part, Step, Touched};
use xtask::model::rows::row::Record;
use xtask::model::schema::catalog::Action;
use xtask::model::url::DatabaseUrl;
use xtask::problem::Code;

use super::loading::Ends;
use super::references::{ACTIONS, configure, said};
use super::{lookup, name, open, problem};
use crate::support::database::Database;

pub(super) fn the_catalog_tells_what_foreign_keys_do(backend: Backend) {
    for (at, delete) in ACTIONS.into_iter().enumerate() {
        let update = ACTIONS[(at + 1) % ACTIONS.len()];
        let database = Database::with(
            backend,
            &format!(
                "CREATE TABLE \"Groups\" (\"Id\" integer PRIMARY KEY); CREATE TABLE uses (group_id integer, \
                 CONSTRAINT its_group FOREIGN KEY (group_id) REFERENCES \"Groups\" (\"Id\") ON DELETE {delete} ON UPDATE {update})"
            ),
        );
        let catalog = open(&database).catalog().unwrap();
        let key = &catalog.tables[&name("uses")].foreign_keys[0];
        let action = |words: &str| match words {
            "NO ACTION" => Action::NoAction,
            "RESTRICT" => Action::Restrict,
            "CASCADE" => Action::Cascade,
            "SET NULL" => Action::SetNull,
            _ => Action::SetDefault,
        };
        assert_eq!(
            (key.on_delete, key.on_update),
            (action(delete), action(update))
        );
        let known = (backend == Backend::Postgres).then(|| "its_group".to_owned());
        assert_eq!(key.name, known);
        assert_eq!(
            (&key.parent, key.parent_columns.as_slice()),
            (&name("Groups"), &["Id".to_owned()][..])
        );
    }
}

pub(super) fn foreign_keys_of_every_place_count() {
    let ends = Ends::new(
        Backend::Postgres,
        "CREATE TABLE groups (id integer PRIMARY KEY, code varchar(9) UNIQUE); CREATE SCHEMA crm; \
         CREATE TABLE crm.\"Merchants\" (group_id bigint REFERENCES groups (id) DEFERRABLE INITIALLY DEFERRED); \
         CREATE TABLE checked_later (group_id integer); \
         ALTER TABLE checked_later ADD FOREIGN KEY (group_id) REFERENCES groups (id) NOT VALID; \
         CREATE TABLE split (id integer, group_code text REFERENCES groups (code) ON DELETE CASCADE) PARTITION BY RANGE (id); \
         CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (10); \
         CREATE TABLE split_2 PARTITION OF split FOR VALUES FROM (10) TO (20); \
         CREATE TABLE partly (id integer, group_id integer) PARTITION BY RANGE (id); \
         CREATE TABLE partly_1 PARTITION OF partly FOR VALUES FROM (0) TO (10); \
         ALTER TABLE partly_1 ADD FOREIGN KEY (group_id) REFERENCES groups (id) ON DELETE SET NULL; \
         CREATE TABLE pairs (a integer, b integer, FOREIGN KEY (a, b) REFERENCES groups (id, id2) MATCH FULL)"
            .replace("id integer PRIMARY KEY, code", "id integer PRIMARY KEY, id2 integer, UNIQUE (id, id2), code")
            .as_str(),
        "",
        "INSERT INTO groups VALUES (1, 1, 'card'), (2, 2, 'cash'); INSERT INTO crm.\"Merchants\" VALUES (1), (2), (2), (NULL); \
         INSERT INTO checked_later VALUES (1); INSERT INTO split VALUES (1, 'card'), (11, 'card'), (12, NULL); \
         INSERT INTO partly VALUES (1, 2); INSERT INTO pairs VALUES (1, 1), (NULL, NULL)",
        &["groups"],
    );
    assert_eq!(
        said(&ends),
        [
            "1 row of `groups` that is to go is still referred to by 1 row of `checked_later` (1: 1)",
            "1 row of `groups` that is to go is still referred to by 1 row of `pairs` (1: 1)",
            "deleting 1 row of `groups` would empty `group_id` of 1 row of `partly` (2: 1)",
            "deleting 1 row of `groups` would delete 2 rows of `split` (1: 2)",
            "2 rows of `groups` that are to go are still referred to by 3 rows of `crm.Merchants` (1: 1; 2: 2)",
        ]
    );
}

pub(super) fn a_partitioned_table_is_referred_to() {
    let ends = Ends::new(
        Backend::Postgres,
        "CREATE TABLE groups (id integer PRIMARY KEY, label text) PARTITION BY RANGE (id); \
         CREATE TABLE groups_1 PARTITION OF groups FOR VALUES FROM (0) TO (10); \
         CREATE TABLE groups_2 PARTITION OF groups FOR VALUES FROM (10) TO (20); \
         CREATE TABLE uses (group_id integer REFERENCES groups (id) ON DELETE CASCADE); \
         CREATE TABLE uses_of_one (group_id integer REFERENCES groups_2 (id) ON DELETE CASCADE)",
        "",
        "INSERT INTO groups VALUES (1, NULL), (2, NULL), (11, NULL); INSERT INTO uses VALUES (1), (11), (11); INSERT INTO uses_of_one VALUES (11)",
        &["groups"],
    );
    assert_eq!(
        said(&ends),
        [
            "deleting 2 rows of `groups` would delete 3 rows of `uses` (1: 1; 11: 2)",
            "deleting 1 row of `groups` would delete 1 row of `uses_of_one` (11: 1)",
        ]
    );
}

pub(super) fn values_are_compared_as_the_server_compares_them() {
    let ends = Ends::new(
        Backend::Postgres,
        "CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions; \
         CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
         CREATE TABLE groups (id integer PRIMARY KEY, one text COLLATE \"C\" UNIQUE, other extensions.citext UNIQUE, third text COLLATE loose UNIQUE); \
         CREATE TABLE by_one (one text COLLATE \"POSIX\" REFERENCES groups (one)); \
         CREATE TABLE by_other (other extensions.citext REFERENCES groups (other) ON DELETE CASCADE); \
         CREATE TABLE by_third (third text COLLATE loose REFERENCES groups (third) ON UPDATE CASCADE)",
        "INSERT INTO groups VALUES (2, 'b', 'b', 'B')",
        "INSERT INTO groups VALUES (1, 'a', 'a', 'a'), (2, 'b', 'b', 'b'); INSERT INTO by_one VALUES ('a'); \
         INSERT INTO by_other VALUES ('A'), ('a'), ('B'); INSERT INTO by_third VALUES ('B'), ('b')",
        &["groups"],
    );
    assert_eq!(
        said(&ends),
        [
            "1 row of `groups` that is to go is still referred to by 1 row of `by_one` (1: 1)",
            "deleting 1 row of `groups` would delete 2 rows of `by_other` (1: 2)",
            // The server passes on every other spelling, though to it both are the same.
            "changing `third` of 1 row of `groups` would change 2 rows of `by_third` (2: 2)",
        ]
    );
}

pub(super) fn keys_are_told_apart_by_bytes() {
    let mut ends = Ends::empty(Backend::Postgres, &["groups"]);
    configure(&mut ends, 0, |groups| groups.key = vec!["code".to_owned()]);
    ends.again(
        "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
         CREATE TABLE groups (id serial PRIMARY KEY, code text COLLATE loose NOT NULL); \
         CREATE TABLE uses (group_id integer REFERENCES groups (id))",
        "INSERT INTO groups VALUES (1, 'card')",
        "INSERT INTO groups VALUES (1, 'card'), (2, 'Card'), (3, 'CARD'); INSERT INTO uses VALUES (1), (1), (2), (2), (2), (3)",
    );
    assert_eq!(
        said(&ends),
        [
            "2 rows of `groups` that are to go are still referred to by 4 rows of `uses` (CARD: 1; Card: 3)"
        ]
    );
}

pub(super) fn trees_of_every_type_are_counted() {
    let ends = Ends::empty(Backend::Postgres, &["groups"]);
    for kind in [
        "varchar(9)",
        "varchar(9) COLLATE \"C\"",
        "char(3)",
        "extensions.citext",
        "short",
        "numeric(6, 2)",
        "bigint",
    ] {
        ends.again(
            &format!(
                "CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions; CREATE DOMAIN short AS varchar(5); \
                 CREATE TABLE groups (id integer PRIMARY KEY); \
                 CREATE TABLE merchants (code {kind} PRIMARY KEY, up {kind} REFERENCES merchants (code) ON DELETE CASCADE, \
                 group_id integer REFERENCES groups (id) ON DELETE CASCADE)"
            ),
            "",
            "INSERT INTO groups VALUES (1); INSERT INTO merchants VALUES ('1', NULL, 1), ('2', '1', NULL), ('3', '2', NULL), ('4', NULL, NULL)",
        );
        assert_eq!(
            said(&ends),
            [
                "deleting 1 row of `groups` would delete 1 row of `merchants` (1: 1)",
                "deleting 1 row of `groups` would delete 2 rows of `merchants` through `merchants` (1: 2)",
            ],
            "{kind}"
        );
    }
}

pub(super) fn a_table_that_may_not_be_read_is_named() {
    let database = Database::with(
        Backend::Postgres,
        "CREATE TABLE groups (id integer PRIMARY KEY); CREATE SCHEMA crm; \
         CREATE TABLE crm.merchants (id integer, group_id integer REFERENCES groups (id)); \
         INSERT INTO groups VALUES (1); INSERT INTO crm.merchants VALUES (1, 1); GRANT SELECT ON groups TO pg_monitor",
    );
    // A role that every server has.
    let url = format!("{}?options=-crole%3Dpg_monitor", database.url);
    let url = DatabaseUrl::parse(&url, "A_TEST", std::path::Path::new("/")).unwrap();
    let count = || {
        let mut session = database::open(&url).unwrap();
        let groups = lookup(&mut *session, "groups");
        let rows = [Record::from(vec!["1"])];
        let touched = Touched {
            lookup: &groups,
            rows: &rows,
        };
        let step = Step {
            child: name("crm.merchants"),
            comparisons: Vec::new(),
            columns: vec!["group_id".to_owned()],
            parent_columns: vec!["id".to_owned()],
            part: Part::All,
            repeats: false,
        };
        let counted = session.count_references(&touched, &[step]);
        // What comes after it is answered.
        assert_eq!(session.count_rows(&name("groups")).unwrap(), 1);
        counted
    };
    for grant in [
        "GRANT USAGE ON SCHEMA crm TO pg_monitor",
        "GRANT SELECT (id) ON crm.merchants TO pg_monitor",
    ] {
        let refused = problem(count());
        assert_eq!(refused.code, Code::Failed);
        assert!(
            refused.message.contains("`crm.merchants` cannot be read"),
            "{refused}"
        );
        assert!(refused.hint.unwrap().contains("GRANT SELECT"));
        database.run(grant);
    }
    problem(count());
    database.run("GRANT SELECT (group_id) ON crm.merchants TO pg_monitor");
    assert_eq!(count().unwrap(), [(0, 1)]);
}

pub(super) fn the_collation_and_the_type_of_the_parent_decide() {
    let ends = Ends::new(
        Backend::Sqlite,
        "CREATE TABLE groups (id integer PRIMARY KEY, code text COLLATE NOCASE UNIQUE, number text UNIQUE, plain UNIQUE); \
         CREATE TABLE merchants (id integer PRIMARY KEY, code text COLLATE NOCASE UNIQUE REFERENCES groups (code) ON DELETE CASCADE ON UPDATE CASCADE); \
         CREATE TABLE orders (code text REFERENCES merchants (code) ON DELETE CASCADE); \
         CREATE TABLE by_number (number integer REFERENCES groups (number)); \
         CREATE TABLE by_plain (plain REFERENCES groups (plain))",
        // 2 is spelled otherwise, which to SQLite is no other value.
        "INSERT INTO groups VALUES (2, 'WIRE', '2', '2'), (3, NULL, '3', '3')",
        "INSERT INTO groups VALUES (1, 'Card', '1', 1), (2, 'wire', '2', '2'), (3, 'gift', '3', '3'); \
         INSERT INTO merchants VALUES (1, 'CARD'), (2, 'wire'), (3, 'Gift'); INSERT INTO orders VALUES ('card'), ('carD'), ('WIRE'); \
         INSERT INTO by_number VALUES (1), (2); INSERT INTO by_plain VALUES (1), ('2')",
        &["groups"],
    );
    assert_eq!(
        said(&ends),
        [
            "1 row of `groups` that is to go is still referred to by 1 row of `by_number` (1: 1)",
            "1 row of `groups` that is to go is still referred to by 1 row of `by_plain` (1: 1)",
            "deleting 1 row of `groups` would delete 1 row of `merchants` (1: 1)",
            "changing `code` of 1 row of `groups` would change 1 row of `merchants` (3: 1)",
            "deleting 1 row of `groups` would delete 2 rows of `orders` through `merchants` (1: 2)",
        ]
    );
}

pub(super) fn foreign_keys_as_statements_write_them() {
    let ends = Ends::new(
        Backend::Sqlite,
        "CREATE TABLE groups (Id integer PRIMARY KEY, Code text UNIQUE) STRICT; \
         CREATE TABLE one (group_id REFERENCES GROUPS); \
         CREATE TABLE other (id integer PRIMARY KEY, \"the code\" text, FOREIGN KEY (\"the code\") REFERENCES Groups (CODE) ON UPDATE CASCADE) WITHOUT ROWID; \
         CREATE TABLE odd (group_id REFERENCES groups (missing), other_id REFERENCES nowhere (id), a REFERENCES groups (id))",
        "PRAGMA foreign_keys = OFF; INSERT INTO groups VALUES (2, 'CASH')",
        "PRAGMA foreign_keys = OFF; INSERT INTO groups VALUES (1, 'card'), (2, 'cash'); INSERT INTO one VALUES (1); INSERT INTO other VALUES (1, 'cash'), (2, 'card'); \
         INSERT INTO one VALUES (77); INSERT INTO odd VALUES (1, 1, 1)",
        &["groups"],
    );
    assert_eq!(
        said(&ends),
        [
            "1 row of `groups` that is to go is still referred to by 1 row of `odd` (1: 1)",
            "1 row of `groups` that is to go is still referred to by 1 row of `one` (1: 1)",
            "1 row of `groups` that is to go is still referred to by 1 row of `other` (1: 1)",
            "changing `Code` of 1 row of `groups` would change 1 row of `other` (2: 1)",
        ]
    );
}
