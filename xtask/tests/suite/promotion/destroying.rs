//! Migrations that destroy rows: who has to say that they may.

use xtask::problem::{Code, Problem};
use xtask::sync::event::Event;
use xtask::sync::settings::environment::Backend;

use super::{BASE, Stage, TABLES, codes};

const CLEAN: &str = "2024-02-01-000000_clean";

const CLEAN_UP: &str = "-- Names are nobody's business.\nUPDATE merchants SET name = 'x';\n\
    DELETE FROM fee_items WHERE id = 11;\nCREATE TABLE clean (id integer);\nDROP TABLE clean;\n";

/// The target asks twice, and lacks a migration that destroys rows of the merchants.
fn strict(backend: Backend) -> Stage {
    let mut stage = destroying(backend);
    stage.config.pipeline[1].confirm.push("REALLY".to_owned());
    stage
}

fn destroying(backend: Backend) -> Stage {
    let stage = Stage::promoted(backend);
    stage.migrations.write(CLEAN, CLEAN_UP);
    stage.migrate();
    stage
}

pub(super) fn destructive_statements_warn_where_one_yes_is_enough(backend: Backend) {
    let stage = destroying(backend);
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    assert_eq!(codes(&plan.warnings), [Code::Destructive]);
    assert_eq!(
        plan.warnings[0].message,
        format!(
            "migration {CLEAN} may destroy rows of Test: line 2: updates `merchants`, which has 3 rows"
        )
    );
    let told: Vec<String> = plan.migrations[0]
        .destructive
        .iter()
        .map(|found| found.words())
        .collect();
    assert_eq!(
        told,
        [
            "line 2: updates `merchants`, which has 3 rows",
            "line 3: deletes from `fee_items`, which has 4 rows",
        ]
    );
    stage.promote();
    stage.assert_in_sync();
    assert_eq!(stage.merchants(), "1x1 2x2 3x0");
}

pub(super) fn rows_that_come_during_the_backup_are_not_destroyed() {
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.test.run("DELETE FROM merchants");
    stage.make_strict();
    stage.migrations.write(CLEAN, "DELETE FROM merchants;");
    stage.migrate();
    // No rows, so nobody has to allow it.
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    let (_, ended) = stage.carry_out_with(&plan, &mut |event| {
        if matches!(&event, Event::Step { title, .. } if title.starts_with("export ")) {
            stage
                .test
                .run("INSERT INTO merchants VALUES (9, 'Eve', NULL)");
        }
    });
    let problem = ended.unwrap_err();
    assert_eq!(problem.code, Code::PlanStale, "{problem}");
    assert!(
        problem.message.contains("rows came into `merchants`"),
        "{problem}"
    );
    assert_eq!(stage.merchants(), "9Eve0");
}

pub(super) fn destructive_statements_have_to_be_allowed_elsewhere(backend: Backend) {
    let mut stage = strict(backend);
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::Destructive);
    assert_eq!(
        blocker.hint.unwrap(),
        format!("if that is meant, add --allow-destructive {CLEAN}")
    );
    let id = stage.plan().id;
    for named in [CLEAN, "20240201000000", "2024-02-01-000000"] {
        stage.config.allow_destructive = vec![named.to_owned()];
        let plan = stage.plan();
        assert_eq!((plan.blockers, plan.warnings), (vec![], vec![]), "{named}");
        assert!(plan.migrations[0].destructive_allowed);
        // Whoever approves a plan approves what it may destroy.
        assert_ne!(plan.id, id);
    }
    stage.promote();
    stage.assert_in_sync();
    assert_eq!(stage.merchants(), "1x1 2x2 3x0");
}

pub(super) fn only_migrations_that_are_there_can_be_allowed(backend: Backend) {
    let mut stage = strict(backend);
    stage.config.allow_destructive = vec![CLEAN.to_owned(), "2024-02-01-000000_other".to_owned()];
    let problem = Problem::of(&stage.try_plan().unwrap_err());
    assert_eq!(problem.code, Code::Usage);
    assert!(
        problem.message.contains("`2024-02-01-000000_other`"),
        "{problem}"
    );
    assert_eq!(problem.hint.unwrap(), format!("the plan has {CLEAN}"));
    // One that ran already is no mistake, so that the same command can be given again.
    stage.config.allow_destructive = vec![CLEAN.to_owned(), BASE.to_owned()];
    stage.promote();
    assert!(stage.plan().empty);
}

pub(super) fn rows_are_counted_again_under_the_lock(backend: Backend) {
    let stage = strict(backend);
    stage.test.run("DELETE FROM merchants");
    let plan = stage.plan();
    assert_eq!((&plan.blockers, &plan.warnings), (&vec![], &vec![]));
    assert_eq!(plan.migrations[0].destructive[0].rows, Some(0));
    stage.test.run("INSERT INTO merchants VALUES (9, 'Ida', 1)");
    let before = stage.everything();
    let (_, ended) = stage.carry_out(&plan);
    let problem = ended.unwrap_err();
    assert_eq!(problem.code, Code::Destructive);
    assert!(problem.message.contains("which has 1 row"), "{problem}");
    assert_eq!(stage.everything(), before);
}

pub(super) fn rows_that_a_key_replaces_are_told() {
    let mut stage = Stage::promoted(Backend::Sqlite);
    let protected = "[\"merchants\", \"cards\", \"notes\"]";
    stage.configure(&TABLES.replace("[\"merchants\"]", protected));
    let made = "CREATE TABLE cards (id integer PRIMARY KEY, code text UNIQUE ON CONFLICT REPLACE, note text NOT NULL ON CONFLICT REPLACE DEFAULT 'x');\
        CREATE TABLE notes (id integer PRIMARY KEY, note text NOT NULL ON CONFLICT REPLACE DEFAULT 'x');";
    stage.migrations.write("2024-02-01-000000_cards", made);
    stage.migrate();
    stage.promote();
    stage
        .test
        .run("INSERT INTO cards (id, code) VALUES (1, 'a'), (2, 'b')");
    stage.make_strict();
    stage.migrations.write(
        "2024-03-01-000000_more",
        "INSERT INTO cards (code) VALUES ('a');\nUPDATE cards SET code = 'b';\nUPDATE OR REPLACE merchants SET id = 1;\n\
         INSERT INTO notes (id) VALUES (1);\nINSERT OR IGNORE INTO cards (code) VALUES ('a');",
    );
    stage.migrate();
    let plan = stage.plan();
    assert_eq!(codes(&plan.blockers), [Code::Destructive]);
    let found = plan.migrations[0].destructive.iter();
    assert_eq!(
        found.map(|found| found.words()).collect::<Vec<_>>(),
        [
            "line 1: replaces rows of `cards`, which has 2 rows",
            "line 2: replaces rows of `cards`, which has 2 rows",
            "line 3: replaces rows of `merchants`, which has 3 rows",
        ]
    );
}
