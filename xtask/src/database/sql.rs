//! Pieces of SQL that both backends write the same way.

use anyhow::Context as _;

use crate::sync::history::ledger::{Ledger, LedgerEntry, PromotedLookup, Run, RunKind, Stamp};
use crate::sync::migrations::migration::AppliedMigration;
use crate::sync::rows::key_order::Reading;
use crate::sync::rows::lookup::Lookup;
use crate::sync::rows::row::LookupState;
use crate::sync::schema::table::TableName;

/// The tables of the ledger, and diesel's own; no catalog shows them.
#[cfg(feature = "sqlite")]
pub(super) const BOOKKEEPING: [&str; 5] = [
    "__diesel_schema_migrations",
    "__sync_lookups",
    "__sync_runs",
    "__sync_migrations",
    "__sync_stamp",
];

/// Makes the ledger where it is missing. Everything is text, so that both backends agree.
pub(super) const CREATE_LEDGER: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS __sync_runs (id text PRIMARY KEY, kind text NOT NULL, \
     subject text NOT NULL, plan_id text, git_commit text, operator text NOT NULL, \
     program_version text NOT NULL, started_at text NOT NULL, finished_at text NOT NULL, \
     backup text, summary text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS __sync_migrations (version text PRIMARY KEY, name text NOT NULL, \
     checksum text NOT NULL, run_id text NOT NULL, up text)",
    "CREATE TABLE IF NOT EXISTS __sync_stamp (environment text NOT NULL, \
     database_id text NOT NULL, since text NOT NULL, project text, place text)",
    "CREATE TABLE IF NOT EXISTS __sync_lookups (lookup text PRIMARY KEY, row_count text NOT NULL, \
     digest text NOT NULL, held_rows text NOT NULL, held_digest text NOT NULL, \
     columns text NOT NULL, key_columns text NOT NULL, condition text, run_id text NOT NULL)",
];

/// The columns that a ledger of an older program lacks.
pub(super) const ADDED_TO_LEDGER: [(&str, &str); 3] = [
    ("__sync_stamp", "project"),
    ("__sync_stamp", "place"),
    ("__sync_migrations", "up"),
];

/// Adds a column to a ledger of an older program.
pub(super) fn add_to_ledger(table: &str, column: &str) -> String {
    format!("ALTER TABLE {table} ADD COLUMN {column} text")
}

/// Reads every run, the newest first.
pub(super) const SELECT_RUNS: &str = "SELECT id, kind, subject, plan_id, git_commit, operator, \
     program_version, started_at, finished_at, backup, summary FROM __sync_runs \
     ORDER BY finished_at DESC, id DESC";

pub(super) const SELECT_LOOKUPS: &str = "SELECT lookup, row_count, digest, held_rows, held_digest, \
     columns, key_columns, condition FROM __sync_lookups ORDER BY lookup";

/// Reads the stamp; one of an older program says neither project nor place.
pub(super) fn select_stamp(has_place: bool) -> String {
    let more = if has_place {
        "project, place"
    } else {
        "CAST(NULL AS text), CAST(NULL AS text)"
    };
    format!("SELECT environment, database_id, since, {more} FROM __sync_stamp")
}

/// Reads the applied migrations: version, when it ran (`run_on` makes text of it), checksum, text.
pub(super) fn select_applied(run_on: &str, has_checksums: bool, has_texts: bool) -> String {
    let recorded = |column: &str, is_there: bool| match is_there {
        true => {
            format!("(SELECT s.{column} FROM __sync_migrations AS s WHERE s.version = m.version)")
        }
        false => "CAST(NULL AS text)".to_owned(),
    };
    format!(
        "SELECT CAST(m.version AS text), {run_on}, {}, {} FROM __diesel_schema_migrations AS m",
        recorded("checksum", has_checksums),
        recorded("up", has_texts)
    )
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

/// A ledger from what [`SELECT_RUNS`], [`select_stamp`] and [`SELECT_LOOKUPS`] return.
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

/// The number that a `SELECT count(*)` returned as text. What is no number is an error, never zero:
/// zero would mean that nothing refers to a row.
pub(super) fn count(value: Option<String>) -> anyhow::Result<u64> {
    let text = value.context("the database returned no count")?;
    text.parse()
        .with_context(|| format!("the database returned `{text}` for a count"))
}

/// The positions that a query returned as text, in the order of its columns.
pub(super) fn positions<const COUNT: usize>(
    row: &[Option<String>],
) -> anyhow::Result<[usize; COUNT]> {
    let mut positions = [0; COUNT];
    for (at, position) in positions.iter_mut().enumerate() {
        let text = row.get(at).and_then(Option::as_deref);
        *position = text.unwrap_or_default().parse()?;
    }
    Ok(positions)
}

/// A name as SQL has it.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Text as SQL has it on both backends.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A table's name as SQL has it; `default_schema` stands where the name carries none.
pub(super) fn table(name: &TableName, default_schema: &str) -> String {
    let schema = name.schema.as_deref().unwrap_or(default_schema);
    format!("{}.{}", identifier(schema), identifier(&name.name))
}

/// `"a", "b"`, with a prefix such as `staged.` before each.
pub(super) fn list<'name>(prefix: &str, names: impl Iterator<Item = &'name str>) -> String {
    names
        .map(|name| format!("{prefix}{}", identifier(name)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `one."a" = other."a" AND …` over the pairs given.
pub(super) fn equal<'name>(
    one: &str,
    other: &str,
    pairs: impl Iterator<Item = (&'name str, &'name str)>,
) -> String {
    pairs
        .map(|(left, right)| format!("{one}.{} = {other}.{}", identifier(left), identifier(right)))
        .collect::<Vec<_>>()
        .join(" AND ")
}

/// The key of a lookup table, as it travels, joined between two names for it.
pub(super) fn same_key(lookup: &Lookup, one: &str, other: &str) -> String {
    same_columns(lookup.key_columns(), &lookup.key_readings, one, other)
}

/// The columns that the key of a lookup table is kept in, joined between two names for it.
pub(super) fn same_stored_key(lookup: &Lookup, one: &str, other: &str) -> String {
    let key = lookup.stored_key();
    let readings: Vec<Reading> = key
        .iter()
        .map(|column| lookup.reading_of_stored(column))
        .collect();
    same_columns(key.into_iter(), &readings, one, other)
}

/// Where equal values may be spelled differently, keys are equal that are spelled alike: what is
/// compared here is what was compared between the two ends.
fn same_columns<'name>(
    columns: impl Iterator<Item = &'name str>,
    readings: &[Reading],
    one: &str,
    other: &str,
) -> String {
    columns
        .zip(readings)
        .map(|(column, reading)| {
            let column = identifier(column);
            match reading {
                Reading::Number | Reading::Text => format!("{one}.{column} = {other}.{column}"),
                Reading::Spelling => format!(
                    "CAST({one}.{column} AS text) COLLATE \"C\" = CAST({other}.{column} AS text) COLLATE \"C\""
                ),
            }
        })
        .collect::<Vec<_>>()
        .join(" AND ")
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

/// A run from the values that [`SELECT_RUNS`] returns.
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

/// A lookup table from the values that [`SELECT_LOOKUPS`] returns; one that cannot be read is as
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
    statements.push((
        format!(
            "INSERT INTO __sync_runs VALUES ({})",
            parameters(values.len())
        ),
        values,
    ));
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
            format!(
                "INSERT INTO __sync_migrations (version, name, checksum, run_id, up) VALUES ({})",
                parameters(5)
            ),
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
        statements.push((
            format!(
                "INSERT INTO __sync_lookups VALUES ({})",
                parameters(values.len())
            ),
            values,
        ));
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
                format!(
                    "INSERT INTO __sync_stamp (environment, database_id, since, project, place) VALUES ({})",
                    parameters(5)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(
            identifier("a\"; drop table users; --"),
            "\"a\"\"; drop table users; --\""
        );
        assert_eq!(
            table(&TableName::new(Some("bill ing"), "Order"), "main"),
            "\"bill ing\".\"Order\""
        );
        assert_eq!(
            table(&TableName::new(None, "fees"), "public"),
            "\"public\".\"fees\""
        );
    }
}
