//! What a database makes of rows that it does not hold.

use crate::model::rows::row::Record;

/// A field that is no value of its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// Which of the rows that were given.
    pub row: usize,
    /// Which of its fields.
    pub field: usize,
    /// Why, as the database says it.
    pub words: String,
}

/// Rows in the database's own spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical {
    /// As many as were given; a bad value stands as it was given.
    pub rows: Vec<Record>,
    /// Sorted by row; after [`MOST_BAD`] no more are looked for.
    pub bad: Vec<BadValue>,
}

/// What every row of a table has to meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Of the constraint, where it has one.
    pub name: Option<String>,
    /// As SQL; a row for which it is NULL meets it.
    pub condition: String,
}

/// How many bad values are looked for at once.
pub const MOST_BAD: usize = 100;
