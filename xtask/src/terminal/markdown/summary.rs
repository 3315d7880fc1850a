//! The file that GitHub shows as the summary of a job's step.

use std::io::Write as _;
use std::path::Path;

use super::page::SUMMARY;
use super::{plan, problem, report};
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
    let taken = std::fs::metadata(path).map_or(0, |file| file.len());
    let room = SUMMARY.saturating_sub(usize::try_from(taken).unwrap_or(usize::MAX));
    let written = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| writeln!(file, "{}", page(room)));
    if let Err(error) = written {
        say(&format!(
            "warning: failed to write the summary {}: {error}",
            path.display()
        ));
    }
}
