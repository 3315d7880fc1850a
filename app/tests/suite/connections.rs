//! How connections are opened, and what their transactions see.

use app::address::DatabaseAddress;
use app::database::{connect, open_pool};
use app::error::AppError;
use app::queries;
use app::snapshot::{Access, transaction};
use diesel::connection::{Connection, SimpleConnection};

use crate::support::{Backend, Database, lines};

on_both!(
    a_promotion_is_seen_entirely_or_not_at_all,
    a_failed_transaction_leaves_nothing,
    a_reader_cannot_write_on_postgresql,
);

#[test]
fn a_missing_sqlite_file_is_refused_and_not_created() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("missing.db");
    let address = DatabaseAddress::Sqlite(path.clone());
    let error = open_pool(&address).err().unwrap().to_string();
    assert!(
        error.contains("missing.db: there is no such file"),
        "{error}"
    );
    assert!(!path.exists());
}

#[test]
fn a_sqlite_path_may_hold_any_character() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("a b?mode=memory#100%25é.db");
    std::fs::write(&path, "").unwrap();
    let mut connection = connect(&DatabaseAddress::Sqlite(path.clone())).unwrap();
    connection
        .batch_execute("CREATE TABLE here (id INTEGER)")
        .unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() > 0);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn sqlite_connections_check_foreign_keys_and_wait_for_locks() {
    let database = Database::empty(Backend::Sqlite);
    let mut connection = database.connect();
    let settings = "SELECT CAST(foreign_keys AS text) || ' ' || CAST(timeout AS text) AS line
        FROM pragma_foreign_keys, pragma_busy_timeout";
    assert_eq!(lines(&mut connection, settings), ["1 5000"]);
}

fn a_promotion_is_seen_entirely_or_not_at_all(backend: Backend) {
    let database = Database::migrated(backend);
    let mut promoter = database.connect();
    if backend == Backend::Sqlite {
        // Otherwise SQLite makes the promotion wait for the reader, which proves nothing.
        promoter.batch_execute("PRAGMA journal_mode = WAL").unwrap();
    }
    promoter
        .batch_execute(
            "INSERT INTO fee_groups (id, code, name, currency) VALUES (1, 's', 'Old', 'GBP');
             INSERT INTO fee_items (fee_group_id, code, name, rate_basis_points)
             VALUES (1, 'debit', 'Old', 100)",
        )
        .unwrap();
    let mut reader = database.connect();
    let read = |reader: &mut _| -> (String, i32) {
        let schedule = queries::fee_schedules(reader).unwrap().remove(0);
        (schedule.group.name, schedule.items[0].rate_basis_points)
    };
    transaction(&mut reader, Access::Read, |reader| {
        let group = queries::fee_group(reader, "s")?.unwrap();
        assert_eq!(group.name, "Old");
        promoter.transaction(|promoter| {
            promoter.batch_execute(
                "UPDATE fee_groups SET name = 'New';
                 UPDATE fee_items SET rate_basis_points = 200",
            )
        })?;
        assert_eq!(read(reader), ("Old".to_owned(), 100));
        Ok::<_, AppError>(())
    })
    .unwrap();
    assert_eq!(read(&mut reader), ("New".to_owned(), 200));
}

fn a_failed_transaction_leaves_nothing(backend: Backend) {
    let database = Database::migrated(backend);
    let mut connection = database.connect();
    let failed = transaction(&mut connection, Access::Write, |connection| {
        connection.batch_execute("DELETE FROM system_configuration")?;
        Err::<(), _>(AppError::conflict("test", "no"))
    });
    assert_eq!(failed.unwrap_err().code, "test");
    assert!(queries::configuration(&mut connection, "company_name").is_ok());
}

fn a_reader_cannot_write_on_postgresql(backend: Backend) {
    let database = Database::migrated(backend);
    let mut connection = database.connect();
    let written = transaction(&mut connection, Access::Read, |connection| {
        connection.batch_execute("DELETE FROM system_configuration")
    });
    // SQLite has no such transaction; there the application's own queries are all there is.
    assert_eq!(written.is_err(), backend == Backend::Postgresql);
}
