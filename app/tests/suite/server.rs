//! Clients that are slow or never finish, on a network.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use app::database::open_pool;
use app::server::{Limits, serve};

use crate::support::{Backend, Database};

/// Nothing that a test waits for takes so long.
const LONG: Duration = Duration::from_secs(30);

const SHORT: Duration = Duration::from_millis(200);

struct Running {
    address: SocketAddr,
    stop: tokio::sync::oneshot::Sender<()>,
    served: tokio::task::JoinHandle<bool>,
    runtime: tokio::runtime::Runtime,
    _database: Database,
}

impl Running {
    fn start(limits: Limits) -> Self {
        let database = Database::migrated(Backend::Sqlite);
        let router = app::http::router(open_pool(&database.address).unwrap());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let served = runtime.spawn(serve(listener, router, limits, async {
            stopped.await.ok();
        }));
        Self {
            address,
            stop,
            served,
            runtime,
            _database: database,
        }
    }

    fn connect(&self, sent: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        stream
    }

    /// Asks it to stop, and returns whether everything was answered.
    fn stop(self) -> bool {
        self.stop.send(()).unwrap();
        self.runtime.block_on(self.served).unwrap()
    }
}

/// What comes until the other side is done.
fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    // A reset says the same as an end.
    let _ = stream.read_to_string(&mut text);
    text
}

const HALF_HEAD: &str = "GET /health HTTP/1.1\r\nHost: ";
const HALF_BODY: &str = "POST /merchants HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
const WHOLE: &str = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn a_request_that_does_not_arrive_is_given_up() {
    let server = Running::start(Limits {
        read: SHORT,
        stop: LONG,
    });
    let begun = Instant::now();
    let mut dripping = server.connect("GET /");
    rest(server.connect(HALF_HEAD));
    let answer = rest(server.connect(HALF_BODY));
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("request_timeout"), "{answer}");
    // A byte now and then does not help.
    while dripping.write_all(b"a").is_ok() && begun.elapsed() < LONG {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(begun.elapsed() < LONG);
    let answer = rest(server.connect(WHOLE));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(server.stop());
}

#[test]
fn stopping_does_not_wait_for_half_a_request() {
    for half in [HALF_HEAD, HALF_BODY] {
        let server = Running::start(Limits {
            read: LONG,
            stop: SHORT,
        });
        let begun = Instant::now();
        let _unfinished = server.connect(half);
        // Accepted after the unfinished one, so that both are known to the server.
        rest(server.connect(WHOLE));
        assert!(!server.stop() || half == HALF_HEAD);
        assert!(begun.elapsed() < LONG);
    }
}

#[test]
fn stopping_answers_what_is_under_way() {
    let server = Running::start(Limits::default());
    let mut stream = server.connect(HALF_BODY);
    rest(server.connect(WHOLE));
    let address = server.address;
    let rest_of_it = std::thread::spawn(move || {
        while TcpStream::connect(address).is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
        stream.write_all(&[b' '; 99]).unwrap();
        rest(stream)
    });
    assert!(server.stop());
    let answer = rest_of_it.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}
