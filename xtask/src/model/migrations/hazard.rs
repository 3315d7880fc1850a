//! What in a migration may hurt the target, whatever rows it has.

use serde::Serialize;

use crate::model::schema::catalog::Catalog;
use crate::model::schema::table::TableName;
use crate::model::words::{and_more, listed};

/// One statement of a migration that deserves a second look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hazard {
    /// The rule that found it, such as `ban-drop-column`.
    pub rule: String,
    /// In `up.sql`, counted from 1.
    pub line: usize,
    pub message: String,
    /// What to do instead.
    pub help: Option<String>,
    /// The tables that its statement is about, as it names them; none where it may be about more.
    #[serde(skip)]
    pub tables: Vec<TableName>,
}

impl Hazard {
    /// Whether it is about a table that the target has, or about anything else.
    pub fn is_about(&self, target: &Catalog) -> bool {
        let is_there = |table: &TableName| {
            let mut known = target.tables.keys();
            known.any(|known| known.name.eq_ignore_ascii_case(&table.name))
        };
        self.tables.is_empty() || self.tables.iter().any(is_there)
    }
}

/// How many lines are named at most where one sentence goes for several.
const NAMED: usize = 5;

/// Each sentence once, with where it holds: `line 3`, `lines 3, 5 and 9`.
pub fn by_sentence(hazards: &[Hazard]) -> Vec<(String, &Hazard)> {
    let is_one = |one: &Hazard, other: &Hazard| {
        (&one.rule, &one.message, &one.help) == (&other.rule, &other.message, &other.help)
    };
    let is_first = |at: usize| !hazards[..at].iter().any(|it| is_one(it, &hazards[at]));
    (0..hazards.len())
        .filter(|at| is_first(*at))
        .map(|at| {
            let same = hazards.iter().filter(|it| is_one(it, &hazards[at]));
            let mut lines: Vec<usize> = same.map(|hazard| hazard.line).collect();
            lines.dedup();
            (said(&lines), &hazards[at])
        })
        .collect()
}

fn said(lines: &[usize]) -> String {
    let named: Vec<String> = lines.iter().take(NAMED).map(usize::to_string).collect();
    match and_more(lines.len(), named.len()).as_str() {
        "" if lines.len() == 1 => format!("line {}", lines[0]),
        "" => format!("lines {}", listed(&named)),
        more => format!("lines {}{more}", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hazard(line: usize, message: &str) -> Hazard {
        Hazard {
            rule: "rule".to_owned(),
            line,
            message: message.to_owned(),
            help: None,
            tables: Vec::new(),
        }
    }

    #[test]
    fn equal_sentences_are_said_once() {
        let hazards: Vec<Hazard> = [(1, "a"), (2, "b"), (3, "a"), (3, "a"), (4, "a")]
            .map(|(line, message)| hazard(line, message))
            .into();
        let lines: Vec<String> = by_sentence(&hazards)
            .into_iter()
            .map(|(lines, _)| lines)
            .collect();
        assert_eq!(lines, ["lines 1, 3 and 4", "line 2"]);
        let many: Vec<Hazard> = (1..=9).map(|line| hazard(line, "a")).collect();
        assert_eq!(by_sentence(&many)[0].0, "lines 1, 2, 3, 4, 5 and 4 more");
    }
}
