//! What the statements of a migration do to tables.
//! <https://www.sqlite.org/lang.html>

use super::phrases::{bare, group, listed, name, without};
use super::rebuilds::rebuilds;
use super::statements::split;
use super::words::words;
use crate::sync::migrations::destructive::{Effect, Kind, Read, Statement};
use crate::sync::schema::table::TableName;

/// The effects of a text in its order, without what only adds to the schema or to a table.
pub(in crate::database) fn effects(up: &str) -> Vec<Statement> {
    read(up).statements
}

pub(super) fn read(up: &str) -> Read {
    let statements: Vec<(usize, Vec<String>)> = split(up)
        .into_iter()
        .map(|(line, statement)| (line, words(statement)))
        .collect();
    let statements: Vec<(usize, Vec<&str>)> = statements
        .iter()
        .map(|(line, words)| (*line, words.iter().map(String::as_str).collect()))
        .collect();
    let every: Vec<&[&str]> = statements
        .iter()
        .map(|(_, words)| words.strip_suffix(&[";"]).unwrap_or(words))
        .collect();
    let rebuilds = rebuilds(&every);
    let mut read = Read::default();
    for (at, ((line, _), words)) in statements.iter().zip(&every).enumerate() {
        let rebuilt = rebuilds.iter().find(|rebuild| rebuild.drop == at);
        let seen = match rebuilt {
            Some(rebuild) => vec![Ok(rebuild.effect())],
            None => seen(words),
        };
        for effect in seen {
            match effect {
                Ok(effect) => read.statements.push(Statement {
                    line: *line,
                    effect: rebuilds
                        .iter()
                        .fold(effect, |effect, rebuild| rebuild.attribute(at, effect)),
                }),
                Err(reason) => read.opaque.push((*line, reason)),
            }
        }
    }
    read
}

/// An effect, or why it is not known.
type Seen = Result<Effect, String>;

fn seen(words: &[&str]) -> Vec<Seen> {
    let is_trigger = matches!(
        words,
        ["create", "trigger", ..] | ["create", "temp" | "temporary", "trigger", ..]
    );
    let effects = match words {
        // Where a statement ends is not sure.
        _ if words.contains(&";") && !is_trigger => None,
        ["create", "temp" | "temporary", rest @ ..] => return created(rest, Some("temp")),
        ["create", rest @ ..] => return created(rest, None),
        ["pragma", rest @ ..] => return pragma(rest).map(Err).into_iter().collect(),
        ["attach", ..] => {
            return vec![Err("what is in another file is not looked into".to_owned())];
        }
        ["drop", "table", rest @ ..] => name(without(rest, &["if", "exists"]))
            .map(|(table, _)| vec![meets(Kind::DropTable, table, Vec::new())]),
        ["alter", "table", rest @ ..] => altered(rest),
        ["with" | "insert" | "replace" | "update" | "delete", ..] => written(words),
        [
            "drop" | "select" | "values" | "explain" | "analyze" | "reindex" | "vacuum",
            ..,
        ]
        | [
            "begin" | "commit" | "end" | "rollback" | "savepoint" | "release" | "detach",
            ..,
        ]
        | [] => Some(Vec::new()),
        _ => None,
    };
    match effects {
        Some(effects) => effects.into_iter().map(certain).collect(),
        None => vec![Err(
            "this cannot be read, as if it were no SQL of SQLite".to_owned()
        )],
    }
}

/// What is done to a table of another file, or to that of the schema, may mean anything.
fn certain(effect: Effect) -> Seen {
    let (Effect::Meets { table, .. } | Effect::Renames { from: table, .. }) = &effect else {
        return Ok(effect);
    };
    match table.schema.as_deref() {
        None if ["sqlite_schema", "sqlite_master"].contains(&table.name.as_str()) => {
            Err(format!("`{table}` is SQLite's own"))
        }
        None | Some("temp") => Ok(effect),
        Some(_) => Err(format!(
            "`{table}` is in another file, which is not looked into"
        )),
    }
}

fn created(words: &[&str], schema: Option<&str>) -> Vec<Seen> {
    let named = |rest| {
        let (name, rest) = name(without(rest, &["if", "not", "exists"]))?;
        let schema = schema.or(name.schema.as_deref());
        Some((TableName::new(schema, &name.name), rest))
    };
    let effect = match words {
        ["table", rest @ ..] | ["virtual", "table", rest @ ..] => {
            named(rest).map(|(table, _)| Effect::Makes(table))
        }
        ["view", rest @ ..] => named(rest).map(|(view, rest)| Effect::MakesView {
            view,
            query: rest.join(" "),
        }),
        ["trigger", rest @ ..] => {
            return named(rest).map_or(Vec::new(), |(name, rest)| fired(&name.name, rest));
        }
        _ => None,
    };
    effect.into_iter().map(Ok).collect()
}

/// What a trigger does when it fires is not followed, but told.
fn fired(trigger: &str, words: &[&str]) -> Vec<Seen> {
    let start = words.iter().position(|word| *word == "begin");
    let body = words[start.map_or(words.len(), |at| at + 1)..].split(|word| *word == ";");
    let raises = ["raise", "(", "ignore", ")"];
    let skips = words.windows(4).any(|words| words == raises);
    let skips = skips.then(|| "skips what is done to a row".to_owned());
    body.flat_map(seen)
        .filter_map(|seen| match seen {
            Ok(effect) => effect.words(),
            Err(reason) => Some(format!("does what is not known ({reason})")),
        })
        .chain(skips)
        .map(|what| Err(format!("`{trigger}` {what} when it fires")))
        .collect()
}

/// Why a setting may have the statements behind it do more than they say.
fn pragma(words: &[&str]) -> Option<String> {
    let says = |text: &str| words.iter().any(|word| bare(word) == text);
    let is_off = ["off", "0", "false", "no"].into_iter().any(says);
    if says("writable_schema") && words.len() > 1 {
        return Some("the schema can be written as if it were rows".to_owned());
    }
    (says("foreign_keys") && words.len() > 1 && !is_off)
        .then(|| "foreign keys may delete and change rows of other tables".to_owned())
}

fn altered(words: &[&str]) -> Option<Vec<Effect>> {
    let (table, action) = name(words)?;
    let effect = match action {
        ["rename", "to", to] => Effect::Renames {
            to: TableName::new(table.schema.as_deref(), &bare(to)),
            from: table,
        },
        ["rename", "column", from, "to", to] | ["rename", from, "to", to] => {
            Effect::RenamesColumn {
                table,
                from: bare(from),
                to: bare(to),
            }
        }
        ["drop", "constraint", ..] | ["alter", ..] | ["add", "constraint" | "check", ..] => {
            return Some(Vec::new());
        }
        ["drop", "column", column] | ["drop", column] => {
            meets(Kind::DropColumn, table, vec![bare(column)])
        }
        ["add", "column", column, ..] | ["add", column, ..] => Effect::Adds {
            table,
            column: bare(column),
        },
        _ => return None,
    };
    Some(vec![effect])
}

/// What a statement that writes rows does.
fn written(words: &[&str]) -> Option<Vec<Effect>> {
    let words = behind_with(words)?;
    let effect = match words {
        ["delete", "from", rest @ ..] => meets(Kind::Delete, name(rest)?.0, Vec::new()),
        // Rows may go for any column, even for a new one.
        ["update", "or", "replace", rest @ ..] => meets(Kind::Replace, name(rest)?.0, Vec::new()),
        ["update", "or", _, rest @ ..] | ["update", rest @ ..] => {
            let (table, rest) = name(rest)?;
            meets(Kind::Update, table, set(rest))
        }
        ["replace", "into", rest @ ..] | ["insert", "or", "replace", "into", rest @ ..] => {
            meets(Kind::Replace, name(rest)?.0, Vec::new())
        }
        ["insert", "or", _, "into", rest @ ..] | ["insert", "into", rest @ ..] => {
            let (table, rest) = name(rest)?;
            let updates = rest.windows(2).any(|pair| pair == ["do", "update"]);
            match words {
                _ if updates => meets(Kind::Update, table, Vec::new()),
                // What it says itself goes before what the table says.
                ["insert", "or", ..] => return Some(Vec::new()),
                _ => Effect::Inserts(table),
            }
        }
        ["select" | "values", ..] => return Some(Vec::new()),
        _ => return None,
    };
    Some(vec![effect])
}

/// The statement without the queries that WITH puts in front of it, whatever they are called.
fn behind_with<'rest, 'words>(words: &'rest [&'words str]) -> Option<&'rest [&'words str]> {
    let Some(rest) = words.strip_prefix(&["with"]) else {
        return Some(words);
    };
    let mut rest = without(rest, &["recursive"]);
    loop {
        let (_, query) = rest.split_first()?;
        let query = group(query).map_or(query, |(_, query)| query);
        let query = without(query.strip_prefix(&["as"])?, &["not"]);
        let (_, behind) = group(without(query, &["materialized"]))?;
        match behind {
            [",", more @ ..] => rest = more,
            statement => return Some(statement),
        }
    }
}

/// The columns that an UPDATE sets; none where that is not sure. What stands behind them is not told
/// apart: at worst more is named than is set.
fn set(words: &[&str]) -> Vec<String> {
    let start = words.iter().position(|word| *word == "set");
    let assignments = listed(&words[start.map_or(words.len(), |at| at + 1)..]).into_iter();
    let columns: Option<Vec<Vec<String>>> = assignments
        .map(|assignment| match (assignment, group(assignment)) {
            ([column, "=", ..], _) => Some(vec![bare(column)]),
            (_, Some((columns, ["=", ..]))) => {
                let columns = columns.iter().filter(|word| **word != ",");
                Some(columns.map(|column| bare(column)).collect())
            }
            _ => None,
        })
        .collect();
    columns.unwrap_or_default().concat()
}

fn meets(kind: Kind, table: TableName, columns: Vec<String>) -> Effect {
    Effect::Meets {
        kind,
        table,
        columns,
        others: false,
    }
}

#[cfg(test)]
mod tests;
