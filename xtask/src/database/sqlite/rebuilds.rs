//! Which tables are made anew: copied row by row into an heir, and dropped.
//! <https://www.sqlite.org/lang_altertable.html#otheralter>

use std::collections::BTreeMap;

use super::aggregates::sums_up;
use super::phrases::{bare, group, is_name, listed, name, without};
use super::value::Affinity;
use crate::sync::migrations::destructive::{Copied, Effect, Kind};
use crate::sync::schema::catalog::Reading;
use crate::sync::schema::table::TableName;

/// A table that is dropped after all its rows went to one that takes its name.
pub(super) struct Rebuild {
    /// The places of these two among the statements.
    copy: usize,
    pub(super) drop: usize,
    table: TableName,
    heir: TableName,
    columns: Vec<String>,
    values: Vec<Copied>,
    readings: BTreeMap<String, Reading>,
}

/// The rebuilds among the statements of a migration. What is not quite sure to be one is none.
pub(super) fn rebuilds(statements: &[&[&str]]) -> Vec<Rebuild> {
    let drops = 0..statements.len();
    drops.filter_map(|drop| rebuild(statements, drop)).collect()
}

fn rebuild(statements: &[&[&str]], drop: usize) -> Option<Rebuild> {
    let ["drop", "table", rest @ ..] = statements[drop] else {
        return None;
    };
    let (table, _) = name(without(rest, &["if", "exists"]))?;
    let before = &statements[..drop];
    let (copy, found) = before
        .iter()
        .enumerate()
        .find_map(|(at, words)| Some((at, copied(words, &table)?)))?;
    let heir = found.heir;
    let mut makers = (0..=copy).filter(|at| made(statements[*at]).as_ref() == Some(&heir));
    let (made_at, None) = (makers.next()?, makers.next()) else {
        return None;
    };
    let declared = columns_of(statements[made_at]);
    let columns = match (found.columns, &declared) {
        (Some(columns), _) => columns,
        (None, Some(declared)) => declared.iter().map(|(name, _)| name.clone()).collect(),
        (None, None) => return None,
    };
    // Rows that are in conflict would go or be replaced without a word.
    if statements[made_at].contains(&"conflict") {
        return None;
    }
    // It may keep rows away.
    let has_trigger = statements[made_at..copy].iter().any(|words| {
        words.first() == Some(&"create")
            && words.contains(&"trigger")
            && words.iter().any(|word| bare(word) == heir.name)
    });
    if has_trigger {
        return None;
    }
    let takes_name = |(at, words): (usize, &&[&str])| {
        (at < made_at || at > drop)
            && renamed(words).as_ref() == Some(&(heir.clone(), table.clone()))
    };
    let is_changed = statements[made_at + 1..drop]
        .iter()
        .any(|words| alters(words, &table, &heir));
    (statements.iter().enumerate().any(takes_name) && !is_changed).then_some(Rebuild {
        copy,
        drop,
        table,
        heir,
        columns,
        values: found.values,
        readings: declared.into_iter().flatten().collect(),
    })
}

impl Rebuild {
    pub(super) fn effect(&self) -> Effect {
        Effect::Rebuilds {
            table: self.table.clone(),
            heir: self.heir.clone(),
            columns: self.columns.clone(),
            values: self.values.clone(),
            readings: self.readings.clone(),
        }
    }

    /// What meets the heir between the copy and the drop meets rows that are nowhere else.
    pub(super) fn attribute(&self, at: usize, effect: Effect) -> Effect {
        match effect {
            Effect::Meets {
                kind,
                table,
                columns,
                others,
            } if table == self.heir
                && (self.copy + 1..self.drop).contains(&at)
                && (columns.is_empty() || columns.iter().any(|column| self.is_copied(column))) =>
            {
                Effect::Meets {
                    kind,
                    table: self.table.clone(),
                    columns: columns
                        .into_iter()
                        .filter(|_| kind == Kind::DropColumn)
                        .collect(),
                    others,
                }
            }
            effect => effect,
        }
    }

    fn is_copied(&self, column: &str) -> bool {
        self.values.contains(&Copied::Every)
            || self
                .columns
                .iter()
                .zip(&self.values)
                .any(|(name, value)| name == column && *value != Copied::Other)
    }
}

struct Copy {
    heir: TableName,
    /// As the statement names them; none where it leaves that to the heir.
    columns: Option<Vec<String>>,
    values: Vec<Copied>,
}

/// What copies every row of a table into another one.
fn copied(words: &[&str], from: &TableName) -> Option<Copy> {
    let (heir, columns, select) = match words {
        ["insert", "into", rest @ ..] => {
            let (heir, rest) = name(rest)?;
            match group(rest) {
                Some((columns, rest)) => {
                    let columns = columns.split(|word| *word == ",");
                    let columns = columns.map(|column| match column {
                        [column] => Some(bare(column)),
                        _ => None,
                    });
                    (heir, Some(columns.collect::<Option<Vec<_>>>()?), rest)
                }
                None => (heir, None, rest),
            }
        }
        ["create", "table", rest @ ..] => {
            let (heir, rest) = name(without(rest, &["if", "not", "exists"]))?;
            (heir, None, rest.strip_prefix(&["as"])?)
        }
        _ => return None,
    };
    let ["select", rest @ ..] = select else {
        return None;
    };
    let mut depth = 0_usize;
    let source = rest.iter().position(|word| {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *word == "from"
    })?;
    let (table, behind) = name(&rest[source + 1..])?;
    let (alias, order): (_, &[&str]) = match behind {
        [] => (None, &[]),
        ["order", "by", order @ ..] => (None, order),
        [alias] | ["as", alias] => (Some(alias), &[]),
        ["as", alias, "order", "by", order @ ..] => (Some(alias), order),
        _ => return None,
    };
    if table != *from || order.contains(&"limit") || ["distinct", "all"].contains(rest.first()?) {
        return None;
    }
    let called = [Some(table.name.clone()), alias.map(|alias| bare(alias))];
    let called: Vec<String> = called.into_iter().flatten().collect();
    let items = listed(&rest[..source]);
    if sums_up(&rest[..source], &called) || sums_up(order, &called) {
        return None;
    }
    let values: Vec<Copied> = items.iter().map(|item| value(item)).collect();
    let columns = match words.first() {
        Some(&"create") if values == [Copied::Every] => Some(Vec::new()),
        Some(&"create") => Some(items.iter().map(|item| title(item)).collect()),
        _ => columns,
    };
    Some(Copy {
        heir,
        columns,
        values,
    })
}

fn value(item: &[&str]) -> Copied {
    let unqualified = match item {
        [table, ".", rest @ ..] if is_name(table) => rest,
        item => item,
    };
    match unqualified {
        ["*"] => Copied::Every,
        [_, "isnull" | "notnull"] => Copied::Other,
        [column] | [column, _] | [column, "as", _] if is_name(column) => {
            Copied::Column(bare(column))
        }
        _ => Copied::Other,
    }
}

/// The name of a column that CREATE TABLE … AS makes.
fn title(item: &[&str]) -> String {
    item.last().map(|word| bare(word)).unwrap_or_default()
}

/// The columns that CREATE TABLE lists and that can be written, and how they read.
fn columns_of(words: &[&str]) -> Option<Vec<(String, Reading)>> {
    let ["create", "table", rest @ ..] = words else {
        return None;
    };
    let (_, rest) = name(without(rest, &["if", "not", "exists"]))?;
    let (inside, _) = group(rest)?;
    let constraints = ["constraint", "primary", "unique", "check", "foreign"];
    let parts = listed(inside).into_iter();
    Some(
        parts
            .filter(|part| !part.windows(2).any(|pair| pair == ["as", "("]))
            .filter_map(|part| part.split_first())
            .filter(|(first, _)| !constraints.contains(first))
            .map(|(first, rest)| (bare(first), Affinity::of(&declared(rest)).reading()))
            .collect(),
    )
}

/// The type of a column: what stands before its constraints.
fn declared(words: &[&str]) -> String {
    let constraints = [
        "constraint",
        "primary",
        "not",
        "null",
        "unique",
        "check",
        "default",
        "collate",
        "references",
        "generated",
        "as",
    ];
    let end = words.iter().position(|word| constraints.contains(word));
    words[..end.unwrap_or(words.len())].join(" ")
}

/// The table that a statement makes in the file itself.
fn made(words: &[&str]) -> Option<TableName> {
    let ["create", "table", rest @ ..] = words else {
        return None;
    };
    Some(name(without(rest, &["if", "not", "exists"]))?.0)
}

fn renamed(words: &[&str]) -> Option<(TableName, TableName)> {
    let ["alter", "table", rest @ ..] = words else {
        return None;
    };
    match name(rest)? {
        (from, ["rename", "to", to]) => Some((from, TableName::new(None, &bare(to)))),
        _ => None,
    }
}

/// Whether other tables may stand behind the two names, or other columns behind those of the heir.
fn alters(words: &[&str], table: &TableName, heir: &TableName) -> bool {
    let of_heir = match words {
        ["alter", "table", rest @ ..] => name(rest)
            .is_some_and(|(altered, action)| altered == *heir && action.first() == Some(&"rename")),
        _ => false,
    };
    let of_either = renamed(words)
        .is_some_and(|(from, to)| [&from, &to].iter().any(|name| [table, heir].contains(name)));
    of_heir || of_either
}
