//! What a promotion does when nothing speaks against it.

use serde_json::json;
use xtask::database;
use xtask::model::backend::Backend;
use xtask::model::rows::change_log::Change;
use xtask::sync::backups::proof::Proof;
use xtask::sync::promoting::report::Outcome;

use super::{BASE, Stage};

pub(super) fn the_first_promotion_brings_everything(backend: Backend) {
    let stage = Stage::ready(backend);
    let plan = stage.plan();
    assert!(!plan.empty && plan.atomic);
    assert_eq!(plan.migrations.len(), 1);
    let (report, ended) = stage.carry_out(&plan);
    ended.unwrap();

    assert_eq!(report.outcome, Outcome::Applied);
    assert!(report.verified);
    assert_eq!(report.protected_rows_changed, 0);
    assert_eq!(report.migrations[0].name, BASE);
    let inserted: Vec<u64> = report
        .lookups
        .iter()
        .map(|lookup| lookup.inserted)
        .collect();
    assert_eq!(inserted, [3, 4]);
    stage.assert_in_sync();

    let backup = report.backup.unwrap();
    assert!(backup.path.is_file());
    assert_eq!(backup.proved, Proof::Restored);
    assert!(
        backup
            .way_back
            .starts_with("cargo xtask sync restore --env test migrations/schema-backups/test-")
    );
    let exports = report.exports.unwrap();
    let items = std::fs::read_to_string(exports.join("fee_items.csv")).unwrap();
    assert!(
        items.starts_with("id,group_id,label,amount\n1,1,credit,1.5"),
        "{items}"
    );
    assert!(
        items.contains("\n3,2,coins,\\N\n11,10,abroad,12\n"),
        "{items}"
    );

    let mut session = database::open(&stage.test.checked_url()).unwrap();
    let ledger = session.ledger().unwrap();
    assert_eq!(ledger.stamp.unwrap().environment, "test");
    let [run] = ledger.runs.as_slice() else {
        panic!("{:?}", ledger.runs)
    };
    assert_eq!(
        (run.id.as_str(), run.subject.as_str(), run.operator.as_str()),
        (report.run_id.as_str(), "dev-to-test", "ann")
    );
    assert_eq!(run.plan_id.as_deref(), Some(plan.id.as_str()));
    assert_eq!(run.backup.as_deref(), Some(backup.path.to_str().unwrap()));
    assert_eq!(
        run.summary,
        "1 migration; fee_groups: 3 inserted; fee_items: 4 inserted"
    );
    let applied = session.applied_migrations().unwrap();
    assert_eq!(
        applied[0].checksum.as_deref(),
        Some(plan.migrations[0].checksum.as_str())
    );
}

pub(super) fn a_second_promotion_has_nothing_to_do(backend: Backend) {
    let stage = Stage::promoted(backend);
    let before = stage.everything();
    let plan = stage.plan();
    assert!(plan.empty, "{plan:?}");
    assert_eq!(plan.blockers, []);
    assert_eq!(plan.warnings, []);
    assert_eq!(stage.everything(), before);
    assert_eq!(stage.backups().len(), 1);

    // Carried out all the same, it rewrites not one row.
    let versions = |table: &str| match backend {
        Backend::Postgres => stage.test.line(&format!(
            "SELECT xmin || ':' || ctid FROM {table} ORDER BY id"
        )),
        Backend::Sqlite => stage.test.line(&format!(
            "SELECT rowid || ':' || id FROM {table} ORDER BY id"
        )),
    };
    let before = ["fee_groups", "fee_items", "merchants"].map(versions);
    let (report, ended) = stage.carry_out(&plan);
    ended.unwrap();
    assert!(
        report
            .lookups
            .iter()
            .all(|lookup| lookup.inserted + lookup.updated + lookup.deleted == 0)
    );
    assert_eq!(
        ["fee_groups", "fee_items", "merchants"].map(versions),
        before
    );
}

pub(super) fn the_source_is_never_written(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.migrations.write(
        "2024-02-01-000000_more",
        "ALTER TABLE fee_groups ADD COLUMN rank integer;",
    );
    stage.migrate();
    stage.dev.run("UPDATE fee_groups SET rank = id; DELETE FROM fee_items WHERE id = 2; INSERT INTO fee_items VALUES (4, 2, 'notes', 1)");
    let before = stage.dev.everything();
    stage.promote();
    assert_eq!(stage.dev.everything(), before);
    stage.assert_in_sync();
}

pub(super) fn everything_changes_in_one_go(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.migrations.write(
        "2024-02-01-000000_regions",
        "CREATE TABLE notes (id integer PRIMARY KEY);\nALTER TABLE fee_items ADD COLUMN region text NOT NULL DEFAULT 'all';",
    );
    stage.migrate();
    stage.dev.run(
        // A new parent, a parent that goes with a child that moves, two codes that change places,
        // a child that goes and one that comes.
        "INSERT INTO fee_groups VALUES (3, 'new', 'New'); UPDATE fee_items SET group_id = 3, region = 'north' WHERE id = 11; \
         DELETE FROM fee_groups WHERE id = 10; DELETE FROM fee_items WHERE id = 2; \
         UPDATE fee_groups SET code = 'x' WHERE id = 1; UPDATE fee_groups SET code = 'card' WHERE id = 2; \
         UPDATE fee_groups SET code = 'cash' WHERE id = 1; INSERT INTO fee_items VALUES (12, 1, 'added', 3.25, 'south')",
    );
    let mut stage = stage;
    stage.configure(&super::TABLES.replace("[\"merchants\"]", "[\"merchants\", \"notes\"]"));
    let report = stage.promote();
    let counts: Vec<[u64; 3]> = report
        .lookups
        .iter()
        .map(|lookup| [lookup.inserted, lookup.updated, lookup.deleted])
        .collect();
    assert_eq!(counts, [[1, 2, 1], [1, 1, 1]]);
    stage.assert_in_sync();
    assert_eq!(stage.merchants(), "1Ann1 2Bob2 3Cyd0");
}

pub(super) fn protected_rows_live_through_a_migration(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage
        .test
        .run("INSERT INTO merchants VALUES (4, 'Dee', 10)");
    let up = match backend {
        Backend::Postgres => {
            "ALTER TABLE fee_groups ALTER COLUMN label SET DEFAULT 'none';\nALTER TABLE merchants ADD COLUMN city text;\n\
             UPDATE merchants SET city = 'Ulm';"
        }
        // What ALTER TABLE cannot do in SQLite: the parent of protected rows is made anew.
        Backend::Sqlite => {
            "CREATE TABLE new_groups (id integer PRIMARY KEY, code text NOT NULL UNIQUE, label text DEFAULT 'none');\n\
             INSERT INTO new_groups SELECT id, code, label FROM fee_groups;\nDROP TABLE fee_groups;\n\
             ALTER TABLE new_groups RENAME TO fee_groups;\nALTER TABLE merchants ADD COLUMN city text;\n\
             UPDATE merchants SET city = 'Ulm';"
        }
    };
    stage.migrations.write("2024-02-01-000000_rebuild", up);
    stage.migrate();
    stage
        .dev
        .run("UPDATE fee_groups SET label = 'changed' WHERE id = 1");
    let report = stage.promote();
    // What a migration does to protected rows is the migration's business, and reviewed with it.
    assert_eq!(report.protected_rows_changed, 0);
    assert_eq!(stage.merchants(), "1Ann1 2Bob2 3Cyd0 4Dee10");
    assert_eq!(
        stage.test.line("SELECT city FROM merchants"),
        "Ulm Ulm Ulm Ulm"
    );
    stage.assert_in_sync();
}

pub(super) fn a_plan_tells_every_value(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.dev.run(
        "UPDATE fee_groups SET label = '\\N' WHERE id = 10; INSERT INTO fee_groups VALUES (4, 'x', NULL); \
         DELETE FROM fee_items WHERE id = 3",
    );
    let plan = stage.try_plan_with_rows().unwrap();
    let rows = json!(
        plan.lookups
            .iter()
            .flat_map(|lookup| &lookup.rows)
            .collect::<Vec<_>>()
    );
    assert_eq!(
        rows,
        json!([
            { "change": "insert", "key": { "id": "4" }, "before": null, "after": { "id": "4", "code": "x", "label": null } },
            { "change": "update", "key": { "id": "10" }, "before": { "id": "10", "code": "wire", "label": null },
              "after": { "id": "10", "code": "wire", "label": "\\N" } },
            { "change": "delete", "key": { "id": "3" }, "before": { "id": "3", "group_id": "2", "label": "coins", "amount": null }, "after": null },
        ])
    );
    assert_eq!(plan.lookups[0].rows[0].change, Change::Insert);
    assert_eq!(plan.id, stage.plan().id);
}

pub(super) fn rows_outside_the_condition_are_never_touched(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&format!(
        "{}where = \"amount IS NULL OR amount < 10\"\n",
        super::TABLES
    ));
    stage
        .test
        .run("INSERT INTO fee_items VALUES (90, 1, 'theirs', 99)");
    stage.dev.run("INSERT INTO fee_items VALUES (91, 1, 'not yet', 98); UPDATE fee_items SET amount = 2 WHERE id = 1");
    let report = stage.promote();
    let items = &report.lookups[1];
    assert_eq!(
        [
            items.inserted,
            items.updated,
            items.deleted,
            items.unchanged
        ],
        [0, 1, 0, 2]
    );
    assert_eq!(
        stage.test.line("SELECT id FROM fee_items ORDER BY id"),
        "1 2 3 11 90"
    );
    assert!(stage.plan().empty);
}

pub(super) fn extra_rows_are_kept(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&format!(
        "{}extra_rows = \"keep\"\ninsert_only = [\"label\"]\n",
        super::TABLES
    ));
    stage.test.run("INSERT INTO fee_items VALUES (90, 1, 'theirs', 99); UPDATE fee_items SET label = 'renamed' WHERE id = 1");
    stage.dev.run("INSERT INTO fee_items VALUES (91, 1, 'ours', 98); UPDATE fee_items SET amount = 7 WHERE id = 1");
    let report = stage.promote();
    let items = &report.lookups[1];
    assert_eq!(
        [items.inserted, items.updated, items.deleted, items.kept],
        [1, 1, 0, 1]
    );
    let found = stage
        .test
        .line("SELECT id || label FROM fee_items WHERE id IN (1, 90, 91) ORDER BY id");
    assert_eq!(found, "1renamed 90theirs 91ours");
    assert!(stage.plan().empty);
}

pub(super) fn foreign_keys_may_lead_to_another_collation() {
    let stage = Stage::empty(Backend::Postgres);
    stage.migrations.write(
        BASE,
        "CREATE TABLE fee_groups (code text COLLATE \"C\" PRIMARY KEY);\n\
         CREATE TABLE fee_items (id integer PRIMARY KEY, group_code text COLLATE \"POSIX\" REFERENCES fee_groups); CREATE TABLE merchants (id integer PRIMARY KEY);",
    );
    stage.migrate();
    stage.dev.run(
        "INSERT INTO fee_groups VALUES ('a'), ('b'); INSERT INTO fee_items VALUES (1, 'a'), (2, 'b')",
    );
    stage.promote();
    stage.dev.run(
        "INSERT INTO fee_groups VALUES ('c'); UPDATE fee_items SET group_code = 'c' WHERE id = 1; \
         DELETE FROM fee_items WHERE id = 2; DELETE FROM fee_groups WHERE code <> 'c'",
    );
    stage.promote();
    stage.assert_in_sync();
}

pub(super) fn sequences_are_left_as_they_are() {
    let stage = Stage::empty(Backend::Postgres);
    stage.migrations.write(
        BASE,
        "CREATE TABLE fee_groups (id serial PRIMARY KEY, label text);\nCREATE TABLE fee_items (id integer PRIMARY KEY);\n\
         CREATE TABLE merchants (id serial PRIMARY KEY);",
    );
    stage.migrate();
    stage
        .dev
        .run("INSERT INTO fee_groups (label) VALUES ('a'), ('b')");
    stage.promote();
    let at = || {
        stage
            .test
            .line("SELECT last_value || ' ' || is_called FROM fee_groups_id_seq")
    };
    assert_eq!(at(), "2 true");
    stage
        .test
        .run("SELECT setval('fee_groups_id_seq', 500); SELECT nextval('merchants_id_seq')");
    stage.dev.run("INSERT INTO fee_groups (label) VALUES ('c')");
    stage.promote();
    assert_eq!(at(), "500 true");
    assert_eq!(
        stage.test.line("SELECT last_value FROM merchants_id_seq"),
        "1"
    );
    let (_, ended) = stage.carry_out(&stage.plan());
    ended.unwrap();
    assert_eq!(at(), "500 true");
}

pub(super) fn rows_are_retired_and_the_plan_says_so(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&super::TABLES.replace(
        "table = \"fee_groups\"\n",
        "table = \"fee_groups\"\nretire = { label = \"retired\" }\n",
    ));
    stage
        .dev
        .run("DELETE FROM fee_items WHERE group_id = 2; DELETE FROM fee_groups WHERE id = 2");
    let groups = &stage.plan().lookups[0];
    assert_eq!([groups.retire, groups.delete, groups.keep], [1, 0, 0]);
    let report = stage.promote();
    assert_eq!(report.lookups[0].retired, 1);
    assert_eq!(
        report.summary(),
        "fee_groups: 1 retired; fee_items: 1 deleted"
    );
    assert_eq!(
        stage.test.line("SELECT label FROM fee_groups WHERE id = 2"),
        "retired"
    );
    assert_eq!(stage.merchants(), "1Ann1 2Bob2 3Cyd0");
    let plan = stage.plan();
    assert!(plan.empty);
    assert_eq!(plan.lookups[0].keep, 1);
}

pub(super) fn numbers_of_an_environment_stay_behind(backend: Backend) {
    let mut stage = Stage::empty(backend);
    let id = match backend {
        Backend::Postgres => "id serial PRIMARY KEY",
        Backend::Sqlite => "id integer PRIMARY KEY",
    };
    stage.migrations.write(
        BASE,
        &format!(
            "CREATE TABLE fee_groups ({id}, code text NOT NULL UNIQUE);\n\
             CREATE TABLE fee_items ({id}, group_id integer NOT NULL REFERENCES fee_groups (id), label text NOT NULL UNIQUE);\n\
             CREATE TABLE merchants ({id}, group_id integer REFERENCES fee_groups (id));"
        ),
    );
    stage.configure(
        "protected = [\"merchants\"]\n[[lookup]]\ntable = \"fee_groups\"\nkey = [\"code\"]\n\
         [[lookup]]\ntable = \"fee_items\"\nkey = [\"label\"]\n",
    );
    stage.migrate();
    stage.promote();
    stage.dev.run(
        "INSERT INTO fee_groups VALUES (7, 'card'), (8, 'cash'); INSERT INTO fee_items VALUES (1, 8, 'coins'), (2, 7, 'chip')",
    );
    stage.test.run(
        "INSERT INTO fee_groups VALUES (1, 'cash'), (2, 'gone'); INSERT INTO fee_items VALUES (5, 2, 'chip'); \
         INSERT INTO merchants VALUES (1, 1)",
    );
    let plan = stage.try_plan_with_rows().unwrap();
    let rows: Vec<_> = plan
        .lookups
        .iter()
        .flat_map(|lookup| &lookup.rows)
        .collect();
    assert_eq!(
        json!(rows),
        json!([
            { "change": "insert", "key": { "code": "card" }, "before": null, "after": { "code": "card" } },
            { "change": "delete", "key": { "code": "gone" }, "before": { "code": "gone" }, "after": null },
            { "change": "update", "key": { "label": "chip" }, "before": { "group_id.code": "gone", "label": "chip" },
              "after": { "group_id.code": "card", "label": "chip" } },
            { "change": "insert", "key": { "label": "coins" }, "before": null, "after": { "group_id.code": "cash", "label": "coins" } },
        ])
    );
    stage.promote();
    let found = "SELECT label || code FROM fee_items JOIN fee_groups ON group_id = fee_groups.id ORDER BY label";
    assert_eq!(stage.test.line(found), "chipcard coinscash");
    assert_eq!(
        stage
            .test
            .line("SELECT code FROM merchants JOIN fee_groups ON group_id = fee_groups.id"),
        "cash"
    );
    assert!(stage.plan().empty);
}
