//! The rows that a load leaves as they are.

use super::load::Loading;
use super::sql::same_stored_key;
use crate::sync::rows::lookup::Lookup;

impl Loading<'_> {
    /// All rows but those that are staged, with every field to be compared.
    pub(super) fn unstaged(&self) -> Lookup {
        Lookup {
            filter: Some(format!(
                "NOT EXISTS (SELECT 1 FROM {} AS staged WHERE {})",
                self.staging,
                same_stored_key(self.lookup, "staged", &self.table)
            )),
            ..self.lookup.whole()
        }
    }
}
