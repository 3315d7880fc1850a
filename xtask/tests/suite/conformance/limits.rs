//! How long the session that writes waits, and whom it names when it has waited in vain.

use std::path::Path;
use std::time::Duration;

use xtask::database;
use xtask::model::backend::Backend;
use xtask::model::limits::Limits;
use xtask::model::url::DatabaseUrl;
use xtask::problem::Code;

use super::writing::run_as;
use super::{lookup, problem};
use crate::support::database::Database;

pub(super) fn limits_outlive_a_migration_that_changes_them() {
    let database = Database::create(Backend::Postgres);
    let limits = Limits {
        lock_timeout: Duration::from_millis(1500),
        statement_timeout: Some(Duration::from_secs(120)),
        ..Limits::default()
    };
    let mut target = database::open_target(&database.checked_url(), limits).unwrap();
    let seen = |table: &str| {
        format!(
            "CREATE TABLE {table} AS SELECT current_setting('lock_timeout') || ' ' || current_setting('statement_timeout') AS seen; \
             SET lock_timeout = 0; SET statement_timeout = '7min';"
        )
    };
    for (name, table) in [("2024-01-01-000000_a", "a"), ("2024-01-02-000000_b", "b")] {
        run_as(&mut *target, Backend::Postgres, name, &seen(table)).unwrap();
    }
    target.commit().unwrap();
    for table in ["a", "b"] {
        let seen = database.line(&format!("SELECT seen FROM {table}"));
        assert_eq!(seen, "1500ms 2min");
    }
}

/// The server lets go of what it holds for a program that is gone, and notices that.
pub(super) fn a_session_that_writes_is_not_kept_for_ever() {
    let database = Database::create(Backend::Postgres);
    let limits = Limits {
        network_timeout: Duration::from_secs(60),
        idle_timeout: Some(Duration::from_secs(90)),
        ..Limits::default()
    };
    let mut target = database::open_target(&database.checked_url(), limits).unwrap();
    let settings = "SELECT string_agg(setting, ' ' ORDER BY name) AS seen FROM pg_settings \
         WHERE name IN ('idle_in_transaction_session_timeout', 'tcp_keepalives_count', \
         'tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_user_timeout')";
    let up = format!("CREATE TABLE seen AS {settings};");
    run_as(&mut *target, Backend::Postgres, "2024-01-01-000000_a", &up).unwrap();
    target.commit().unwrap();
    assert_eq!(
        database.line("SELECT seen FROM seen"),
        "90000 3 30 10 60000"
    );
}

pub(super) fn whoever_waits_for_whom_is_told() {
    let database = Database::with(
        Backend::Postgres,
        "CREATE TABLE fees (id integer PRIMARY KEY)",
    );
    let limits = Limits {
        lock_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    // Whoever has been there longest comes first.
    let mut holders = Vec::new();
    for _ in 0..2 {
        let mut holder = database.connect();
        holder.run("BEGIN; LOCK TABLE fees IN ROW EXCLUSIVE MODE");
        holder.run("SET application_name = 'the shop'");
        holders.push(holder);
    }
    let processes: Vec<String> = holders
        .iter_mut()
        .map(|holder| {
            holder
                .texts("SELECT pg_backend_pid() || ' of user ' || current_user")
                .remove(0)
                .unwrap()
        })
        .collect();
    let mut target = database::open_target(&database.checked_url(), limits).unwrap();
    let fees = lookup(&mut *target, "fees");
    let refused = problem(target.lock_table(&fees.table));
    assert_eq!(refused.code, Code::LockTimeout, "{refused}");
    for (process, place) in processes.iter().zip(["`fees` is locked by ", " and "]) {
        let words = format!("{place}process {process} (the shop, idle in transaction), since ");
        assert!(refused.message.contains(&words), "{refused}");
    }
    drop(target);
    // A role that every server has, and that may not look into the sessions of others.
    database.run("GRANT ALL ON fees TO pg_signal_backend");
    let url = format!("{}?options=-crole%3Dpg_signal_backend", database.url);
    let url = DatabaseUrl::parse(&url, "A_TEST", Path::new("/")).unwrap();
    let mut target = database::open_target(&url, limits).unwrap();
    let refused = problem(target.lock_table(&fees.table));
    for process in &processes {
        let words = format!("process {process} (the shop)");
        assert!(refused.message.contains(&words), "{refused}");
    }
    assert!(!refused.message.contains("since"), "{refused}");
}
