//! Every row that would change, with what it holds before and after: the cells that are shown are
//! those that the load writes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::rows::change_log::{Change, ChangeLog};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{BATCH, Record, cells, owned};
use crate::problem::{Code, Problem};
use crate::sync::snapshot::Observed;

/// One row that would change; values as in a CSV export, with JSON's null for NULL.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowChange {
    pub change: Change,
    pub key: Map<String, Value>,
    /// The row of the target as it is when the lookup rows are loaded.
    pub before: Option<Map<String, Value>>,
    /// The same row as it will be: columns that are not written have their values of before.
    pub after: Option<Map<String, Value>>,
}

impl RowChange {
    /// The cells that are another afterwards, each with its old and its new value.
    pub fn changed_cells(&self) -> impl Iterator<Item = (&str, &Value, &Value)> {
        let before = self.before.as_ref();
        let after = self.after.iter().flatten();
        after.filter_map(move |(column, now)| {
            let was = before?.get(column)?;
            (was != now).then_some((column.as_str(), was, now))
        })
    }
}

/// The rows that `log` has; both ends have the same fields in the same order.
///
/// # Errors
/// What the databases report; `column_mismatch`, where `retire` sets what is no value of its column.
pub(crate) fn row_changes(
    on_source: &Lookup,
    on_target: &Lookup,
    source: &mut Observed,
    target: &mut Observed,
    log: &mut ChangeLog,
) -> anyhow::Result<Vec<RowChange>> {
    let key_columns: Vec<String> = on_source.key_columns().map(str::to_owned).collect();
    let named = |row: &Record| cells(&on_source.columns, row);
    let mut changes = Vec::new();
    let mut log = log.read()?;
    loop {
        let batch: Vec<(Change, Record)> = log.by_ref().take(BATCH).collect::<Result<_, _>>()?;
        if batch.is_empty() {
            return Ok(changes);
        }
        let keys = |wanted: &[Change]| -> Vec<Record> {
            let wanted = batch.iter().filter(|(change, _)| wanted.contains(change));
            wanted.map(|(_, key)| key.clone()).collect()
        };
        let by_key = |rows: Vec<Record>| -> BTreeMap<Vec<String>, Record> {
            let rows = rows.into_iter();
            rows.map(|row| (owned(&on_source.key_of(&row)), row))
                .collect()
        };
        let given = keys(&[Change::Insert, Change::Update]);
        let given = by_key(source.session.rows_by_key(on_source, &given)?);
        let there = keys(&[Change::Update, Change::Delete, Change::Retire]);
        let there = by_key(target.session.rows_by_key(on_target, &there)?);
        let retired = keys(&[Change::Retire]).into_iter();
        let retired: Vec<Record> = retired
            .filter_map(|key| there.get(&owned(&key)).cloned())
            .collect();
        let retired = by_key(switched_off(on_target, target, retired)?);
        for (change, key) in &batch {
            let key_fields = owned(key);
            let (given, there) = (given.get(&key_fields), there.get(&key_fields));
            let after = match change {
                Change::Insert => given.cloned(),
                Change::Update => there.zip(given).map(|(there, given)| {
                    let written = |at: &usize| on_source.compared.contains(at);
                    merged(there, given, written)
                }),
                Change::Retire => retired.get(&key_fields).cloned(),
                Change::Delete => None,
            };
            changes.push(RowChange {
                change: *change,
                key: cells(&key_columns, key),
                before: there.map(named),
                after: after.as_ref().map(named),
            });
        }
    }
}

/// A row with those of its fields from another that are written.
fn merged(there: &Record, given: &Record, written: impl Fn(&usize) -> bool) -> Record {
    let fields = there.iter().zip(given).enumerate();
    fields
        .map(|(at, (there, given))| if written(&at) { given } else { there })
        .collect()
}

/// Rows of the target as `retire` leaves them, in the database's own spelling.
fn switched_off(
    lookup: &Lookup,
    target: &mut Observed,
    mut rows: Vec<Record>,
) -> anyhow::Result<Vec<Record>> {
    let (Some(retire), false) = (&lookup.retire, rows.is_empty()) else {
        return Ok(rows);
    };
    let backend = target.snapshot.backend;
    let set: BTreeMap<usize, String> = retire
        .0
        .iter()
        .filter_map(|(column, value)| {
            let at = lookup.columns.iter().position(|name| name == column)?;
            Some((at, value.field(backend)))
        })
        .collect();
    for row in &mut rows {
        let fields = row.iter().enumerate();
        *row = fields
            .map(|(at, field)| set.get(&at).map_or(field, String::as_str))
            .collect();
    }
    let canonical = target.session.canonical(lookup, &rows)?;
    let is_set = |bad: &&crate::database::BadValue| set.contains_key(&bad.field);
    match canonical.bad.iter().find(is_set) {
        None => Ok(canonical.rows),
        Some(bad) => Err(Problem::new(
            Code::ColumnMismatch,
            format!(
                "`retire` of `{}` sets `{}` to what is no value of that column: {}",
                lookup.table, lookup.columns[bad.field], bad.words
            ),
        )
        .hint("correct `retire` in data-sync/sync.toml")
        .into()),
    }
}
