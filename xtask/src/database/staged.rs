//! Lookup tables whose changes wait, and what is said of them.

use anyhow::Context as _;

use crate::model::reference::Reference;
use crate::model::rows::lookup::Lookup;
use crate::model::schema::table::TableName;
use crate::model::words::counted;
use crate::problem::{Code, Problem};

/// A lookup table whose changes wait in a temporary table.
pub(super) struct Staged<UniqueKey> {
    pub(super) lookup: Lookup,
    /// Every foreign key that points at the table, from wherever.
    pub(super) references: Vec<Reference>,
    pub(super) unique_keys: Vec<UniqueKey>,
    /// Marked rows have to be taken out and put back in one statement.
    #[cfg(feature = "postgres")]
    pub(super) at_once: bool,
}

/// At which place among the staged tables a table is.
pub(super) fn position<UniqueKey>(
    staged: &[Staged<UniqueKey>],
    table: &TableName,
) -> anyhow::Result<usize> {
    staged
        .iter()
        .position(|staged| staged.lookup.table == *table)
        .with_context(|| format!("the changes of `{table}` were not staged"))
}

/// Stops where rows name a parent that is not there, as [`unlinked`](super::load::Loading::unlinked) found them.
///
/// # Errors
/// `missing_parent`.
pub(super) fn refuse_unlinked(
    lookup: &Lookup,
    at: usize,
    found: &[Vec<Option<String>>],
) -> anyhow::Result<()> {
    let Some(row) = found.first() else {
        return Ok(());
    };
    let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    let named: Vec<String> = lookup
        .fields_of_link(at)
        .into_iter()
        .enumerate()
        .map(|(at, field)| format!("{field} = {}", text(at + 1)))
        .collect();
    Err(Problem::new(
        Code::MissingParent,
        format!(
            "{} of `{}` would refer to rows of `{}` that the target lacks, such as {}",
            counted(text(0).parse().unwrap_or_default(), "row"),
            lookup.table,
            lookup.links[at].parent.table,
            named.join(", ")
        ),
    )
    .hint("make those rows on the target, or let the `where` of their table include them")
    .into())
}
