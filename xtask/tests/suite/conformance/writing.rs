//! The session that writes: its lock, its one transaction, migrations, and the ledger.

use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};
use xtask::database::{self, Target};
use xtask::model::backend::Backend;
use xtask::model::ledger::{LedgerEntry, RecordedMigration, Run, RunKind};
use xtask::model::limits::Limits;
use xtask::problem::Code;

use super::{either, lookup, open, problem, promoted_lookup};
use crate::support::database::{Connection, Database};
use crate::support::migrations::Migrations;

pub(super) const FEES: &str =
    "CREATE TABLE fees (id integer PRIMARY KEY, label text); INSERT INTO fees VALUES (1, 'one')";

pub(super) fn open_target(database: &Database) -> Box<dyn Target> {
    database::open_target(&database.checked_url(), Limits::default()).unwrap()
}

/// Runs statements in the target's transaction, as a migration would.
pub(super) fn run(target: &mut dyn Target, backend: Backend, sql: &str) -> anyhow::Result<()> {
    run_as(target, backend, "2024-01-01-000000_only", sql)
}

pub(super) fn run_as(
    target: &mut dyn Target,
    backend: Backend,
    name: &str,
    sql: &str,
) -> anyhow::Result<()> {
    let migrations = Migrations::new();
    migrations.write(name, sql);
    let set = migrations.set(backend);
    let migration = set.iter().next().unwrap();
    target.run_migration(&set, migration)
}

pub(super) fn entry(id: &str, environment: &str, finished_at: &str) -> LedgerEntry {
    LedgerEntry {
        run: Run {
            id: id.to_owned(),
            kind: RunKind::Promotion,
            subject: "dev-to-test".to_owned(),
            plan_id: Some("p'1".to_owned()),
            commit: None,
            operator: "Ann \\ O'Neil".to_owned(),
            program_version: "1.2.3".to_owned(),
            started_at: "2024-01-02T03:04:05Z".to_owned(),
            finished_at: finished_at.to_owned(),
            backup: Some("a/b.dump".to_owned()),
            summary: "fees: 1 inserted; é".to_owned(),
        },
        environment: environment.to_owned(),
        project: Some("shop".to_owned()),
        new_database_id: format!("id-{id}"),
        stamp_anew: false,
        migrations: vec![RecordedMigration {
            version: "20240101000000".to_owned(),
            name: "2024-01-01-000000_only".to_owned(),
            checksum: format!("sum-{id}"),
            up: format!("-- {id}: é"),
        }],
        lookups: vec![promoted_lookup(id)],
    }
}

pub(super) fn a_second_target_is_busy(backend: Backend) {
    let database = Database::with(backend, FEES);
    let first = open_target(&database);
    let refused = problem(database::open_target(
        &database.checked_url(),
        Limits::default(),
    ));
    assert_eq!(refused.code, Code::Busy, "{refused}");
    // Looking goes on, and the lock ends with the session.
    open(&database).catalog().unwrap();
    drop(first);
    drop(open_target(&database));
}

pub(super) fn the_lock_ends_with_the_session() {
    let database = Database::with(Backend::Postgres, FEES);
    let locks = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                 WHERE l.locktype = 'advisory' AND d.datname = current_database()";
    for _ in 0..20 {
        let target = open_target(&database);
        assert_eq!(database.line(locks), "1");
        drop(target);
        assert_eq!(database.line(locks), "0");
    }
}

pub(super) fn another_database_is_not_locked(backend: Backend) {
    let (one, other) = (Database::create(backend), Database::create(backend));
    let _first = open_target(&one);
    let _second = open_target(&other);
}

pub(super) fn a_dropped_target_leaves_everything(backend: Backend) {
    let database = Database::with(backend, FEES);
    let before = database.everything();
    let mut target = open_target(&database);
    let up = "CREATE TABLE more (id integer PRIMARY KEY); INSERT INTO more VALUES (1); \
              UPDATE fees SET label = 'changed'; ALTER TABLE fees ADD COLUMN added text";
    run(&mut *target, backend, up).unwrap();
    let fees = lookup(&mut *target, "fees");
    target.lock_table(&fees.table).unwrap();
    target
        .record(&entry("r1", "test", "2024-01-02T03:04:06Z"))
        .unwrap();
    // The session itself sees all of it.
    assert!(
        target
            .catalog()
            .unwrap()
            .find(&super::name("more"))
            .is_some()
    );
    assert_eq!(target.applied_migrations().unwrap().len(), 1);
    assert_eq!(target.ledger().unwrap().runs.len(), 1);
    drop(target);
    assert_eq!(database.everything(), before);
    assert_eq!(open(&database).ledger().unwrap(), Default::default());
}

pub(super) fn nobody_sees_anything_before_the_commit(backend: Backend) {
    let database = Database::with(backend, FEES);
    let mut target = open_target(&database);
    run(
        &mut *target,
        backend,
        "CREATE TABLE more (id integer PRIMARY KEY); INSERT INTO more VALUES (7)",
    )
    .unwrap();
    assert!(
        open(&database)
            .catalog()
            .unwrap()
            .find(&super::name("more"))
            .is_none()
    );
    target.commit().unwrap();
    assert_eq!(database.line("SELECT id FROM more"), "7");
    let applied = open(&database).applied_migrations().unwrap();
    assert_eq!(applied[0].version, "20240101000000");
}

pub(super) fn migrations_are_recorded_as_diesel_does(backend: Backend) {
    let database = Database::create(backend);
    let folder = Migrations::new();
    folder.write("2024-01-01-000000_only", "CREATE TABLE fees (id integer)");
    let set = folder.set(backend);
    let pending = |database: &Database| {
        let source = FileBasedMigrations::from_path(folder.path()).unwrap();
        match database.connect() {
            Connection::Postgres(mut connection) => connection.has_pending_migration(source),
            Connection::Sqlite(mut connection) => connection.has_pending_migration(source),
        }
        .unwrap()
    };
    assert!(pending(&database));
    let mut target = open_target(&database);
    target
        .run_migration(&set, set.iter().next().unwrap())
        .unwrap();
    target.commit().unwrap();
    assert!(!pending(&database));
}

pub(super) fn others_read_on_while_a_table_is_held(backend: Backend) {
    let database = Database::with(backend, FEES);
    let mut other = database.connect();
    other.run(either(
        backend,
        "SET lock_timeout = '50ms'",
        "PRAGMA busy_timeout = 50",
    ));
    let mut target = open_target(&database);
    let fees = lookup(&mut *target, "fees");
    target.lock_table(&fees.table).unwrap();
    assert_eq!(
        other.texts("SELECT label FROM fees"),
        [Some("one".to_owned())]
    );
    let refused = other
        .attempt("UPDATE fees SET label = 'theirs'")
        .unwrap_err();
    assert!(refused.contains("lock"), "{refused}");
    drop(target);
    other.run("UPDATE fees SET label = 'theirs'");
}

pub(super) fn constraints_are_checked_at_the_end(backend: Backend) {
    let database = Database::with(
        backend,
        "CREATE TABLE parents (id integer PRIMARY KEY); INSERT INTO parents VALUES (1), (2); \
         CREATE TABLE children (id integer PRIMARY KEY, parent_id integer REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED); \
         INSERT INTO children VALUES (1, 1), (2, 1)",
    );
    let before = database.everything();
    let mut target = open_target(&database);
    let ran = run(&mut *target, backend, "DELETE FROM parents WHERE id = 1");
    // PostgreSQL settles what is deferred at the end of each migration.
    let code = match backend {
        Backend::Postgres => Code::MigrationFailed,
        Backend::Sqlite => Code::ConstraintViolated,
    };
    let refused = problem(ran.and_then(|()| target.check_constraints()));
    assert_eq!(refused.code, code, "{refused}");
    assert!(refused.message.contains("children"), "{refused}");
    drop(target);
    assert_eq!(database.everything(), before);

    let mut target = open_target(&database);
    run(
        &mut *target,
        backend,
        "DELETE FROM parents WHERE id = 1; INSERT INTO parents VALUES (1)",
    )
    .unwrap();
    target.check_constraints().unwrap();
    target.commit().unwrap();
}

pub(super) fn references_that_were_broken_before_do_not_count() {
    let database = Database::with(
        Backend::Sqlite,
        "PRAGMA foreign_keys = OFF; CREATE TABLE parents (id integer PRIMARY KEY); INSERT INTO parents VALUES (1); \
         CREATE TABLE children (parent_id integer REFERENCES parents (id)); INSERT INTO children VALUES (1), (8), (9)",
    );
    let mut target = open_target(&database);
    target.check_constraints().unwrap();
    drop(target);
    let mut target = open_target(&database);
    run(&mut *target, Backend::Sqlite, "DELETE FROM parents").unwrap();
    let refused = problem(target.check_constraints());
    assert_eq!(refused.code, Code::ConstraintViolated, "{refused}");
    drop(target);
    // As many broken references as before are not the same ones.
    let mut target = open_target(&database);
    run(
        &mut *target,
        Backend::Sqlite,
        "DELETE FROM parents; INSERT INTO parents VALUES (8)",
    )
    .unwrap();
    let refused = problem(target.check_constraints());
    assert_eq!(refused.code, Code::ConstraintViolated, "{refused}");
}

pub(super) fn rebuilding_a_parent_keeps_its_children() {
    let database = Database::with(
        Backend::Sqlite,
        "CREATE TABLE parents (id integer PRIMARY KEY, label text); INSERT INTO parents VALUES (1, 'a'), (2, 'b'); \
         CREATE TABLE children (id integer PRIMARY KEY, parent_id integer NOT NULL REFERENCES parents (id) ON DELETE CASCADE); \
         INSERT INTO children VALUES (10, 1), (20, 2)",
    );
    let mut target = open_target(&database);
    let up = "CREATE TABLE new_parents (id integer PRIMARY KEY, label text NOT NULL);\n\
              INSERT INTO new_parents SELECT id, label FROM parents;\nDROP TABLE parents;\n\
              ALTER TABLE new_parents RENAME TO parents;";
    run(&mut *target, Backend::Sqlite, up).unwrap();
    target.check_constraints().unwrap();
    target.commit().unwrap();
    assert_eq!(
        database.line("SELECT id || ':' || parent_id FROM children ORDER BY id"),
        "10:1 20:2"
    );
    let key = open(&database)
        .catalog()
        .unwrap()
        .find(&super::name("children"))
        .unwrap()
        .foreign_keys[0]
        .clone();
    assert_eq!(key.parent, super::name("parents"));
}

pub(super) fn a_migration_may_change_the_session() {
    let database = Database::with(
        Backend::Postgres,
        "CREATE SCHEMA other; CREATE TABLE other.fees (id integer); \
         CREATE TABLE fees (id integer PRIMARY KEY, at timestamptz, f double precision); \
         INSERT INTO fees VALUES (1, '2024-01-02 03:04:05+00', 0.1)",
    );
    let mut target = open_target(&database);
    let fees = lookup(&mut *target, "fees");
    let up = "SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'; SET extra_float_digits = -10; \
              SET search_path = other, public";
    run(&mut *target, Backend::Postgres, up).unwrap();
    let rows: Vec<_> = target.rows(&fees).unwrap().map(Result::unwrap).collect();
    assert_eq!(
        rows[0].iter().collect::<Vec<_>>(),
        ["1", "2024-01-02 03:04:05+00", "0.1"]
    );
    target
        .record(&entry("r1", "test", "2024-01-02T03:04:06Z"))
        .unwrap();
    target.commit().unwrap();
    assert_eq!(database.line("SELECT id FROM public.__sync_runs"), "r1");
}
