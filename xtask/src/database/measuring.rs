//! Where it is measured what migrations do to rows.

/// What else is done to the database meanwhile, and what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measuring {
    /// Others write to it too.
    Live,
    /// Nobody else knows of it.
    Copy,
    /// As a copy, without the rows of these tables: only what becomes of the schema can be seen.
    Schema,
}
