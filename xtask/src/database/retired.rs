//! Which rows are switched off, the same on both backends.

use super::sql::identifier;
use crate::problem::Problem;
use crate::sync::rows::lookup::Lookup;
use crate::sync::settings::config::RetiredValue;

/// Says of which table rows were asked for that `retire` does not switch off: a value may be none
/// of its column.
pub(super) fn of_retire(lookup: &Lookup, error: &anyhow::Error) -> anyhow::Error {
    let set: Vec<String> = lookup
        .retire
        .iter()
        .flat_map(|retire| &retire.0)
        .map(|(column, value)| format!("`{column}` = {value}"))
        .collect();
    let problem = Problem::of(error);
    Problem {
        message: format!(
            "failed to find the rows of `{}` that `retire` does not switch off ({}): {}",
            lookup.table,
            set.join(", "),
            problem.message
        ),
        ..problem
    }
    .hint(format!(
        "mend `retire` of `{}` in data-sync/sync.toml, or what else the database names",
        lookup.table
    ))
    .into()
}

/// The lookup table with only those rows that are not switched off; `differs` compares a column
/// with a value, NULL with NULL too.
pub(super) fn unretired(
    lookup: &Lookup,
    differs: &str,
    value: fn(&RetiredValue) -> String,
) -> Lookup {
    let conditions: Vec<String> = lookup
        .retire
        .iter()
        .flat_map(|retire| &retire.0)
        .map(|(column, to)| format!("{} {differs} {}", identifier(column), value(to)))
        .collect();
    let condition = conditions.join(" OR ");
    Lookup {
        filter: Some(match &lookup.filter {
            Some(filter) => format!("({filter}) AND ({condition})"),
            None => condition,
        }),
        ..lookup.clone()
    }
}
