//! What is to blame where rows cannot be read: a table's `where` is in the words of the database, and
//! only the database can tell that it is wrong.

use crate::model::rows::lookup::Lookup;
use crate::problem::{Code, Problem};

/// Names the `where` that rows were read by.
pub(super) fn of_where(lookup: &Lookup, error: anyhow::Error) -> anyhow::Error {
    let problem = Problem::of(&error);
    let Some((table, condition)) = condition(lookup) else {
        return error;
    };
    if problem.code != Code::Failed {
        return error;
    }
    Problem {
        message: format!("`where` of `{table}` ({condition}): {}", problem.message),
        ..problem
    }
    .hint(format!(
        "mend `where` of `{table}` in data-sync/sync.toml, or what else the database names"
    ))
    .into()
}

/// The table's own, or that of one whose rows its fields are found in.
fn condition(lookup: &Lookup) -> Option<(String, &str)> {
    match &lookup.filter {
        Some(own) => Some((lookup.table.to_string(), own)),
        None => lookup.links.iter().find_map(|link| condition(&link.parent)),
    }
}
