//! Random schemas of lookup and protected tables with random foreign keys and rows: a promotion
//! that succeeds makes the lookup tables equal, writes exactly the cells that its plan shows, touches
//! nothing else and leaves nothing to do; one that is refused changes nothing.

mod deed;
mod rows;
mod shape;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use xtask::database;
use xtask::model::backend::Backend;
use xtask::model::rows::lookup::Lookup;
use xtask::model::rows::row::Record;
use xtask::problem::Problem;
use xtask::settings::environment::OnTargetEdit;

use super::Stage;
use crate::support::database::Database;
use deed::{Held, Later, later};
use rows::{Seeds, seeds, statements};
use shape::{Extra, Shape, name, shape};

/// How a case ended: done, or the code of what spoke against it.
type Ended = BTreeMap<String, u32>;

pub(super) fn any_schema_is_promoted_or_left_alone(backend: Backend) {
    let cases = match backend {
        Backend::Postgres => 12,
        Backend::Sqlite => 160,
    };
    let ended = run(backend, cases);
    // Cases that are all refused would prove nothing.
    let done = ended.iter().filter(|(end, _)| end.starts_with("done"));
    assert!(
        done.map(|(_, times)| times).sum::<u32>() > cases / 20,
        "{ended:?}"
    );
}

fn run(backend: Backend, cases: u32) -> Ended {
    let stage = std::cell::RefCell::new(Stage::empty(backend));
    let ended = std::cell::RefCell::new(Ended::new());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let input = (shape(), seeds(), seeds(), later());
    let outcome = TestRunner::new(config).run(&input, |(shape, source, target, later)| {
        let end = case(&mut stage.borrow_mut(), &shape, [&source, &target], &later)?;
        *ended.borrow_mut().entry(end).or_default() += 1;
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    ended.into_inner()
}

fn case(
    stage: &mut Stage,
    shape: &Shape,
    [source, target]: [&Seeds; 2],
    later: &Later,
) -> Result<String, TestCaseError> {
    fill(&stage.dev, shape, source, 1);
    fill(&stage.test, shape, target, 50);
    stage.configure(&shape.settings());
    let end = promoted_as_shown(stage, shape)?;
    if end != "done" {
        return Ok(end);
    }
    for (at, table) in shape.tables.iter().enumerate() {
        if table.is_lookup && table.extra == Extra::Delete && !table.insert_only {
            let rows = |database: &Database| lookup_select(stage, database, &name(at));
            prop_assert_eq!(rows(&stage.dev), rows(&stage.test), "{}", name(at));
        }
    }
    later.happen(stage, shape);
    stage.config.pipeline[1].on_target_edit = [
        OnTargetEdit::Keep,
        OnTargetEdit::Overwrite,
        OnTargetEdit::Refuse,
    ][later.on_target_edit];
    Ok(match promoted_as_shown(stage, shape)?.as_str() {
        "done" => "done".to_owned(),
        other => format!("done, then {other}"),
    })
}

/// Plans and promotes: the cells that the plan shows are exactly those that are another then.
fn promoted_as_shown(stage: &Stage, shape: &Shape) -> Result<String, TestCaseError> {
    let before = stage.everything();
    let others = others(&stage.test, shape);
    let held = Held::of(stage);
    let fail = |problem: &Problem| TestCaseError::fail(format!("{problem:?}"));
    let try_plan = || {
        let plan = stage.try_plan_with_rows();
        plan.map_err(|error| TestCaseError::fail(format!("{error:#}")))
    };
    let plan = try_plan()?;
    if let Some(blocker) = plan.blockers.first() {
        prop_assert!(blocker.hint.is_some(), "{blocker:?}");
        prop_assert!(stage.everything() == before);
        return Ok(blocker.code.name());
    }
    if plan.empty {
        prop_assert_eq!(deed::shown(&plan), deed::Deed::new());
        return Ok("nothing".to_owned());
    }
    let (report, ended) = stage.carry_out(&plan);
    if let Err(problem) = ended {
        // What a plan lets pass is to succeed.
        return Err(fail(&problem));
    }
    prop_assert!(report.verified);
    prop_assert_eq!(others, self::others(&stage.test, shape));
    prop_assert_eq!(deed::shown(&plan), held.done_until(&Held::of(stage)));
    let again = try_plan()?;
    prop_assert!(again.empty && again.blockers.is_empty(), "{again:?}");
    Ok("done".to_owned())
}

/// A database with these tables and rows, whatever it had before.
fn fill(database: &Database, shape: &Shape, seeds: &Seeds, offset: usize) {
    database.empty();
    database.run(&shape.statements(database.backend));
    let rows = statements(shape, seeds, offset);
    let mut connection = database.connect();
    // Rows may refer to each other in circles.
    match database.backend {
        Backend::Postgres => connection.run(&format!(
            "SET session_replication_role = replica; {rows} RESET session_replication_role"
        )),
        Backend::Sqlite => {
            connection.run(&format!("PRAGMA foreign_keys = OFF; BEGIN; {rows} COMMIT"))
        }
    }
}

/// The rows that are nobody's business: of protected tables, and those that `where` leaves out.
fn others(database: &Database, shape: &Shape) -> Vec<Vec<String>> {
    let mut others = Vec::new();
    for (at, table) in shape.tables.iter().enumerate() {
        let row = match database.backend {
            Backend::Postgres => "row_of::text".to_owned(),
            Backend::Sqlite => {
                let columns = database.texts(&format!(
                    "SELECT 'quote(' || name || ')' FROM pragma_table_info('{}')",
                    name(at)
                ));
                let columns: Vec<String> = columns.into_iter().flatten().collect();
                columns.join(" || ' ' || ")
            }
        };
        if table.is_lookup && !table.has_filter {
            continue;
        }
        let outside = if table.is_lookup {
            "flag <> 1"
        } else {
            "1 = 1"
        };
        let rows = database.texts(&format!(
            "SELECT {row} FROM {} AS row_of WHERE {outside} ORDER BY 1",
            name(at)
        ));
        others.push(rows.into_iter().flatten().collect());
    }
    others
}

/// The rows of a lookup table as they travel.
fn lookup_select(stage: &Stage, database: &Database, table: &str) -> Vec<Record> {
    let mut session = database::open(&database.checked_url()).unwrap();
    let catalog = session.catalog().unwrap();
    let all = &stage.config.lookups;
    let settings = all
        .iter()
        .find(|settings| settings.table.name == table)
        .unwrap();
    let lookup = Lookup::resolve(settings, all, &catalog, "Test").unwrap();
    let rows = session.rows(&lookup).unwrap();
    rows.map(Result::unwrap).collect()
}
