//! Which columns of the target's rows get other values, as those see it who refer to them: also the
//! columns that the database computes, or that `retire` sets.

use std::collections::{BTreeMap, BTreeSet};

use super::cascade::{Effect, ForeignKeyStep};
use super::future_rows::FutureRows;
use super::unique_conflicts::Ends;
use crate::model::backend::Backend;
use crate::model::rows::change_log::Change;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::row::{NULL, Record, owned};
use crate::model::schema::catalog::Action;

/// What changes in one row.
pub(super) enum ChangedColumns {
    /// Nobody can tell.
    Any,
    Known {
        respelled: BTreeSet<String>,
        /// Those of them that are another value to the database.
        unequal: BTreeSet<String>,
    },
}

impl ChangedColumns {
    /// Whether a foreign key notices. To PostgreSQL a value that is only spelled otherwise is no other
    /// one for NO ACTION, and is one for everything else; to SQLite it never is.
    pub(super) fn counts_for(&self, hop: &ForeignKeyStep, backend: Backend) -> bool {
        let Effect::Changed(referred) = &hop.effect else {
            return true;
        };
        let by_spelling = backend == Backend::Postgres && hop.action() != Action::NoAction;
        match self {
            ChangedColumns::Any => true,
            ChangedColumns::Known { respelled, unequal } => {
                let changed = if by_spelling { respelled } else { unequal };
                referred.iter().any(|column| changed.contains(column))
            }
        }
    }
}

/// What changes in each of these rows of the target, which are changed or switched off.
///
/// # Errors
/// What the databases report.
pub(super) fn changed_columns(
    ends: &mut Ends<'_>,
    changes: &[(Change, Record)],
) -> anyhow::Result<Vec<ChangedColumns>> {
    let Some(coming) = FutureRows::of(ends) else {
        return Ok(changes.iter().map(|_| ChangedColumns::Any).collect());
    };
    let whole = &coming.whole;
    let composed = coming.compose(ends, changes)?;
    let rows: Vec<Record> = composed.into_iter().map(|(_, row)| row).collect();
    let target = &mut ends.target.session;
    // What was computed is stored as its column has it.
    let rows = target.canonical(whole, &rows)?.rows;
    let keys: Vec<Record> = changes.iter().map(|(_, key)| key.clone()).collect();
    let by_key = |rows: Vec<Record>| -> BTreeMap<Vec<String>, Record> {
        let rows = rows.into_iter();
        rows.map(|row| (owned(&whole.key_of(&row)), row)).collect()
    };
    let before = by_key(target.rows_by_key(whole, &keys)?);
    let after = by_key(rows);
    let mut changed: Vec<ChangedColumns> = Vec::new();
    // By field: which rows, and the old and the new value of each, neither of them NULL.
    let mut asked: BTreeMap<usize, (Vec<usize>, Vec<Record>)> = BTreeMap::new();
    for (place, key) in keys.iter().map(owned).enumerate() {
        let (Some(before), Some(after)) = (before.get(&key), after.get(&key)) else {
            changed.push(ChangedColumns::Any);
            continue;
        };
        let (mut respelled, mut unequal) = (BTreeSet::new(), BTreeSet::new());
        for (field, (old, new)) in before.iter().zip(after).enumerate() {
            // Nobody refers to NULL.
            if old == new || old == NULL {
                continue;
            }
            let columns = whole.stored_in(field).into_iter().map(str::to_owned);
            respelled.extend(columns.clone());
            if new == NULL || !whole.is_plain(&whole.columns[field]) {
                unequal.extend(columns);
            } else {
                let (places, values) = asked.entry(field).or_default();
                places.push(place);
                values.extend([old, new].map(|value| Record::from(vec![value])));
            }
        }
        changed.push(ChangedColumns::Known { respelled, unequal });
    }
    for (field, (places, values)) in asked {
        let by_value = Lookup {
            key: vec![field],
            ..whole.clone()
        };
        let pairs: BTreeMap<usize, usize> =
            target.equal_keys(&by_value, &values)?.into_iter().collect();
        let first = |at: usize| pairs.get(&at).copied().unwrap_or(at);
        for (at, place) in places.into_iter().enumerate() {
            if first(2 * at) != first(2 * at + 1)
                && let ChangedColumns::Known { unequal, .. } = &mut changed[place]
            {
                unequal.insert(whole.columns[field].clone());
            }
        }
    }
    Ok(changed)
}
