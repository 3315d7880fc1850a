//! Statements of migrations that may destroy rows, and how many rows each would meet.

mod follow;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use follow::{Held, follow};

use super::config::Config;
use super::migration::{MigrationSet, version_of};
use super::plan::{Plan, missing_migrations};
use super::snapshot::{Observed, Snapshot};
use super::table::TableName;
use super::words::counted_grouped;
use crate::problem::{Code, Problem};

/// What one statement does to tables, as its text has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// In `up.sql`, counted from 1.
    pub line: usize,
    pub effect: Effect,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Makes(TableName),
    Renames {
        from: TableName,
        to: TableName,
    },
    Adds {
        table: TableName,
        column: String,
    },
    /// Rows of the table are met, in these columns where it is known; `others` too, where the
    /// statement says CASCADE.
    Meets {
        kind: Kind,
        table: TableName,
        columns: Vec<String>,
        others: bool,
    },
    /// Gives a column another type, which may change its values.
    Retypes {
        table: TableName,
        column: String,
        type_name: String,
        /// The values are computed, not cast.
        computed: bool,
    },
    DropsSchema(String),
    /// Drops a table all of whose rows went to its heir; a column that was not copied is lost.
    Rebuilds {
        table: TableName,
        heir: TableName,
        copied: Copied,
    },
}

/// Which columns of a table its heir has, by the statement that copied them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    /// Each with the column of the heir that it went to.
    Columns(Vec<(String, String)>),
    /// All in their order, to these of the heir, or to its own of the same names.
    InOrder(Option<Vec<String>>),
}

impl Copied {
    /// Those of a table's columns, given in their order, whose values the heir does not have.
    pub(crate) fn lost<'column>(&self, columns: &[&'column str]) -> Vec<&'column str> {
        let went_to = |at: usize, column: &str| match self {
            Copied::InOrder(None) => vec![column.to_owned()],
            Copied::InOrder(Some(heirs)) => heirs.get(at).cloned().into_iter().collect(),
            Copied::Columns(pairs) => {
                let pairs = pairs.iter();
                let pairs = pairs.filter(|(from, _)| from.eq_ignore_ascii_case(column));
                pairs.map(|(_, to)| to.clone()).collect()
            }
        };
        let is_kept = |at: usize, column: &str| {
            // Under its own name, or under one that is new.
            went_to(at, column).iter().any(|to| {
                to.eq_ignore_ascii_case(column)
                    || !columns.iter().any(|other| other.eq_ignore_ascii_case(to))
            })
        };
        let lost = columns.iter().enumerate();
        lost.filter(|(at, column)| !is_kept(*at, column))
            .map(|(_, column)| *column)
            .collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    DropTable,
    DropColumn,
    Truncate,
    Delete,
    Update,
    /// Puts new rows in the place of those that have the same key.
    Replace,
    ChangeType,
}

/// A statement that may destroy rows of a table that the target has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Destructive {
    pub kind: Kind,
    pub table: TableName,
    pub column: Option<String>,
    /// The table that the statement names, where a foreign key leads on from it.
    pub through: Option<TableName>,
    /// In `up.sql`, counted from 1.
    pub line: usize,
    /// How many rows the table has on the target; null where they were not counted.
    pub rows: Option<u64>,
    /// The rows are not those of a lookup table, which come from the source anyway.
    pub protected: bool,
}

impl Destructive {
    /// Whether somebody has to say that this is meant.
    pub fn hurts(&self) -> bool {
        self.rows != Some(0) && (self.protected || self.kind == Kind::DropTable)
    }

    /// Such as ``line 3: deletes from `merchants`, which has 1,204 rows``.
    pub fn words(&self) -> String {
        let table = &self.table;
        let column = self.column.as_deref().unwrap_or_default();
        let what = match self.kind {
            Kind::DropTable => format!("drops `{table}`"),
            Kind::DropColumn => format!("drops `{column}` of `{table}`"),
            Kind::Truncate => format!("empties `{table}`"),
            Kind::Delete => format!("deletes from `{table}`"),
            Kind::Update => format!("updates `{table}`"),
            Kind::Replace => format!("replaces rows of `{table}`"),
            Kind::ChangeType => format!("changes the type of `{column}` of `{table}`"),
        };
        let through = self
            .through
            .as_ref()
            .map_or(String::new(), |through| format!(" through `{through}`"));
        let rows = self
            .rows
            .map_or(", whose rows were not counted".to_owned(), |rows| {
                format!(", which has {}", counted_grouped(rows, "row"))
            });
        format!("line {}: {what}{through}{rows}", self.line)
    }
}

/// Counts the rows that the planned migrations would meet on the target.
///
/// # Errors
/// What the database says.
pub fn count(
    config: &Config,
    source: &Snapshot,
    target: &mut Observed,
    known: &MigrationSet,
) -> anyhow::Result<()> {
    let migrations = missing_migrations(source, &target.snapshot, known);
    let found = follow(config, Held::by(&target.snapshot), &migrations);
    let tables: BTreeSet<TableName> = found
        .into_iter()
        .flatten()
        .map(|destructive| destructive.table)
        .collect();
    target.snapshot.row_counts = tables
        .into_iter()
        .map(|table| Ok((table.clone(), target.session.count_rows(&table)?)))
        .collect::<anyhow::Result<_>>()?;
    Ok(())
}

/// Every migration that was allowed by name is one that is planned, or one that ran already.
///
/// # Errors
/// `usage`, with the names that there are.
pub fn check_allowed(config: &Config, plan: &Plan, target: &Snapshot) -> Result<(), Problem> {
    let is_known = |named: &String| {
        plan.migrations
            .iter()
            .any(|planned| planned.is_called(named))
            || target
                .applied
                .iter()
                .any(|applied| version_of(named) == applied.version)
    };
    let Some(unknown) = config
        .allow_destructive
        .iter()
        .find(|named| !is_known(named))
    else {
        return Ok(());
    };
    let planned: Vec<&str> = plan
        .migrations
        .iter()
        .map(|planned| planned.name.as_str())
        .collect();
    Err(Problem::new(
        Code::Usage,
        format!("--allow-destructive: the plan has no migration `{unknown}`"),
    )
    .hint(if planned.is_empty() {
        "leave the option out: no migration is planned".to_owned()
    } else {
        format!("the plan has {}", planned.join(", "))
    }))
}
