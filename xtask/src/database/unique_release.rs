//! The statements by which staged rows let go of unique values, the same on both backends.

use super::load::Loading;
use super::sql::{identifier, same_stored_key};
use crate::model::rows::lookup::settings::RetiredValue;

impl Loading<'_> {
    /// A condition on `lookup`: it is among the `changes`, and it holds values of a unique key that
    /// a staged row with another key takes; `same` says when `lookup` and `wanted` have the same.
    pub(super) fn holds_wanted(&self, same: &str, changes: &str) -> String {
        self.holds_wanted_by("'I', 'R', 'U', 'T'", same, changes)
    }

    /// As [`Loading::holds_wanted`], where staged rows with these changes take the values.
    pub(super) fn holds_wanted_by(&self, takers: &str, same: &str, changes: &str) -> String {
        format!(
            "EXISTS (SELECT 1 FROM {} AS wanted WHERE {same} AND wanted.__change IN ({takers}) AND NOT ({})) \
             AND EXISTS ({})",
            self.staging,
            same_stored_key(self.lookup, "lookup", "wanted"),
            self.staged("own", changes)
        )
    }

    /// Gives changing rows the values that they have in columns that are never changed, and those
    /// that are switched off all that they will have; `value` writes a value.
    pub(super) fn keep(&self, value: fn(&RetiredValue) -> String) -> Vec<String> {
        let lookup = self.lookup;
        let (changing, key) = (lookup.changing_columns(), lookup.stored_key());
        let mut columns = lookup.stored_columns();
        columns.extend(lookup.ignored.iter().map(String::as_str));
        columns.retain(|column| !key.contains(column));
        let as_it_is = |column: &&str| {
            let column = identifier(column);
            format!("{column} = lookup.{column}")
        };
        let stays = columns.iter().filter(|column| !changing.contains(*column));
        let mut kept = vec![("U", stays.map(as_it_is).collect::<Vec<_>>())];
        if let Some(retire) = &lookup.retire {
            let then = columns.iter().map(|column| match retire.0.get(*column) {
                Some(to) => format!("{} = {}", identifier(column), value(to)),
                None => as_it_is(column),
            });
            kept.push(("T", then.collect()));
        }
        kept.retain(|(_, assignments)| !assignments.is_empty());
        let statements = kept.into_iter().map(|(change, assignments)| {
            format!(
                "UPDATE {} AS staged SET {} FROM {} AS lookup WHERE staged.__change = '{change}' AND {}",
                self.staging,
                assignments.join(", "),
                self.table,
                same_stored_key(lookup, "staged", "lookup")
            )
        });
        statements.collect()
    }

    /// Marks changing rows that hold what others take: they are to be taken out and put back among
    /// the new ones.
    pub(super) fn mark_for_reinsert(&self, same: &str) -> String {
        format!(
            "UPDATE {} AS staged SET __change = 'R' FROM {} AS lookup WHERE staged.__change = 'U' AND {} AND {}",
            self.staging,
            self.table,
            same_stored_key(self.lookup, "staged", "lookup"),
            self.holds_wanted(same, "'U'")
        )
    }

    /// Takes out rows that are to go and whose key is one with that of a new row, though it is spelled
    /// differently, and forgets them: later the new row could be taken for one that is to go.
    #[cfg(feature = "sqlite")]
    pub(super) fn make_room(&self) -> [String; 2] {
        let key = self.lookup.stored_key();
        let columns = |prefix: &str| super::sql::list(prefix, key.iter().copied());
        [
            format!(
                "{} AND ({}) IN (SELECT {} FROM {} AS wanted WHERE wanted.__change = 'I')",
                self.delete(),
                columns("lookup."),
                columns("wanted."),
                self.staging
            ),
            format!(
                "DELETE FROM {} AS own WHERE __change = 'D' AND NOT EXISTS (SELECT 1 FROM {} AS lookup WHERE {})",
                self.staging,
                self.table,
                same_stored_key(self.lookup, "own", "lookup")
            ),
        ]
    }

    /// Takes out the marked rows, or with `R, D` those too that go for good.
    pub(super) fn take_out(&self, changes: &str) -> String {
        format!(
            "DELETE FROM {} AS lookup WHERE EXISTS ({})",
            self.table,
            self.staged("own", changes)
        )
    }
}
