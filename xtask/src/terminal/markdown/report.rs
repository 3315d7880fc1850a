//! The report of a promotion as Markdown.

use super::escape::{block, cell, code, prose};
use super::page::{Page, Table};
use super::{add_problem, add_problems};
use crate::model::migrations::effects::RowEffect;
use crate::sync::promoting::report::{LookupReport, Outcome, Report};

pub(in crate::terminal) fn report(report: &Report, limit: usize) -> String {
    let mut page = Page::new(limit);
    page.block(&format!(
        "## {}: {}",
        prose(&report.title),
        outcome(report.outcome)
    ));
    let plan = code(&report.plan_id);
    page.block(&match report.outcome {
        Outcome::Applied => format!(
            "Run {} carried out plan {plan} in {} ms. Verified before the commit; protected rows \
             changed: {}.",
            code(&report.run_id),
            report.duration_ms,
            report.protected_rows_changed
        ),
        Outcome::NothingToDo => format!("Plan {plan} has nothing to do."),
        _ if report.target_changed => {
            format!("Plan {plan} was carried out in part: what is below stays.")
        }
        Outcome::Refused | Outcome::Failed | Outcome::Cancelled => {
            format!("Plan {plan} was not carried out.")
        }
    });
    if let Some(error) = &report.error {
        add_problem(&mut page, "error", error);
    }
    add_problems(&mut page, "warning", &report.warnings);
    page.table(&Table {
        header: &["Migration", "ms", "Protected rows"],
        rows: report
            .migrations
            .iter()
            .map(|migration| {
                vec![
                    cell(&code(&migration.name)),
                    migration.duration_ms.to_string(),
                    cell(&effects(&migration.effects)),
                ]
            })
            .collect(),
        folded: None,
    });
    page.table(&Table {
        header: &[
            "Lookup table",
            "Inserted",
            "Updated",
            "Deleted",
            "Retired",
            "Kept",
            "Unchanged",
        ],
        rows: report.lookups.iter().map(lookup).collect(),
        folded: None,
    });
    if let Some(backup) = &report.backup {
        page.block(&format!(
            "Backup: {}, SHA-256 {}. The way back:",
            code(&backup.path.display().to_string()),
            code(&backup.sha256)
        ));
        page.block(&block(std::slice::from_ref(&backup.way_back)));
    }
    page.finish("`--format json` prints all of it.")
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::NothingToDo => "nothing to do",
        Outcome::Refused => "refused",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
    }
}

fn effects(effects: &[RowEffect]) -> String {
    let words: Vec<String> = effects
        .iter()
        .map(|effect| prose(&effect.words()))
        .collect();
    words.join("; ")
}

fn lookup(lookup: &LookupReport) -> Vec<String> {
    let counts = [
        lookup.inserted,
        lookup.updated,
        lookup.deleted,
        lookup.retired,
        lookup.kept,
        lookup.unchanged,
    ];
    std::iter::once(cell(&code(&lookup.table.to_string())))
        .chain(counts.iter().map(u64::to_string))
        .collect()
}
