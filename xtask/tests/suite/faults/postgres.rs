//! PostgreSQL databases, on a real server.

use xtask::model::backend::Backend;

use crate::support::database::{Connection, Database};
use crate::support::started::Started;
use crate::support::workspace::{LOOKUP_ROWS, Workspace, assert_run, first_migrations};

pub(super) const PROMOTE: [&str; 3] = ["sync", "dev-to-test", "--yes"];

/// The test holds this lock for as long as a load is to stand still.
const CLOSE_GATE: &str = "SELECT pg_advisory_lock(4711)";
pub(super) const OPEN_GATE: &str = "SELECT pg_advisory_unlock(4711)";

/// What stands still there.
const AT_GATE: &str = "application_name = 'cargo xtask sync' AND wait_event = 'PgSleep'";

const GATE: &str = "CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        WHILE NOT pg_try_advisory_xact_lock_shared(4711) LOOP PERFORM pg_sleep(0.01); END LOOP;
        RETURN NEW;
    END $$;
    CREATE TRIGGER wait_at_gate BEFORE INSERT ON fee_groups FOR EACH ROW EXECUTE FUNCTION wait_at_gate();";

/// Identities that are always generated take given values on request only.
fn lookup_rows() -> String {
    LOOKUP_ROWS.replace(" VALUES", " OVERRIDING SYSTEM VALUE VALUES")
}

/// Both ends on the server; the target has the first migrations, rows, and a gate.
pub(super) struct Pair {
    pub(super) workspace: Workspace,
    dev: Database,
    pub(super) test: Database,
}

impl Pair {
    pub(super) fn new(migrations: usize) -> Self {
        let (dev, test) = (
            Database::create(Backend::Postgres),
            Database::create(Backend::Postgres),
        );
        let mut workspace = Workspace::bare();
        workspace.set("DEV_DATABASE_URL", &dev.url);
        workspace.set("TEST_DATABASE_URL", &test.url);
        dev.run(&first_migrations(Backend::Postgres, 12));
        dev.run(&lookup_rows());
        test.run(&first_migrations(Backend::Postgres, migrations));
        test.run(GATE);
        Pair {
            workspace,
            dev,
            test,
        }
    }

    /// Starts a promotion that stands still while it loads rows; it goes on when the gate, which
    /// is the connection, is opened.
    pub(super) fn start_and_stop(&self) -> (Started, Connection) {
        let mut gate = self.test.connect();
        gate.texts(CLOSE_GATE);
        let mut run = Started::new(self.workspace.command(&PROMOTE));
        run.expect("[6/7]");
        self.wait_for_others(AT_GATE, "1");
        (run, gate)
    }

    #[track_caller]
    pub(super) fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let mut connection = self.test.connect();
        let start = std::time::Instant::now();
        while !is_so() {
            assert!(start.elapsed().as_secs() < 60, "waited in vain: {what}");
            connection.texts("SELECT pg_sleep(0.01)::text");
        }
    }

    /// Waits until so many other connections of a kind are there.
    #[track_caller]
    fn wait_for_others(&self, kind: &str, count: &str) {
        let query = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {kind}"
        );
        let mut connection = self.test.connect();
        self.wait_until(&query, || {
            connection.texts(&query) == [Some(count.to_owned())]
        });
    }

    /// Waits until the server has noticed that the other end of a connection is gone.
    #[track_caller]
    pub(super) fn wait_until_forgotten(&self) {
        self.wait_for_others("application_name IN ('cargo xtask sync', 'pg_dump')", "0");
    }

    pub(super) fn assert_promoted(&self) {
        self.workspace.succeeds(&PROMOTE);
        assert_eq!(self.test.line("SELECT count(*) FROM fee_items"), "3");
        assert_eq!(
            self.test
                .line("SELECT count(*) FROM __diesel_schema_migrations"),
            "12"
        );
    }
}

#[test]
fn a_promotion_that_is_killed_leaves_the_target_as_it_was() {
    let pair = Pair::new(8);
    pair.test.run(
        "INSERT INTO users (email, full_name, role) VALUES ('ann@shop.example', 'Ann', 'support')",
    );
    let before = pair.test.everything();
    let (run, mut gate) = pair.start_and_stop();
    run.kill();
    gate.texts(OPEN_GATE);
    drop(gate);
    pair.wait_until_forgotten();
    assert_eq!(pair.test.everything(), before);
    // The backup was whole before the transaction began.
    let backups = pair
        .workspace
        .document(&["sync", "backups", "--env", "test"]);
    assert_eq!(backups["backups"].as_array().unwrap().len(), 1);
    pair.assert_promoted();
}

#[test]
fn a_connection_that_is_cut_leaves_the_target_as_it_was() {
    let pair = Pair::new(8);
    let before = pair.test.everything();
    let (run, mut gate) = pair.start_and_stop();
    gate.texts(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND {AT_GATE}"
    ));
    let ended = run.finish();
    assert_eq!(ended.code, 1, "{ended}");
    assert!(
        ended.stderr.contains("error: ") && ended.stderr.contains("hint: "),
        "{ended}"
    );
    drop(gate);
    pair.wait_until_forgotten();
    assert_eq!(pair.test.everything(), before);
    pair.assert_promoted();
}

#[test]
fn a_second_promotion_is_told_who_is_first() {
    let pair = Pair::new(12);
    let (first, mut gate) = pair.start_and_stop();
    let second = pair.workspace.run(&[&PROMOTE[..], &["--quiet"]].concat());
    assert_eq!(second.code, 1, "{second}");
    assert!(
        second
            .stderr
            .contains("another run of this tool holds the lock on the database: process "),
        "{second}"
    );
    assert!(
        second.stderr.contains("hint: wait until it has ended"),
        "{second}"
    );
    gate.texts(OPEN_GATE);
    let first = first.finish();
    assert_eq!(first.code, 0, "{first}");
    assert_eq!(pair.test.line("SELECT count(*) FROM __sync_runs"), "1");
}

#[test]
fn a_table_that_somebody_writes_to_is_not_waited_for_for_long() {
    let pair = Pair::new(12);
    pair.workspace.configure(
        "confirm = [\"yes\"]\n",
        "confirm = [\"yes\"]\nlock_timeout = \"200ms\"\n",
    );
    pair.test.run(&lookup_rows());
    pair.dev
        .run("UPDATE fee_items SET rate_basis_points = 125 WHERE id = 1");
    let before = pair.test.everything();
    let mut holder = pair.test.connect();
    holder.run("BEGIN; UPDATE fee_items SET rate_basis_points = 1 WHERE id = 2");
    assert_run!(pair.workspace.run(&[&PROMOTE[..], &["--quiet"]].concat()), @r#"
        exit status: 1
        ----- stdout -----
        ----- stderr -----
        error: failed to lock `fee_items`: `fee_items` is locked by process [pid] of user [user] (idle in transaction), since [time]; tried 4 times

        hint: another session is in the way: run it again when that has ended its transaction
        "#);
    let run = pair
        .workspace
        .run(&[&PROMOTE[..], &["--format", "json"]].concat());
    let document = run.document();
    assert_eq!(document["error"]["code"], "lock_timeout", "{document:#}");
    assert_eq!(document["target_changed"], false, "{document:#}");
    assert_eq!(run.stderr.matches("[1/7] lock Test").count(), 4, "{run}");
    for attempt in ["(2 of 4): failed to", "(3 of 4): ", "(4 of 4): "] {
        assert!(run.stderr.contains(attempt), "{run}");
    }
    holder.run("ROLLBACK");
    assert_eq!(pair.test.everything(), before);
    pair.assert_promoted();
}
