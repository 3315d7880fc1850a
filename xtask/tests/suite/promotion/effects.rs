//! What migrations do to protected rows is measured, and not read from their text.

use xtask::model::backend::Backend;
use xtask::model::migrations::effects::{EffectKind, RowEffect};
use xtask::model::schema::table::TableName;

use super::Stage;

pub(super) const NEXT: &str = "2024-03-01-000000_next";

/// The target asks twice and lacks this migration, which Development has run.
pub(super) fn lossy(backend: Backend, up: &str) -> Stage {
    prepared(backend, "", "", up)
}

/// As [`lossy`], where both have what `schema` makes, and Test these rows in it.
fn prepared(backend: Backend, schema: &str, rows: &str, up: &str) -> Stage {
    let mut stage = Stage::promoted(backend);
    if !schema.is_empty() {
        stage.dev.run(schema);
        stage.test.run(schema);
    }
    if !rows.is_empty() {
        stage.test.run(rows);
    }
    for name in ["notes", "cards", "logs", "traders"] {
        stage.config.protected.push(TableName::new(None, name));
    }
    stage.make_strict();
    stage.migrations.write(NEXT, up);
    stage.migrate();
    stage
}

/// Both ends have `notes`, and whoever writes there also does `deed`, a statement that no pending
/// migration names.
pub(super) fn with_deed(backend: Backend, deed: &str) -> Stage {
    let trigger = match backend {
        Backend::Postgres => format!(
            "CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE '{}'; RETURN NULL; END$$; \
             CREATE TRIGGER act AFTER INSERT ON notes EXECUTE FUNCTION act();",
            deed.replace('\'', "''")
        ),
        Backend::Sqlite => {
            format!("CREATE TRIGGER act AFTER INSERT ON notes BEGIN {deed}; END;")
        }
    };
    let schema = format!("CREATE TABLE notes (id integer PRIMARY KEY); {trigger}");
    prepared(backend, &schema, "", "INSERT INTO notes VALUES (7);")
}

/// What is known of it before it runs, and what the run says when it was allowed.
fn effects(stage: &mut Stage) -> Vec<String> {
    let words = |effects: &[RowEffect]| effects.iter().map(RowEffect::words).collect();
    let plan = stage.plan();
    let planned: Vec<String> = words(&plan.migrations[0].effects);
    assert_eq!(plan.blockers.is_empty(), planned.is_empty(), "{plan:?}");
    stage.config.allow_data_loss = vec![NEXT.to_owned()];
    let report = stage.promote();
    assert_eq!(words(&report.migrations[0].effects), planned);
    planned
}

pub(super) fn each_kind_of_loss_is_measured(backend: Backend) {
    let both = [
        (
            "DELETE FROM merchants WHERE id < 3;",
            "deletes 2 rows of `merchants` (1; 2)",
        ),
        (
            "UPDATE merchants SET name = 'x' WHERE id = 1;",
            "changes `name` in 1 row of `merchants` (1)",
        ),
        (
            "DROP TABLE merchants;",
            "drops `merchants` with 3 rows (1; 2; 3)",
        ),
        (
            "ALTER TABLE merchants DROP COLUMN name;",
            "drops `name` of `merchants` with 3 values (1; 2; 3)",
        ),
        (
            "ALTER TABLE merchants RENAME TO traders; DELETE FROM traders WHERE id = 2;",
            "deletes 1 row of `merchants` (2)",
        ),
        (
            "ALTER TABLE merchants RENAME COLUMN name TO title; UPDATE merchants SET title = 'x' WHERE id = 2;",
            "changes `name` in 1 row of `merchants` (2)",
        ),
        (
            "UPDATE merchants SET id = id + 100 WHERE id > 2;",
            "deletes 1 row of `merchants` (3)",
        ),
    ];
    let one: &[(&str, &str)] = match backend {
        Backend::Postgres => &[
            (
                "TRUNCATE merchants;",
                "empties `merchants`, which has 3 rows (1; 2; 3)",
            ),
            (
                "DO $$ BEGIN EXECUTE 'DELETE FROM mer' || 'chants WHERE id = 2'; END $$;",
                "deletes 1 row of `merchants` (2)",
            ),
            (
                "DELETE FROM fee_groups WHERE id = 2;",
                "changes `group_id` in 1 row of `merchants` (2)",
            ),
            (
                "ALTER TABLE merchants ALTER name TYPE varchar(2) USING left(name, 2);",
                "gives `name` of `merchants` another type, which changes 3 values (1; 2; 3)",
            ),
            (
                "CREATE TABLE heir AS SELECT * FROM merchants WHERE id > 1; DROP TABLE merchants; ALTER TABLE heir RENAME TO merchants; \
                 ALTER TABLE merchants ADD PRIMARY KEY (id);",
                "deletes 1 row of `merchants` (1)",
            ),
            (
                "DROP TABLE merchants; CREATE TABLE merchants (id integer PRIMARY KEY, name text NOT NULL, group_id integer);",
                "drops `merchants` with 3 rows (1; 2; 3)",
            ),
            (
                "ALTER TABLE merchants DROP COLUMN name; ALTER TABLE merchants ADD COLUMN name text DEFAULT '';",
                "drops `name` of `merchants` with 3 values (1; 2; 3)",
            ),
        ],
        Backend::Sqlite => &[
            (
                "CREATE TABLE new (id integer PRIMARY KEY, name text NOT NULL, group_id integer); \
                 INSERT INTO new SELECT id, name, group_id FROM merchants WHERE id > 1; DROP TABLE merchants; ALTER TABLE new RENAME TO merchants;",
                "deletes 1 row of `merchants` (1)",
            ),
            (
                "CREATE TABLE new (id integer PRIMARY KEY, group_id integer); \
                 INSERT INTO new SELECT id, group_id FROM merchants; DROP TABLE merchants; ALTER TABLE new RENAME TO merchants;",
                "drops `name` of `merchants` with 3 values (1; 2; 3)",
            ),
            (
                "INSERT OR REPLACE INTO merchants VALUES (1, 'Zoe', 1);",
                "changes `name` in 1 row of `merchants` (1)",
            ),
            (
                "CREATE TABLE new (id integer PRIMARY KEY, name text NOT NULL, group_id integer); \
                 INSERT INTO new SELECT id, name, 1 FROM merchants; DROP TABLE merchants; ALTER TABLE new RENAME TO merchants;",
                "changes `group_id` in 2 rows of `merchants` (2; 3)",
            ),
        ],
    };
    for (up, words) in both.iter().chain(one) {
        let found = effects(&mut lossy(backend, up));
        assert_eq!(found, [words.to_string()], "{up}");
    }
}

pub(super) fn what_keeps_every_row_needs_no_leave(backend: Backend) {
    let both = [
        "DELETE FROM merchants WHERE id = 99; UPDATE merchants SET name = name;",
        "ALTER TABLE merchants ADD COLUMN since integer; UPDATE merchants SET since = 7;",
        "ALTER TABLE merchants RENAME COLUMN name TO title; ALTER TABLE merchants ADD COLUMN name text; UPDATE merchants SET name = 'new';",
        "ALTER TABLE merchants RENAME TO traders; INSERT INTO traders VALUES (9, 'Ida', NULL);",
        "ALTER TABLE merchants RENAME COLUMN name TO \"Name\";",
        "ALTER TABLE merchants RENAME COLUMN id TO number;",
        "CREATE INDEX by_name ON merchants (name); INSERT INTO merchants VALUES (0, 'Zoe', 1);",
    ];
    let one = match backend {
        Backend::Sqlite => [
            "CREATE TABLE new (id integer PRIMARY KEY, title text NOT NULL, group_id integer, more text); \
             INSERT INTO new SELECT id, name, group_id, 'more' FROM merchants; DROP TABLE merchants; ALTER TABLE new RENAME TO merchants;",
            "ALTER TABLE merchants RENAME TO old; CREATE TABLE merchants (ID integer PRIMARY KEY, Name text NOT NULL, Group_id integer); \
             INSERT INTO merchants SELECT id, name, group_id FROM old; DROP TABLE old;",
            "CREATE TABLE notes (line text); INSERT INTO notes VALUES ('a'), ('b'); DELETE FROM notes;",
        ],
        Backend::Postgres => [
            "ALTER TABLE merchants ALTER id TYPE bigint; ALTER TABLE merchants ADD COLUMN chance float DEFAULT random(); INSERT INTO merchants VALUES (0, 'Zoe', 1);",
            "ALTER TABLE merchants DROP CONSTRAINT merchants_pkey; ALTER TABLE merchants RENAME TO old; \
             CREATE TABLE merchants (LIKE old INCLUDING DEFAULTS) PARTITION BY RANGE (id); \
             ALTER TABLE merchants ATTACH PARTITION old FOR VALUES FROM (0) TO (100);",
            "CREATE SCHEMA shop; ALTER TABLE merchants SET SCHEMA shop; ALTER SCHEMA shop RENAME TO market; \
             CLUSTER market.merchants USING merchants_pkey; UPDATE market.merchants SET name = name || 'x' WHERE false;",
        ],
    };
    for up in both.into_iter().chain(one) {
        let stage = lossy(backend, up);
        let plan = stage.plan();
        assert_eq!(plan.migrations[0].effects, [], "{up}");
        assert!(
            plan.blockers
                .iter()
                .all(|blocker| blocker.code == xtask::problem::Code::UnclassifiedTable),
            "{up}: {:?}",
            plan.blockers
        );
        if plan.blockers.is_empty() {
            let (report, ended) = stage.carry_out(&plan);
            assert_eq!(ended, Ok(()), "{up}");
            assert_eq!(report.protected_rows_changed, 0, "{up}");
        }
    }
}

/// Rows that the target did not have are nobody's loss.
pub(super) fn rows_of_a_migration_are_nobodys_loss(backend: Backend) {
    let stage = lossy(backend, "INSERT INTO merchants VALUES (1, 'Ann', 1);");
    stage.test.run("DELETE FROM merchants");
    stage.migrations.write(
        "2024-03-02-000000_more",
        "UPDATE merchants SET name = 'Bea';",
    );
    stage.migrate();
    let report = stage.promote();
    assert_eq!(report.protected_rows_changed, 0);
}

/// That one migration fills a new column says nothing of what another does.
pub(super) fn each_migration_has_its_own_effects(backend: Backend) {
    let stage = lossy(
        backend,
        "ALTER TABLE merchants ADD COLUMN since integer; UPDATE merchants SET since = 7;",
    );
    for (version, up) in [
        ("2024-03-02-000000_b", "DELETE FROM merchants WHERE id = 1;"),
        (
            "2024-03-03-000000_c",
            "UPDATE merchants SET name = 'x', since = 8 WHERE id < 3;",
        ),
        ("2024-03-04-000000_d", "CREATE TABLE later (id integer);"),
    ] {
        stage.migrations.write(version, up);
    }
    stage.migrate();
    let plan = stage.plan();
    let words: Vec<Vec<String>> = plan
        .migrations
        .iter()
        .map(|planned| {
            // Of the new column the target has nothing to lose.
            let effects = planned.effects.iter();
            let effects = effects.filter(|effect| effect.column.as_deref() != Some("since"));
            effects.map(RowEffect::words).collect()
        })
        .collect();
    assert_eq!(
        words,
        [
            vec![],
            vec!["deletes 1 row of `merchants` (1)".to_owned()],
            vec!["changes `name` in 1 row of `merchants` (2)".to_owned()],
            vec![]
        ]
    );
}

pub(super) fn rows_without_a_key_are_told_by_all_they_hold(backend: Backend) {
    let schema = "CREATE TABLE logs (line text, at integer);";
    let rows = "INSERT INTO logs VALUES ('a', 1), ('a', 1), ('b', NULL);";
    let rebuilt = match backend {
        Backend::Sqlite => {
            "CREATE TABLE new (line text, at integer); INSERT INTO new SELECT line, at FROM logs ORDER BY line DESC; \
             DROP TABLE logs; ALTER TABLE new RENAME TO logs;"
        }
        Backend::Postgres => "ALTER TABLE logs ALTER at TYPE bigint;",
    };
    let fewer = match backend {
        Backend::Sqlite => {
            "CREATE TABLE new (line text, at integer); INSERT INTO new SELECT DISTINCT line, at FROM logs; \
             DROP TABLE logs; ALTER TABLE new RENAME TO logs;"
        }
        Backend::Postgres => "DELETE FROM logs WHERE ctid = (SELECT min(ctid) FROM logs);",
    };
    for (up, words) in [
        (rebuilt, None),
        (fewer, Some("deletes 1 row of `logs`")),
        (
            "ALTER TABLE logs DROP COLUMN at;",
            Some("drops `at` of `logs` with 2 values"),
        ),
    ] {
        let found = effects(&mut prepared(backend, schema, rows, up));
        assert_eq!(found, Vec::from_iter(words.map(str::to_owned)), "{up}");
    }
}

/// Each of these alterations on a table of its own, with the same values; what they do in the plan.
fn altered(alterations: &[&str]) -> Vec<RowEffect> {
    let (mut schema, mut rows, mut up) = (String::new(), String::new(), String::new());
    let mut names = Vec::new();
    for (at, alteration) in alterations.iter().enumerate() {
        let table = format!("shapes_{at:02}");
        schema += &format!(
            "CREATE TABLE {table} (id integer PRIMARY KEY, i integer, d date, at timestamp, far timestamptz, c char(3), n numeric(6,2), v varchar(10)); "
        );
        rows += &format!(
            "INSERT INTO {table} VALUES (1, 7, '2024-02-29', '2024-01-01 12:00:00', '2024-07-01 00:30:00+02', 'EU', 1.50, 'abc'), \
             (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL), \
             (3, 0, '0044-03-15 BC', '2024-06-01 00:00:00.5', 'infinity', 'USD', 99.99, 'abcdef'); "
        );
        up += &format!("ALTER TABLE {table} {alteration};\n");
        names.push(TableName::new(None, &table));
    }
    let mut stage = prepared(Backend::Postgres, &schema, &rows, &up);
    stage.config.protected.extend(names);
    let plan = stage.plan();
    let is_told = !plan.migrations[0].effects.is_empty();
    assert_eq!(plan.blockers.len(), usize::from(is_told), "{plan:?}");
    plan.migrations[0].effects.clone()
}

pub(super) fn types_that_keep_every_value_are_no_loss() {
    let found = altered(&[
        "ALTER i TYPE double precision",
        "ALTER i TYPE bigint USING i::bigint",
        "ALTER i TYPE text",
        "ALTER d TYPE timestamp",
        "ALTER at TYPE timestamptz USING at AT TIME ZONE 'UTC'",
        "ALTER far TYPE timestamp USING far AT TIME ZONE 'UTC'",
        "ALTER c TYPE varchar(3)",
        "ALTER c TYPE text",
        "ALTER n TYPE numeric(8,3)",
        "ALTER n TYPE double precision",
        "ALTER v TYPE text",
        "ALTER v TYPE varchar(6)",
        "ALTER id TYPE bigint, ALTER i TYPE numeric, ALTER v TYPE text",
        "ALTER id TYPE text",
    ]);
    assert_eq!(found, []);
}

pub(super) fn values_that_another_type_changes_are_counted() {
    let cases: [(&str, &str, &[&str]); 6] = [
        ("ALTER v TYPE varchar(4) USING left(v, 4)", "v", &["3"]),
        ("ALTER n TYPE numeric(6,1)", "n", &["3"]),
        ("ALTER n TYPE integer", "n", &["1", "3"]),
        ("ALTER at TYPE date", "at", &["1", "3"]),
        ("ALTER i TYPE boolean USING i > 5", "i", &["1"]),
        ("ALTER i TYPE bigint USING i + 3000000000", "i", &["1", "3"]),
    ];
    let found = altered(&cases.map(|(alteration, _, _)| alteration));
    let expected = cases
        .iter()
        .enumerate()
        .map(|(at, (_, column, keys))| RowEffect {
            table: TableName::new(None, &format!("shapes_{at:02}")),
            kind: EffectKind::TypeChanged,
            column: Some((*column).to_owned()),
            rows: Some(keys.len() as u64),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        });
    assert_eq!(found, expected.collect::<Vec<_>>());
}

pub(super) fn rows_that_go_with_a_lookup_row_are_measured() {
    let schema = "CREATE TABLE cards (id integer PRIMARY KEY, group_id integer REFERENCES fee_groups (id) ON DELETE CASCADE)";
    let rows = "INSERT INTO cards VALUES (5, 2), (6, 1)";
    let up = "DELETE FROM fee_groups WHERE id = 2;";
    let mut stage = prepared(Backend::Postgres, schema, rows, up);
    assert_eq!(
        effects(&mut stage),
        [
            "deletes 1 row of `cards` (5)",
            "changes `group_id` in 1 row of `merchants` (2)"
        ]
    );
}

pub(super) fn rows_of_partitions_are_measured() {
    let schema = "CREATE TABLE logs (id integer, at integer) PARTITION BY RANGE (at); \
         CREATE TABLE logs_one PARTITION OF logs FOR VALUES FROM (0) TO (10); \
         CREATE TABLE logs_two PARTITION OF logs FOR VALUES FROM (10) TO (20);";
    let rows = "INSERT INTO logs VALUES (1, 1), (2, 2), (3, 12)";
    for (up, words) in [
        (
            "DO $$ BEGIN EXECUTE 'DROP TABLE logs_' || 'one'; END $$;",
            Some("deletes 2 rows of `logs`"),
        ),
        ("TRUNCATE logs_two;", Some("deletes 1 row of `logs`")),
        (
            "ALTER TABLE logs DETACH PARTITION logs_one; UPDATE logs_one SET id = id WHERE false; \
             ALTER TABLE logs ATTACH PARTITION logs_one FOR VALUES FROM (0) TO (10);",
            None,
        ),
        (
            "CREATE TABLE logs_more PARTITION OF logs FOR VALUES FROM (20) TO (30); \
             INSERT INTO logs_more VALUES (7, 27); UPDATE logs_more SET id = 8; DELETE FROM logs_more;",
            None,
        ),
        (
            "UPDATE logs SET at = at + 10 WHERE id = 1;",
            Some("changes 1 row of `logs`"),
        ),
    ] {
        let found = effects(&mut prepared(Backend::Postgres, schema, rows, up));
        assert_eq!(found, Vec::from_iter(words.map(str::to_owned)), "{up}");
    }
}
