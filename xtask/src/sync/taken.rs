//! Unique values that rows would take from rows of the target that stay as they are: those that
//! `where` leaves to others, those that are kept or retired, and those whose column is
//! `insert_only`.

use super::change_log::{Change, ChangeLog};
use super::config::ExtraRows;
use super::lookup::Lookup;
use super::row::{KeySet, NULL, Record, owned};
use crate::database::Session;
use crate::problem::{Code, Problem};

/// How many keys go to a database at once.
const BATCH: usize = 2000;

/// How many values are named.
const NAMED: usize = 5;

/// One table at both ends, with the same fields in the same order.
pub(super) struct Ends<'ends> {
    pub(super) on_source: &'ends Lookup,
    pub(super) source: &'ends mut dyn Session,
    pub(super) on_target: &'ends Lookup,
    pub(super) target: &'ends mut dyn Session,
    pub(super) label: &'ends str,
}

/// Says which values of which unique key of the target would be taken from a row that stays;
/// `unique_keys` are columns of the table.
///
/// # Errors
/// What the databases report.
pub(super) fn taken_values(
    mut ends: Ends<'_>,
    unique_keys: &[Vec<String>],
    log: &mut ChangeLog,
) -> anyhow::Result<Vec<Problem>> {
    let lookup = ends.on_target;
    let all_go = lookup.extra_rows == ExtraRows::Delete && lookup.retire.is_none();
    let mut keys: Vec<Vec<usize>> = vec![lookup.key.clone()];
    keys.extend(unique_keys.iter().filter_map(|key| lookup.fields_of(key)));
    keys.retain(|key| lookup.filter.is_some() || !all_go || !are_compared(lookup, key));
    keys.dedup();
    let mut problems = Vec::new();
    for key in keys {
        let taken = taken(&mut ends, &key, all_go, log)?;
        if !taken.is_empty() {
            problems.push(problem(lookup, ends.label, &key, &taken));
        }
    }
    Ok(problems)
}

fn are_compared(lookup: &Lookup, key: &[usize]) -> bool {
    key.iter().all(|at| lookup.compared.contains(at))
}

/// The values of one unique key that are taken.
fn taken(
    ends: &mut Ends<'_>,
    key: &[usize],
    all_go: bool,
    log: &mut ChangeLog,
) -> anyhow::Result<Vec<Record>> {
    let is_compared = are_compared(ends.on_target, key);
    let mut taken = Vec::new();
    let mut waiting: Vec<Record> = Vec::new();
    let mut look = |waiting: &mut Vec<Record>| -> anyhow::Result<()> {
        let coming = ends.source.rows_by_key(ends.on_source, waiting)?;
        waiting.clear();
        let values_of = |row: &Record| -> Record { fields(row, key) };
        let wanted: Vec<Record> = coming
            .iter()
            .map(values_of)
            .filter(|values| !values.iter().any(|value| value == NULL))
            .collect();
        let by_values = Lookup {
            key: key.to_vec(),
            filter: None,
            ..ends.on_target.clone()
        };
        let holders = ends.target.rows_by_key(&by_values, &wanted)?;
        let holder_keys: Vec<Record> = holders
            .iter()
            .map(|row| ends.on_target.key_of(row))
            .collect();
        let keys_of = |rows: Vec<Record>| -> KeySet {
            let keys = rows.iter().map(|row| owned(&ends.on_target.key_of(row)));
            keys.collect()
        };
        let own: KeySet = coming
            .iter()
            .map(|row| [owned(&values_of(row)), owned(&ends.on_source.key_of(row))].concat())
            .collect();
        let inside = keys_of(ends.target.rows_by_key(ends.on_target, &holder_keys)?);
        let in_source = keys_of(ends.source.rows_by_key(ends.on_source, &holder_keys)?);
        for (holder, holder_key) in holders.iter().zip(&holder_keys) {
            let values = values_of(holder);
            let holder_key = owned(holder_key);
            let changes = inside.contains(&holder_key)
                && if in_source.contains(&holder_key) {
                    is_compared || own.contains(&[owned(&values), holder_key].concat())
                } else {
                    all_go
                };
            if !changes {
                taken.push(values);
            }
        }
        Ok(())
    };
    for change in log.read()? {
        let (change, record) = change?;
        // A column that only comes with a new row is not changed by an update.
        if change == Change::Insert || (change == Change::Update && is_compared) {
            waiting.push(record);
        }
        if waiting.len() == BATCH {
            look(&mut waiting)?;
        }
    }
    look(&mut waiting)?;
    Ok(taken)
}

fn fields(row: &Record, at: &[usize]) -> Record {
    at.iter().filter_map(|at| row.get(*at)).collect()
}

fn problem(lookup: &Lookup, label: &str, key: &[usize], taken: &[Record]) -> Problem {
    let columns: Vec<&str> = key.iter().map(|at| lookup.columns[*at].as_str()).collect();
    let values: Vec<String> = taken
        .iter()
        .take(NAMED)
        .map(|values| values.iter().collect::<Vec<_>>().join(", "))
        .collect();
    let more = match taken.len() {
        count if count > NAMED => format!(" and {} more", count - NAMED),
        _ => String::new(),
    };
    Problem::new(
        Code::KeyTaken,
        format!(
            "rows of `{}` would take values that other rows in {label} have and keep: {} = {}{more}",
            lookup.table,
            columns.join(", "),
            values.join("; ")
        ),
    )
    .hint("they are rows that `where`, `extra_rows`, `retire` or `insert_only` leave as they are: change those, or give the rows of the source other values")
}
