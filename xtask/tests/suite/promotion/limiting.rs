//! How many rows of a lookup table may go.

use xtask::model::backend::Backend;
use xtask::model::max_delete::MaxDelete;
use xtask::model::schema::table::TableName;
use xtask::problem::{Code, Problem};

use super::{Stage, TABLES, codes};

fn items() -> TableName {
    TableName::new(None, "fee_items")
}

/// The limit of one of the tables.
fn limited(backend: Backend, limit: &str) -> Stage {
    let mut stage = Stage::promoted(backend);
    stage.configure(&format!("{TABLES}{limit}\n"));
    stage
}

fn warning(stage: &Stage) -> Problem {
    let plan = stage.plan();
    assert_eq!(plan.blockers, []);
    let [warning] = plan.warnings.as_slice() else {
        panic!("{:?}", plan.warnings)
    };
    warning.clone()
}

pub(super) fn a_table_is_emptied_only_with_leave_where_two_confirmations_are_asked(
    backend: Backend,
) {
    let mut stage = Stage::promoted(backend);
    stage.dev.run("DELETE FROM fee_items");
    let warned = warning(&stage);
    assert_eq!(warned.code, Code::TooManyDeletes);
    assert!(warned.message.contains("4 of 4 rows of `fee_items`"));
    stage.make_strict();
    let blocker = stage.blocked();
    assert_eq!(
        (blocker.code, blocker.message),
        (Code::TooManyDeletes, warned.message)
    );
    assert!(
        blocker
            .hint
            .unwrap()
            .ends_with("add --allow-deletes fee_items")
    );
    // Another table's leave is none of this one.
    stage.config.allow_deletes = vec![TableName::new(None, "fee_groups")];
    assert_eq!(codes(&stage.plan().blockers), [Code::TooManyDeletes]);
    stage.config.allow_deletes = vec![items()];
    stage.promote();
    assert_eq!(stage.test.line("SELECT count(*) FROM fee_items"), "0");
}

pub(super) fn many_rows_go_only_with_leave_and_few_without(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.make_strict();
    let many: Vec<String> = (100..150)
        .map(|id| format!("({id}, 1, 'item', 1)"))
        .collect();
    for database in [&stage.dev, &stage.test] {
        database.run(&format!("INSERT INTO fee_items VALUES {}", many.join(", ")));
    }
    // 11 of 54 are more than a fifth; 10 never are.
    stage
        .dev
        .run("DELETE FROM fee_items WHERE id BETWEEN 100 AND 109");
    assert_eq!(stage.plan().blockers, []);
    stage.dev.run("DELETE FROM fee_items WHERE id = 110");
    assert!(stage.blocked().message.contains("11 of 54 rows"));
}

pub(super) fn a_limit_that_is_set_holds_everywhere(backend: Backend) {
    let mut stage = limited(backend, "max_delete = 0");
    stage.dev.run("DELETE FROM fee_items WHERE id = 11");
    let blocker = stage.blocked();
    assert_eq!(blocker.code, Code::TooManyDeletes);
    assert!(
        blocker.message.contains("`max_delete` allows 0"),
        "{blocker}"
    );
    // What a table says goes before what its environment says.
    stage.config.pipeline[1].max_delete = Some(MaxDelete::Percent(100));
    assert_eq!(codes(&stage.plan().blockers), [Code::TooManyDeletes]);
    stage.configure(TABLES);
    assert_eq!(stage.plan().blockers, []);
    stage.config.pipeline[1].max_delete = Some(MaxDelete::Percent(10));
    assert!(stage.blocked().message.contains("allows 10%"));
    stage.config.pipeline[1].max_delete = Some(MaxDelete::Percent(100));
    stage.make_strict();
    stage.dev.run("DELETE FROM fee_items");
    stage.promote();
}

pub(super) fn rows_that_are_switched_off_count_and_those_that_are_off_do_not(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&TABLES.replace(
        "table = \"fee_items\"\n",
        "table = \"fee_items\"\nretire = { label = \"off\" }\n",
    ));
    stage.make_strict();
    stage.dev.run("DELETE FROM fee_items WHERE id > 1");
    stage.promote();
    stage.dev.run("DELETE FROM fee_items");
    let blockers = stage.plan().blockers;
    let [blocker] = blockers.as_slice() else {
        panic!("{blockers:?}")
    };
    assert!(
        blocker.message.contains("1 of 1 row") && blocker.message.contains("switched off"),
        "{blocker}"
    );
}

pub(super) fn rows_that_stay_or_come_leave_a_table_that_is_not_empty(backend: Backend) {
    let mut stage = limited(
        backend,
        "where = \"label <> 'coins'\"\nextra_rows = \"keep\"",
    );
    stage.make_strict();
    stage.dev.run("DELETE FROM fee_items");
    assert_eq!(stage.plan().blockers, []);
    stage.configure(TABLES);
    stage.make_strict();
    stage
        .dev
        .run("INSERT INTO fee_items VALUES (20, 1, 'all in one', 9)");
    stage.promote();
    assert_eq!(stage.test.line("SELECT id FROM fee_items"), "20");
}

pub(super) fn rows_that_a_migration_takes_away_count(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage
        .migrations
        .write("2024-02-01-000000_tidy", "DELETE FROM fee_items;");
    stage.migrate();
    stage.make_strict();
    let plan = stage.plan();
    assert!(plan.rehearsed);
    assert!(
        codes(&plan.blockers).contains(&Code::TooManyDeletes),
        "{:?}",
        plan.blockers
    );
    stage.config.allow_deletes = vec![items()];
    assert!(!codes(&stage.plan().blockers).contains(&Code::TooManyDeletes));
}

pub(super) fn leave_to_delete_is_part_of_what_is_approved(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.make_strict();
    stage.dev.run("DELETE FROM fee_items");
    let refused = stage.plan();
    stage.config.allow_deletes = vec![items()];
    let approved = stage.plan();
    assert_ne!(refused.id, approved.id);
    stage.config.allow_deletes.clear();
    let (_, ended) = stage.carry_out(&approved);
    assert_eq!(ended.unwrap_err().code, Code::TooManyDeletes);
    stage.config.pipeline[1].confirm.pop();
    let (_, ended) = stage.carry_out(&approved);
    let stale = ended.unwrap_err();
    assert_eq!(stale.code, Code::PlanStale);
    assert!(
        stale.details[0].ends_with("add --allow-deletes fee_items"),
        "{stale:?}"
    );
}

pub(super) fn only_lookup_tables_can_be_named_to_lose_rows(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.config.allow_deletes = vec![TableName::new(None, "merchants")];
    let problem = Problem::of(&stage.try_plan().unwrap_err());
    assert_eq!(problem.code, Code::Usage);
    assert!(problem.message.contains("`merchants`"));
}
