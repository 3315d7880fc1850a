//! The first line of a file: which field each of its columns is.

use super::findings::Findings;
use crate::model::rows::row::Record;
use crate::model::words::nearest;

/// The sign between fields: the one that makes most known names of the first line.
pub(super) fn separator(first: &str, columns: &[String]) -> char {
    let known = |separator: &char| {
        let names = first.trim_end().split(*separator);
        names
            .filter(|name| {
                let name = name.trim_matches(['"', '\u{feff}']);
                columns.iter().any(|column| column == name)
            })
            .count()
    };
    [';', '\t', '|']
        .into_iter()
        .filter(|other| known(other) > known(&','))
        .max_by_key(known)
        .unwrap_or(',')
}

/// For each field of the table its place in the file, where it has one. `computed` are columns that
/// the table has and that cannot be loaded.
pub(super) fn places(
    header: &Record,
    line: u64,
    columns: &[String],
    computed: &[&str],
    findings: &mut Findings,
) -> Vec<Option<usize>> {
    if !header
        .iter()
        .any(|name| columns.iter().any(|column| column == name))
    {
        findings.add(
            line,
            None,
            format!(
                "this is no header: the first line names the columns, {}",
                columns.join(",")
            ),
        );
        return vec![None; columns.len()];
    }
    for (at, name) in header.iter().enumerate() {
        if header.iter().take(at).any(|before| before == name) {
            findings.add(line, None, format!("the column `{name}` is there twice"));
        } else if computed.contains(&name) {
            findings.add(
                line,
                None,
                format!("the column `{name}` does not travel: take it out"),
            );
        } else if !columns.iter().any(|column| column == name) {
            let missing = columns
                .iter()
                .filter(|column| !header.iter().any(|name| name == column.as_str()));
            let known = nearest(name, missing.map(String::as_str))
                .or_else(|| nearest(name, columns.iter().map(String::as_str)))
                .unwrap_or_default();
            findings.add(
                line,
                None,
                format!("there is no column `{name}`; did you mean `{known}`?"),
            );
        }
    }
    let places: Vec<Option<usize>> = columns
        .iter()
        .map(|column| header.iter().position(|name| name == column))
        .collect();
    for (column, place) in columns.iter().zip(&places) {
        if place.is_none() {
            findings.add(line, None, format!("the column `{column}` is missing"));
        }
    }
    places
}
