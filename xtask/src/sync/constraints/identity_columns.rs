//! Rows that would need another value in a column that no UPDATE may change.

use std::collections::BTreeMap;

use super::unique_conflicts::Ends;
use crate::model::reference::identity_change;
use crate::model::rows::change_log::{Change, ChangeLog};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{BATCH, Record, owned};
use crate::problem::Problem;

/// One problem for each such column.
///
/// # Errors
/// What the databases report.
pub(in crate::sync) fn identity_changes(
    ends: &mut Ends<'_>,
    log: &mut ChangeLog,
) -> anyhow::Result<Vec<Problem>> {
    let lookup = ends.on_target;
    let changing = lookup.changing_columns();
    let table = ends.target.snapshot.catalog.tables.get(&lookup.table);
    let columns = table.map_or(&[][..], |table| &table.columns);
    let mut fixed: Vec<(usize, &str, u64)> = Vec::new();
    for column in columns.iter().filter(|column| column.fixed) {
        let name = column.name.as_str();
        let field = lookup.columns.iter().position(|field| field == name);
        if let Some(field) = field.filter(|_| changing.contains(&name)) {
            fixed.push((field, name, 0));
        }
    }
    if fixed.is_empty() {
        return Ok(Vec::new());
    }
    let mut waiting: Vec<Record> = Vec::new();
    let (source, target) = (&mut ends.source.session, &mut ends.target.session);
    let mut look = |waiting: &mut Vec<Record>| -> anyhow::Result<()> {
        let by_key = |lookup: &Lookup, rows: Vec<Record>| -> BTreeMap<Vec<String>, Record> {
            let rows = rows.into_iter();
            rows.map(|row| (owned(&lookup.key_of(&row)), row)).collect()
        };
        let after = by_key(ends.on_source, source.rows_by_key(ends.on_source, waiting)?);
        let before = by_key(lookup, target.rows_by_key(lookup, waiting)?);
        waiting.clear();
        for (key, row) in &after {
            for (field, _, count) in &mut fixed {
                let there = before.get(key).map(|there| there.get(*field));
                *count += u64::from(there.is_some_and(|there| there != row.get(*field)));
            }
        }
        Ok(())
    };
    for change in log.read()? {
        let (change, key) = change?;
        if change == Change::Update {
            waiting.push(key);
        }
        if waiting.len() == BATCH {
            look(&mut waiting)?;
        }
    }
    look(&mut waiting)?;
    let problems = fixed.iter().filter(|(_, _, count)| *count > 0);
    Ok(problems
        .map(|(_, name, count)| identity_change(&lookup.table, name, *count))
        .collect())
}
