//! The statements by which staged rows let go of unique values, the same on both backends.

use super::load::Loading;
use super::sql::{identifier, same_stored_key};

impl Loading<'_> {
    /// A condition on `lookup`: it is among the `changes`, and it holds values of a unique key that
    /// a staged row with another key takes; `same` says when `lookup` and `wanted` have the same.
    pub(super) fn holds_wanted(&self, same: &str, changes: &str) -> String {
        format!(
            "EXISTS (SELECT 1 FROM {} AS wanted WHERE {same} AND wanted.__change IN ('I', 'R', 'U') AND NOT ({})) \
             AND EXISTS ({})",
            self.staging,
            same_stored_key(self.lookup, "lookup", "wanted"),
            self.staged("own", changes)
        )
    }

    /// Gives changing rows the values that they have in columns that are never changed; `None` where
    /// there are no such columns.
    pub(super) fn keep(&self) -> Option<String> {
        let changing = self.lookup.changing_columns();
        let key = self.lookup.stored_key();
        let kept: Vec<String> = self
            .lookup
            .stored_columns()
            .into_iter()
            .chain(self.lookup.ignored.iter().map(String::as_str))
            .filter(|column| !changing.contains(column) && !key.contains(column))
            .map(identifier)
            .map(|column| format!("{column} = lookup.{column}"))
            .collect();
        (!kept.is_empty()).then(|| {
            format!(
                "UPDATE {} AS staged SET {} FROM {} AS lookup WHERE staged.__change = 'U' AND {}",
                self.staging,
                kept.join(", "),
                self.table,
                same_stored_key(self.lookup, "staged", "lookup")
            )
        })
    }

    /// Marks changing rows that hold what others take: they are to be taken out and put back among
    /// the new ones.
    pub(super) fn mark(&self, same: &str) -> String {
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
