//! Rows that were edited on a target, three ways; and what was brought home of them.

use std::fmt::Write as _;

use console::style;
use serde_json::{Map, Value};

use super::Screen;
use super::plain::line;
use super::plan::shown;
use crate::model::rows::change_log::Change;
use crate::model::words::counted;
use crate::settings::environment::OnTargetEdit;
use crate::sync::adopt::{AdoptReport, Adopted};
use crate::sync::comparing::edits::EditedRow;
use crate::sync::planning::plan::PlannedLookup;
use crate::sync::rows::three_way::Kind;

/// Longer values are cut.
const LONGEST: usize = 200;

/// The rows of one table that were edited on the target.
pub(super) fn edited_lines(lookup: &PlannedLookup, verbose: bool) -> String {
    let value = |given: &Value, is_there: bool| value(given, is_there, verbose);
    let mut text = String::new();
    for row in &lookup.edited {
        let _ = writeln!(
            text,
            "    {} {}: {} on the target, {}",
            style("!").yellow(),
            key(&row.key),
            edit(row.edit),
            outcome(row)
        );
        for cell in &row.cells {
            let _ = writeln!(
                text,
                "        {}: promoted {}, source {}, target {}",
                line(&cell.column),
                value(&cell.promoted, row.edit != Kind::Added),
                value(
                    &cell.source,
                    !matches!(row.change, Change::Delete | Change::Retire)
                ),
                value(&cell.target, row.edit != Kind::Deleted)
            );
        }
    }
    let more = lookup
        .edited_rows
        .saturating_sub(lookup.edited.len() as u64);
    if more > 0 {
        let _ = writeln!(
            text,
            "    {} and {} more that {} edited on the target: --rows shows all",
            style("!").yellow(),
            counted(more, "row"),
            if more == 1 { "was" } else { "were" }
        );
    }
    text
}

fn edit(kind: Kind) -> &'static str {
    match kind {
        Kind::Changed => "changed",
        Kind::Deleted => "deleted",
        Kind::Added => "added",
    }
}

fn outcome(row: &EditedRow) -> &'static str {
    match row.outcome {
        OnTargetEdit::Overwrite => "overwritten by the source",
        OnTargetEdit::Keep => "kept",
        OnTargetEdit::Refuse => "refused",
    }
}

/// A value, or a dash where there is no row; a long one is cut unless all of it is wanted.
fn value(value: &Value, is_there: bool, verbose: bool) -> String {
    match value {
        _ if !is_there => "-".to_owned(),
        Value::String(text) if !verbose && text.chars().count() > LONGEST => {
            let start: String = text.chars().take(LONGEST).collect();
            let length = text.chars().count();
            format!("{start:?}… (cut: {length} characters, -v shows them)")
        }
        value => shown(value),
    }
}

fn key(key: &Map<String, Value>) -> String {
    key.iter()
        .map(|(column, value)| format!("{} {}", line(column), shown(value)))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Screen {
    pub fn adopted(&self, report: &AdoptReport) {
        let mut text = String::new();
        for table in &report.tables {
            text.push_str(&adopted_lines(table, report));
        }
        let _ = writeln!(text, "next: {}", report.next);
        self.result(report, &text);
    }
}

fn adopted_lines(table: &Adopted, report: &AdoptReport) -> String {
    let mut text = format!(
        "{}: {}, with {} changed, {} added and {} removed as in {}\n",
        table.file.display(),
        counted(table.rows, "row"),
        table.changed,
        table.added,
        table.removed,
        report.from
    );
    for row in &table.left {
        let _ = writeln!(
            text,
            "  {}: deleted in {}, but not in the file: delete it in {} by hand, as `extra_rows` lets no import do it",
            key(row),
            report.from,
            report.into
        );
    }
    for row in &table.edited {
        let _ = writeln!(text, "  {}: {}", key(&row.key), edit(row.edit));
        for cell in &row.cells {
            let both = if cell.both_changed {
                format!(
                    " ({} changed it too, to {}; {} wins)",
                    report.into,
                    shown(&cell.first),
                    report.from
                )
            } else {
                String::new()
            };
            let before = match row.edit {
                Kind::Added => String::new(),
                _ => format!("{} → ", shown(&cell.promoted)),
            };
            let _ = writeln!(
                text,
                "    {} {before}{}{both}",
                line(&cell.column),
                shown(&cell.target)
            );
        }
        if row.both_changed && row.cells.is_empty() {
            let _ = writeln!(
                text,
                "    {} changed this row too; {} wins",
                report.into, report.from
            );
        }
    }
    text
}
