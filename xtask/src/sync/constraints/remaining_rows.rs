//! Which rows that refer to rows that go or change would refer to them still after the promotion.
//!
//! Every row of a protected table would. A row of a lookup table would when it stays as it is:
//! because its `where` leaves it out, because the table keeps its rows or retires them, because
//! the columns that refer are `insert_only` or ignored, or because it was edited on the target and
//! that is kept. All others go or move in the same promotion,
//! as the source has them, which refers to nothing that is not there.

use std::collections::BTreeMap;

use super::cascade::ForeignKeyStep;
use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::{ExtraRows, LookupSettings};
use crate::model::rows::row::KeySet;
use crate::model::schema::catalog::Table;
use crate::model::schema::table::TableName;
use crate::sync::snapshot::Snapshot;

/// The rows of each table of the target that stay because they were edited there, by their keys.
pub(in crate::sync) type KeptKeys = BTreeMap<TableName, KeySet>;

/// Which rows of a child still refer after the promotion.
pub(in crate::sync) enum RemainingRows {
    Everybody,
    Some {
        /// Those that do not meet this condition.
        outside: Option<String>,
        checked: Option<Box<Checked>>,
    },
}

/// Lookup rows that stay, or not, by whether the source has them.
pub(in crate::sync) struct Checked {
    pub(in crate::sync) on_source: Lookup,
    pub(in crate::sync) on_target: Lookup,
    pub(in crate::sync) by_source: BySource,
    /// These stay, whatever the source has.
    pub(in crate::sync) kept: KeySet,
}

/// What the source has to do with it whether a row stays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum BySource {
    /// Those that it has stay.
    Has,
    /// Those that it lacks stay.
    Lacks,
    /// Nothing.
    Whatever,
}

impl Checked {
    /// Whether a row stays that the source has, or has not.
    pub(in crate::sync) fn stays(&self, key: &[String], is_in_source: bool) -> bool {
        let by_source = match self.by_source {
            BySource::Has => is_in_source,
            BySource::Lacks => !is_in_source,
            BySource::Whatever => false,
        };
        by_source || self.kept.contains(key)
    }

    /// The source may have some of those that stay.
    pub(in crate::sync) fn may_be_in_source(&self) -> bool {
        self.by_source == BySource::Has || !self.kept.is_empty()
    }
}

/// Which rows of a child still refer to the rows that a foreign key leads to.
pub(in crate::sync) fn remaining_rows(
    hop: &ForeignKeyStep,
    may_stay: bool,
    all: &[LookupSettings],
    kept: &KeptKeys,
    (source, target): (&Snapshot, &Snapshot),
) -> RemainingRows {
    let settings = all.iter().find(|settings| {
        let found = target.catalog.find(&settings.table);
        found.is_some_and(|table| table.name == hop.child)
    });
    let (Some(settings), Some(table)) = (settings, target.catalog.tables.get(&hop.child)) else {
        return RemainingRows::Everybody;
    };
    if may_stay {
        return RemainingRows::Everybody;
    }
    // What cannot be compared is refused for itself, or waits for its migrations.
    let Ok(on_target) = target.lookup(settings, all) else {
        return RemainingRows::Some {
            outside: None,
            checked: None,
        };
    };
    let travels = hop
        .key
        .columns
        .iter()
        .all(|column| travels(&on_target, table, column));
    let all_go = on_target.extra_rows != ExtraRows::Keep && on_target.retire.is_none();
    let by_source = match (all_go, travels) {
        (false, false) => return RemainingRows::Everybody,
        (true, true) => BySource::Whatever,
        (_, true) => BySource::Lacks,
        (_, false) => BySource::Has,
    };
    let kept = kept.get(&hop.child).cloned().unwrap_or_default();
    let outside = on_target.filter.clone();
    let checked = match by_source == BySource::Whatever && kept.is_empty() {
        true => None,
        false => checked(settings, all, source, on_target, (by_source, kept)),
    };
    RemainingRows::Some { outside, checked }
}

/// The table as both ends have it, with the same fields in the same order.
pub(in crate::sync) fn checked(
    settings: &LookupSettings,
    all: &[LookupSettings],
    source: &Snapshot,
    on_target: Lookup,
    (by_source, kept): (BySource, KeySet),
) -> Option<Box<Checked>> {
    let on_source = source.lookup(settings, all).ok()?.common_with(&on_target)?;
    Some(Box::new(Checked {
        on_target: on_target.arranged_like(&on_source)?,
        on_source,
        by_source,
        kept,
    }))
}

/// Whether a row that both ends have refers, after the promotion, to what it refers to in the
/// source.
fn travels(lookup: &Lookup, table: &Table, column: &str) -> bool {
    let is_computed = table
        .columns
        .iter()
        .any(|known| known.name == column && known.generated);
    is_computed
        || lookup.stored_key().contains(&column)
        || lookup.changing_columns().contains(&column)
}
