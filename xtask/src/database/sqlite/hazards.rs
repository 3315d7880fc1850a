//! Hazards in migrations: the few that SQLite has.
//! <https://www.sqlite.org/lang_altertable.html>

use super::effects;
use super::statements::split;
use super::tokens::tokens;
use crate::sync::migrations::hazard::Hazard;
use crate::sync::schema::catalog::{Action, Catalog, ForeignKey};
use crate::sync::schema::table::TableName;

/// What may hurt a database with this schema, in the order of the text.
pub(in crate::database) fn hazards(up: &str, catalog: &Catalog) -> Vec<Hazard> {
    let statements: Vec<(usize, Vec<String>)> = split(up)
        .into_iter()
        .map(|(line, statement)| (line, unqualified(tokens(statement))))
        .collect();
    let statements: Vec<(usize, Vec<&str>)> = statements
        .iter()
        .map(|(line, words)| (*line, words.iter().map(String::as_str).collect()))
        .collect();
    let mut made = Vec::new();
    let mut dropped = Vec::new();
    let mut found = Vec::new();
    for (at, (line, words)) in statements.iter().enumerate() {
        made.extend(maker(words));
        if let [
            "drop",
            "index" | "view" | "trigger",
            "if",
            "exists",
            name,
            ..,
        ]
        | ["drop", "index" | "view" | "trigger", name, ..] = words.as_slice()
        {
            dropped.push(*name);
        }
        let target = Target {
            catalog,
            dropped: &dropped,
        };
        let (before, behind) = statements.split_at(at);
        let around = Around { before, behind };
        if let Some((rule, message, help)) = hazard(words, &made, around, target) {
            found.push(Hazard {
                rule: rule.to_owned(),
                line: *line,
                message,
                help: Some(help.to_owned()),
                tables: about(words),
            });
        }
    }
    let opaque = effects::read(up).opaque.into_iter();
    found.extend(opaque.map(|(line, reason)| Hazard::opaque(line, &reason)));
    found.sort_by_key(|hazard| hazard.line);
    found
}

/// The database that the migration is to run on, by the time of one of its statements.
#[derive(Clone, Copy)]
struct Target<'target> {
    catalog: &'target Catalog,
    /// The indexes, views and triggers that the migration dropped by then.
    dropped: &'target [&'target str],
}

impl Target<'_> {
    /// What keeps a column from being dropped.
    /// <https://www.sqlite.org/lang_altertable.html#alter_table_drop_column>
    fn users(&self, table: &str, column: &str) -> Vec<String> {
        let is = |name: &String| name.to_lowercase() == column;
        let own = self.catalog.tables.values();
        let own = own.filter(|own| own.name.name.to_lowercase() == table);
        let mut users: Vec<String> = own
            .flat_map(|own| &own.unique_keys)
            .filter(|key| key.iter().any(is))
            .map(|key| format!("the unique key ({})", key.join(", ")))
            .collect();
        let kinds = ["index", "view", "trigger"];
        let objects = self.catalog.objects.iter();
        for (object, definition) in
            objects.filter(|(object, _)| kinds.contains(&object.kind.as_str()))
        {
            let name = object.name.rsplit('.').next().unwrap_or_default();
            let words = tokens(definition);
            let says = |word: &str| words.iter().any(|said| said == word);
            if !self.dropped.contains(&&*name.to_lowercase()) && says(table) && says(column) {
                users.push(format!("the {} `{name}`", object.kind));
            }
        }
        users
    }

    /// The tables whose rows go with those of this one.
    fn cascading(&self, table: &str) -> Vec<String> {
        let cascades = |key: &ForeignKey| {
            key.on_delete == Action::Cascade && key.parent.name.to_lowercase() == table
        };
        let children = self.catalog.tables.values();
        children
            .filter(|child| child.foreign_keys.iter().any(cascades))
            .map(|child| format!("`{}`", child.name))
            .collect()
    }
}

/// The statements before one, and those from it on.
#[derive(Clone, Copy)]
struct Around<'around> {
    before: &'around [(usize, Vec<&'around str>)],
    behind: &'around [(usize, Vec<&'around str>)],
}

impl<'around> Around<'around> {
    /// Whether another table takes the name of one that is dropped.
    fn is_rebuilt(self, table: &str) -> bool {
        let mut behind = self.behind.iter();
        behind.any(|(_, words)| renamed(words).is_some_and(|(_, to)| to == table))
    }

    /// The name that a table had which is dropped, if it left that to another one.
    fn stepped_aside(self, table: &str) -> Option<&'around str> {
        let mut renames = self.before.iter().enumerate().rev();
        let (at, from) = renames.find_map(|(at, (_, words))| {
            let (from, to) = renamed(words)?;
            (to == table).then_some((at, from))
        })?;
        let mut behind = self.before[at..].iter();
        behind
            .any(|(_, words)| maker(words) == Some(from))
            .then_some(from)
    }

    /// Whether a table that is renamed leaves its name to another one, and is dropped.
    fn steps_aside(self, from: &str, to: &str) -> bool {
        let says = |is: &dyn Fn(&[&str]) -> bool| self.behind.iter().any(|(_, words)| is(words));
        says(&|words| maker(words) == Some(from)) && says(&|words| dropped(words) == Some(to))
    }
}

/// The table that a statement is about.
fn about(words: &[&str]) -> Vec<TableName> {
    let table = match words {
        ["alter", "table", table, ..] | ["delete", "from", table, ..] => Some(*table),
        words => dropped(words),
    };
    let table = table.map(|table| TableName::new(None, table));
    table.into_iter().collect()
}

/// The table that a statement makes.
fn maker<'word>(words: &[&'word str]) -> Option<&'word str> {
    match words {
        ["create", "table", "if", "not", "exists", table, ..] | ["create", "table", table, ..] => {
            Some(table)
        }
        _ => None,
    }
}

/// The table that a statement drops.
fn dropped<'word>(words: &[&'word str]) -> Option<&'word str> {
    match words {
        ["drop", "table", "if", "exists", table, ..] | ["drop", "table", table, ..] => Some(table),
        _ => None,
    }
}

/// The old and the new name of a table.
fn renamed<'word>(words: &[&'word str]) -> Option<(&'word str, &'word str)> {
    match words {
        ["alter", "table", from, "rename", "to", to, ..] => Some((from, to)),
        _ => None,
    }
}

/// The words without the schema in front of a name.
fn unqualified(mut words: Vec<String>) -> Vec<String> {
    while let Some(at) = words.iter().position(|word| word == ".") {
        words.drain(at.saturating_sub(1)..=at);
    }
    words
}

/// The rule, what it says, and what to do instead. `made` are the tables that the migration itself
/// made by then, which have no rows and no clients.
fn hazard(
    words: &[&str],
    made: &[&str],
    around: Around<'_>,
    target: Target<'_>,
) -> Option<(&'static str, String, &'static str)> {
    match words {
        ["drop", "table", ..] => Some(dropping(dropped(words)?, around, target)),
        ["alter", "table", table, "drop", "column", column, ..]
        | ["alter", "table", table, "drop", column, ..] => {
            let users = target.users(table, column).join(", ");
            Some(match users.is_empty() {
                true => (
                    "ban-drop-column",
                    format!("Dropping `{column}` of `{table}` may break existing clients."),
                    "First deploy an application that does not use it.",
                ),
                false => (
                    "dropping-used-column",
                    format!("`{column}` of `{table}` cannot be dropped: {users} may use it."),
                    "First drop what uses it; where that is a constraint, make the table anew.",
                ),
            })
        }
        ["alter", "table", table, "add", column @ ..] => {
            let is_required = column.windows(2).any(|pair| pair == ["not", "null"]);
            let is_filled = column.contains(&"default") || column.contains(&"generated");
            (is_required && !is_filled).then(|| {
                (
                    "adding-required-field",
                    format!(
                        "A column that is NOT NULL and has no default cannot be added to `{table}`."
                    ),
                    "Give it a default.",
                )
            })
        }
        ["alter", "table", table, "rename", "to", to, ..] => {
            let is_told = made.contains(table) || around.steps_aside(table, to);
            (!is_told).then(|| {
                (
                    "renaming-table",
                    format!("Renaming `{table}` may break existing clients."),
                    "Make the new table beside the old one.",
                )
            })
        }
        ["alter", "table", table, "rename", "column", column, ..]
        | ["alter", "table", table, "rename", column, ..] => Some((
            "renaming-column",
            format!("Renaming `{column}` of `{table}` may break existing clients."),
            "Make the new column beside the old one.",
        )),
        ["delete", "from", table, rest @ ..] => (!made.contains(table) && !rest.contains(&"where"))
            .then(|| {
                (
                    "deleting-everything",
                    format!("Every row of `{table}` is deleted."),
                    "Say which rows with WHERE.",
                )
            }),
        _ => None,
    }
}

fn dropping(
    table: &str,
    around: Around<'_>,
    target: Target<'_>,
) -> (&'static str, String, &'static str) {
    if around.is_rebuilt(table) {
        let rebuilt = format!("`{table}` is dropped and made anew, with its rows copied by hand");
        let children = target.cascading(table).join(", ");
        return match children.is_empty() {
            true => (
                "table-rebuild",
                format!("{rebuilt}."),
                "See that every row is copied, and every index and trigger made again; rows that refer to it stay.",
            ),
            false => (
                "table-rebuild",
                format!(
                    "{rebuilt}, and {children} would lose the rows that refer to it with ON DELETE CASCADE."
                ),
                "See that every row is copied, and every index and trigger made again. Here the rows that refer to it stay; a program that runs the migration with foreign keys on deletes them.",
            ),
        };
    }
    match around.stepped_aside(table) {
        Some(name) => (
            "table-rebuild",
            format!(
                "`{name}` is made anew, with its rows copied by hand from `{table}`, which is dropped."
            ),
            "Make the new table under another name, and rename it when the old one is gone: foreign keys, triggers and views follow a table that is renamed.",
        ),
        None => (
            "ban-drop-table",
            format!("Dropping `{table}` loses its rows and may break existing clients."),
            "First deploy an application that does not use it.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(up: &str) -> Vec<(String, usize)> {
        let hazards = hazards(up, &Catalog::default()).into_iter();
        hazards.map(|hazard| (hazard.rule, hazard.line)).collect()
    }

    #[test]
    fn what_may_hurt_is_named_with_its_line() {
        let up = "-- first\nALTER TABLE t ADD COLUMN c integer NOT NULL;\n\
                  ALTER TABLE t ADD d integer NOT NULL DEFAULT 0;\nDROP TABLE IF EXISTS \"Users\";\n\
                  ALTER TABLE t\n DROP COLUMN e;\nALTER TABLE t RENAME f TO g;\nALTER TABLE t RENAME TO u;\nDELETE FROM u;";
        let expected = [
            ("adding-required-field", 2),
            ("ban-drop-table", 4),
            ("ban-drop-column", 5),
            ("renaming-column", 7),
            ("renaming-table", 8),
            ("deleting-everything", 9),
        ];
        assert_eq!(
            rules(up),
            expected.map(|(rule, line)| (rule.to_owned(), line))
        );
    }

    #[test]
    fn a_schema_is_no_table() {
        let found = hazards("DROP TABLE \"main\".users;", &Catalog::default());
        assert!(found[0].message.contains("`users`"), "{}", found[0].message);
        assert_eq!(
            rules("DELETE FROM aux.users WHERE id = 1"),
            [("opaque-statement".to_owned(), 1)]
        );
    }

    #[test]
    fn a_rebuild_is_one_hazard() {
        let up = "CREATE TABLE new_t (id integer);\nINSERT INTO new_t SELECT id FROM t;\nDROP TABLE t;\n\
                  ALTER TABLE new_t RENAME TO t;";
        assert_eq!(rules(up), [("table-rebuild".to_owned(), 3)]);
        let aside = "ALTER TABLE t RENAME TO old_t;\nCREATE TABLE t (id integer);\nINSERT INTO t SELECT id FROM old_t;\nDROP TABLE old_t;";
        assert_eq!(rules(aside), [("table-rebuild".to_owned(), 4)]);
        assert_eq!(rules("CREATE TABLE t (id integer NOT NULL);"), []);
        assert_eq!(rules("DELETE FROM t WHERE id = 1"), []);
    }
}
