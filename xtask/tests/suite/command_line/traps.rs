//! Names that somebody put into a schema of the path are not what the program means.

use super::*;
use crate::support::database::Database;
use crate::support::workspace::{TO_PRODUCTION, first_migrations};
use xtask::model::backend::Backend;

const ROWS: &str = "INSERT INTO fee_groups (id, code, name, currency) VALUES (1, 'STANDARD', 'Standard', 'EUR'); \
    INSERT INTO fee_items (id, fee_group_id, code, name, rate_basis_points) VALUES (1, 1, 'CARD', 'Card', 120), (2, 1, 'DEBIT', 'Debit', 40)";

const TRAPS: &str = include_str!("../support/traps.sql");

/// Three databases that are a migration behind, and `public` of each is full of traps.
fn with_traps(more: &str) -> (Workspace, [Database; 3]) {
    let mut workspace = Workspace::bare();
    let databases = [(); 3].map(|()| Database::create(Backend::Postgres));
    let variables = ["DEV_DATABASE_URL", "TEST_DATABASE_URL", "DATABASE_URL"];
    for (database, variable) in databases.iter().zip(variables) {
        workspace.set(variable, &database.url);
    }
    databases[0].run(&first_migrations(Backend::Postgres, 11));
    databases[0].run(ROWS);
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    workspace.succeeds(&TO_PRODUCTION);
    databases[0].run("UPDATE fee_items SET rate_basis_points = 125 WHERE id = 1");
    for database in &databases {
        database.run("SET search_path = pg_catalog");
        database.run(TRAPS);
        let name = database.line("SELECT current_database()");
        database.run(&more.replace("{name}", &name));
    }
    (workspace, databases)
}

fn every_command_runs(more: &str) {
    let (workspace, [dev, test, prod]) = with_traps(more);
    workspace.succeeds(&["migrate"]);
    workspace.succeeds(&["sync", "status"]);
    workspace.succeeds(&["sync", "plan", "dev-to-test", "--rows"]);
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    workspace.succeeds(&TO_PRODUCTION);
    let rate = "SELECT rate_basis_points FROM public.fee_items WHERE id = 1";
    for database in [&test, &prod] {
        assert_eq!(database.line(rate), "125");
    }
    prod.run("UPDATE public.fee_items SET rate_basis_points = 130 WHERE id = 1");
    workspace.succeeds(&["sync", "adopt", "--from", "prod", "fee_items"]);
    workspace.succeeds(&["sync", "import", "--env", "dev", "--yes"]);
    assert_eq!(dev.line(rate), "130");
    workspace.succeeds(&["sync", "export", "--env", "prod"]);
    workspace.succeeds(&["sync", "backup", "--env", "prod"]);
    workspace.succeeds(&["sync", "history"]);
    for database in [&dev, &test, &prod] {
        assert_eq!(
            database.line("SELECT is_called FROM public.sprung"),
            "false"
        );
    }
}

#[test]
fn nobody_calls_what_others_put_before_the_servers_own_catalog() {
    every_command_runs(
        "ALTER DATABASE {name} SET search_path = public, pg_catalog; GRANT CREATE ON SCHEMA public TO PUBLIC",
    );
}

#[test]
fn nobody_calls_what_only_the_owner_put_there() {
    every_command_runs("");
}
