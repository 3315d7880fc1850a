//! Pieces of SQL that both backends write the same way.

use crate::sync::ledger::{LedgerEntry, Run};
use crate::sync::lookup::Lookup;
use crate::sync::table::TableName;

/// The tables of the ledger, and diesel's own; no catalog shows them.
#[cfg(feature = "sqlite")]
pub(super) const BOOKKEEPING: [&str; 4] = [
    "__diesel_schema_migrations",
    "__sync_runs",
    "__sync_migrations",
    "__sync_stamp",
];

/// Makes the ledger where it is missing. Everything is text, so that both backends agree.
pub(super) const CREATE_LEDGER: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS __sync_runs (id text PRIMARY KEY, kind text NOT NULL, \
     subject text NOT NULL, plan_id text, git_commit text, operator text NOT NULL, \
     program_version text NOT NULL, started_at text NOT NULL, finished_at text NOT NULL, \
     backup text, summary text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS __sync_migrations (version text PRIMARY KEY, name text NOT NULL, \
     checksum text NOT NULL, run_id text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS __sync_stamp (environment text NOT NULL, \
     database_id text NOT NULL, since text NOT NULL)",
];

/// Reads every run, the newest first.
pub(super) const SELECT_RUNS: &str = "SELECT id, kind, subject, plan_id, git_commit, operator, \
     program_version, started_at, finished_at, backup, summary FROM __sync_runs \
     ORDER BY finished_at DESC, id DESC";

pub(super) const SELECT_STAMP: &str = "SELECT environment, database_id, since FROM __sync_stamp";

/// A name as SQL has it.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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

/// The key columns of a lookup table joined between two names for it.
pub(super) fn same_key(lookup: &Lookup, one: &str, other: &str) -> String {
    equal(one, other, lookup.key_columns().map(|name| (name, name)))
}

/// ` WHERE (condition)`, or nothing.
pub(super) fn filter(lookup: &Lookup) -> String {
    lookup
        .filter
        .as_ref()
        .map_or(String::new(), |condition| format!(" WHERE ({condition})"))
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
pub(super) fn run_of(values: &[Option<String>]) -> Run {
    use crate::sync::ledger::RunKind;
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

/// Every statement that writes a ledger entry, each with the values to bind.
pub(super) fn record_statements(
    entry: &LedgerEntry,
    is_stamped: bool,
    parameter: fn(usize) -> String,
) -> Vec<(String, Vec<Option<String>>)> {
    let parameters = |count: usize| (1..=count).map(parameter).collect::<Vec<_>>().join(", ");
    let mut statements: Vec<(String, Vec<Option<String>>)> = CREATE_LEDGER
        .iter()
        .map(|create| ((*create).to_owned(), Vec::new()))
        .collect();
    let values = run_values(&entry.run);
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
            format!("INSERT INTO __sync_migrations VALUES ({})", parameters(4)),
            vec![
                Some(migration.version.clone()),
                Some(migration.name.clone()),
                Some(migration.checksum.clone()),
                Some(entry.run.id.clone()),
            ],
        ));
    }
    if !is_stamped {
        statements.push((
            format!("INSERT INTO __sync_stamp VALUES ({})", parameters(3)),
            vec![
                Some(entry.environment.clone()),
                Some(entry.new_database_id.clone()),
                Some(entry.run.finished_at.clone()),
            ],
        ));
    }
    statements
}

/// The line, counted from 1, on which the character at `position` (counted from 1) stands.
pub(super) fn line_at(text: &str, position: usize) -> usize {
    1 + text
        .chars()
        .take(position.saturating_sub(1))
        .filter(|letter| *letter == '\n')
        .count()
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

    #[test]
    fn lines_are_counted_from_one() {
        assert_eq!(line_at("a\nb\nc", 1), 1);
        assert_eq!(line_at("a\nb\nc", 3), 2);
        assert_eq!(line_at("a\nb\nc", 99), 3);
    }
}
