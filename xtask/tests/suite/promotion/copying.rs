//! How much of the target is copied, and what that shows.

use xtask::model::backend::Backend;
use xtask::problem::Code;
use xtask::settings::rehearsal::{Extent, RehearsalSetting};

use super::rehearsing::{NEXT, copies};
use super::{Stage, codes};

/// What rows of protected tables do not let happen is known before anything is touched.
pub(super) fn migrations_meet_protected_rows_in_the_plan(backend: Backend) {
    let both = [
        "ALTER TABLE merchants ADD COLUMN since integer NOT NULL;",
        "CREATE UNIQUE INDEX one_group ON merchants (coalesce(group_id, 1));",
    ];
    let one: &[&str] = match backend {
        Backend::Postgres => &[
            "ALTER TABLE merchants ALTER group_id SET NOT NULL;",
            "ALTER TABLE merchants ADD CHECK (group_id < 2);",
            "ALTER TABLE merchants ADD UNIQUE (since);",
        ],
        Backend::Sqlite => &[
            "CREATE TABLE new (id integer PRIMARY KEY, name text NOT NULL, group_id integer NOT NULL); \
             INSERT INTO new SELECT id, name, group_id FROM merchants; DROP TABLE merchants; ALTER TABLE new RENAME TO merchants;",
        ],
    };
    for up in both.iter().chain(one) {
        let stage = Stage::promoted(backend);
        if up.contains("since)") {
            for database in [&stage.dev, &stage.test] {
                database.run("ALTER TABLE merchants ADD COLUMN since integer DEFAULT 7");
            }
        }
        stage.migrations.write(NEXT, up);
        stage.migrate();
        let blockers = stage.plan().blockers;
        assert_eq!(codes(&blockers), [Code::MigrationFailed], "{up}");
        assert!(blockers[0].message.contains(NEXT), "{up}: {blockers:?}");
    }
}

pub(super) fn beyond_the_limit_protected_rows_are_not_copied() {
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.migrations.write(
        NEXT,
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM merchants) THEN CREATE TABLE few (id integer); END IF; END $$;",
    );
    stage.migrate();
    // Development has no merchants either.
    let plan = stage.plan();
    assert_eq!(
        (plan.rehearsal, &plan.not_tried),
        (Some(Extent::Full), &None)
    );
    assert_eq!(
        codes(&plan.warnings),
        [Code::Drift, Code::UnclassifiedTable]
    );
    stage.config.pipeline[1].rehearsal.limit = 1000;
    let plan = stage.plan();
    assert_eq!(plan.rehearsal, Some(Extent::Schema));
    let why = plan.not_tried.unwrap();
    assert!(why.ends_with("and rehearsal_limit is 1 KB"), "{why}");
    assert_eq!(codes(&plan.warnings), [Code::UnclassifiedTable]);
    stage.config.pipeline[1].rehearsal.mode = RehearsalSetting::Schema;
    let plan = stage.plan();
    assert_eq!(
        (plan.rehearsal, &plan.not_tried),
        (Some(Extent::Schema), &None)
    );
}

/// What keeps some rows from being restored keeps no migration from being tried.
pub(super) fn what_cannot_be_copied_whole_is_copied_as_a_schema() {
    let stage = Stage::promoted(Backend::Postgres);
    // Nobody can write such a row again.
    let before =
        "ALTER TABLE merchants ADD CHECK (group_id <> 1 OR current_database() !~ 'rehearsal')";
    for database in [&stage.dev, &stage.test] {
        database.run(before);
    }
    stage
        .migrations
        .write(NEXT, "CREATE TABLE later (id integer PRIMARY KEY);");
    stage.migrate();
    let plan = stage.plan();
    assert_eq!(plan.rehearsal, Some(Extent::Schema));
    let why = plan.not_tried.unwrap();
    assert!(
        why.contains("merchants_group_id_check") && !why.contains("Ann"),
        "{why}"
    );
    assert_eq!(copies(&stage), []);
}

pub(super) fn rows_that_refer_to_protected_ones_are_not_rehearsed() {
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.configure(
        "protected = [\"merchants\", \"fee_groups\"]\n[[lookup]]\ntable = \"fee_items\"\n",
    );
    assert!(stage.plan().empty);
    stage.config.pipeline[1].rehearsal.mode = RehearsalSetting::Schema;
    stage
        .migrations
        .write(NEXT, "CREATE TABLE later (id integer PRIMARY KEY);");
    stage.migrate();
    let plan = stage.plan();
    assert!(!plan.rehearsed);
    let warning = &plan.warnings[0];
    assert_eq!(warning.code, Code::NotRehearsed);
    assert!(
        warning.message.contains("fee_items_group_id_fkey"),
        "{warning}"
    );
    assert_eq!(copies(&stage), []);
}
