//! Rows that the source no longer has and that are switched off: which of them are already.

use crate::database::Session;
use crate::model::rows::change_log::{Change, ChangeLog};
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{BATCH, Record};
use crate::sync::rows::compare::Difference;

/// Takes the rows of the target that are switched off already out of what is to be done.
///
/// # Errors
/// What the database reports.
pub(in crate::sync) fn settle(
    lookup: &Lookup,
    target: &mut dyn Session,
    difference: &mut Difference,
    mut log: ChangeLog,
) -> anyhow::Result<ChangeLog> {
    if difference.retire == 0 {
        return Ok(log);
    }
    let mut settled = ChangeLog::new()?;
    let mut waiting: Vec<Record> = Vec::new();
    let mut left = 0;
    let mut look = |waiting: &mut Vec<Record>, settled: &mut ChangeLog| -> anyhow::Result<()> {
        for row in target.unretired(lookup, waiting)? {
            settled.add(Change::Retire, &row)?;
            left += 1;
        }
        waiting.clear();
        Ok(())
    };
    for change in log.read()? {
        match change? {
            (Change::Retire, key) => waiting.push(key),
            (change, record) => settled.add(change, &record)?,
        }
        if waiting.len() == BATCH {
            look(&mut waiting, &mut settled)?;
        }
    }
    look(&mut waiting, &mut settled)?;
    difference.keep += difference.retire - left;
    difference.retire = left;
    Ok(settled)
}
