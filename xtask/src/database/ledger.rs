//! The tables of the ledger: how they are made, read and written, on both backends alike.

use crate::model::ledger::{Ledger, LedgerEntry, PromotedLookup, Run, RunKind, Stamp};
use crate::model::migrations::migration::AppliedMigration;
use crate::model::rows::row::LookupState;
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};

pub(super) const DIESELS: &str = "__diesel_schema_migrations";

/// A table of the ledger.
pub(super) struct LedgerTable {
    pub(super) name: &'static str,
    /// Columns that every ledger has, with their types. What is read is text on both backends.
    columns: &'static [(&'static str, &'static str)],
    /// Columns that a ledger of an older program lacks.
    added: &'static [(&'static str, &'static str)],
    /// What its rows are sorted by, as far as it has the columns.
    order: &'static [(&'static str, &'static str)],
}

pub(super) const RUNS: LedgerTable = LedgerTable {
    name: "__sync_runs",
    columns: &[
        ("id", "text PRIMARY KEY"),
        ("kind", "text NOT NULL"),
        ("subject", "text NOT NULL"),
        ("plan_id", "text"),
        ("git_commit", "text"),
        ("operator", "text NOT NULL"),
        ("program_version", "text NOT NULL"),
        ("started_at", "text NOT NULL"),
        ("finished_at", "text NOT NULL"),
        ("backup", "text"),
        ("summary", "text NOT NULL"),
    ],
    // The order of the runs, whatever the clocks of the machines said that they were made on.
    added: &[("number", "bigint")],
    order: &[
        ("number", "DESC NULLS LAST"),
        ("finished_at", "DESC"),
        ("id", "DESC"),
    ],
};

pub(super) const MIGRATIONS: LedgerTable = LedgerTable {
    name: "__sync_migrations",
    columns: &[
        ("version", "text PRIMARY KEY"),
        ("name", "text NOT NULL"),
        ("checksum", "text NOT NULL"),
        ("run_id", "text NOT NULL"),
    ],
    added: &[("up", "text")],
    order: &[("version", "ASC")],
};

pub(super) const STAMP: LedgerTable = LedgerTable {
    name: "__sync_stamp",
    columns: &[
        ("environment", "text NOT NULL"),
        ("database_id", "text NOT NULL"),
        ("since", "text NOT NULL"),
    ],
    added: &[("project", "text"), ("place", "text")],
    order: &[("environment", "ASC")],
};

pub(super) const LOOKUPS: LedgerTable = LedgerTable {
    name: "__sync_lookups",
    columns: &[
        ("lookup", "text PRIMARY KEY"),
        ("row_count", "text NOT NULL"),
        ("digest", "text NOT NULL"),
        ("held_rows", "text NOT NULL"),
        ("held_digest", "text NOT NULL"),
        ("columns", "text NOT NULL"),
        ("key_columns", "text NOT NULL"),
        ("condition", "text"),
        ("run_id", "text NOT NULL"),
    ],
    added: &[],
    order: &[("lookup", "ASC")],
};

pub(super) const LEDGER: [&LedgerTable; 4] = [&RUNS, &MIGRATIONS, &STAMP, &LOOKUPS];

/// Whether a table is of the ledger, or diesel's own; no catalog shows those.
#[cfg(feature = "sqlite")]
pub(super) fn is_bookkeeping(name: &str) -> bool {
    name == DIESELS || LEDGER.iter().any(|table| table.name == name)
}

impl LedgerTable {
    fn all(&self) -> impl Iterator<Item = &(&'static str, &'static str)> {
        self.columns.iter().chain(self.added)
    }

    /// Makes the table, or adds the columns that it lacks where it is there with these.
    pub(super) fn complete(&self, found: Option<&[String]>) -> Vec<String> {
        match found {
            Some(found) => self.add_missing(found),
            None => vec![self.create()],
        }
    }

    /// Makes the table.
    pub(super) fn create(&self) -> String {
        let columns: Vec<String> = self
            .all()
            .map(|(column, kind)| format!("{column} {kind}"))
            .collect();
        format!("CREATE TABLE {} ({})", self.name, columns.join(", "))
    }

    /// Adds the columns that a table of an older program lacks.
    pub(super) fn add_missing(&self, found: &[String]) -> Vec<String> {
        self.added
            .iter()
            .filter(|(column, _)| !found.iter().any(|found| found == column))
            .map(|(column, kind)| format!("ALTER TABLE {} ADD COLUMN {column} {kind}", self.name))
            .collect()
    }

    /// Reads every row of a table that has these columns, one that it lacks as NULL.
    ///
    /// # Errors
    /// Where it lacks a column that every ledger has.
    pub(super) fn select(&self, found: &[String]) -> Result<String, Problem> {
        self.check(found)?;
        let has = |column: &str| found.iter().any(|found| found == column);
        let columns: Vec<String> = self
            .all()
            .map(|(column, _)| match has(column) {
                true => format!("CAST({column} AS text)"),
                false => "CAST(NULL AS text)".to_owned(),
            })
            .collect();
        let order = self.order.iter().filter(|(column, _)| has(column));
        let order: Vec<String> = order
            .map(|(column, direction)| format!("{column} {direction}"))
            .collect();
        Ok(format!(
            "SELECT {} FROM {} ORDER BY {}",
            columns.join(", "),
            self.name,
            order.join(", ")
        ))
    }

    fn check(&self, found: &[String]) -> Result<(), Problem> {
        let mut columns = self.columns.iter().map(|(column, _)| column);
        match columns.find(|column| !found.iter().any(|found| found == *column)) {
            None => Ok(()),
            Some(missing) => Err(Problem::new(
                Code::Failed,
                format!(
                    "table `{}` has no column `{missing}`: it is not as this program makes it",
                    self.name
                ),
            )
            .hint("find out who made or changed it; restore it from a backup, or rename it, and a new one is made")),
        }
    }

    /// Writes one row, with a parameter for each column that every ledger has, and `more` behind.
    fn insert(&self, parameter: impl Fn(usize) -> String, more: &[(&str, &str)]) -> String {
        let columns = self.columns.iter().map(|(column, _)| *column);
        let columns: Vec<&str> = columns
            .chain(more.iter().map(|(column, _)| *column))
            .collect();
        let values = (1..=self.columns.len()).map(parameter);
        let values: Vec<String> = values
            .chain(more.iter().map(|(_, value)| (*value).to_owned()))
            .collect();
        format!(
            "INSERT INTO {} ({}) VALUES ({})",
            self.name,
            columns.join(", "),
            values.join(", ")
        )
    }
}

/// Writes a run as the newest, with a parameter for each of [`run_values`].
pub(super) fn insert_run(parameter: impl Fn(usize) -> String) -> String {
    let next = "(SELECT coalesce(max(number), 0) + 1 FROM __sync_runs)";
    RUNS.insert(parameter, &[("number", next)])
}

/// Reads the applied migrations: version, when it ran (`run_on` makes text of it), checksum, text;
/// `recorded` are the columns of the ledger's own table of migrations where it is there.
///
/// # Errors
/// As [`LedgerTable::select`].
pub(super) fn select_applied(run_on: &str, recorded: Option<&[String]>) -> Result<String, Problem> {
    if let Some(found) = recorded {
        MIGRATIONS.check(found)?;
    }
    let of = |column: &str| match recorded {
        Some(found) if found.iter().any(|found| found == column) => {
            format!("(SELECT s.{column} FROM __sync_migrations AS s WHERE s.version = m.version)")
        }
        _ => "CAST(NULL AS text)".to_owned(),
    };
    Ok(format!(
        "SELECT CAST(m.version AS text), {run_on}, {}, {} FROM {DIESELS} AS m",
        of("checksum"),
        of("up")
    ))
}

/// The migrations that [`select_applied`] returns, in plain string order, which is diesel's.
pub(super) fn applied_of(rows: Vec<Vec<Option<String>>>) -> Vec<AppliedMigration> {
    let mut applied: Vec<AppliedMigration> = rows
        .into_iter()
        .map(|mut row| AppliedMigration {
            up: row.pop().flatten(),
            checksum: row.pop().flatten(),
            run_on: row.pop().flatten().unwrap_or_default(),
            version: row.pop().flatten().unwrap_or_default(),
        })
        .collect();
    applied.sort_by(|one, other| one.version.cmp(&other.version));
    applied
}

/// A ledger from the rows of its tables.
pub(super) fn ledger_of(
    runs: &[Vec<Option<String>>],
    stamps: Vec<Vec<Option<String>>>,
    lookups: &[Vec<Option<String>>],
) -> Ledger {
    Ledger {
        lookups: lookups.iter().filter_map(|row| lookup_of(row)).collect(),
        runs: runs.iter().map(|row| run_of(row)).collect(),
        stamp: stamps.into_iter().next().map(|mut row| Stamp {
            place: row.pop().flatten(),
            project: row.pop().flatten(),
            since: row.pop().flatten().unwrap_or_default(),
            database_id: row.pop().flatten().unwrap_or_default(),
            environment: row.pop().flatten().unwrap_or_default(),
        }),
    }
}

/// The values of a run, in the order of the columns of `__sync_runs`.
pub(super) fn run_values(run: &Run) -> Vec<Option<String>> {
    vec![
        Some(run.id.clone()),
        Some(run.kind.name().to_owned()),
        Some(run.subject.clone()),
        run.plan_id.clone(),
        run.commit.clone(),
        Some(run.operator.clone()),
        Some(run.program_version.clone()),
        Some(run.started_at.clone()),
        Some(run.finished_at.clone()),
        run.backup.clone(),
        Some(run.summary.clone()),
    ]
}

/// A run from the values that [`LedgerTable::select`] returns.
fn run_of(values: &[Option<String>]) -> Run {
    let optional = |at: usize| values.get(at).cloned().flatten();
    let text = |at: usize| optional(at).unwrap_or_default();
    Run {
        id: text(0),
        kind: RunKind::of(&text(1)),
        subject: text(2),
        plan_id: optional(3),
        commit: optional(4),
        operator: text(5),
        program_version: text(6),
        started_at: text(7),
        finished_at: text(8),
        backup: optional(9),
        summary: text(10),
    }
}

/// The values of a lookup table, in the order of the columns of `__sync_lookups`.
fn lookup_values(lookup: &PromotedLookup, run_id: &str) -> Vec<Option<String>> {
    let list = |names: &[String]| serde_json::Value::from(names.to_vec()).to_string();
    vec![
        Some(lookup.table.to_string()),
        Some(lookup.promoted.rows.to_string()),
        Some(lookup.promoted.digest.clone()),
        Some(lookup.held.rows.to_string()),
        Some(lookup.held.digest.clone()),
        Some(list(&lookup.columns)),
        Some(list(&lookup.key)),
        lookup.filter.clone(),
        Some(run_id.to_owned()),
    ]
}

/// A lookup table from the values that [`LedgerTable::select`] returns; one that cannot be read is as
/// good as none.
fn lookup_of(values: &[Option<String>]) -> Option<PromotedLookup> {
    let text = |at: usize| values.get(at).cloned().flatten();
    let state = |at: usize| {
        Some(LookupState {
            rows: text(at)?.parse().ok()?,
            digest: text(at + 1)?,
        })
    };
    Some(PromotedLookup {
        table: TableName::parse(&text(0)?).ok()?,
        promoted: state(1)?,
        held: state(3)?,
        columns: serde_json::from_str(&text(5)?).ok()?,
        key: serde_json::from_str(&text(6)?).ok()?,
        filter: text(7),
    })
}

/// Every statement that writes an entry into a ledger that is there and complete, each with the
/// values to bind. `stamp` is the one that the database has, `place` is where it stands.
pub(super) fn record_statements(
    entry: &LedgerEntry,
    stamp: Option<&Stamp>,
    place: &str,
    parameter: fn(usize) -> String,
) -> Vec<(String, Vec<Option<String>>)> {
    let parameters = |count: usize| (1..=count).map(parameter).collect::<Vec<_>>().join(", ");
    let mut statements: Vec<(String, Vec<Option<String>>)> = Vec::new();
    let values = run_values(&entry.run);
    // A split run was recorded before, as far as it was committed.
    statements.push((
        format!("DELETE FROM __sync_runs WHERE id = {}", parameters(1)),
        vec![Some(entry.run.id.clone())],
    ));
    statements.push((insert_run(parameter), values));
    for migration in &entry.migrations {
        // A migration that was reverted and runs again is recorded again.
        statements.push((
            format!(
                "DELETE FROM __sync_migrations WHERE version = {}",
                parameters(1)
            ),
            vec![Some(migration.version.clone())],
        ));
        statements.push((
            MIGRATIONS.insert(parameter, &[("up", &parameter(5))]),
            vec![
                Some(migration.version.clone()),
                Some(migration.name.clone()),
                Some(migration.checksum.clone()),
                Some(entry.run.id.clone()),
                Some(migration.up.clone()),
            ],
        ));
    }
    for lookup in &entry.lookups {
        statements.push((
            format!(
                "DELETE FROM __sync_lookups WHERE lookup = {}",
                parameters(1)
            ),
            vec![Some(lookup.table.to_string())],
        ));
        let values = lookup_values(lookup, &entry.run.id);
        statements.push((LOOKUPS.insert(parameter, &[]), values));
    }
    match stamp {
        Some(stamp) if !entry.stamp_anew => {
            // A stamp of an older program says less.
            if stamp.place.is_none() || (stamp.project.is_none() && entry.project.is_some()) {
                statements.push((
                    format!(
                        "UPDATE __sync_stamp SET project = coalesce(project, {}), place = coalesce(place, {})",
                        parameter(1),
                        parameter(2)
                    ),
                    vec![entry.project.clone(), Some(place.to_owned())],
                ));
            }
        }
        _ => {
            statements.push(("DELETE FROM __sync_stamp".to_owned(), Vec::new()));
            statements.push((
                STAMP.insert(
                    parameter,
                    &[("project", &parameter(4)), ("place", &parameter(5))],
                ),
                vec![
                    Some(entry.environment.clone()),
                    Some(entry.new_database_id.clone()),
                    Some(entry.run.finished_at.clone()),
                    entry.project.clone(),
                    Some(place.to_owned()),
                ],
            ));
        }
    }
    statements
}
