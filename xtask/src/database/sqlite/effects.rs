//! What the statements of a migration do to tables.

use super::statements::split;
use super::tokens::tokens;
use crate::sync::destructive::{Effect, Kind, Statement};
use crate::sync::table::TableName;

/// The effects of a text in its order, without what only adds to the schema or to a table.
pub(in crate::database) fn effects(up: &str) -> Vec<Statement> {
    let read: Vec<(usize, Vec<String>)> = split(up)
        .into_iter()
        .map(|(line, statement)| (line, tokens(statement)))
        .collect();
    let read: Vec<(usize, Vec<&str>)> = read
        .iter()
        .map(|(line, words)| {
            let words = words.iter().map(String::as_str);
            (*line, words.filter(|word| *word != ";").collect())
        })
        .collect();
    let every: Vec<&[&str]> = read.iter().map(|(_, words)| words.as_slice()).collect();
    let mut found = Vec::new();
    for (at, (line, words)) in read.iter().enumerate() {
        let effects = effects_of(words, &every[..at], &every[at..]);
        found.extend(effects.into_iter().map(|effect| Statement {
            line: *line,
            effect,
        }));
    }
    found
}

fn effects_of(words: &[&str], before: &[&[&str]], after: &[&[&str]]) -> Vec<Effect> {
    if let Some(table) = made(words) {
        return vec![Effect::Makes(table_name(table))];
    }
    let one = match words {
        ["drop", "table", rest @ ..] => {
            let (table, _) = name(without(rest, &["if", "exists"]));
            dropped(table, before, after)
        }
        ["alter", "table", rest @ ..] => {
            let (table, action) = name(rest);
            match action {
                ["rename", "to", to, ..] => Effect::Renames {
                    from: table_name(table),
                    to: table_name(to),
                },
                ["drop", "constraint", ..] => return Vec::new(),
                ["drop", "column", column, ..] | ["drop", column, ..] => {
                    meets(Kind::DropColumn, table, vec![column])
                }
                ["add", "column", column, ..] | ["add", column, ..] => Effect::Adds {
                    table: table_name(table),
                    column: (*column).to_owned(),
                },
                _ => return Vec::new(),
            }
        }
        _ => return written(words).into_iter().collect(),
    };
    vec![one]
}

/// What a statement that writes rows does, behind whatever WITH says.
fn written(words: &[&str]) -> Option<Effect> {
    let outer = outer(words);
    let verb = match outer.first()? {
        &"with" => outer
            .iter()
            .position(|word| ["delete", "update", "insert", "replace"].contains(word))?,
        _ => 0,
    };
    match &outer[verb..] {
        ["delete", "from", rest @ ..] => Some(meets(Kind::Delete, name(rest).0, Vec::new())),
        ["update", "or", _, rest @ ..] | ["update", rest @ ..] => {
            let (table, rest) = name(rest);
            Some(meets(Kind::Update, table, set(rest)))
        }
        ["replace", "into", rest @ ..] | ["insert", "or", "replace", "into", rest @ ..] => {
            Some(meets(Kind::Replace, name(rest).0, Vec::new()))
        }
        ["insert", "or", _, "into", rest @ ..] | ["insert", "into", rest @ ..] => rest
            .windows(2)
            .any(|pair| pair == ["do", "update"])
            .then(|| meets(Kind::Update, name(rest).0, Vec::new())),
        _ => None,
    }
}

/// The columns that an UPDATE sets; none where it sets several at once, in parentheses.
fn set<'words>(words: &[&'words str]) -> Vec<&'words str> {
    let end = words
        .iter()
        .position(|word| ["from", "where", "returning"].contains(word));
    let pairs = words[..end.unwrap_or(words.len())].windows(3);
    let columns = pairs.filter(|three| ["set", ","].contains(&three[0]));
    let columns: Option<Vec<&str>> = columns
        .map(|three| (three[2] == "=").then_some(three[1]))
        .collect();
    columns.unwrap_or_default()
}

/// A table that is dropped after all its rows went to one that takes its name was made anew.
fn dropped(table: &str, before: &[&[&str]], after: &[&[&str]]) -> Effect {
    let renamed = |words: &[&str]| match words {
        ["alter", "table", rest @ ..] => {
            let (from, action) = name(rest);
            matches!(action, ["rename", "to", to, ..] if *to == table).then(|| from.to_owned())
        }
        _ => None,
    };
    let mut heirs = before
        .iter()
        .chain(after)
        .filter_map(|words| renamed(words));
    let rebuilt = heirs.find_map(|heir| {
        let is_made = before.iter().any(|words| made(words) == Some(&heir));
        let copied = before
            .iter()
            .find_map(|words| copied(words, table, &heir))?;
        is_made.then_some((heir, copied))
    });
    match rebuilt {
        Some((heir, copied)) => Effect::Rebuilds {
            table: table_name(table),
            heir: table_name(&heir),
            copied,
        },
        None => meets(Kind::DropTable, table, Vec::new()),
    }
}

/// The words of a statement that copies every row of one table into the other.
fn copied(words: &[&str], from: &str, to: &str) -> Option<Vec<String>> {
    let outer = outer(words);
    let into = match outer.as_slice() {
        ["insert", "into", rest @ ..] => name(rest).0,
        _ => made(words)?,
    };
    let select = outer.iter().position(|word| *word == "select")?;
    let source = select + outer[select..].iter().position(|word| *word == "from")?;
    let (table, rest) = name(&outer[source + 1..]);
    let is_whole = match rest {
        [] | ["as", _] | [_] => true,
        ["order", "by", rest @ ..] => !rest.contains(&"limit"),
        _ => false,
    };
    let is_copy =
        into == to && table == from && is_whole && outer.get(select + 1) != Some(&"distinct");
    is_copy.then(|| words.iter().map(|word| (*word).to_owned()).collect())
}

/// The table that a statement makes.
fn made<'words>(words: &[&'words str]) -> Option<&'words str> {
    let rest = match words {
        ["create", "temp" | "temporary", "table", rest @ ..] | ["create", "table", rest @ ..] => {
            rest
        }
        ["create", "virtual", "table", rest @ ..] => rest,
        _ => return None,
    };
    Some(name(without(rest, &["if", "not", "exists"])).0)
}

/// The words that stand in no parentheses.
fn outer<'words>(words: &[&'words str]) -> Vec<&'words str> {
    let mut depth = 0_usize;
    let mut outer = Vec::new();
    for word in words {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            word if depth == 0 => outer.push(word),
            _ => {}
        }
    }
    outer
}

fn without<'rest, 'words>(
    words: &'rest [&'words str],
    option: &[&'words str],
) -> &'rest [&'words str] {
    words.strip_prefix(option).unwrap_or(words)
}

/// A table's name without the schema in front, and what follows it.
fn name<'rest, 'words>(words: &'rest [&'words str]) -> (&'words str, &'rest [&'words str]) {
    match words {
        ["main", ".", table, rest @ ..] => (table, rest),
        [table, rest @ ..] => (table.strip_prefix("main.").unwrap_or(table), rest),
        [] => ("", words),
    }
}

fn table_name(name: &str) -> TableName {
    TableName::new(None, name)
}

fn meets(kind: Kind, table: &str, columns: Vec<&str>) -> Effect {
    Effect::Meets {
        kind,
        table: table_name(table),
        columns: columns.into_iter().map(str::to_owned).collect(),
        others: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(up: &str) -> Vec<String> {
        let found = effects(up).into_iter();
        found
            .filter_map(|statement| {
                let line = statement.line;
                match statement.effect {
                    Effect::Meets {
                        kind,
                        table,
                        columns,
                        ..
                    } => Some(format!("{line} {kind:?} {table}{columns:?}").replace("[]", "")),
                    Effect::Rebuilds { table, heir, .. } => {
                        Some(format!("{line} rebuild {table} as {heir}"))
                    }
                    _ => None,
                }
            })
            .collect()
    }

    #[test]
    fn every_statement_that_meets_rows_is_found() {
        for (up, found) in [
            (
                "-- why\nDROP TABLE IF EXISTS \"Users\";",
                "2 DropTable users",
            ),
            ("drop table main.users", "1 DropTable users"),
            ("drop table \"main\".\"users\"", "1 DropTable users"),
            (
                "ALTER TABLE [users] DROP COLUMN `Name`",
                "1 DropColumn users[\"name\"]",
            ),
            (
                "ALTER TABLE users DROP name",
                "1 DropColumn users[\"name\"]",
            ),
            ("DELETE FROM users WHERE id = 1", "1 Delete users"),
            (
                "UPDATE OR IGNORE users SET (a, b) = (1, 2)",
                "1 Update users",
            ),
            (
                "UPDATE users AS u SET a = max(b, c), b = (SELECT 1, 2), \"C\" = a = 1 FROM d WHERE a, b = 1",
                "1 Update users[\"a\", \"b\", \"c\"]",
            ),
            ("REPLACE INTO users VALUES (1)", "1 Replace users"),
            ("INSERT OR REPLACE INTO users VALUES (1)", "1 Replace users"),
            (
                "INSERT INTO users (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2",
                "1 Update users",
            ),
            (
                "WITH gone AS (SELECT id FROM a) DELETE FROM users WHERE id IN gone",
                "1 Delete users",
            ),
        ] {
            assert_eq!(shown(up), [found], "{up}");
        }
    }

    #[test]
    fn what_only_adds_or_runs_later_is_none() {
        for up in [
            "INSERT INTO users (a) VALUES ('DELETE FROM users')",
            "INSERT OR IGNORE INTO users VALUES (1)",
            "INSERT INTO users (a) VALUES (1) ON CONFLICT DO NOTHING",
            "ALTER TABLE users ADD COLUMN dropped text",
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM users; END;",
            "DROP INDEX users_name; DROP VIEW v; -- DROP TABLE users",
            "SELECT 1; EXPLAIN DELETE FROM users;",
            "",
        ] {
            assert_eq!(shown(up), Vec::<String>::new(), "{up}");
        }
    }

    #[test]
    fn a_rebuild_is_one_only_if_every_row_is_copied() {
        let rebuild = |copy: &str| {
            shown(&format!(
                "CREATE TABLE new_t (id integer);\n{copy};\nDROP TABLE t;\nALTER TABLE new_t RENAME TO t;"
            ))
        };
        for copy in [
            "INSERT INTO new_t SELECT id FROM t",
            "INSERT INTO new_t (id) SELECT coalesce(id, (SELECT max(id) FROM u WHERE 1)) FROM t AS old",
            "INSERT INTO \"new_t\" SELECT * FROM main.t ORDER BY id",
        ] {
            assert_eq!(rebuild(copy), ["3 rebuild t as new_t"], "{copy}");
        }
        for copy in [
            "INSERT INTO new_t SELECT id FROM t WHERE id > 1",
            "INSERT INTO new_t SELECT id FROM t LIMIT 10",
            "INSERT INTO new_t SELECT id FROM t ORDER BY id LIMIT 10",
            "INSERT INTO new_t SELECT DISTINCT id FROM t",
            "INSERT INTO new_t SELECT id FROM t JOIN u ON u.id = t.id",
            "INSERT INTO new_t SELECT id FROM t, u",
            "INSERT INTO new_t SELECT id FROM t GROUP BY id",
            "INSERT OR IGNORE INTO new_t SELECT id FROM t",
            "INSERT INTO new_t SELECT id FROM u",
            "SELECT 1",
        ] {
            assert_eq!(rebuild(copy), ["3 DropTable t"], "{copy}");
        }
    }

    #[test]
    fn the_old_table_may_step_aside_first() {
        let up = "ALTER TABLE t RENAME TO old_t;\nCREATE TABLE t (id integer);\n\
                  INSERT INTO t SELECT id FROM old_t;\nDROP TABLE old_t;";
        assert_eq!(shown(up), ["4 rebuild old_t as t"]);
    }
}
