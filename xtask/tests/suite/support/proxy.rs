//! A network between the program and a server, which fails when a test wants it to.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server never gets it, and the connection is cut.
    StatementLost,
    /// The server has carried it out when the connection is cut.
    AnswerLost,
    /// The connection is cut first, and the server gets it a moment later.
    StatementLate,
    /// Nothing is passed on any more, of any connection, and none is cut.
    Silence,
}

/// Between [`Fault::StatementLate`]'s two moments.
const DELAY: Duration = Duration::from_millis(500);

/// Ends with the test's process; its threads wait for nobody else.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The statement that the fault waits for, and how many of that kind pass before.
    armed: Option<(Vec<u8>, usize, Fault)>,
    /// The fault waits for a session that has sent these words.
    session: Option<&'static str>,
    /// New connections are cut once the fault has happened.
    stays_down: bool,
    is_down: bool,
    is_silent: bool,
}

impl Proxy {
    /// Before the server of this URL.
    pub(crate) fn before(url: &str) -> Self {
        let (_, server, _) = parts(url);
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if !shared.lock().unwrap().is_down {
                    let server = TcpStream::connect(&server).unwrap();
                    connect(client, server, &shared);
                }
            }
        });
        Proxy { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The URL through this network, without encryption, so that statements can be read.
    pub(crate) fn url(&self, url: &str) -> String {
        let (before, _, after) = parts(url);
        let separator = if after.contains('?') { '&' } else { '?' };
        format!(
            "{before}127.0.0.1:{}{after}{separator}sslmode=disable&gssencmode=disable",
            self.port
        )
    }

    /// From now on the next statement with these words, after so many others with them, fails.
    pub(crate) fn fail(&self, words: &str, after: usize, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        state.armed = Some((words.as_bytes().to_vec(), after, fault));
    }

    /// Faults happen to sessions alone that have sent these words.
    pub(crate) fn only_after(&self, words: &'static str) {
        self.state.lock().unwrap().session = Some(words);
    }

    /// As [`Proxy::fail`], and nobody can connect any more afterwards.
    pub(crate) fn fail_for_good(&self, words: &str, after: usize, fault: Fault) {
        self.state.lock().unwrap().stays_down = true;
        self.fail(words, after, fault);
    }

    /// Whether the fault has happened.
    pub(crate) fn has_failed(&self) -> bool {
        self.state.lock().unwrap().armed.is_none()
    }
}

/// What is before the server's address in a URL, the address, and what is behind it.
pub(crate) fn parts(url: &str) -> (&str, &str, &str) {
    let start = url.find("://").unwrap() + 3;
    let start = url.rfind('@').map_or(start, |at| at + 1);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    (&url[..start], &url[start..end], &url[end..])
}

impl State {
    /// What is to happen to what a client sends.
    ///
    /// `is_meant` is kept for the session: whether it is one that faults happen to.
    fn fault(&mut self, sent: &[u8], is_meant: &mut bool) -> Option<Fault> {
        if self.is_silent {
            return Some(Fault::Silence);
        }
        let has = |words: &[u8]| sent.windows(words.len()).any(|window| window == words);
        *is_meant |= self.session.is_none_or(|words| has(words.as_bytes()));
        let (words, after, fault) = self.armed.as_mut()?;
        if !*is_meant || !has(words) {
            return None;
        }
        if *after > 0 {
            *after -= 1;
            return None;
        }
        let fault = *fault;
        self.armed = None;
        self.is_down = self.stays_down;
        self.is_silent = fault == Fault::Silence;
        Some(fault)
    }
}

fn connect(client: TcpStream, server: TcpStream, state: &Arc<Mutex<State>>) {
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    let shared = Arc::clone(state);
    let swallows = Arc::new(Mutex::new(false));
    let swallowing = Arc::clone(&swallows);
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        let mut is_meant = false;
        while let Ok(length @ 1..) = from_client.read(&mut buffer) {
            let sent = &buffer[..length];
            let fault = shared.lock().unwrap().fault(sent, &mut is_meant);
            match fault {
                Some(Fault::Silence) => continue,
                Some(Fault::StatementLost) => break,
                Some(Fault::StatementLate) => {
                    let _ = from_client.shutdown(Shutdown::Both);
                    thread::sleep(DELAY);
                }
                Some(Fault::AnswerLost) => *swallowing.lock().unwrap() = true,
                None => {}
            }
            if to_server.write_all(sent).is_err() {
                break;
            }
        }
        if !shared.lock().unwrap().is_silent {
            let _ = from_client.shutdown(Shutdown::Both);
            let _ = to_server.shutdown(Shutdown::Write);
        }
    });
    let (mut from_server, mut to_client) = (server, client);
    let shared = Arc::clone(state);
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from_server.read(&mut buffer) {
            if *swallows.lock().unwrap() {
                break;
            }
            let is_silent = shared.lock().unwrap().is_silent;
            if !is_silent && to_client.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        if !shared.lock().unwrap().is_silent {
            let _ = to_client.shutdown(Shutdown::Both);
            let _ = from_server.shutdown(Shutdown::Both);
        }
    });
}
