//! The file that GitHub shows as the summary of a job's step.

use std::io::Write as _;
use std::path::Path;

use super::page::SUMMARY;
use super::{plan, problem, report};
use crate::files::ordinary;
use crate::problem::Problem;
use crate::sync::planning::plan::Plan;
use crate::sync::promoting::report::Report;
use crate::terminal::{Screen, say};

impl Screen {
    /// Adds a plan to the summary, where there is one.
    pub fn summarize_plan(&self, summary: Option<&Path>, about: &Plan) {
        append(summary, |limit| plan(about, limit));
    }

    pub fn summarize_report(&self, summary: Option<&Path>, about: &Report) {
        append(summary, |limit| report(about, limit));
    }

    /// Adds what kept a command from getting as far as a plan.
    pub fn summarize_problem(&self, summary: Option<&Path>, about: &Problem) {
        append(summary, |limit| problem(about, limit));
    }
}

/// What cannot be written is told, and changes nothing else: the work is done or refused already.
fn append(summary: Option<&Path>, page: impl FnOnce(usize) -> String) {
    let Some(path) = summary else { return };
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    ordinary::without_waiting(&mut options);
    let written = options.open(path).and_then(|mut file| {
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(std::io::Error::other("it is no ordinary file"));
        }
        let room = SUMMARY.saturating_sub(usize::try_from(found.len()).unwrap_or(usize::MAX));
        writeln!(file, "{}", page(room))
    });
    if let Err(error) = written {
        say(&format!(
            "warning: failed to write the summary {}: {error}",
            path.display()
        ));
    }
}
