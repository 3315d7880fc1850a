//! Pending migrations are tried on a copy of the target, and the plan is made with what they left.

use xtask::model::backend::Backend;
use xtask::problem::Code;
use xtask::settings::config::Verify;
use xtask::settings::rehearsal::RehearsalSetting;
use xtask::sync::planning::plan::Plan;

use super::{Stage, TABLES, codes};

pub(super) const NEXT: &str = "2024-02-01-000000_next";

/// Counts of a planned table: to insert, to update, to delete, unchanged.
pub(super) fn counts(plan: &Plan, table: &str) -> (u64, u64, u64, u64) {
    let mut lookups = plan.lookups.iter();
    let lookup = lookups.find(|lookup| lookup.table.name == table).unwrap();
    (
        lookup.insert,
        lookup.update,
        lookup.delete,
        lookup.unchanged,
    )
}

/// The copies that were made of Test and are still there.
pub(super) fn copies(stage: &Stage) -> Vec<Option<String>> {
    stage.test.texts(
        "SELECT datname FROM pg_database WHERE datname LIKE '\\_\\_sync\\_rehearsal\\_%\\_' || \
         (SELECT oid FROM pg_database WHERE datname = current_database()) || '\\_%'",
    )
}

pub(super) fn counts_hold_through_a_migration(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.migrations.write(
        NEXT,
        "ALTER TABLE fee_items ADD COLUMN kind text NOT NULL DEFAULT 'plain';\n\
         ALTER TABLE fee_groups RENAME COLUMN label TO title;\n\
         UPDATE fee_groups SET title = 'Bank cards' WHERE id = 1;\n\
         UPDATE fee_groups SET title = 'Coins' WHERE id = 2;\n\
         INSERT INTO fee_groups VALUES (20, 'gift', 'Gifts');",
    );
    stage.migrate();
    stage.dev.run(
        "UPDATE fee_items SET kind = 'special' WHERE id = 1; \
         UPDATE fee_groups SET title = 'Notes and coins' WHERE id = 2; DELETE FROM fee_groups WHERE id = 20",
    );
    let before = stage.everything();
    let plan = stage.plan();
    assert!(plan.rehearsed);
    assert!(plan.lookups.iter().all(|lookup| lookup.exact));
    assert_eq!(counts(&plan, "fee_groups"), (0, 1, 1, 2));
    assert_eq!(counts(&plan, "fee_items"), (0, 1, 0, 3));
    // What the migration does to a row is no edit of it.
    assert!(plan.lookups.iter().all(|lookup| lookup.edited_rows == 0));
    assert_eq!((&plan.drift[..], &plan.warnings[..]), (&[][..], &[][..]));
    assert_eq!(stage.everything(), before);
    // The same plan each time, though each time there is another copy.
    assert_eq!(stage.plan().id, plan.id);

    stage.do_not_rehearse();
    let about = stage.plan();
    assert!(!about.rehearsed);
    assert!(about.lookups.iter().all(|lookup| !lookup.exact));
    assert_ne!(counts(&about, "fee_items"), counts(&plan, "fee_items"));
    stage.config.pipeline[1].rehearsal.mode = Default::default();

    let (report, ended) = stage.carry_out(&plan);
    ended.unwrap();
    for (done, planned) in report.lookups.iter().zip(&plan.lookups) {
        assert_eq!(
            (done.inserted, done.updated, done.deleted),
            (planned.insert, planned.update, planned.delete)
        );
    }
    stage.assert_in_sync();
    assert_eq!(stage.merchants(), "1Ann1 2Bob2 3Cyd0");
}

pub(super) fn a_plan_with_a_rehearsal_goes_stale(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.migrations.write(
        NEXT,
        "ALTER TABLE fee_items ADD COLUMN made_at timestamp NOT NULL DEFAULT '2024-01-01 00:00:00';\n\
         UPDATE fee_items SET made_at = CURRENT_TIMESTAMP;",
    );
    stage.migrate();
    stage
        .dev
        .run("UPDATE fee_items SET made_at = '2024-02-01 00:00:00'");
    // The moment of a rehearsal is in its rows, and not in the plan.
    let plan = stage.plan();
    assert_eq!(stage.plan().id, plan.id);
    // The number of rows to update is the same afterwards.
    stage
        .test
        .run("UPDATE fee_items SET amount = 99 WHERE id = 3");
    let (_, ended) = stage.carry_out(&plan);
    assert_eq!(ended.unwrap_err().code, Code::PlanStale);
    stage.promote();
    stage.assert_in_sync();
}

/// Nothing is tried twice where schema, history and lookup rows of both ends are what they were. Rows
/// of other tables that came meanwhile are met by the run itself.
pub(super) fn what_was_tried_is_not_tried_again(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.migrations.write(
        NEXT,
        "CREATE UNIQUE INDEX one_name ON merchants (name); UPDATE fee_groups SET label = 'new' WHERE id = 1;",
    );
    stage.migrate();
    let plan = stage.plan();
    assert!(plan.rehearsed);
    stage
        .test
        .run("INSERT INTO merchants VALUES (9, 'Ann', NULL)");
    let before = stage.everything();
    let (_, ended) = stage.carry_out(&plan);
    let problem = ended.unwrap_err();
    assert_eq!(problem.code, Code::MigrationFailed, "{problem}");
    assert!(!problem.message.contains("rehearsed"), "{problem}");
    assert_eq!(stage.everything(), before);

    stage.test.run("DELETE FROM merchants WHERE id = 9");
    let backups = stage.backups().len();
    for change in [
        "UPDATE fee_groups SET label = 'edited' WHERE id = 2",
        "UPDATE fee_groups SET label = 'Cash' WHERE id = 2; CREATE TABLE unknown (id integer)",
    ] {
        stage.test.run(change);
        let (_, ended) = stage.carry_out(&plan);
        assert_eq!(ended.unwrap_err().code, Code::PlanStale);
    }
    assert_eq!(stage.backups().len(), backups);
}

pub(super) fn drift_is_told_from_what_is_pending(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage
        .migrations
        .write(NEXT, "CREATE INDEX by_label ON fee_items (label);");
    stage.migrate();
    stage.test.run("CREATE INDEX by_hand ON merchants (name)");
    let objects = |plan: &Plan| -> Vec<String> {
        let drift = plan.drift.iter();
        drift.map(|drift| drift.object.to_string()).collect()
    };
    let plan = stage.plan();
    assert!(
        matches!(&objects(&plan)[..], [object] if object.contains("by_hand")),
        "{:?}",
        plan.drift
    );
    assert_eq!(codes(&plan.warnings), [Code::Drift]);
    stage.make_strict();
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::Drift);
    assert!(
        blocker
            .message
            .contains("would still differ after these migrations"),
        "{blocker}"
    );
    stage.do_not_rehearse();
    assert!(stage.plan().drift.is_empty());
}

pub(super) fn a_migration_that_fails_in_the_rehearsal_blocks(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.test.run(
        "INSERT INTO fee_items VALUES (30, 1, 'twice', NULL); INSERT INTO fee_items VALUES (31, 1, 'twice', NULL)",
    );
    stage.migrations.write(
        NEXT,
        "CREATE TABLE later (id integer);\n\nCREATE UNIQUE INDEX one_label ON fee_items (label);",
    );
    stage.migrate();
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::MigrationFailed);
    assert!(
        blocker.message.starts_with(&format!(
            "rehearsed on a copy of Test: migration {NEXT} failed"
        )),
        "{blocker}"
    );
    assert!(
        blocker
            .hint
            .as_ref()
            .unwrap()
            .starts_with("nothing was touched"),
        "{blocker:?}"
    );
    if backend == Backend::Postgres {
        assert_eq!(copies(&stage), []);
    }
}

pub(super) fn protected_rows_count_where_they_are(backend: Backend) {
    let stage = Stage::promoted(backend);
    stage.migrations.write(
        NEXT,
        "ALTER TABLE fee_groups ADD COLUMN kind text NOT NULL DEFAULT 'plain';",
    );
    stage.migrate();
    stage.dev.run("DELETE FROM fee_groups WHERE id = 2");
    assert!(stage.plan().rehearsed);
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::CascadeToProtected);
    assert!(
        blocker.message.contains("1 row of `merchants`"),
        "{blocker}"
    );
}

pub(super) fn a_key_that_is_new_is_rehearsed(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    // Neither the column of the key nor that of the condition is there before the migration.
    stage.migrations.write(
        NEXT,
        "ALTER TABLE fee_items ADD COLUMN slug text NOT NULL DEFAULT '-';\n\
         ALTER TABLE fee_items ADD COLUMN region text NOT NULL DEFAULT 'global';\n\
         UPDATE fee_items SET slug = 'item-' || id;\n\
         CREATE UNIQUE INDEX by_slug ON fee_items (slug);",
    );
    stage.migrate();
    stage
        .dev
        .run("UPDATE fee_items SET amount = 7 WHERE id = 3; INSERT INTO fee_items VALUES (40, 1, 'new', 1, 'item-40', 'local')");
    stage.configure(
        "protected = [\"merchants\"]\n[[lookup]]\ntable = \"fee_groups\"\n[[lookup]]\ntable = \"fee_items\"\nkey = [\"slug\"]\nwhere = \"region = 'global'\"\n",
    );
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    assert!(plan.rehearsed);
    assert_eq!(counts(&plan, "fee_items"), (0, 1, 0, 3));
    stage.promote();
    assert!(stage.plan().empty);
}

pub(super) fn a_rehearsal_leaves_no_database_behind() {
    let stage = Stage::promoted(Backend::Postgres);
    stage
        .migrations
        .write(NEXT, "CREATE TABLE later (id integer PRIMARY KEY);");
    stage.migrate();
    let old = format!(
        "__sync_rehearsal_1000_{}_0",
        stage
            .test
            .line("SELECT oid FROM pg_database WHERE datname = current_database()")
    );
    stage
        .test
        .run(&format!("CREATE DATABASE {old} TEMPLATE template0"));
    assert_eq!(copies(&stage), [Some(old)]);
    assert!(stage.plan().rehearsed);
    // What a run that was killed had left is gone too.
    assert_eq!(copies(&stage), []);
    stage.promote();
    assert_eq!(copies(&stage), []);
}

pub(super) fn settings_of_the_database_hold_in_the_rehearsal() {
    let stage = Stage::promoted(Backend::Postgres);
    for database in [&stage.dev, &stage.test] {
        let name = database.line("SELECT current_database()");
        database.run(&format!(
            "CREATE SCHEMA billing; ALTER DATABASE {name} SET search_path = public, billing"
        ));
    }
    stage.migrations.write(
        NEXT,
        "DO $$ BEGIN IF current_setting('search_path') <> 'public, billing' THEN RAISE 'lost'; END IF; END $$;",
    );
    stage.migrate();
    let plan = stage.plan();
    assert_eq!((&plan.blockers[..], plan.rehearsed), (&[][..], true));
}

pub(super) fn a_role_without_the_right_is_not_rehearsed() {
    let mut stage = Stage::promoted(Backend::Postgres);
    // A role that every server has, and that may not create databases.
    stage.test.run(
        "GRANT ALL ON SCHEMA public TO pg_monitor; \
         DO $$ DECLARE name text; BEGIN FOR name IN SELECT c.oid::regclass FROM pg_class c \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' LOOP \
         EXECUTE 'ALTER TABLE ' || name || ' OWNER TO pg_monitor'; END LOOP; END $$",
    );
    stage.test.url.push_str("?options=-crole%3Dpg_monitor");
    stage.configure(super::TABLES);
    stage.migrations.write(
        NEXT,
        "ALTER TABLE fee_items ADD COLUMN kind text NOT NULL DEFAULT 'plain';",
    );
    stage.migrate();
    stage
        .dev
        .run("UPDATE fee_items SET kind = 'special' WHERE id = 1");
    let plan = stage.plan();
    assert!(!plan.rehearsed);
    assert_eq!(codes(&plan.warnings), [Code::NotRehearsed]);
    let warning = &plan.warnings[0];
    assert!(
        warning.message.contains("may not create databases"),
        "{warning}"
    );
    assert!(warning.hint.as_ref().unwrap().contains("CREATEDB"));
    stage.config.backup.verify = Verify::Archive;
    let (_, ended) = stage.carry_out(&plan);
    ended.unwrap();
    stage.assert_in_sync();
}

pub(super) fn a_run_that_goes_otherwise_than_rehearsed_rolls_back() {
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.config.pipeline[1].rehearsal.mode = RehearsalSetting::Schema;
    // Development has no merchants, and neither has the copy of Test.
    stage.migrations.write(
        NEXT,
        "INSERT INTO fee_groups SELECT 100 + id, name, NULL FROM merchants;",
    );
    stage.migrate();
    let problem = stage.fails();
    assert_eq!(problem.code, Code::VerificationFailed, "{problem}");
    assert!(
        problem
            .message
            .contains("`fee_groups` had 3 rows to delete"),
        "{problem}"
    );
    assert!(problem.hint.unwrap().contains("rehearsal = \"off\""));

    stage.migrations.write(
        "2024-02-02-000000_schema",
        "DO $$ BEGIN IF EXISTS (SELECT FROM merchants) THEN CREATE TABLE later (id integer); END IF; END $$;",
    );
    stage.migrate();
    let problem = stage.fails();
    assert_eq!(problem.code, Code::VerificationFailed, "{problem}");
    assert!(problem.message.contains("later"), "{problem}");
}

/// SQLite does not watch references while migrations run.
pub(super) fn a_migration_that_breaks_references_is_named() {
    let mut stage = Stage::promoted(Backend::Sqlite);
    let notes =
        "CREATE TABLE notes (id integer PRIMARY KEY, merchant integer REFERENCES merchants (id));";
    stage.configure(&TABLES.replace("[\"merchants\"]", "[\"merchants\", \"notes\"]"));
    stage.migrations.write("2024-02-01-000000_notes", notes);
    stage.migrate();
    stage.promote();
    stage.test.run("INSERT INTO notes VALUES (1, 1)");
    let write = |version: &str, up: &str| stage.migrations.write(version, up);
    write(
        "2024-02-02-000000_before",
        "CREATE TABLE more (id integer PRIMARY KEY);",
    );
    write(
        "2024-02-03-000000_breaks",
        "UPDATE notes SET merchant = 77;",
    );
    write("2024-02-04-000000_after", "DROP TABLE more;");
    stage.migrate();
    let blockers = stage.plan().blockers;
    assert_eq!(codes(&blockers), [Code::MigrationFailed]);
    let blocker = &blockers[0];
    assert!(
        blocker.message.ends_with(
            "migration 2024-02-03-000000_breaks breaks a constraint: a row of `notes` would refer to a row of `merchants` that is not there"
        ),
        "{blocker}"
    );
    stage.do_not_rehearse();
    let (_, ended) = stage.carry_out(&stage.plan());
    let problem = ended.unwrap_err();
    assert!(
        problem.message.contains("2024-02-03-000000_breaks"),
        "{problem}"
    );
}

/// What a migration refers to may come with the lookup rows.
pub(super) fn references_to_rows_that_are_to_come_are_no_fault() {
    let stage = Stage::promoted(Backend::Sqlite);
    stage
        .dev
        .run("INSERT INTO fee_groups VALUES (77, 'new', NULL)");
    stage.migrations.write(
        "2024-02-02-000000_refer",
        "UPDATE merchants SET group_id = 77 WHERE id = 1;",
    );
    stage.migrate();
    stage.promote();
    stage.assert_in_sync();
    assert_eq!(stage.merchants(), "1Ann77 2Bob2 3Cyd0");
}
