//! Databases whose schema is there though no history says so, and histories that were put together.

use xtask::model::backend::Backend;
use xtask::problem::{Code, Problem};
use xtask::sync::baseline::baseline;
use xtask::sync::migrate::MigrateReport;
use xtask::sync::status::status;

use super::{BASE, BASE_UP, DEV_ROWS, Stage, TABLES, codes};

const MORE: &str = "2024-02-01-000000_more";
const MORE_UP: &str = "CREATE TABLE more (id integer PRIMARY KEY);\n";
const LATER: &str = "2024-03-01-000000_later";

fn take_over(stage: &Stage, environment: usize, version: &str) -> Result<MigrateReport, Problem> {
    let environment = &stage.config.pipeline[environment];
    baseline(&stage.config, environment, version).map_err(|error| Problem::of(&error))
}

fn versions(report: &MigrateReport) -> Vec<&str> {
    let recorded = report.recorded.iter();
    recorded.map(|recorded| recorded.version.as_str()).collect()
}

pub(super) fn a_schema_that_is_there_is_taken_over(backend: Backend) {
    let mut stage = Stage::empty(backend);
    stage.configure(&TABLES.replace("\"merchants\"", "\"merchants\", \"more\", \"later\""));
    stage.migrations.write(BASE, BASE_UP);
    stage.migrations.write(MORE, MORE_UP);
    stage
        .migrations
        .write(LATER, "CREATE TABLE later (id integer PRIMARY KEY);");
    // Laid out otherwise, and with rows.
    let by_hand = format!("{}{MORE_UP}", BASE_UP.replace(", ", ",\n  "));
    stage.dev.run(&by_hand);
    stage.dev.run(DEV_ROWS);
    stage.test.run(&by_hand);
    for (at, version) in [(0, MORE), (1, "20240201000000")] {
        let report = take_over(&stage, at, version).unwrap();
        assert_eq!(versions(&report), ["20240101000000", "20240201000000"]);
        // Once more there is nothing to record.
        assert_eq!(versions(&take_over(&stage, at, version).unwrap()), [""; 0]);
    }
    stage.migrate();
    assert_eq!(stage.dev.line("SELECT count(*) FROM later"), "0");
    let report = stage.promote();
    assert_eq!(report.migrations[0].version, "20240301000000");
    stage.assert_in_sync();
}

pub(super) fn a_schema_that_differs_is_not_taken_over(backend: Backend) {
    let stage = Stage::empty(backend);
    stage.migrations.write(BASE, BASE_UP);
    stage.migrations.write(MORE, MORE_UP);
    stage.test.run(BASE_UP);
    let before = stage.everything();
    let problem = take_over(&stage, 1, MORE).unwrap_err();
    assert_eq!(problem.code, Code::Drift);
    assert!(problem.message.ends_with(": table more"), "{problem}");
    assert_eq!(
        problem.details,
        ["table more: only an empty database has it"]
    );
    let problem = take_over(&stage, 1, "2024-02-01-000000_mroe").unwrap_err();
    assert_eq!(problem.code, Code::Usage);
    assert_eq!(problem.hint.unwrap(), format!("did you mean `{MORE}`?"));
    assert_eq!(stage.everything(), before);
    // What the migrations make and the rest of the history is another matter.
    take_over(&stage, 1, BASE).unwrap();
    stage
        .test
        .run("INSERT INTO __diesel_schema_migrations (version) VALUES ('20230101000000'), ('20990101000000')");
    let before = stage.everything();
    let problem = take_over(&stage, 1, BASE).unwrap_err();
    assert_eq!(problem.code, Code::UnknownMigration);
    assert!(problem.message.contains("20990101000000"), "{problem}");
    assert_eq!(stage.everything(), before);
}

/// The way that the migration workflow describes.
pub(super) fn a_squashed_history_goes_through(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.configure(&TABLES.replace("\"merchants\"", "\"merchants\", \"more\", \"later\""));
    stage.do_not_rehearse();
    stage.migrations.write(MORE, MORE_UP);
    stage.migrate();
    stage.promote();
    // Both ends have run everything; now one file stands for all, under the newest version.
    stage.migrations.remove(BASE);
    stage.migrations.remove(MORE);
    let squashed = "2024-02-01-000000_everything";
    stage
        .migrations
        .write(squashed, &format!("{MORE_UP}{BASE_UP}"));
    assert_eq!(codes(&stage.plan().blockers)[0], Code::UnknownMigration);
    for at in 0..2 {
        let report = take_over(&stage, at, squashed).unwrap();
        assert_eq!(versions(&report), ["20240201000000"]);
        assert_eq!(report.replaced, ["20240101000000"]);
    }
    let plan = stage.plan();
    assert_eq!(
        (plan.blockers.len(), plan.warnings.len()),
        (0, 0),
        "{plan:?}"
    );
    assert!(plan.empty && status(&stage.config).unwrap().is_in_sync());
    assert_eq!(stage.merchants(), "1Ann1 2Bob2 3Cyd0");
    // It goes on as always, and a new database starts with the one file.
    stage
        .migrations
        .write(LATER, "CREATE TABLE later (id integer PRIMARY KEY);");
    stage.migrate();
    stage.promote();
    stage.assert_in_sync();
    let versions = |database: &crate::support::database::Database| {
        database.line("SELECT version FROM __diesel_schema_migrations ORDER BY version")
    };
    assert_eq!(versions(&stage.test), versions(&stage.dev));
    let mut fresh = Stage::empty(backend);
    std::mem::swap(&mut fresh.migrations, &mut stage.migrations);
    fresh.configure(TABLES);
    fresh.migrate();
    assert_eq!(versions(&fresh.dev), versions(&stage.test));
}
