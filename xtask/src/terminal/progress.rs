//! Numbered steps, and a moving line under each where somebody watches.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::plain::line;
use super::{Screen, say};
use crate::sync::event::Event;

impl Screen {
    /// Takes the events of a run and shows them.
    pub fn steps(&self) -> impl FnMut(Event) {
        let quiet = self.quiet;
        let mut steps = Steps::new(!quiet && std::io::stderr().is_terminal());
        move |event| {
            if !quiet {
                steps.take(event);
            }
        }
    }
}

/// Clears its line when it is dropped.
struct Steps {
    bar: Option<ProgressBar>,
    detail: String,
}

impl Steps {
    fn new(moving: bool) -> Self {
        let bar = moving.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("      {spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Steps {
            bar,
            detail: String::new(),
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Step {
                number,
                total,
                title,
            } => {
                let line = format!("[{number}/{total}] {}", line(title));
                self.detail.clear();
                match &self.bar {
                    Some(bar) => {
                        bar.set_message("");
                        bar.suspend(|| say(&line));
                    }
                    None => say(&line),
                }
            }
            Event::Detail(detail) => {
                let detail = line(detail);
                if let Some(bar) = &self.bar {
                    bar.set_message(detail.clone());
                }
                self.detail = detail;
            }
            Event::Note(note) => {
                let line = format!("      {}", line(note));
                match &self.bar {
                    Some(bar) => bar.suspend(|| say(&line)),
                    None => say(&line),
                }
            }
            Event::Rows(rows) => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("{} ({rows} rows)", self.detail));
                }
            }
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
