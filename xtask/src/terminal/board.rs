//! The status board.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use console::style;

use super::plain::line;
use super::plan::{drift_lines, problem_lines};
use super::{Screen, keeps_edits, markdown};
use crate::model::words::{counted, counts};
use crate::sync::planning::plan::LookupComparison;
use crate::sync::status::{ChecksumStatus, EnvironmentStatus, PromotionStatus, State, Status};

impl Screen {
    pub fn status(&self, status: &Status) {
        let mut text = format!("{}\n", board(status));
        for promotion in &status.promotions {
            text.push_str(&promotion_text(promotion, self.verbose));
        }
        self.result_or_page(status, &text, |limit| markdown::status(status, limit));
    }
}

fn board(status: &Status) -> String {
    let mut table = Table::new();
    let line = LineStyle::none().fill('─').junction('─');
    let style = TableStyle::new().header_separator(line).bottom_border(line);
    table
        .load_style(style)
        .set_content_arrangement(ContentArrangement::Disabled);
    let labels = status
        .environments
        .iter()
        .map(|environment| &environment.label);
    table.set_header(std::iter::once(&String::new()).chain(labels));
    for row in rows(status) {
        table.add_row(row);
    }
    table.to_string()
}

/// What is known of every environment, row by row, each with its title.
pub(super) fn rows(status: &Status) -> Vec<Vec<String>> {
    let row = |title: &str, cell: &dyn Fn(&EnvironmentStatus) -> String| -> Vec<String> {
        std::iter::once(title.to_owned())
            .chain(status.environments.iter().map(cell))
            .collect()
    };
    let mut rows = vec![row("database", &database)];
    rows.push(row("stamp", &|environment| {
        on_ready(environment, || match &environment.stamp {
            Some(stamp) => line(&stamp.environment),
            None => "none yet".to_owned(),
        })
    }));
    rows.push(row("migrations", &|environment| {
        on_ready(environment, || migrations(environment))
    }));
    let mut tables: Vec<_> = status
        .environments
        .iter()
        .flat_map(|environment| environment.lookups.iter().map(|lookup| &lookup.table))
        .collect();
    tables.sort();
    tables.dedup();
    for lookup in tables {
        rows.push(row(&line(lookup), &|environment| {
            on_ready(environment, || {
                match environment
                    .lookups
                    .iter()
                    .find(|found| found.table == *lookup)
                {
                    // Equal marks are equal contents.
                    Some(found) => {
                        format!(
                            "{} #{}",
                            counted(found.state.rows, "row"),
                            &found.state.digest[..4]
                        )
                    }
                    None => "missing".to_owned(),
                }
            })
        }));
    }
    rows.push(row("last change", &|environment| {
        on_ready(environment, || match &environment.last_run {
            Some(run) => format!(
                "{} by {}\n{}",
                line(&run.subject),
                line(&run.operator),
                line(short_time(&run.finished_at))
            ),
            None => "none yet".to_owned(),
        })
    }));
    rows.push(row(
        "last backup",
        &|environment| match &environment.last_backup {
            Some(path) => {
                let name = std::path::Path::new(path)
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned());
                name.and_then(|name| {
                    name.strip_prefix(&format!("{}-", environment.name))
                        .map(backup_time)
                })
                .unwrap_or_default()
            }
            None => "none".to_owned(),
        },
    ));
    rows
}

fn on_ready(environment: &EnvironmentStatus, text: impl Fn() -> String) -> String {
    if environment.state == State::Ready {
        text()
    } else {
        "–".to_owned()
    }
}

fn database(environment: &EnvironmentStatus) -> String {
    match (
        environment.state,
        environment.backend,
        &environment.server_version,
    ) {
        (State::Ready, Some(backend), Some(version)) => {
            format!(
                "{backend} {}",
                version.split_whitespace().next().unwrap_or_default()
            )
        }
        (State::Unset, ..) => "not set".to_owned(),
        _ => "unreachable".to_owned(),
    }
}

fn migrations(environment: &EnvironmentStatus) -> String {
    let migrations = &environment.migrations;
    let mut text = format!("{} applied", migrations.applied.len());
    let edited = migrations
        .applied
        .iter()
        .filter(|migration| migration.checksum == ChecksumStatus::Edited)
        .count();
    // What this checkout does not have is said to be unknown already.
    let unrecorded = migrations
        .applied
        .iter()
        .filter(|migration| {
            migration.checksum == ChecksumStatus::Unrecorded && migration.name.is_some()
        })
        .count();
    for (count, what) in [
        (migrations.pending.len(), "pending"),
        (migrations.unknown.len(), "unknown"),
        (edited, "edited since"),
        (unrecorded, "unrecorded"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text
}

/// `2026-01-02T03:04:05Z` as `2026-01-02 03:04`.
fn short_time(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

/// `20260102T030405Z-…` as `2026-01-02 03:04`.
fn backup_time(name: &str) -> String {
    match (
        name.get(..4),
        name.get(4..6),
        name.get(6..8),
        name.get(9..11),
        name.get(11..13),
    ) {
        (Some(year), Some(month), Some(day), Some(hour), Some(minute)) => {
            format!("{year}-{month}-{day} {hour}:{minute}")
        }
        _ => name.to_owned(),
    }
}

pub(super) fn state(promotion: &PromotionStatus) -> &'static str {
    if promotion.in_sync && keeps_edits(&promotion.warnings) {
        "in sync, but for edits that are kept"
    } else if promotion.in_sync {
        "in sync"
    } else if promotion.blockers.is_empty() {
        "out of sync"
    } else {
        "blocked"
    }
}

fn promotion_text(promotion: &PromotionStatus, verbose: bool) -> String {
    let state = match state(promotion) {
        word if promotion.in_sync => style(word).green(),
        word @ "out of sync" => style(word).yellow(),
        word => style(word).red(),
    };
    let mut text = format!("\n{}: {state}\n", style(&promotion.name).bold());
    for migration in &promotion.migrations {
        let _ = writeln!(text, "  migration {}", line(migration));
    }
    let mut missing = Vec::new();
    for lookup in &promotion.lookups {
        match lookup.state {
            LookupComparison::Same if verbose => {
                let _ = writeln!(text, "  {}: the same", line(&lookup.table));
            }
            LookupComparison::Same => {}
            LookupComparison::Missing => missing.push(line(&lookup.table).to_string()),
            LookupComparison::Different => {
                let counts = counts(&[
                    (lookup.insert, "to insert"),
                    (lookup.update, "to update"),
                    (lookup.delete, "to delete"),
                    (lookup.retire, "to retire"),
                ]);
                let counts = match counts.is_empty() {
                    true => "no row to change",
                    false => &counts,
                };
                let _ = writeln!(text, "  {}: {counts}", line(&lookup.table));
            }
        }
    }
    if !missing.is_empty() {
        let _ = writeln!(
            text,
            "  not in both environments yet: {}",
            missing.join(", ")
        );
    }
    text.push_str(&drift_lines(&promotion.drift, verbose));
    text.push_str(&problem_lines("blocker", &promotion.blockers));
    text.push_str(&problem_lines("warning", &promotion.warnings));
    text
}
