//! The status board as Markdown.

use super::escape::{cell, code, prose};
use super::page::{Page, Table};
use super::{add_drift, add_problems};
use crate::sync::status::{PromotionStatus, Status};
use crate::terminal::board::{rows, state};

pub(in crate::terminal) fn status(status: &Status, limit: usize) -> String {
    let mut page = Page::new(limit);
    page.block("## Status");
    let labels: Vec<String> = status
        .environments
        .iter()
        .map(|environment| cell(&prose(&environment.label)))
        .collect();
    let header: Vec<&str> = std::iter::once("")
        .chain(labels.iter().map(String::as_str))
        .collect();
    page.table(&Table {
        header: &header,
        rows: rows(status)
            .into_iter()
            .map(|row| row.iter().map(|text| cell(&prose(text))).collect())
            .collect(),
        folded: None,
    });
    for promotion in &status.promotions {
        add_promotion(&mut page, promotion);
    }
    page.finish("`cargo xtask sync status` shows all of it.")
}

fn add_promotion(page: &mut Page, promotion: &PromotionStatus) {
    page.block(&format!(
        "### {}: {}",
        prose(&promotion.name),
        state(promotion)
    ));
    add_problems(page, "blocker", &promotion.blockers);
    add_problems(page, "warning", &promotion.warnings);
    page.table(&Table {
        header: &["Migration"],
        rows: promotion
            .migrations
            .iter()
            .map(|name| vec![cell(&code(name))])
            .collect(),
        folded: None,
    });
    page.table(&Table {
        header: &["Lookup table", "Insert", "Update", "Delete", "Retire"],
        rows: promotion
            .lookups
            .iter()
            .map(|lookup| {
                let counts = [lookup.insert, lookup.update, lookup.delete, lookup.retire];
                std::iter::once(cell(&code(&lookup.table.to_string())))
                    .chain(counts.iter().map(u64::to_string))
                    .collect()
            })
            .collect(),
        folded: None,
    });
    add_drift(page, &promotion.drift);
}
