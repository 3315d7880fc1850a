//! Migrations that rebuild tables on SQLite (and alter them on PostgreSQL) lose nothing.

use app::database::AnyConnection;
use diesel::connection::SimpleConnection;

use crate::catalog::{catalog, rows};
use crate::support::{Backend, Database, lines, migrations, run};

on_both!(
    rows_survive,
    indexes_and_triggers_survive,
    numbers_are_not_used_again,
    a_closed_merchant_stays_closed,
    new_statuses_become_suspended_on_the_way_down,
    a_rate_over_one_hundred_percent_is_refused,
);

/// Something in every table, as it was before the first rebuild.
const ROWS: &str = "
    INSERT INTO fee_groups (id, code, name, currency) VALUES (1, 'standard', 'Standard', 'GBP');
    INSERT INTO fee_items (id, fee_group_id, code, name, rate_basis_points, fixed_minor_units)
    VALUES (1, 1, 'debit', 'Debit card', 120, 10), (5, 1, 'credit', 'Credit card', 190, 20);
    INSERT INTO email_templates (code, subject, body) VALUES ('hello', 'Hello', 'One
Two');
    INSERT INTO equipment_catalogue (code, name, category, currency, price_minor_units)
    VALUES ('t1', 'Terminal', 'terminal', 'GBP', 19900);
    INSERT INTO users (id, email, full_name, role) VALUES (1, 'a@example.com', 'Ann', 'support');
    INSERT INTO merchants
        (id, fee_group_id, account_manager_id, legal_name, trading_name, contact_email, status)
    VALUES (3, 1, 1, 'First Ltd', 'First', 'first@example.com', 'active'),
           (4, 1, NULL, 'Second Ltd', 'Second', 'second@example.com', 'closed');
    INSERT INTO transactions (merchant_id, fee_item_id, amount_minor_units, fee_minor_units, currency)
    VALUES (3, 5, 1000, 39, 'GBP'), (4, 1, 500, 16, 'GBP');
    INSERT INTO audit_logs (user_id, action, entity, entity_id)
    VALUES (1, 'create', 'merchant', 3), (NULL, 'create', 'transaction', 1);";

/// A database as it was before the first rebuild, and the scripts that bring it up to date.
fn before_rebuilds(backend: Backend) -> (Database, AnyConnection, Vec<String>) {
    let database = Database::empty(backend);
    let mut connection = database.migrator();
    let mut remaining = Vec::new();
    for migration in migrations(backend) {
        if !remaining.is_empty() || migration.name.ends_with("_limit_fee_items") {
            remaining.push(migration.up);
        } else {
            run(&mut connection, &migration.up).unwrap();
        }
    }
    assert!(remaining.len() > 1);
    (database, connection, remaining)
}

fn rows_survive(backend: Backend) {
    let (_database, mut connection, remaining) = before_rebuilds(backend);
    run(&mut connection, ROWS).unwrap();
    let before = rows(&mut connection);
    for up in &remaining {
        run(&mut connection, up).unwrap();
        assert_eq!(rows(&mut connection), before);
        if backend == Backend::Sqlite {
            let check = "SELECT \"table\" AS line FROM pragma_foreign_key_check";
            assert_eq!(lines(&mut connection, check), Vec::<String>::new());
        }
    }
    let fresh = Database::migrated(backend);
    assert_eq!(catalog(&mut connection), catalog(&mut fresh.connect()));
}

fn indexes_and_triggers_survive(backend: Backend) {
    let (_database, mut connection, remaining) = before_rebuilds(backend);
    let before: Vec<String> = catalog(&mut connection)
        .into_iter()
        .filter(|line| line.starts_with("index ") || line.starts_with("trigger "))
        .collect();
    assert!(before.iter().any(|line| line.starts_with("trigger ")));
    for up in &remaining {
        run(&mut connection, up).unwrap();
        let after = catalog(&mut connection);
        for line in &before {
            assert!(after.contains(line), "lost: {line}");
        }
    }
}

fn numbers_are_not_used_again(backend: Backend) {
    let insert = "
        INSERT INTO merchants (fee_group_id, legal_name, trading_name, contact_email)
        VALUES (1, 'Gone Ltd', 'Gone', 'gone@example.com');
        INSERT INTO fee_items (fee_group_id, code, name, rate_basis_points)
        VALUES (1, 'gone', 'Gone', 0);";
    let numbers = "
        SELECT CAST(id AS text) AS line FROM merchants WHERE legal_name = 'Gone Ltd'
        UNION ALL SELECT CAST(id AS text) FROM fee_items WHERE code = 'gone'";
    let delete = "
        DELETE FROM merchants WHERE legal_name = 'Gone Ltd';
        DELETE FROM fee_items WHERE code = 'gone';";

    let (_database, mut connection, remaining) = before_rebuilds(backend);
    let group = "INSERT INTO fee_groups (id, code, name, currency) VALUES (1, 's', 'S', 'GBP')";
    run(&mut connection, group).unwrap();
    // SQLite forgets the counter of a table that is copied while it is empty.
    run(&mut connection, insert).unwrap();
    assert_eq!(lines(&mut connection, numbers), ["1", "1"]);
    run(&mut connection, delete).unwrap();
    for up in &remaining {
        run(&mut connection, up).unwrap();
    }
    run(&mut connection, insert).unwrap();
    assert_eq!(lines(&mut connection, numbers), ["2", "2"]);
}

fn a_closed_merchant_stays_closed(backend: Backend) {
    let (_database, mut connection, remaining) = before_rebuilds(backend);
    run(&mut connection, ROWS).unwrap();
    for up in &remaining {
        run(&mut connection, up).unwrap();
    }
    let reopen = "UPDATE merchants SET status = 'active' WHERE id = 4";
    let error = connection.batch_execute(reopen).unwrap_err().to_string();
    assert!(
        error.contains("a closed merchant cannot be reopened"),
        "{error}"
    );
    let review = "UPDATE merchants SET status = 'under_review' WHERE id = 3";
    connection.batch_execute(review).unwrap();
    let unknown = "UPDATE merchants SET status = 'asleep' WHERE id = 3";
    let error = connection.batch_execute(unknown).unwrap_err().to_string();
    assert!(error.contains("merchants_status_check"), "{error}");
}

fn new_statuses_become_suspended_on_the_way_down(backend: Backend) {
    let database = Database::migrated(backend);
    let mut connection = database.migrator();
    run(&mut connection, ROWS).unwrap();
    run(
        &mut connection,
        "UPDATE merchants SET status = 'pending' WHERE id = 3",
    )
    .unwrap();
    for migration in migrations(backend).iter().rev() {
        run(&mut connection, &migration.down).unwrap();
        if migration.name.ends_with("_widen_merchant_status") {
            break;
        }
    }
    let statuses = "SELECT status AS line FROM merchants ORDER BY id";
    assert_eq!(lines(&mut connection, statuses), ["suspended", "closed"]);
}

fn a_rate_over_one_hundred_percent_is_refused(backend: Backend) {
    let database = Database::migrated(backend);
    let mut connection = database.connect();
    run(&mut connection, ROWS).unwrap();
    let raise = "UPDATE fee_items SET rate_basis_points = 10001";
    let error = connection.batch_execute(raise).unwrap_err().to_string();
    assert!(error.contains("fee_items_rate_check"), "{error}");
}
