//! A run of the binary that a test watches, and ends when it wants to.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, Stdio};

use super::workspace::Run;

/// Killed when it is dropped.
pub(crate) struct Started {
    child: Child,
    stderr: BufReader<ChildStderr>,
    seen: String,
}

impl Started {
    pub(crate) fn new(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Started {
            child,
            stderr,
            seen: String::new(),
        }
    }

    /// Waits for the line that names a step, such as `[3/7]`.
    #[track_caller]
    pub(crate) fn expect(&mut self, step: &str) {
        loop {
            let at = self.seen.len();
            if self.stderr.read_line(&mut self.seen).unwrap() == 0 {
                panic!("it ended before {step}:\n{}", self.seen);
            }
            if self.seen[at..].starts_with(step) {
                return;
            }
        }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it with SIGKILL, as a machine that loses its power would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Run {
        let mut stdout = String::new();
        // Results come last and are short, so that neither pipe fills up behind the other.
        self.stderr.read_to_string(&mut self.seen).unwrap();
        let mut results = self.child.stdout.take().unwrap();
        results.read_to_string(&mut stdout).unwrap();
        Run {
            code: self.child.wait().unwrap().code().unwrap_or(-1),
            stdout,
            stderr: std::mem::take(&mut self.seen),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is the usual case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
