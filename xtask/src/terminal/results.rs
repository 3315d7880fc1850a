//! What was done, and how to go back.

use std::fmt::Write as _;
use std::path::Path;

use console::style;
use serde::Serialize;

use super::plain::line;
use super::plan::problem_lines;
use super::{Screen, keeps_edits, markdown};
use crate::model::ledger::Run;
use crate::model::words::{counted, counts};
use crate::problem::Code;
use crate::settings::environment::Environment;
use crate::sync::exports::export::Manifest;
use crate::sync::history::moment::to_the_second;
use crate::sync::migrate::MigrateReport;
use crate::sync::promoting::report::{Outcome, Report};

/// What the ledger of one environment holds.
#[derive(Debug, Serialize)]
pub struct History {
    pub environment: String,
    pub runs: Vec<Run>,
}

/// What is known of the tests before Production is asked about.
pub struct Tested {
    pub run: Option<Run>,
    pub label: String,
}

impl Screen {
    pub fn report(&self, report: &Report) {
        let mut text = String::new();
        match report.outcome {
            Outcome::Applied => {
                let _ = writeln!(
                    text,
                    "{} {}: {}",
                    style("done:").green().bold(),
                    report.title,
                    line(report.summary())
                );
                for lookup in &report.lookups {
                    let counts = counts(&[
                        (lookup.inserted, "inserted"),
                        (lookup.updated, "updated"),
                        (lookup.deleted, "deleted"),
                        (lookup.retired, "retired"),
                        (lookup.unchanged, "unchanged"),
                    ]);
                    let counts = match counts.is_empty() {
                        true => "no rows",
                        false => &counts,
                    };
                    let _ = writeln!(text, "  {}: {counts}", line(&lookup.table));
                }
                for (migration, effect) in report.effects() {
                    let _ = writeln!(
                        text,
                        "  protected: {} {}",
                        line(migration),
                        line(effect.words())
                    );
                }
                let _ = writeln!(
                    text,
                    "  verified before the commit; protected rows changed: {}",
                    report.protected_rows_changed
                );
                text.push_str(&problem_lines("warning", &report.warnings));
                if let Some(backup) = &report.backup {
                    let _ = writeln!(text, "  backup: {}", backup.path.display());
                    let _ = writeln!(text, "  way back: {}", backup.way_back);
                }
            }
            Outcome::NothingToDo => {
                let differs = report
                    .warnings
                    .iter()
                    .any(|warning| warning.code == Code::Drift);
                let what = if differs {
                    "nothing to promote, but the schemas differ"
                } else if keeps_edits(&report.warnings) {
                    "nothing to do, what differs was edited on the target and is kept"
                } else {
                    "nothing to do, everything is in sync"
                };
                let _ = writeln!(text, "{}: {what}", report.title);
                text.push_str(&problem_lines("warning", &report.warnings));
            }
            // The problem itself is told on standard error.
            Outcome::Refused | Outcome::Failed | Outcome::Cancelled => {
                if let Some(backup) = &report.backup {
                    let _ = writeln!(
                        text,
                        "{} failed after it made a backup: {}",
                        report.title,
                        backup.path.display()
                    );
                }
            }
        }
        self.result_or_page(report, &text, |limit| markdown::report(report, limit));
    }

    pub fn migrated(&self, report: &MigrateReport) {
        let mut text = String::new();
        for migration in &report.migrations {
            let _ = writeln!(text, "  applied {}", line(&migration.name));
        }
        let _ = writeln!(
            text,
            "{}: {}",
            report.environment,
            counted(report.migrations.len() as u64, "migration")
        );
        text.push_str(&problem_lines("warning", &report.warnings));
        self.result(report, &text);
    }

    pub fn recorded(&self, report: &MigrateReport) {
        let mut text = String::new();
        for migration in &report.recorded {
            let _ = writeln!(text, "  recorded {}", line(&migration.name));
        }
        let replaced = match report.replaced.len() as u64 {
            0 => String::new(),
            count => format!(", {} replaced", counted(count, "older version")),
        };
        let _ = writeln!(
            text,
            "{}: {} recorded{replaced}",
            report.environment,
            counted(report.recorded.len() as u64, "migration")
        );
        self.result(report, &text);
    }

    pub fn exported(&self, manifest: &Manifest, folder: &Path) {
        let mut text = String::new();
        for table in &manifest.tables {
            let _ = writeln!(
                text,
                "  {}: {}",
                folder.join(&table.file).display(),
                counted(table.state.rows, "row")
            );
        }
        self.result(manifest, &text);
    }

    pub fn history(&self, histories: &[History]) {
        #[derive(Serialize)]
        struct Document<'history> {
            version: u32,
            environments: &'history [History],
        }
        let mut text = String::new();
        for history in histories {
            let _ = writeln!(text, "{}", style(&history.environment).bold());
            for run in &history.runs {
                let commit = run.commit.as_deref().map_or(String::new(), |commit| {
                    format!(" at {}", line(commit.get(..10).unwrap_or(commit)))
                });
                let _ = writeln!(
                    text,
                    "  {}  {} {} by {}{commit} ({})\n      {}",
                    line(to_the_second(&run.finished_at)),
                    run.kind.name(),
                    line(&run.subject),
                    line(&run.operator),
                    line(&run.id),
                    line(&run.summary)
                );
            }
            if history.runs.is_empty() {
                text.push_str("  nothing yet\n");
            }
        }
        self.result(
            &Document {
                version: 1,
                environments: histories,
            },
            &text,
        );
    }

    /// The safety checklist: what the program knows, and what only people know.
    pub fn checklist(&self, environment: &Environment, tested: &Tested, backup_dir: &Path) {
        if environment.checklist.is_empty() {
            return;
        }
        let mut text = format!("\nsafety checklist for {}\n", environment.label);
        let _ = match &tested.run {
            Some(run) => writeln!(
                text,
                "  [x] tested: {} received this as run {} at {}",
                tested.label,
                line(&run.id),
                line(to_the_second(&run.finished_at))
            ),
            None => writeln!(
                text,
                "  [ ] tested: the last change of {} was no promotion by this tool",
                tested.label
            ),
        };
        let _ = writeln!(
            text,
            "  [x] backup: one is made in {} and proved before anything changes",
            backup_dir.display()
        );
        text.push_str(
            "  [x] way back: the report ends with the command that puts the backup back\n",
        );
        for item in &environment.checklist {
            let _ = writeln!(text, "  [ ] {item}");
        }
        self.aside(&format!("{text}\n"));
    }
}
