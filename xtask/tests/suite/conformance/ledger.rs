//! What a database remembers about itself.

use xtask::model::backend::Backend;

use super::writing::{entry, open_target, run};
use super::{open, problem};
use crate::support::database::Database;

pub(super) fn the_ledger_is_read_as_it_was_written(backend: Backend) {
    let database = Database::create(backend);
    let mut target = open_target(&database);
    run(&mut *target, backend, "CREATE TABLE fees (id integer)").unwrap();
    let first = entry("r1", "test", "2024-01-02T03:04:06Z");
    target.record(&first).unwrap();
    target.commit().unwrap();
    let second = entry("r0", "prod", "2024-01-03T00:00:00Z");
    let mut target = open_target(&database);
    target.record(&second).unwrap();
    target.commit().unwrap();

    let mut session = open(&database);
    let ledger = session.ledger().unwrap();
    assert_eq!(ledger.runs, [second.run, first.run]);
    assert_eq!(ledger.lookups, second.lookups);
    // The stamp is written once.
    let stamp = ledger.stamp.unwrap();
    assert_eq!(
        (stamp.environment.as_str(), stamp.database_id.as_str()),
        ("test", "id-r1")
    );
    assert_eq!(stamp.since, "2024-01-02T03:04:06Z");
    assert_eq!(stamp.project.as_deref(), Some("shop"));
    assert_eq!(stamp.place, Some(session.identity().unwrap().place));
    assert_eq!(
        database.line("SELECT environment FROM __sync_stamp"),
        "test"
    );
    // What ran last counts.
    let applied = session.applied_migrations().unwrap();
    assert_eq!(applied[0].checksum.as_deref(), Some("sum-r0"));
    assert_eq!(applied[0].up.as_deref(), Some("-- r0: é"));
    assert!(
        session
            .catalog()
            .unwrap()
            .tables
            .keys()
            .all(|table| table.name == "fees")
    );
}

/// The clock of the machine that ran the first was years ahead.
pub(super) fn runs_are_in_the_order_in_which_they_were_recorded(backend: Backend) {
    let database = Database::create(backend);
    let record = |id: &str, finished_at: &str| {
        let mut target = open_target(&database);
        target.record(&entry(id, "test", finished_at)).unwrap();
        target.commit().unwrap();
    };
    let ids = || -> Vec<String> {
        let runs = open(&database).ledger().unwrap().runs.into_iter();
        runs.map(|run| run.id).collect()
    };
    record("b", "2099-01-01T00:00:00Z");
    record("c", "2024-01-01T00:00:00Z");
    record("a", "2024-01-01T00:00:00Z");
    assert_eq!(ids(), ["a", "c", "b"]);
    // A run in parts is recorded after each.
    record("c", "2024-01-01T00:00:00Z");
    assert_eq!(ids(), ["c", "a", "b"]);

    // An older program wrote down no order.
    database.run("ALTER TABLE __sync_runs DROP COLUMN number");
    assert_eq!(ids(), ["b", "c", "a"]);
    record("d", "2023-01-01T00:00:00Z");
    assert_eq!(ids(), ["d", "b", "c", "a"]);
}

pub(super) fn a_ledger_that_is_not_whole_is_read_or_named(backend: Backend) {
    for table in ["runs", "migrations", "stamp", "lookups"] {
        let database = Database::create(backend);
        let mut target = open_target(&database);
        run(&mut *target, backend, "CREATE TABLE fees (id integer)").unwrap();
        target
            .record(&entry("r1", "test", "2024-01-02T03:04:06Z"))
            .unwrap();
        target.commit().unwrap();
        let read = || {
            let mut session = open(&database);
            session.applied_migrations()?;
            session.ledger()
        };
        let whole = read().unwrap();
        database.run(&format!(
            "ALTER TABLE __sync_{table} RENAME TO aside; CREATE TABLE __sync_{table} (other text)"
        ));
        let refused = problem(read());
        assert!(
            refused
                .message
                .starts_with(&format!("table `__sync_{table}` has no column")),
            "{refused}"
        );
        database.run(&format!("DROP TABLE __sync_{table}"));
        let rest = read().unwrap();
        assert_eq!(rest.stamp.is_some(), table != "stamp");
        assert_eq!(rest.runs.is_empty(), table == "runs");
        assert_eq!(rest.lookups.is_empty(), table == "lookups");
        // What is missing is made again.
        let mut target = open_target(&database);
        target
            .record(&entry("r1", "test", "2024-01-02T03:04:06Z"))
            .unwrap();
        target.commit().unwrap();
        assert_eq!(read().unwrap().runs, whole.runs);
    }
}
