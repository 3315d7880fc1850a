#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::env;
use std::io::Read as _;
use std::time::{Duration, Instant};

use super::*;

/// Tells the process started by a test to hold a server, and where to describe it.
const HOLD_VARIABLE: &str = "XTASK_TEST_HOLD_SERVER";

fn ask(url: &str, programs: &Path, query: &str) -> String {
    let mut psql = Command::new(programs.join("psql"));
    prepare(&mut psql, None);
    psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--command"]);
    psql.args([query, url]);
    let output = psql.output().unwrap();
    let problem = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{problem}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn is_listening(port: u16) -> bool {
    std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn serves_until_it_is_dropped() {
    let server = Server::start(None).unwrap();
    server.create_database("it's \"ours\" 100%").unwrap();
    assert!(server.create_database("postgres").is_err());
    let url = server.url("it's \"ours\" 100%");
    let query = "select current_database(), current_user, pg_encoding_to_char(encoding), \
                 datcollate, current_setting('fsync') from pg_database \
                 where datname = current_database()";
    let answer = ask(&url, server.programs(), query);
    assert_eq!(answer, "it's \"ours\" 100%|postgres|UTF8|C|off");

    let home = server.home.path().to_owned();
    let port = server.port;
    assert!(is_listening(port));
    drop(server);
    assert!(!is_listening(port));
    assert!(!home.exists());
}

#[test]
fn refuses_a_wrong_password() {
    let mut server = Server::start(None).unwrap();
    server.password = "wrong".to_owned();
    let error = server.create_database("any").unwrap_err();
    assert!(format!("{error:#}").contains("password authentication failed"));
}

#[test]
fn takes_another_port_when_somebody_was_faster() {
    let rival = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = rival.local_addr().unwrap().port();
    let mut server = Server::start(None).unwrap();
    let mut stop = server.program("pg_ctl").unwrap();
    stop.args(["stop", "-m", "fast", "-D"]);
    run(stop.arg(server.data_directory())).unwrap();

    let mut ports = vec![free_port().unwrap(), taken, taken];
    server.launch(&mut || Ok(ports.pop().unwrap())).unwrap();
    assert!(ports.is_empty());
    assert_ne!(server.port, taken);
    assert_eq!(
        ask(&server.url("postgres"), server.programs(), "select 1"),
        "1"
    );
}

#[test]
fn a_server_left_running_stops_with_its_command() {
    let place = TempDir::new().unwrap();
    let server = Server::start(Some(place.path())).unwrap();
    let port = server.port;
    let running = server.leave_running().unwrap();
    let text = serde_json::to_string(&running).unwrap();
    let running: Running = serde_json::from_str(&text).unwrap();
    assert_eq!(ask(&running.url, &running.programs, "select 1"), "1");

    running.stop().unwrap();
    assert!(!is_listening(port));
    assert!(!running.directory.exists());
    // Stopping what has stopped already is no error.
    running.stop().unwrap();
}

/// Not a test of its own: [`a_killed_process_leaves_nothing_behind`] runs it in a process.
#[test]
fn holds_a_server_when_asked_to() {
    if let Some(file) = env::var_os(HOLD_VARIABLE) {
        let server = Server::start(None).unwrap();
        let home = server.home.path().display();
        fs::write(&file, format!("{}\n{home}\n", server.port)).unwrap();
        // The other process closes our standard input only by ending.
        let _ = std::io::stdin().read(&mut [0]);
    }
}

#[test]
fn a_killed_process_leaves_nothing_behind() {
    let place = TempDir::new().unwrap();
    let file = place.path().join("description");
    let mut holder = Command::new(env::current_exe().unwrap());
    holder.args(["--exact", "server::tests::holds_a_server_when_asked_to"]);
    holder.env(HOLD_VARIABLE, &file).stdin(Stdio::piped());
    let mut holder = holder.stdout(Stdio::null()).spawn().unwrap();
    let description = || fs::read_to_string(&file).unwrap_or_default();
    wait_until("the other process has its server", || {
        description().ends_with('\n')
    });
    let description = description();
    let (port, home) = description.trim().split_once('\n').unwrap();
    let port = port.parse().unwrap();
    assert!(is_listening(port));

    // This is SIGKILL, at which no process can clean up after itself.
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_until("its server has stopped", || !is_listening(port));
    wait_until("its directory is gone", || !Path::new(home).exists());
}
