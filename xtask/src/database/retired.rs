//! Which rows are switched off, the same on both backends.

use crate::model::rows::lookup::Lookup;
use crate::model::rows::lookup::settings::RetiredValue;
use crate::problem::Problem;

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

/// The lookup table with only those rows that are not switched off; `differs` says when a column
/// has another value, of NULL too.
pub(super) fn unretired(
    lookup: &Lookup,
    differs: impl FnMut((&String, &RetiredValue)) -> anyhow::Result<String>,
) -> anyhow::Result<Lookup> {
    let retire = lookup.retire.iter().flat_map(|retire| &retire.0);
    let conditions: Vec<String> = retire.map(differs).collect::<anyhow::Result<_>>()?;
    let condition = conditions.join(" OR ");
    Ok(Lookup {
        filter: Some(match &lookup.filter {
            Some(filter) => format!("({filter}) AND ({condition})"),
            None => condition,
        }),
        ..lookup.clone()
    })
}
