//! What the statements of a migration do to tables.

use super::statements::split;
use super::tokens::marked;
use crate::sync::destructive::{Copied, Effect, Kind, Statement};
use crate::sync::table::TableName;

/// The effects of a text in its order, without what only adds to the schema or to a table.
pub(in crate::database) fn effects(up: &str) -> Vec<Statement> {
    let read: Vec<(usize, Vec<String>)> = split(up)
        .into_iter()
        .map(|(line, statement)| (line, marked(statement)))
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
        return vec![Effect::Makes(table_name(&table))];
    }
    let one = match words {
        ["drop", "table", rest @ ..] => {
            let (table, _) = name(without(rest, &["if", "exists"]));
            dropped(&table, before, after)
        }
        ["alter", "table", rest @ ..] => {
            let (table, action) = name(rest);
            match action {
                ["rename", "to", to, ..] => Effect::Renames {
                    from: table_name(&table),
                    to: table_name(&unquoted(to)),
                },
                ["drop", "constraint", ..] => return Vec::new(),
                ["drop", "column", column, ..] | ["drop", column, ..] => {
                    meets(Kind::DropColumn, &table, vec![unquoted(column)])
                }
                ["add", "column", column, ..] | ["add", column, ..] => Effect::Adds {
                    table: table_name(&table),
                    column: unquoted(column),
                },
                _ => return Vec::new(),
            }
        }
        _ => return written(words).into_iter().collect(),
    };
    vec![one]
}

/// What a statement that writes rows does, behind whatever WITH says.
pub(super) fn written(words: &[&str]) -> Option<Effect> {
    let outer = outer(words);
    match behind_with(&outer) {
        ["delete", "from", rest @ ..] => Some(meets(Kind::Delete, &name(rest).0, Vec::new())),
        ["update", "or", _, rest @ ..] | ["update", rest @ ..] => {
            let (table, rest) = name(rest);
            Some(meets(Kind::Update, &table, set(rest)))
        }
        ["replace", "into", rest @ ..] | ["insert", "or", "replace", "into", rest @ ..] => {
            Some(meets(Kind::Replace, &name(rest).0, Vec::new()))
        }
        ["insert", "or", _, "into", rest @ ..] | ["insert", "into", rest @ ..] => rest
            .windows(2)
            .any(|pair| pair == ["do", "update"])
            .then(|| meets(Kind::Update, &name(rest).0, Vec::new())),
        _ => None,
    }
}

/// The statement that follows what WITH names; what stands in parentheses was left out.
fn behind_with<'rest, 'words>(words: &'rest [&'words str]) -> &'rest [&'words str] {
    let mut rest = match words {
        ["with", "recursive", "as", ..] => &words[1..],
        ["with", "recursive", rest @ ..] | ["with", rest @ ..] => rest,
        _ => return words,
    };
    while let [_, "as", more @ ..] = rest {
        let more = without(without(more, &["not"]), &["materialized"]);
        match more {
            [",", more @ ..] => rest = more,
            _ => return more,
        }
    }
    rest
}

/// The columns that an UPDATE sets; none where it sets several at once, in parentheses, or where
/// that is not clear.
fn set(words: &[&str]) -> Vec<String> {
    let mut end = words.iter();
    let end = end.position(|word| ["where", "returning"].contains(word));
    let pairs = words[..end.unwrap_or(words.len())].windows(3);
    let columns = pairs.filter(|three| ["set", ","].contains(&three[0]));
    let columns: Option<Vec<String>> = columns
        .map(|three| (three[2] == "=").then(|| unquoted(three[1])))
        .collect();
    columns.unwrap_or_default()
}

/// A table that is dropped after all its rows went to one that takes its name was made anew.
fn dropped(table: &str, before: &[&[&str]], after: &[&[&str]]) -> Effect {
    let mut all = before.iter().chain(after);
    let rebuilt = all.find_map(|words| {
        let ["alter", "table", rest @ ..] = words else {
            return None;
        };
        match name(rest) {
            (heir, ["rename", "to", to]) if unquoted(to) == table => {
                Some((heir.clone(), inherited(&heir, table, before)?))
            }
            _ => None,
        }
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

/// What of a table its heir has, where that got all its rows and nothing else was done to them.
/// From the drop on, the heir stands for the table itself.
fn inherited(heir: &str, table: &str, before: &[&[&str]]) -> Option<Copied> {
    let is_heir = |name: Option<String>| name.as_deref() == Some(heir);
    let made_at = before.iter().position(|words| is_heir(made(words)))?;
    let create = before[made_at];
    let mut copies = before.iter().enumerate();
    let (copied_at, copied) =
        copies.find_map(|(at, words)| Some((at, copied(words, table, heir, create)?)))?;
    let is_harmless = |words: &[&str]| {
        // An index takes nothing away, and the counter of a table is none of its rows.
        let is_beside = matches!(
            words,
            ["create", "index" | "unique", ..]
                | ["delete", "from", "sqlite_sequence", ..]
                | ["insert", "into", "sqlite_sequence", ..]
                | ["update", "sqlite_sequence", ..]
        );
        is_beside || !words.iter().any(|word| unquoted(word) == heir)
    };
    let mut others = before.iter().enumerate().skip(made_at + 1);
    let is_all = others.all(|(at, words)| at == copied_at || is_harmless(words));
    // With ON CONFLICT a row may take the place of another, or none.
    let may_skip = create.windows(2).any(|pair| pair == ["on", "conflict"]);
    (is_all && !may_skip).then_some(copied)
}

/// The columns that a statement copies, where it copies every row of one table into the other.
fn copied(words: &[&str], from: &str, to: &str, heir: &[&str]) -> Option<Copied> {
    let outer = outer(words);
    let select = outer.iter().position(|word| *word == "select")?;
    let source = select + outer[select..].iter().position(|word| *word == "from")?;
    let (table, rest) = name(&outer[source + 1..]);
    let is_whole = match rest {
        [] | ["as", _] | [_] => true,
        ["order", "by", rest @ ..] => !rest.contains(&"limit"),
        _ => false,
    };
    if table != from || !is_whole || outer.get(select + 1) == Some(&"distinct") {
        return None;
    }
    let items = selected(words)?;
    let columns: Vec<String> = match words {
        ["insert", "into", rest @ ..] => {
            let (into, rest) = name(rest);
            if into != to {
                return None;
            }
            match rest {
                ["(", rest @ ..] => {
                    let names = rest.split(|word| *word == ")").next()?;
                    names
                        .split(|word| *word == ",")
                        .map(|name| name.concat())
                        .map(|name| unquoted(&name))
                        .collect()
                }
                _ => declared(heir)?,
            }
        }
        _ => {
            if made(words)? != to {
                return None;
            }
            let named = items.iter().map(|item| item.as_ref()?.1.clone().into());
            named.collect::<Option<Vec<String>>>().unwrap_or_default()
        }
    };
    if let [Some((star, _))] = items.as_slice()
        && star == "*"
    {
        let is_made = made(words).is_some();
        return Some(Copied::InOrder((!is_made).then_some(columns)));
    }
    let pairs = items.into_iter().zip(columns);
    Some(Copied::Columns(
        pairs
            .filter_map(|(item, column)| Some((item?.0, column)))
            .collect(),
    ))
}

/// What a SELECT gives, each as the column that it is and as its name, or as nothing where it is
/// more than a column.
fn selected(words: &[&str]) -> Option<Vec<Option<(String, String)>>> {
    let start = 1 + words.iter().position(|word| *word == "select")?;
    let mut items = vec![Vec::new()];
    let mut depth = 0_usize;
    for word in &words[start..] {
        match *word {
            "from" if depth == 0 => break,
            "," if depth == 0 => {
                items.push(Vec::new());
                continue;
            }
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        items.last_mut()?.push(*word);
    }
    let column = |item: &Vec<&str>| {
        let item = match item.as_slice() {
            [_, ".", rest @ ..] => rest,
            item => item,
        };
        match item {
            [column] | [column, "as", _] | [column, _] if is_name(column) => {
                let name = item.last().copied().unwrap_or(column);
                Some((unquoted(column), unquoted(name)))
            }
            _ => None,
        }
    };
    Some(items.iter().map(column).collect())
}

/// Whether a word may be the name of a column, or stand for all of them.
fn is_name(word: &str) -> bool {
    word == "*"
        || word.starts_with('"')
        || word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
            && !["null", "true", "false", "not", "current_timestamp"].contains(&word)
}

/// The columns that CREATE TABLE declares, in their order.
fn declared(create: &[&str]) -> Option<Vec<String>> {
    let open = create.iter().position(|word| *word == "(")?;
    let mut columns = Vec::new();
    let mut depth = 0_usize;
    let mut is_first = false;
    for word in &create[open..] {
        match *word {
            "(" => {
                depth += 1;
                is_first |= depth == 1;
                continue;
            }
            ")" => depth = depth.checked_sub(1)?,
            "," if depth == 1 => {
                is_first = true;
                continue;
            }
            word if is_first
                && !["constraint", "primary", "unique", "check", "foreign"].contains(&word) =>
            {
                columns.push(unquoted(word));
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        is_first = false;
    }
    Some(columns)
}

/// The table that a statement makes.
fn made(words: &[&str]) -> Option<String> {
    let (is_temporary, rest) = match words {
        ["create", "temp" | "temporary", "table", rest @ ..] => (true, rest),
        ["create", "table", rest @ ..] | ["create", "virtual", "table", rest @ ..] => (false, rest),
        _ => return None,
    };
    let (table, _) = name(without(rest, &["if", "not", "exists"]));
    Some(match is_temporary {
        true => format!("temp.{table}"),
        false => table,
    })
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

/// A table's name, with its schema where that is another one, and what follows it.
fn name<'rest, 'words>(words: &'rest [&'words str]) -> (String, &'rest [&'words str]) {
    match words {
        [schema, ".", table, rest @ ..] if unquoted(schema) == "main" => (unquoted(table), rest),
        [schema, ".", table, rest @ ..] => {
            (format!("{}.{}", unquoted(schema), unquoted(table)), rest)
        }
        [table, rest @ ..] => (unquoted(table), rest),
        [] => (String::new(), words),
    }
}

/// A name without the mark of its quotes. SQLite takes a text for a name where none else fits.
fn unquoted(word: &str) -> String {
    if let Some(name) = word.strip_prefix('"') {
        return name.to_owned();
    }
    match word
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''))
    {
        Some(text) => text.replace("''", "'").to_lowercase(),
        None => word.to_owned(),
    }
}

fn table_name(name: &str) -> TableName {
    TableName::new(None, name)
}

fn meets(kind: Kind, table: &str, columns: Vec<String>) -> Effect {
    Effect::Meets {
        kind,
        table: table_name(table),
        columns,
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
            ("DELETE FROM \"main\".users", "1 Delete users"),
            ("DELETE FROM main.\"users\"", "1 Delete users"),
            ("DELETE FROM main . [users]", "1 Delete users"),
            ("DELETE FROM 'users'", "1 Delete users"),
            ("DELETE FROM temp.users", "1 Delete \"temp.users\""),
            (
                "UPDATE users SET note = a IS DISTINCT FROM 1, email = NULL",
                "1 Update users[\"note\", \"email\"]",
            ),
            (
                "WITH \"update\" AS (SELECT 1), b(x) AS NOT MATERIALIZED (SELECT 2) DELETE FROM users",
                "1 Delete users",
            ),
            (
                "WITH \"(\" AS (SELECT 1) DELETE FROM users",
                "1 Delete users",
            ),
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

    /// The columns of `t (id, a, b)` that a rebuild loses.
    fn lost(create: &str, copy: &str) -> Vec<&'static str> {
        let up = format!("{create}; {copy}; DROP TABLE t; ALTER TABLE new_t RENAME TO t;");
        let mut found = effects(&up).into_iter();
        let copied = found.find_map(|statement| match statement.effect {
            Effect::Rebuilds { copied, .. } => Some(copied),
            _ => None,
        });
        copied.map_or(vec!["*"], |copied| copied.lost(&["id", "a", "b"]))
    }

    #[test]
    fn a_column_is_kept_only_if_it_is_copied_as_it_is() {
        let none: [&str; 0] = [];
        let create = "CREATE TABLE new_t (id integer PRIMARY KEY, \"A\" text, b numeric(3, 1), UNIQUE (a, b))";
        for copy in [
            "INSERT INTO new_t SELECT id, a, b FROM t",
            "INSERT INTO new_t (id, \"b\", a) SELECT id, t.b, A FROM t",
            "INSERT INTO new_t SELECT * FROM t",
        ] {
            assert_eq!(lost(create, copy), none, "{copy}");
        }
        for (copy, columns) in [
            ("INSERT INTO new_t SELECT id, b, a FROM t", vec!["a", "b"]),
            (
                "INSERT INTO new_t SELECT id, NULL AS a, b FROM t",
                vec!["a"],
            ),
            (
                "INSERT INTO new_t SELECT id, coalesce(a, b), b FROM t",
                vec!["a"],
            ),
            ("INSERT INTO new_t (id, a) SELECT id, a FROM t", vec!["b"]),
            (
                "INSERT INTO new_t SELECT id, a || '', 1 FROM t",
                vec!["a", "b"],
            ),
        ] {
            assert_eq!(lost(create, copy), columns, "{copy}");
        }
        let renamed = "CREATE TABLE new_t (id integer, c text, b text)";
        assert_eq!(lost(renamed, "INSERT INTO new_t SELECT * FROM t"), none);
        let swapped = "CREATE TABLE new_t (id integer, b text, a text)";
        assert_eq!(
            lost(swapped, "INSERT INTO new_t SELECT * FROM t"),
            ["a", "b"]
        );
        assert_eq!(
            lost("SELECT 1", "CREATE TABLE new_t AS SELECT * FROM t"),
            none
        );
        assert_eq!(
            lost("SELECT 1", "CREATE TABLE new_t AS SELECT id, a AS b FROM t"),
            ["a", "b"]
        );
    }

    #[test]
    fn what_befalls_the_heir_befalls_the_table() {
        let create = "CREATE TABLE new_t (id integer, a text, b text)";
        let copy = "INSERT INTO new_t SELECT * FROM t";
        for more in [
            "DELETE FROM new_t WHERE id > 1",
            "UPDATE \"new_t\" SET a = NULL",
            "INSERT OR REPLACE INTO main.new_t VALUES (1)",
            "ALTER TABLE new_t DROP COLUMN a",
        ] {
            assert_eq!(lost(create, &format!("{copy}; {more}")), ["*"], "{more}");
        }
        for more in [
            "CREATE UNIQUE INDEX i ON new_t (a)",
            "DELETE FROM sqlite_sequence WHERE name = 'new_t'",
        ] {
            assert_eq!(lost(create, &format!("{copy}; {more}")), [""; 0], "{more}");
        }
        for create in [
            "CREATE TABLE new_t (id integer UNIQUE ON CONFLICT REPLACE, a text, b text)",
            "CREATE TABLE new_t (id integer, a text, b text, UNIQUE (a) ON CONFLICT IGNORE)",
        ] {
            assert_eq!(lost(create, copy), ["*"], "{create}");
        }
    }

    #[test]
    fn a_temporary_table_is_another() {
        let up = "CREATE TEMP TABLE users (id integer); DELETE FROM users;";
        assert_eq!(
            effects(up)[0].effect,
            Effect::Makes(table_name("temp.users"))
        );
        assert_eq!(shown(up), ["1 Delete users"]);
    }

    #[test]
    fn the_old_table_may_step_aside_first() {
        let up = "ALTER TABLE t RENAME TO old_t;\nCREATE TABLE t (id integer);\n\
                  INSERT INTO t SELECT id FROM old_t;\nDROP TABLE old_t;";
        assert_eq!(shown(up), ["4 rebuild old_t as t"]);
    }
}
