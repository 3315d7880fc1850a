//! The query that walks a path of foreign keys, the same on both backends.

use super::sql::{compared, identifier, table};
use crate::model::reference::{Part, Step};

/// A path of foreign keys and how a backend writes what belongs to it.
pub(super) struct Chain<'path> {
    pub(super) path: &'path [Step],
    /// What stands behind FROM to find the touched rows: `lookup` is one of them, `wanted` where it
    /// was asked for.
    pub(super) start: String,
    /// The number of `wanted`.
    pub(super) number: &'static str,
    /// How two tables are joined, the one that is known first.
    pub(super) join: &'static str,
    pub(super) default_schema: &'static str,
    /// What stands in place of the last table, where it is not the table itself.
    pub(super) last: Option<String>,
    /// Whether rows of tables that inherit from the child of a step do not count.
    pub(super) alone: Vec<bool>,
}

impl Chain<'_> {
    /// How many rows at the end refer to each of the touched rows: its number, and the count.
    pub(super) fn counts(&self) -> String {
        format!(
            "{} SELECT CAST(at AS text), CAST(count(*) AS text) FROM step_{} GROUP BY at",
            self.steps(&[]),
            self.path.len()
        )
    }

    /// The rows at the end: the number of the touched row that each leads to, and `columns` of it.
    pub(super) fn rows(&self, columns: &[String]) -> String {
        let width = columns.len();
        let shown: String = (0..width).map(|at| format!(", to_{at}")).collect();
        format!(
            "{} SELECT CAST(at AS text){shown} FROM step_{}",
            self.steps(columns),
            self.path.len()
        )
    }

    /// Step by step, the rows that refer to those of the step before. Each step keeps no more of
    /// them than the next one refers to.
    fn steps(&self, columns: &[String]) -> String {
        let first = self
            .path
            .first()
            .map_or(&[][..], |step| &step.parent_columns);
        let mut steps = vec![format!(
            "step_0 {} AS (SELECT {}{} FROM {})",
            header(first.len()),
            self.number,
            selected("lookup", first),
            self.start
        )];
        for (at, step) in self.path.iter().enumerate() {
            let child = self.child(at, step);
            let pairs = step.columns.iter().enumerate();
            let pairs = pairs.map(|(column, name)| (format!("to_{column}"), identifier(name)));
            let same = compared(&step.comparisons, "parent", "child", pairs);
            let mut parent = format!("step_{at}");
            if step.repeats {
                let tree = format!("tree_{at}");
                steps.push(format!(
                    "{tree} {} AS (SELECT * FROM {parent} UNION SELECT parent.at{} FROM {tree} AS parent {} {child} AS child ON {same})",
                    header(step.parent_columns.len()),
                    selected("child", &step.parent_columns),
                    self.join,
                ));
                parent = tree;
            }
            let kept = match self.path.get(at + 1) {
                Some(next) => selected("child", &next.parent_columns),
                None => columns.iter().map(|column| format!(", {column}")).collect(),
            };
            let width = self
                .path
                .get(at + 1)
                .map_or(columns.len(), |next| next.parent_columns.len());
            steps.push(format!(
                "step_{} {} AS (SELECT parent.at{kept} FROM {parent} AS parent {} {child} AS child ON {same})",
                at + 1,
                header(width),
                self.join,
            ));
        }
        format!("WITH RECURSIVE {}", steps.join(", "))
    }

    fn child(&self, at: usize, step: &Step) -> String {
        if at + 1 == self.path.len()
            && let Some(last) = &self.last
        {
            return last.clone();
        }
        let mut table = table(&step.child, self.default_schema);
        if self.alone.get(at) == Some(&true) {
            table.insert_str(0, "ONLY ");
        }
        match &step.part {
            Part::All => table,
            // The condition may qualify its columns with the table's own name.
            Part::Outside(condition) => {
                format!("(SELECT * FROM {table} WHERE ({condition}) IS NOT TRUE)")
            }
        }
    }
}

/// `(at, to_0, to_1)`.
fn header(width: usize) -> String {
    let columns: String = (0..width).map(|at| format!(", to_{at}")).collect();
    format!("(at{columns})")
}

/// `, child."a", child."b"`.
fn selected(prefix: &str, columns: &[String]) -> String {
    columns
        .iter()
        .map(|column| format!(", {prefix}.{}", identifier(column)))
        .collect()
}
