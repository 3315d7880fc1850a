//! Statements of migrations that may destroy rows, and how many rows each would meet.

mod follow;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use follow::{Held, follow, hazards, narrows, told};
pub use told::{Saying, Told};

use super::migration::{MigrationSet, version_of};
use crate::database::Target;
use crate::problem::{Code, Problem};
use crate::sync::migrations::parts::Part;
use crate::sync::planning::plan::{Plan, missing_migrations};
use crate::sync::schema::catalog::{ForeignKey, Reading};
use crate::sync::schema::table::TableName;
use crate::sync::settings::config::Config;
use crate::sync::snapshot::{Observed, Snapshot};
use crate::sync::words::counted_grouped;

/// What a text does, as far as it can be seen.
#[derive(Debug, Default)]
pub struct Read {
    pub statements: Vec<Statement>,
    /// Lines of what cannot be seen into, each with the reason.
    pub opaque: Vec<(usize, String)>,
    /// Functions that it does not make, by the last part of their names, each with the line that
    /// calls it or hangs a trigger on it.
    pub calls: BTreeSet<(usize, String)>,
}

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
    /// A view, with the text that names the tables behind it.
    MakesView {
        view: TableName,
        query: String,
    },
    Renames {
        from: TableName,
        to: TableName,
    },
    RenamesSchema {
        from: String,
        to: String,
    },
    Adds {
        table: TableName,
        column: String,
    },
    RenamesColumn {
        table: TableName,
        from: String,
        to: String,
    },
    /// Rows of the table refer to others from now on.
    Refers {
        table: TableName,
        key: ForeignKey,
    },
    /// Rows of the child are rows of the parent too, as of a partition or an heir.
    Joins {
        parent: TableName,
        child: TableName,
    },
    /// From now on it is not sure where unqualified names are looked up.
    MovesPath,
    /// Rows of the table are met, in these columns where it is known; `others` too, where the
    /// statement says CASCADE.
    Meets {
        kind: Kind,
        table: TableName,
        columns: Vec<String>,
        others: bool,
    },
    /// New rows come, as SQLite says it; its tables may put them in the place of others.
    Inserts(TableName),
    /// Gives a column another type, which may change its values.
    Retypes {
        table: TableName,
        column: String,
        type_name: String,
        /// The values are computed, not cast.
        computed: bool,
    },
    /// With all that is in it.
    DropsSchema(String),
    /// With the columns that have it.
    DropsType(TableName),
    /// Drops a table all of whose rows went to its heir.
    Rebuilds {
        table: TableName,
        heir: TableName,
        /// Of the heir; none where it has those of the table.
        columns: Vec<String>,
        /// What these columns got.
        values: Vec<Copied>,
        /// How the columns of the heir read, where it says so.
        readings: BTreeMap<String, Reading>,
    },
}

/// What a statement that copies rows takes from each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    Column(String),
    /// `*`
    Every,
    /// An expression, whatever it is made of.
    Other,
}

impl Effect {
    /// What may destroy rows, such as ``deletes from `users` ``, where the tables are not known.
    pub fn words(&self) -> Option<String> {
        match self {
            Effect::Meets {
                kind,
                table,
                columns,
                ..
            } => Some(kind.words(table, columns.first().map_or("", String::as_str))),
            Effect::Retypes { table, column, .. } => Some(Kind::ChangeType.words(table, column)),
            Effect::Renames { from, .. } => Some(format!("renames `{from}`")),
            Effect::RenamesSchema { from, .. } => Some(format!("renames the schema `{from}`")),
            Effect::DropsSchema(schema) => Some(format!("drops the schema `{schema}`")),
            Effect::DropsType(name) => Some(format!("drops every column of the type `{name}`")),
            Effect::Rebuilds { table, .. } => Some(Kind::DropTable.words(table, "")),
            Effect::Makes(_)
            | Effect::MakesView { .. }
            | Effect::Adds { .. }
            | Effect::RenamesColumn { .. }
            | Effect::Refers { .. }
            | Effect::Joins { .. }
            | Effect::Inserts(_)
            | Effect::MovesPath => None,
        }
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

impl Kind {
    fn words(self, table: &TableName, column: &str) -> String {
        match self {
            Kind::DropTable => format!("drops `{table}`"),
            Kind::DropColumn => format!("drops `{column}` of `{table}`"),
            Kind::Truncate => format!("empties `{table}`"),
            Kind::Delete => format!("deletes from `{table}`"),
            Kind::Update => format!("updates `{table}`"),
            Kind::Replace => format!("replaces rows of `{table}`"),
            Kind::ChangeType => format!("changes the type of `{column}` of `{table}`"),
        }
    }
}

/// A statement that may destroy rows of a table that the target has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Destructive {
    pub kind: Kind,
    pub table: TableName,
    pub column: Option<String>,
    /// The table or view that the statement names, where that leads to this table.
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
        let column = self.column.as_deref().unwrap_or_default();
        let what = self.kind.words(&self.table, column);
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

/// Keeps rows from coming into tables that a part destroys without leave, because they had none
/// when the plan was made.
///
/// # Errors
/// `plan_stale` where one has rows by now, or `lock_timeout`.
pub fn hold_empty(
    target: &mut dyn Target,
    plan: &Plan,
    part: &Part,
    label: &str,
) -> anyhow::Result<()> {
    let planned = plan.migrations.iter();
    let tables: BTreeSet<&TableName> = planned
        .filter(|planned| part.migrations.contains(&planned.version))
        .flat_map(|planned| &planned.destructive)
        .filter(|destructive| destructive.rows == Some(0))
        .map(|destructive| &destructive.table)
        .collect();
    if tables.is_empty() {
        return Ok(());
    }
    // An earlier part may have renamed one.
    let catalog = target.catalog()?;
    for table in tables {
        if !catalog.tables.contains_key(table) {
            continue;
        }
        target.hold(table)?;
        if target.count_rows(table)? > 0 {
            return Err(Problem::new(
                Code::PlanStale,
                format!("rows came into `{table}` in {label}, which had none when the plan was made and which this run destroys"),
            )
            .hint("look at the new plan: it says how many rows there are")
            .into());
        }
    }
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
