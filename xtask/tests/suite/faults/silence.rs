//! A network that carries nothing, and a program that was stopped: whoever is at the other end does
//! not wait for ever.

use std::process::Command;
use std::time::Duration;

use super::postgres::{OPEN_GATE, PROMOTE, Pair};
use super::programs::{put_in_front, server_version};
use crate::support::proxy::{Fault, Proxy};
use crate::support::started::Started;

/// Locks that somebody else could meet.
const LOCKS: &str = "SELECT count(*) FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
     AND pid <> pg_backend_pid() AND mode <> 'AccessShareLock' AND mode <> 'SIReadLock'";

fn limit(pair: &Pair, limits: &str) {
    let with = format!("confirm = [\"yes\"]\n{limits}\n");
    pair.workspace.configure("confirm = [\"yes\"]\n", &with);
}

/// What the server does not hear of for `idle_timeout` holds no lock any more, and is undone.
#[test]
fn a_silent_network_leaves_no_lock() {
    let mut pair = Pair::new(12);
    limit(&pair, "idle_timeout = \"2s\"\nrehearsal = \"off\"");
    // Sequences do not roll back.
    let everything = |pair: &Pair| {
        let mut contents = pair.test.everything();
        contents.retain(|line| !line.contains("_seq: "));
        contents
    };
    let before = everything(&pair);
    for words in ["LOCK TABLE", "__sync_staging_0", "__sync_runs (id, kind"] {
        let proxy = Proxy::before(&pair.test.url);
        pair.workspace
            .set("TEST_DATABASE_URL", &proxy.url(&pair.test.url));
        proxy.fail(words, 0, Fault::Silence);
        let run = Started::new(pair.workspace.command(&PROMOTE));
        pair.wait_until(words, || proxy.has_failed());
        pair.wait_until("the locks go", || pair.test.line(LOCKS) == "0");
        assert_eq!(everything(&pair), before, "{words}");
        run.kill();
    }
    pair.workspace.set("TEST_DATABASE_URL", &pair.test.url);
    pair.assert_promoted();
}

/// Work of its own that takes longer is no reason; being stopped is.
#[test]
fn a_stopped_program_leaves_no_lock() {
    let mut pair = Pair::new(12);
    limit(&pair, "idle_timeout = \"2s\"");
    let version = server_version(&pair);
    put_in_front(
        &mut pair,
        &version,
        "echo > writing; while [ -e writing ]; do sleep 0.01; done; exit 1",
    );
    let before = pair.test.everything();
    let mut run = Started::new(pair.workspace.command(&PROMOTE));
    run.expect("[3/7]");
    let writing = pair.workspace.path("writing");
    pair.wait_until("pg_dump writes", || writing.exists());
    std::thread::sleep(Duration::from_secs(5));
    assert_ne!(pair.test.line(LOCKS), "0");
    let stopped = Command::new("kill")
        .args(["-STOP", &run.id().to_string()])
        .status();
    assert!(stopped.unwrap().success());
    pair.wait_until("the locks go", || pair.test.line(LOCKS) == "0");
    std::fs::remove_file(writing).unwrap();
    run.kill();
    pair.wait_until_forgotten();
    assert_eq!(pair.test.everything(), before);
}

/// The system asks the other end of every connection for signs of life, those of `pg_dump` too.
#[cfg(target_os = "linux")]
#[test]
fn every_connection_asks_for_signs_of_life() {
    /// In the table of connections: no timer, and the one of keepalives. Others are of what is on
    /// its way just now.
    const NONE: &str = "00";
    const KEEPALIVE: &str = "02";
    let mut pair = Pair::new(12);
    let proxy = Proxy::before(&pair.test.url);
    pair.workspace
        .set("TEST_DATABASE_URL", &proxy.url(&pair.test.url));
    let (run, mut gate) = pair.start_and_stop();
    let (mut asked, mut others) = (0, Vec::new());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let server = format!(":{:04X}", proxy.port());
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // Connected, and not one of the proxy's own ends.
        if fields[2].ends_with(&server) && fields[3] == "01" {
            match fields[5].split(':').next() {
                Some(KEEPALIVE) => asked += 1,
                Some(NONE) => others.push(line.to_owned()),
                _ => {}
            }
        }
    }
    assert!(asked > 0 && others.is_empty(), "{table}");
    gate.texts(OPEN_GATE);
    assert_eq!(run.finish().code, 0);
}
