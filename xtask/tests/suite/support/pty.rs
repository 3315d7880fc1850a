//! Runs a program on a pseudo-terminal, so that tests can answer its prompts as a person would.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::Pty;

/// Long enough for a loaded machine; a test that passes never waits for it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How often to look whether the program has ended, beside waiting for its output.
const INTERVAL: Duration = Duration::from_millis(50);

/// A program on a terminal of its own, killed when this value is dropped.
pub(crate) struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    chunks: Receiver<Vec<u8>>,
    raw: Vec<u8>,
    /// How much of the output, as a reader sees it, [`Terminal::expect`] has passed.
    passed: usize,
}

impl Terminal {
    /// Starts the program on a terminal so wide that no line of output is broken.
    pub(crate) fn spawn(mut command: Command) -> Self {
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let (pty, pts) = pty_process::blocking::open().expect("could not open a pseudo-terminal");
        pty.resize(Size::new(50, 250))
            .expect("could not size the pseudo-terminal");
        let program = format!("{command:?}");
        let child = pty_process::blocking::Command::from(interruptible(command))
            .spawn(pts)
            .unwrap_or_else(|error| panic!("could not run {program}: {error}"));
        let pty = Arc::new(pty);
        let (sender, chunks) = mpsc::channel();
        let reader = Arc::clone(&pty);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Linux reports the end of a terminal's output as an error, others as an empty read.
            while let Ok(length @ 1..) = (&*reader).read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            pty,
            child,
            chunks,
            raw: Vec::new(),
            passed: 0,
        }
    }

    /// Waits until the program has printed `text` after what was expected before.
    ///
    /// Returns what it printed up to and including `text`. Panics with the whole output when the
    /// program ends or nothing comes any more.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let seen = self.seen();
            let rest = seen.get(self.passed..).unwrap_or_default();
            if let Some(position) = rest.find(text) {
                let end = position + text.len();
                self.passed += end;
                return rest[..end].to_owned();
            }
            let problem = match self.chunks.recv_timeout(INTERVAL) {
                Ok(chunk) => {
                    self.raw.extend(chunk);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => "the program ended".to_owned(),
                Err(RecvTimeoutError::Timeout) if start.elapsed() < TIMEOUT => continue,
                Err(RecvTimeoutError::Timeout) => format!("{TIMEOUT:?} went by"),
            };
            panic!("{problem} before it printed {text:?}; its whole output:\n{seen}");
        }
    }

    /// Types `text` and presses Enter.
    #[track_caller]
    pub(crate) fn send_line(&mut self, text: &str) {
        // Enter sends a carriage return. The terminal makes it a line feed if the program lets it.
        self.send(format!("{text}\r").as_bytes());
    }

    /// Presses Control-C, at which the terminal sends SIGINT unless the program reads keys itself.
    #[track_caller]
    pub(crate) fn send_control_c(&mut self) {
        self.send(b"\x03");
    }

    /// Waits for the program's end, and returns its exit code (128 and the number of the signal
    /// that ended it, as shells do) and everything it printed, with what was typed in between.
    #[track_caller]
    pub(crate) fn finish(mut self) -> (i32, String) {
        let start = Instant::now();
        let mut ended: Option<(ExitStatus, Instant)> = None;
        let mut open = true;
        loop {
            if open {
                match self.chunks.recv_timeout(INTERVAL) {
                    Ok(chunk) => self.raw.extend(chunk),
                    Err(RecvTimeoutError::Disconnected) => open = false,
                    Err(RecvTimeoutError::Timeout) => {}
                }
            } else {
                std::thread::sleep(INTERVAL);
            }
            if ended.is_none() {
                let status = self.child.try_wait().expect("could not wait");
                ended = status.map(|status| (status, Instant::now()));
            }
            match ended {
                // A program that it left in the background may keep the terminal open for good.
                Some((status, at)) if !open || at.elapsed() > Duration::from_secs(2) => {
                    return (exit_code(status), self.seen());
                }
                None if start.elapsed() > TIMEOUT => {
                    let seen = self.seen();
                    panic!("the program did not end in {TIMEOUT:?}; its whole output:\n{seen}");
                }
                _ => {}
            }
        }
    }

    #[track_caller]
    fn send(&mut self, keys: &[u8]) {
        if let Err(error) = (&*self.pty).write_all(keys) {
            let seen = self.seen();
            panic!("could not type {keys:?}: {error}; the program's whole output:\n{seen}");
        }
    }

    /// The output so far without colors and cursor movements, and with plain line ends.
    fn seen(&self) -> String {
        let text = String::from_utf8_lossy(&self.raw);
        let mut text = console::strip_ansi_codes(&text).into_owned();
        while text.contains("\r\n") {
            text = text.replace("\r\n", "\n");
        }
        text
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail when the program has ended already, which is the usual case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    let signal = || 128 + status.signal().unwrap_or_default();
    status.code().unwrap_or_else(signal)
}

/// A program started in the background by a script ignores Ctrl-C, and so would all that it starts;
/// on Linux `env` can make it listen again.
fn interruptible(command: Command) -> Command {
    if !cfg!(target_os = "linux") {
        return command;
    }
    let mut listening = Command::new("/usr/bin/env");
    listening
        .arg("--default-signal=INT")
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        listening.current_dir(folder);
    }
    listening.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            listening.env(name, value);
        }
    }
    listening
}

mod self_test {
    use super::*;

    fn shell(script: &str) -> Terminal {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Terminal::spawn(command)
    }

    #[test]
    fn answers_prompts_in_turn() {
        let mut terminal = shell(
            "test -t 0 && test -t 1 && test -t 2 || exit 9; stty size; \
             printf 'Name? '; read -r name; printf 'Name? '; read -r again; \
             printf '\\033[1;32mHello\\033[0m %s and %s\\n' \"$name\" \"$again\"; exit 3",
        );
        assert_eq!(terminal.expect("Name? "), "50 250\nName? ");
        terminal.send_line("Zoë");
        // The same words again: what was expected once is passed.
        terminal.expect("Name? ");
        terminal.send_line("Max");
        terminal.expect("Hello Zoë");
        let (code, output) = terminal.finish();
        assert_eq!(code, 3);
        assert_eq!(output, "50 250\nName? Zoë\nName? Max\nHello Zoë and Max\n");
    }

    #[test]
    fn control_c_interrupts() {
        let mut terminal = shell("echo ready; exec sleep 600");
        terminal.expect("ready");
        terminal.send_control_c();
        let (code, output) = terminal.finish();
        assert_eq!(code, 130);
        assert_eq!(output, "ready\n^C");
    }

    #[test]
    fn returns_much_output_whole() {
        let (code, output) = shell("seq 1 20000").finish();
        assert_eq!(code, 0);
        assert_eq!(output.lines().count(), 20000);
        assert!(output.ends_with("\n20000\n"));
    }

    #[test]
    #[should_panic(expected = "the program ended before it printed \"no such words\"")]
    fn says_what_did_not_come() {
        shell("echo other words").expect("no such words");
    }

    #[test]
    fn does_not_wait_for_programs_left_behind() {
        let (code, output) = shell("(trap '' HUP; exec sleep 5) & echo done").finish();
        assert_eq!((code, output.as_str()), (0, "done\n"));
    }
}
