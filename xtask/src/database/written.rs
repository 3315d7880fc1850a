//! What a database counts of what is done to a table.

/// What was done to the rows of one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    /// The rows were written anew all at once, as TRUNCATE does, or a new type of a column.
    pub replaced: bool,
    /// No row is left of those that were there.
    pub emptied: bool,
}

impl Written {
    /// How many rows, at least.
    pub fn rows(self) -> u64 {
        let counted = self.inserted + self.updated + self.deleted;
        counted.max(u64::from(self.replaced))
    }
}
