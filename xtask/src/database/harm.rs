//! What was done to rows that were there.

/// What was done to the rows of one table; nothing of it is counted where the table had none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Harm {
    pub updated: u64,
    pub deleted: u64,
    /// No row is left of those that were there, as after TRUNCATE.
    pub emptied: bool,
    /// The tables or partitions that are no more.
    pub gone: Vec<String>,
    /// The columns that are no more.
    pub lost_columns: Vec<String>,
    /// The columns that have another type, with the old and the new one.
    pub retyped_columns: Vec<(String, String, String)>,
}
