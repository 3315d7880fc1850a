//! The line around a migration: its transaction is the run's, and its session is its own.

use xtask::model::backend::Backend;
use xtask::problem::Code;

use super::writing::{entry, open_target, run, run_as};
use super::{either, name, open, problem};
use crate::support::database::Database;

pub(super) fn a_migration_that_ends_the_transaction_is_found_out(backend: Backend) {
    // The second one puts back what diesel looks for.
    for (table, rest) in [
        ("a", "COMMIT;"),
        ("b", "COMMIT; BEGIN; SAVEPOINT diesel_savepoint_1;"),
    ] {
        let database = Database::create(backend);
        let mut target = open_target(&database);
        let up = format!("CREATE TABLE {table} (id integer); {rest}");
        let problem = problem(run(&mut *target, backend, &up));
        assert_eq!(problem.code, Code::NotTransactional, "{problem}");
        assert!(problem.target_changed);
        drop(target);
        assert!(
            open(&database)
                .catalog()
                .unwrap()
                .find(&name(table))
                .is_some()
        );
    }
}

/// An error that takes the whole transaction back has committed nothing.
pub(super) fn an_error_that_rolls_back_has_committed_nothing() {
    for failing in [
        "INSERT OR ROLLBACK INTO fees VALUES (1);",
        "INSERT INTO keyed VALUES (1);",
        "DELETE FROM fees;",
    ] {
        let database = Database::with(
            Backend::Sqlite,
            "CREATE TABLE fees (id integer PRIMARY KEY); INSERT INTO fees VALUES (1); \
             CREATE TABLE keyed (id integer UNIQUE ON CONFLICT ROLLBACK); INSERT INTO keyed VALUES (1); \
             CREATE TRIGGER no BEFORE DELETE ON fees BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
        );
        let mut target = open_target(&database);
        let up = format!("CREATE TABLE a (id integer);\n{failing}");
        let problem = problem(run(&mut *target, Backend::Sqlite, &up));
        assert_eq!(problem.code, Code::MigrationFailed, "{problem}");
        assert!(
            !problem.target_changed && problem.message.contains("at line 2"),
            "{problem}"
        );
        drop(target);
        assert!(
            open(&database)
                .catalog()
                .unwrap()
                .find(&name("a"))
                .is_none()
        );
    }
}

pub(super) fn a_lost_connection_has_committed_nothing() {
    let database = Database::create(Backend::Postgres);
    let mut target = open_target(&database);
    let up = "CREATE TABLE a (id integer); SELECT pg_terminate_backend(pg_backend_pid());";
    let problem = problem(run(&mut *target, Backend::Postgres, up));
    assert_ne!(problem.code, Code::NotTransactional, "{problem}");
    assert!(!problem.target_changed, "{problem}");
    drop(target);
    assert!(
        open(&database)
            .catalog()
            .unwrap()
            .find(&name("a"))
            .is_none()
    );
}

pub(super) fn a_migration_that_fails_leaves_the_transaction_as_it_was(backend: Backend) {
    let database = Database::create(backend);
    let mut target = open_target(&database);
    let first = "CREATE TABLE a (id integer);";
    run_as(&mut *target, backend, "2024-01-01-000000_first", first).unwrap();
    let failing = "CREATE TABLE b (id integer); INSERT INTO nowhere VALUES (1);";
    let failed = run_as(&mut *target, backend, "2024-01-02-000000_failing", failing);
    let problem = problem(failed);
    assert_eq!(problem.code, Code::MigrationFailed);
    assert!(!problem.target_changed);
    let last = "CREATE TABLE c (id integer);";
    run_as(&mut *target, backend, "2024-01-03-000000_last", last).unwrap();
    target.commit().unwrap();
    let catalog = open(&database).catalog().unwrap();
    let there = ["a", "b", "c"].map(|table| catalog.find(&name(table)).is_some());
    assert_eq!(there, [true, false, true]);
}

pub(super) fn nothing_in_the_session_outlives_a_migration(backend: Backend) {
    let database = Database::with(
        backend,
        either(
            backend,
            "CREATE TABLE fees (id integer PRIMARY KEY); \
             CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; \
             CREATE TRIGGER no BEFORE INSERT ON fees FOR EACH ROW EXECUTE FUNCTION no()",
            "CREATE TABLE fees (id integer PRIMARY KEY CHECK (id > 5))",
        ),
    );
    let mut target = open_target(&database);
    let up = either(
        backend,
        "SET session_replication_role = replica;",
        "PRAGMA ignore_check_constraints = ON; \
         CREATE TEMPORARY TRIGGER more AFTER INSERT ON fees BEGIN DELETE FROM fees; END;",
    );
    // Temporary tables come before others of their name.
    let temporary = "CREATE TEMPORARY TABLE __sync_runs (id text);";
    run_as(
        &mut *target,
        backend,
        "2024-01-01-000000_temporary",
        temporary,
    )
    .unwrap();
    run_as(&mut *target, backend, "2024-01-02-000000_settings", up).unwrap();
    let insert = "INSERT INTO fees VALUES (1);";
    let inserted = run_as(&mut *target, backend, "2024-01-03-000000_insert", insert);
    assert_eq!(problem(inserted).code, Code::MigrationFailed);
    target
        .record(&entry("r1", "test", "2024-01-02T03:04:06Z"))
        .unwrap();
    target.commit().unwrap();
    assert_eq!(database.line("SELECT id FROM __sync_runs"), "r1");
}

/// What the file itself would have the database do is limited to what has no effect elsewhere, and
/// stays so when a migration has wished otherwise.
pub(super) fn nothing_risky_runs_for_a_schema_that_others_wrote() {
    let database = Database::with(
        Backend::Sqlite,
        "CREATE TABLE fees (id integer PRIMARY KEY); CREATE TABLE files (file text); \
         CREATE TRIGGER files AFTER INSERT ON fees BEGIN INSERT INTO files SELECT file FROM pragma_database_list; END",
    );
    let mut target = open_target(&database);
    for version in ["2024-01-01-000000_first", "2024-01-03-000000_last"] {
        let inserted = run_as(
            &mut *target,
            Backend::Sqlite,
            version,
            "INSERT INTO fees VALUES (1);",
        );
        let problem = problem(inserted);
        assert!(problem.message.contains("unsafe use"), "{problem}");
        let trusting = "PRAGMA trusted_schema = ON;";
        let between = version.replace("_", "1_");
        run_as(&mut *target, Backend::Sqlite, &between, trusting).unwrap();
    }
}
