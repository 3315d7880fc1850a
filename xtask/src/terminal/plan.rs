//! A plan in words and numbers.

use std::fmt::Write as _;
use std::path::Path;

use console::style;
use serde_json::{Map, Value};

use super::edits::edited_lines;
use super::plain::line;
use super::{Screen, keeps_edits, markdown, say};
use crate::model::backend::Backend;
use crate::model::migrations::hazard::by_sentence;
use crate::model::rows::change_log::Change;
use crate::model::schema::catalog::Drift;
use crate::model::words::{counted, counts};
use crate::problem::Problem;
use crate::settings::rehearsal::Extent;
use crate::sync::comparing::row_changes::RowChange;
use crate::sync::migrations::parts::Part;
use crate::sync::planning::plan::{LookupComparison, Plan, PlannedLookup};

impl Screen {
    /// The plan as the result of a command.
    pub fn plan(&self, plan: &Plan) {
        let text = text(plan, self.verbose);
        self.result_or_page(&plan.document(), &text, |limit| markdown::plan(plan, limit));
    }

    /// What the run of a plan file will need, where that is more than the databases.
    pub fn plan_written(&self, plan: &Plan, path: &Path) {
        if let Some(extent) = plan.rehearsal
            && !self.quiet
        {
            let rows = match extent {
                Extent::Full => "all rows",
                Extent::Schema => "the lookup rows",
            };
            let programs = match plan.target.backend {
                Backend::Postgres => {
                    "pg_dump and pg_restore, a role that may create databases, and "
                }
                Backend::Sqlite => "",
            };
            say(&format!(
                "{}: whoever carries it out needs what this rehearsal needed: {programs}room for a copy of {} with {rows}",
                line(path.display()),
                plan.to
            ));
        }
    }

    /// The plan before a question.
    pub fn plan_aside(&self, plan: &Plan) {
        self.aside(&text(plan, self.verbose));
    }
}

fn text(plan: &Plan, verbose: bool) -> String {
    let mut text = format!("{} (plan {})\n", style(&plan.title).bold(), plan.id);
    if plan.empty && plan.is_free_of_drift() && plan.blockers.is_empty() {
        let what = match keeps_edits(&plan.warnings) {
            true => "what differs was edited on the target and is kept".to_owned(),
            false => line(plan.nothing_to_do()),
        };
        let _ = writeln!(text, "  nothing to do: {what}");
    }
    for migration in &plan.migrations {
        let late = if migration.out_of_order {
            " (out of order)"
        } else {
            ""
        };
        let _ = writeln!(text, "  migration {}{late}", line(&migration.name));
        for (lines, hazard) in by_sentence(&migration.hazards) {
            let help = hazard
                .help
                .as_ref()
                .map_or(String::new(), |help| format!(" {help}"));
            let _ = writeln!(
                text,
                "    {} {lines}: {}{help} ({})",
                style("hazard:").yellow(),
                line(&hazard.message),
                hazard.rule
            );
        }
        for effect in &migration.effects {
            let words = line(effect.words());
            let _ = writeln!(text, "    {} {words}", style("data loss:").red());
        }
    }
    if let Some(until) = &plan.until {
        let _ = writeln!(text, "  {}", line(until.sentence()));
    }
    for lookup in &plan.lookups {
        text.push_str(&lookup_text(lookup, plan.migrations.is_empty(), verbose));
    }
    if !plan.empty && plan.atomic {
        text.push_str("  all of it in one transaction, after a backup\n");
    } else if !plan.empty {
        text.push_str(&part_lines(&plan.parts));
    }
    match plan.rehearsal {
        None => {}
        Some(Extent::Full) => text.push_str(
            "  tried on a full copy: the migrations work, and the counts above are exact\n",
        ),
        Some(Extent::Schema) => {
            text.push_str("  tried on a copy without the rows of protected tables: the migrations work, and the counts above are exact\n");
            let _ = writeln!(text, "    {}", line(not_tried(plan)));
        }
    }
    text.push_str(&drift_lines(&plan.drift, verbose));
    text.push_str(&problem_lines("blocker", &plan.blockers));
    text.push_str(&problem_lines("warning", &plan.warnings));
    text
}

/// What a copy without protected rows could not show.
pub(super) fn not_tried(plan: &Plan) -> String {
    let why = plan.not_tried.as_ref();
    let why = why.map_or(String::new(), |why| format!(" ({why})"));
    format!(
        "not tried{why}: what migrations do to rows of protected tables; the run measures it, and rolls back what was not allowed"
    )
}

/// How a run is split, and where a failure would leave it.
fn part_lines(parts: &[Part]) -> String {
    let mut text = format!("  in {} parts, after a backup:\n", parts.len());
    for (at, part) in parts.iter().enumerate() {
        let _ = writeln!(text, "    {}. {}", at + 1, line(part.does()));
        let _ = writeln!(text, "       if it fails: {}", line(&part.after_failure));
    }
    text
}

fn lookup_text(lookup: &PlannedLookup, has_no_migrations: bool, verbose: bool) -> String {
    let mut text = String::new();
    let table = line(&lookup.table);
    let about = if lookup.exact { "" } else { "about " };
    match lookup.state {
        LookupComparison::Same => {
            if verbose {
                let _ = writeln!(
                    text,
                    "  {table}: {} the same",
                    counted(lookup.unchanged, "row")
                );
            }
        }
        LookupComparison::Missing if has_no_migrations || lookup.is_refused => {
            let _ = writeln!(text, "  {table}: cannot be compared");
        }
        // The migrations may fill it.
        LookupComparison::Missing if lookup.update + lookup.delete + lookup.unchanged == 0 => {
            let _ = writeln!(
                text,
                "  {table}: new table, {about}{} to insert",
                counted(lookup.insert, "row")
            );
        }
        LookupComparison::Missing | LookupComparison::Different => {
            let counts = counts(&[
                (lookup.insert, "to insert"),
                (lookup.update, "to update"),
                (lookup.delete, "to delete"),
                (lookup.retire, "to retire"),
                (lookup.unchanged, "unchanged"),
                (lookup.keep, "kept"),
            ]);
            let _ = match counts.is_empty() {
                true => writeln!(text, "  {table}: no rows"),
                false => writeln!(text, "  {table}: {about}{counts}"),
            };
        }
    }
    for row in &lookup.rows {
        text.push_str(&row_text(row));
    }
    text.push_str(&edited_lines(lookup, verbose));
    text
}

fn row_text(row: &RowChange) -> String {
    let key: Vec<String> = row
        .key
        .iter()
        .map(|(column, value)| format!("{} {}", line(column), shown(value)))
        .collect();
    let key = key.join(", ");
    let changed = || {
        let cells = row
            .changed_cells()
            .map(|(column, was, now)| format!("{} {} → {}", line(column), shown(was), shown(now)));
        cells.collect::<Vec<_>>().join(", ")
    };
    let (sign, cells) = match row.change {
        Change::Insert => (style("+").green(), all(row.after.as_ref())),
        Change::Delete => (style("-").red(), all(row.before.as_ref())),
        Change::Update => (style("~").yellow(), changed()),
        Change::Retire => (style("~").yellow(), format!("{} (retired)", changed())),
    };
    format!("    {sign} {key}: {cells}\n")
}

fn all(row: Option<&Map<String, Value>>) -> String {
    let cells: Vec<String> = row
        .into_iter()
        .flatten()
        .map(|(column, value)| format!("{} {}", line(column), shown(value)))
        .collect();
    cells.join(", ")
}

/// A value in quotes with its control characters made visible, or NULL.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        _ => "NULL".to_owned(),
    }
}

/// What counts, and how much is meant to be; with `verbose` that too, and all in full.
pub(super) fn drift_lines(drift: &[Drift], verbose: bool) -> String {
    let (ignored, counted_drift): (Vec<&Drift>, Vec<&Drift>) =
        drift.iter().partition(|drift| drift.ignored);
    let drift_line = |word: &str, drift: &Drift| {
        let difference = if verbose {
            &drift.difference
        } else {
            &drift.brief
        };
        format!(
            "  {} {}: {}\n",
            style(word).yellow(),
            line(&drift.object),
            line(difference)
        )
    };
    let mut text: String = counted_drift
        .into_iter()
        .map(|drift| drift_line("drift:", drift))
        .collect();
    if verbose {
        text.extend(
            ignored
                .into_iter()
                .map(|drift| drift_line("ignored:", drift)),
        );
    } else if !ignored.is_empty() {
        let count = counted(ignored.len() as u64, "difference");
        let _ = writeln!(text, "  {count} of the schemas ignored (-v shows them)");
    }
    text
}

/// Problems with their hints, each behind its word. What helps against several in a row is said once,
/// behind the last of them.
pub(super) fn problem_lines(word: &str, problems: &[Problem]) -> String {
    let following = problems.iter().skip(1).map(Some).chain([None]);
    problems
        .iter()
        .zip(following)
        .map(|(problem, next)| {
            let word = format!("{word}:");
            let word = if word == "blocker:" {
                style(word).red()
            } else {
                style(word).yellow()
            };
            let hint = problem.hint.as_ref();
            let hint = hint
                .filter(|hint| next.is_none_or(|next| next.hint.as_ref() != Some(hint)))
                .map_or(String::new(), |hint| format!("    hint: {}\n", line(hint)));
            let details: String = problem
                .details
                .iter()
                .map(|detail| format!("      {}\n", line(detail)))
                .collect();
            format!("  {word} {}\n{details}{hint}", line(problem))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_with_what_they_leave() {
        let part = |name: &str, transaction: bool, loads: bool, why: Option<&str>| Part {
            migrations: vec![name.to_owned()],
            names: vec![name.to_owned()],
            transaction,
            loads,
            why: why.map(str::to_owned),
            after_failure: format!("what was before {name} stays"),
        };
        let parts = [
            part("1_a", true, false, Some("2_b cannot be in one")),
            part("2_b", false, false, None),
            part("3_c", true, true, None),
        ];
        assert_eq!(
            part_lines(&parts),
            "  in 3 parts, after a backup:\n    \
             1. 1_a: commits by itself, because 2_b cannot be in one\n       \
             if it fails: what was before 1_a stays\n    \
             2. 2_b: runs outside a transaction\n       \
             if it fails: what was before 2_b stays\n    \
             3. 3_c and the lookup tables: commits at the end\n       \
             if it fails: what was before 3_c stays\n"
        );
    }
}
