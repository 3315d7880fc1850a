//! Whether a query makes one row of all that it reads, without a GROUP BY.
//! <https://www.sqlite.org/lang_aggfunc.html>

use super::phrases::{bare, group, is_name, listed};

/// Functions that have one value for each row. Of any other it is not known: a program may have
/// aggregates of its own.
/// <https://www.sqlite.org/lang_corefunc.html>
const OF_ONE_ROW: &[&str] = &[
    "abs",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "date",
    "datetime",
    "format",
    "glob",
    "hex",
    "if",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_extract",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "julianday",
    "length",
    "like",
    "lower",
    "ltrim",
    "nullif",
    "printf",
    "quote",
    "random",
    "randomblob",
    "replace",
    "round",
    "rtrim",
    "sign",
    "strftime",
    "substr",
    "substring",
    "time",
    "trim",
    "typeof",
    "unicode",
    "unixepoch",
    "upper",
    "zeroblob",
];

/// What may stand before a parenthesis and calls nothing.
const WORDS: &[&str] = &[
    "and", "as", "between", "by", "case", "cast", "distinct", "else", "escape", "exists", "filter",
    "from", "glob", "in", "is", "like", "match", "not", "on", "or", "over", "regexp", "select",
    "then", "values", "when", "where",
];

/// Whether an expression, or a list of them, may sum up the rows of the table that is read by these
/// names.
pub(super) fn sums_up(words: &[&str], table: &[String]) -> bool {
    let mut at = 0;
    while at < words.len() {
        match group(&words[at..]) {
            Some((["select" | "with" | "values", query @ ..], behind)) => {
                if of_query(query, table) {
                    return true;
                }
                at = words.len() - behind.len();
            }
            _ => {
                let is_type = at > 0 && words[at - 1] == "as";
                if !is_type && aggregated(&words[at..]).is_some() {
                    return true;
                }
                at += 1;
            }
        }
    }
    false
}

/// Whether a query inside of another one sums up the rows of that one: what it sums up are columns
/// of the table, and not its own.
fn of_query(words: &[&str], table: &[String]) -> bool {
    let mut calls = (0..words.len()).filter_map(|at| aggregated(&words[at..]));
    calls.any(|arguments| {
        (0..arguments.len()).any(|at| match &arguments[at..] {
            [name, ".", ..] if is_name(name) => table.contains(&bare(name)),
            [name, rest @ ..] => {
                let is_known = at > 0 && arguments[at - 1] == ".";
                let is_column = is_name(name) && !WORDS.contains(name) && group(rest).is_none();
                is_column && !is_known
            }
            [] => false,
        })
    })
}

/// The arguments of the aggregate that is called here.
fn aggregated<'rest, 'words>(words: &'rest [&'words str]) -> Option<&'rest [&'words str]> {
    let (name, rest) = words.split_first()?;
    let (arguments, behind) = group(rest)?;
    let is_one = is_name(name) && !WORDS.contains(name);
    (is_one && !is_of_one_row(name, arguments) && !is_window(behind)).then_some(arguments)
}

fn is_of_one_row(name: &str, arguments: &[&str]) -> bool {
    match bare(name).as_str() {
        "max" | "min" => listed(arguments).len() > 1,
        name => OF_ONE_ROW.contains(&name),
    }
}

/// Whether a call looks at other rows and keeps them.
fn is_window(behind: &[&str]) -> bool {
    let filtered = behind.strip_prefix(&["filter"]).and_then(group);
    let behind = filtered.map_or(behind, |(_, behind)| behind);
    behind.first() == Some(&"over")
}
