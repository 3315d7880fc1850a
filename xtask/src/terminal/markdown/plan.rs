//! A plan as Markdown.

use serde_json::{Map, Value};

use super::escape::{cell, code, html, prose, value};
use super::page::{Page, Table};
use super::{add_drift, add_problems};
use crate::model::migrations::hazard::by_sentence;
use crate::model::rows::change_log::Change;
use crate::model::words::counted;
use crate::settings::rehearsal::Extent;
use crate::sync::comparing::row_changes::RowChange;
use crate::sync::migrations::parts::Part;
use crate::sync::planning::contract::End;
use crate::sync::planning::plan::{LookupComparison, Plan, PlannedLookup, PlannedMigration};
use crate::terminal::keeps_edits;
use crate::terminal::plan::not_tried;

pub(in crate::terminal) fn plan(plan: &Plan, limit: usize) -> String {
    let mut page = Page::new(limit);
    page.block(&format!("## {}", heading(plan)));
    let nothing = format!(" Nothing to do: {}.", prose(&plan.nothing_to_do()));
    page.block(&format!(
        "Plan {}, from {} to {}.{}",
        code(&plan.id),
        code(&plan.from),
        code(&plan.to),
        if plan.empty && keeps_edits(&plan.warnings) {
            " Nothing to do: what differs was edited on the target and is kept."
        } else if plan.empty {
            &nothing
        } else if plan.atomic {
            " All of it in one transaction, after a backup."
        } else {
            ""
        }
    ));
    if let Some(until) = &plan.until {
        page.block(&format!("With `--until`: {}.", prose(&until.sentence())));
    }
    match plan.rehearsal {
        None => {}
        Some(Extent::Full) => page.block(
            "The migrations were tried on a copy of the target: the counts are those after them.",
        ),
        Some(Extent::Schema) => page.block(&format!(
            "The migrations were tried on a copy of the target's schema and lookup rows: the counts are those after them. {}.",
            prose(&not_tried(plan))
        )),
    }
    if !plan.empty && !plan.atomic {
        page.table(&Table {
            header: &["Part", "What it does", "If it fails"],
            rows: plan.parts.iter().enumerate().map(part).collect(),
            folded: None,
        });
    }
    add_problems(&mut page, "blocker", &plan.blockers);
    add_problems(&mut page, "warning", &plan.warnings);
    page.table(&Table {
        header: &["Migration", "What to know of it"],
        rows: plan.migrations.iter().map(migration).collect(),
        folded: None,
    });
    page.table(&Table {
        header: &[
            "Lookup table",
            "Insert",
            "Update",
            "Delete",
            "Retire",
            "Keep",
            "Unchanged",
        ],
        rows: plan.lookups.iter().map(lookup).collect(),
        folded: None,
    });
    add_drift(&mut page, &plan.drift);
    for lookup in &plan.lookups {
        add_edited(&mut page, lookup);
        add_rows(&mut page, lookup);
    }
    page.table(&Table {
        header: &["", "Source", "Target"],
        rows: ends(&plan.source, &plan.target),
        folded: Some("What the plan was made for".to_owned()),
    });
    page.finish("`cargo xtask sync plan` with `--rows` shows all of it.")
}

fn heading(plan: &Plan) -> String {
    let state = if !plan.blockers.is_empty() {
        "blocked"
    } else if plan.empty {
        "nothing to do"
    } else {
        "planned"
    };
    format!("{}: {state}", prose(&plan.title))
}

fn part((at, part): (usize, &Part)) -> Vec<String> {
    vec![
        (at + 1).to_string(),
        cell(&prose(&part.does())),
        cell(&prose(&part.after_failure)),
    ]
}

fn migration(migration: &PlannedMigration) -> Vec<String> {
    let mut notes = Vec::new();
    if migration.out_of_order {
        notes.push("out of order".to_owned());
    }
    for (lines, hazard) in by_sentence(&migration.hazards) {
        let help = hazard.help.clone().unwrap_or_default();
        notes.push(format!(
            "{lines}: {} {} ({})",
            prose(&hazard.message),
            prose(&help),
            code(&hazard.rule)
        ));
    }
    for effect in &migration.effects {
        notes.push(format!("data loss: {}", prose(&effect.words())));
    }
    vec![cell(&code(&migration.name)), cell(&notes.join("; "))]
}

fn lookup(lookup: &PlannedLookup) -> Vec<String> {
    let about = |count: u64| match (lookup.exact, count) {
        (true, _) | (false, 0) => count.to_string(),
        (false, count) => format!("about {count}"),
    };
    let name = cell(&code(&lookup.table.to_string()));
    let name = match lookup.state {
        LookupComparison::Missing if lookup.is_refused => format!("{name} (cannot be compared)"),
        LookupComparison::Missing => format!("{name} (new)"),
        LookupComparison::Same | LookupComparison::Different => name,
    };
    vec![
        name,
        about(lookup.insert),
        about(lookup.update),
        about(lookup.delete),
        about(lookup.retire),
        lookup.keep.to_string(),
        lookup.unchanged.to_string(),
    ]
}

fn add_rows(page: &mut Page, lookup: &PlannedLookup) {
    page.table(&Table {
        header: &["Change", "Key", "Values"],
        rows: lookup.rows.iter().map(row).collect(),
        folded: Some(format!(
            "{} of {}",
            counted(lookup.rows.len() as u64, "changed row"),
            html(&lookup.table.to_string())
        )),
    });
}

fn row(row: &RowChange) -> Vec<String> {
    let all = |row: Option<&Map<String, Value>>| row.map_or(String::new(), named);
    let changed = || {
        let cells = row
            .changed_cells()
            .map(|(column, was, now)| format!("{} {} → {}", code(column), value(was), value(now)));
        cells.collect::<Vec<_>>().join(", ")
    };
    let (change, values) = match row.change {
        Change::Insert => ("insert", all(row.after.as_ref())),
        Change::Delete => ("delete", all(row.before.as_ref())),
        Change::Retire => ("retire", changed()),
        Change::Update => ("update", changed()),
    };
    vec![change.to_owned(), cell(&named(&row.key)), cell(&values)]
}

fn named(cells: &Map<String, Value>) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|(column, content)| format!("{} {}", code(column), value(content)))
        .collect();
    cells.join(", ")
}

fn add_edited(page: &mut Page, lookup: &PlannedLookup) {
    let mut rows = Vec::new();
    for row in &lookup.edited {
        for edited in &row.cells {
            rows.push(vec![
                cell(&named(&row.key)),
                cell(&code(&edited.column)),
                cell(&value(&edited.promoted)),
                cell(&value(&edited.source)),
                cell(&value(&edited.target)),
            ]);
        }
    }
    page.table(&Table {
        header: &["Key", "Column", "Promoted", "Source", "Target"],
        rows,
        folded: Some(format!(
            "{} of {} edited on the target",
            counted(lookup.edited_rows, "row"),
            html(&lookup.table.to_string())
        )),
    });
}

fn ends(source: &End, target: &End) -> Vec<Vec<String>> {
    let row = |title: &str, of: &dyn Fn(&End) -> String| {
        let ends = [source, target].map(|end| cell(&of(end)));
        [&[title.to_owned()], &ends[..]].concat()
    };
    vec![
        row("environment", &|end| code(&end.environment)),
        row("server", &|end| {
            format!("{} {}", end.backend, prose(&end.server_version))
        }),
        row("database", &|end| code(&end.instance)),
        row("id of the stamp", &|end| {
            end.database_id
                .as_ref()
                .map_or("none".to_owned(), |id| code(id))
        }),
        row("schema", &|end| code(&end.schema_fingerprint)),
        row("migrations", &|end| {
            let last = end.applied.last.as_ref();
            let last = last.map_or(String::new(), |last| format!(", the newest {}", code(last)));
            format!("{}{last}", end.applied.count)
        }),
    ]
}
