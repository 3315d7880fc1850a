//! Which rows that refer to rows that go or change would refer to them still after the promotion.
//!
//! Every row of a protected table would. A row of a lookup table would when it stays as it is:
//! because its `where` leaves it out, because the table keeps its rows or retires them, or because
//! the columns that refer are `insert_only` or ignored. All others go or move in the same promotion,
//! as the source has them, which refers to nothing that is not there.

use super::catalog::Table;
use super::config::{ExtraRows, LookupSettings};
use super::lookup::Lookup;
use super::snapshot::Snapshot;
use super::walk::Hop;

/// Which rows of a child still refer after the promotion.
pub(super) enum Staying {
    Everybody,
    Some {
        /// Those that do not meet this condition.
        outside: Option<String>,
        checked: Option<Box<Checked>>,
    },
}

/// Lookup rows that stay, or not, by whether the source has them.
pub(super) struct Checked {
    pub(super) on_source: Lookup,
    pub(super) on_target: Lookup,
    /// Those that the source has stay; else those that it lacks.
    pub(super) in_source: bool,
}

/// Which rows of a child still refer to the rows that a foreign key leads to.
pub(super) fn staying(
    hop: &Hop,
    may_stay: bool,
    all: &[LookupSettings],
    (source, target): (&Snapshot, &Snapshot),
) -> Staying {
    let settings = all.iter().find(|settings| {
        let found = target.catalog.find(&settings.table);
        found.is_some_and(|table| table.name == hop.child)
    });
    let (Some(settings), Some(table)) = (settings, target.catalog.tables.get(&hop.child)) else {
        return Staying::Everybody;
    };
    if may_stay {
        return Staying::Everybody;
    }
    // What cannot be compared is refused for itself, or waits for its migrations.
    let Ok(on_target) = target.lookup(settings, all) else {
        return Staying::Some {
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
    match (all_go, travels) {
        (false, false) => Staying::Everybody,
        (true, true) => Staying::Some {
            outside: on_target.filter,
            checked: None,
        },
        _ => Staying::Some {
            outside: on_target.filter.clone(),
            checked: checked(settings, all, source, on_target, !travels),
        },
    }
}

/// The table as both ends have it, with the same fields in the same order.
fn checked(
    settings: &LookupSettings,
    all: &[LookupSettings],
    source: &Snapshot,
    on_target: Lookup,
    in_source: bool,
) -> Option<Box<Checked>> {
    let on_source = source.lookup(settings, all).ok()?.common_with(&on_target)?;
    Some(Box::new(Checked {
        on_target: on_target.arranged_like(&on_source)?,
        on_source,
        in_source,
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
