//! The two folders tell one history, and every step of it can be taken back.

use std::collections::BTreeSet;

use crate::catalog::{catalog, rows, tables};
use crate::support::{Backend, Database, Migration, lines, migrations, run};

on_both!(
    up_down_up_gives_the_same_catalog,
    all_the_way_down_leaves_nothing,
    protected_tables_start_empty,
    old_merchants_get_a_trading_name,
    a_repeated_address_stops_the_unique_constraint,
);

#[test]
fn both_folders_hold_the_same_migrations() {
    let names = |backend| -> BTreeSet<String> {
        migrations(backend)
            .into_iter()
            .map(|migration| migration.name)
            .collect()
    };
    assert_eq!(names(Backend::Postgresql), names(Backend::Sqlite));
    assert!(names(Backend::Sqlite).len() >= 8);
}

#[test]
fn every_script_does_something() {
    for backend in [Backend::Postgresql, Backend::Sqlite] {
        for Migration { name, up, down } in migrations(backend) {
            for script in [up, down] {
                let statement = script.lines().any(|line| {
                    let line = line.trim();
                    !line.is_empty() && !line.starts_with("--")
                });
                assert!(
                    statement,
                    "{name} on {backend:?} has a script of comments only"
                );
            }
        }
    }
}

fn up_down_up_gives_the_same_catalog(backend: Backend) {
    let database = Database::empty(backend);
    let mut connection = database.migrator();
    for Migration { name, up, down } in migrations(backend) {
        let before = catalog(&mut connection);
        run(&mut connection, &up).unwrap_or_else(|error| panic!("{name} up: {error}"));
        let after = catalog(&mut connection);
        assert_ne!(
            before, after,
            "{name} changes nothing that the catalog shows"
        );

        run(&mut connection, &down).unwrap_or_else(|error| panic!("{name} down: {error}"));
        assert_eq!(catalog(&mut connection), before, "{name} down");

        run(&mut connection, &up).unwrap_or_else(|error| panic!("{name} up again: {error}"));
        assert_eq!(catalog(&mut connection), after, "{name} up again");
    }
}

fn all_the_way_down_leaves_nothing(backend: Backend) {
    let database = Database::migrated(backend);
    let mut connection = database.migrator();
    let full = catalog(&mut connection);
    for migration in migrations(backend).iter().rev() {
        run(&mut connection, &migration.down).unwrap();
    }
    assert_eq!(catalog(&mut connection), Vec::<String>::new());
    for migration in migrations(backend) {
        run(&mut connection, &migration.up).unwrap();
    }
    assert_eq!(catalog(&mut connection), full);
}

fn protected_tables_start_empty(backend: Backend) {
    let database = Database::migrated(backend);
    let mut connection = database.connect();
    assert_eq!(tables(&mut connection).len(), 9);
    for row in rows(&mut connection) {
        assert!(
            row.starts_with("system_configuration: "),
            "unexpected row {row}"
        );
    }
}

const MERCHANTS: &str = "
    INSERT INTO fee_groups (id, code, name, currency) VALUES (1, 'standard', 'Standard', 'GBP');
    INSERT INTO merchants (fee_group_id, legal_name, contact_email)
    VALUES (1, 'First Ltd', 'same@example.com'), (1, 'Second Ltd', 'same@example.com');";

fn old_merchants_get_a_trading_name(backend: Backend) {
    let database = Database::empty(backend);
    let mut connection = database.migrator();
    for migration in migrations(backend) {
        if migration.name.ends_with("_add_merchant_trading_name") {
            run(&mut connection, MERCHANTS).unwrap();
            run(&mut connection, &migration.up).unwrap();
            break;
        }
        run(&mut connection, &migration.up).unwrap();
    }
    let names = "SELECT trading_name AS line FROM merchants ORDER BY id";
    assert_eq!(lines(&mut connection, names), ["First Ltd", "Second Ltd"]);
}

fn a_repeated_address_stops_the_unique_constraint(backend: Backend) {
    let database = Database::migrated(backend);
    let mut connection = database.migrator();
    let last = migrations(backend).pop().unwrap();
    assert!(last.name.ends_with("_unique_merchant_email"));
    run(&mut connection, &last.down).unwrap();
    // The trading name has a default on SQLite only.
    let merchants = MERCHANTS
        .replace("contact_email)", "contact_email, trading_name)")
        .replace("example.com'", "example.com', 'Shop'");
    run(&mut connection, &merchants).unwrap();

    let before = (catalog(&mut connection), rows(&mut connection));
    let error = run(&mut connection, &last.up).unwrap_err().to_string();
    assert!(error.contains("contact_email"), "{error}");
    assert_eq!((catalog(&mut connection), rows(&mut connection)), before);
}
