//! Plans, reports and the status board as Markdown, for a comment or the summary of a job.

mod escape;
mod page;
mod plan;
mod report;
mod status;
mod summary;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::model::schema::catalog::Drift;
use crate::problem::Problem;
use escape::{block, cell, code, prose};
use page::{Page, Table};

pub(super) use page::COMMENT;
pub(super) use plan::plan;
pub(super) use report::report;
pub(super) use status::status;

/// A command that did not get as far as a plan.
pub(super) fn problem(problem: &Problem, limit: usize) -> String {
    let mut page = Page::new(limit);
    let what = match problem.exit_code() {
        4 => "refused",
        5 => "cancelled",
        _ => "failed",
    };
    page.block(&format!("## {what}"));
    add_problem(&mut page, "error", problem);
    page.finish("")
}

/// A problem with its way out, and every single thing that it sums up.
fn add_problem(page: &mut Page, word: &str, problem: &Problem) {
    let mut text = format!(
        "**{word}** ({}): {}",
        code(&problem.code.name()),
        prose(&problem.message)
    );
    if let Some(hint) = &problem.hint {
        let _ = write!(text, "\\\n*hint:* {}", prose(hint));
    }
    page.block(&text);
    if !problem.details.is_empty() {
        let shown: Vec<String> = problem.details.iter().take(50).cloned().collect();
        let more = problem.details.len() - shown.len();
        page.block(&block(&shown));
        if more > 0 {
            page.block(&format!("and {more} more"));
        }
    }
}

fn add_problems(page: &mut Page, word: &str, problems: &[Problem]) {
    for problem in problems {
        add_problem(page, word, problem);
    }
}

fn add_drift(page: &mut Page, drift: &[Drift]) {
    page.table(&Table {
        header: &["Drift", "Difference"],
        rows: drift
            .iter()
            .map(|drift| {
                let ignored = if drift.ignored { " (ignored)" } else { "" };
                vec![
                    cell(&code(&drift.object.to_string())),
                    format!("{}{ignored}", cell(&prose(&drift.brief))),
                ]
            })
            .collect(),
        folded: None,
    });
}
