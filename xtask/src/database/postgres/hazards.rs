//! Hazards in migrations, found by squawk's linter.
//! <https://squawkhq.com/docs/rules>

use std::collections::BTreeSet;

use squawk_linter::{Linter, Rule};
use squawk_syntax::SourceFile;

use super::effects;
use crate::sync::migrations::destructive::Read;
use crate::sync::migrations::hazard::Hazard;
use crate::sync::schema::catalog::Catalog;
use crate::sync::schema::table::TableName;

/// Rules that make no sense here, each group with its reason.
const OFF: &[Rule] = &[
    // Every session of this program has both timeouts.
    Rule::RequireTimeoutSettings,
    Rule::RequireLockTimeout,
    Rule::RequireStatementTimeout,
    // All migrations of a promotion are in one transaction, which is this program's; what cannot
    // be in it runs apart, what would end it is refused by name, and what fails leaves nothing
    // behind.
    Rule::TransactionNesting,
    Rule::BanUncommittedTransaction,
    Rule::BanConcurrentIndexCreationInTransaction,
    Rule::PreferRobustStmts,
    // Their advice is CONCURRENTLY, which a transaction does not allow.
    Rule::RequireConcurrentIndexCreation,
    Rule::RequireConcurrentIndexDeletion,
    Rule::RequireConcurrentReindex,
    Rule::RequireConcurrentPartitionDetach,
    // How a schema is best designed, which is no danger to the rows that are there.
    Rule::PreferBigintOverInt,
    Rule::PreferBigintOverSmallint,
    Rule::PreferIdentity,
    Rule::PreferTextField,
    Rule::PreferTimestampTz,
    Rule::BanCharField,
    // About comments to the linter itself.
    Rule::UnusedIgnore,
];

/// What may hurt a database with this schema, in the order of the text.
pub(in crate::database) fn hazards(up: &str, catalog: &Catalog) -> Vec<Hazard> {
    effects::with_room(|| read(up, catalog))
}

fn read(up: &str, catalog: &Catalog) -> Vec<Hazard> {
    let (shallow, _) = effects::without_deep(up);
    let parsed = SourceFile::parse(&shallow);
    let root = parsed.syntax_node();
    let mut found: Vec<Hazard> = Linter::with_rules(&[], OFF)
        .lint(&parsed, &shallow)
        .into_iter()
        .map(|violation| {
            let at = usize::from(violation.text_range.start());
            Hazard {
                rule: violation.code.to_string(),
                line: line(up, at),
                message: violation.message,
                help: violation.help,
                tables: effects::tables(&root, at),
            }
        })
        .collect();
    let read = effects::read(up);
    let called = called(&read, catalog);
    let opaque = read.opaque.into_iter().chain(called);
    found.extend(opaque.map(|(line, reason)| Hazard::opaque(line, &reason)));
    found.sort_by_key(|hazard| hazard.line);
    found
}

/// What the functions may do that are there already and that a text calls, or hangs triggers on,
/// and those that they call.
fn called(read: &Read, catalog: &Catalog) -> BTreeSet<(usize, String)> {
    let functions: Vec<(String, &String)> = catalog
        .objects
        .iter()
        .filter(|(object, _)| ["function", "procedure"].contains(&object.kind.as_str()))
        .filter_map(|(object, definition)| {
            let name = object.name.split('(').next()?;
            Some((TableName::parse(name).ok()?.name.to_lowercase(), definition))
        })
        .collect();
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut calls = read.calls.clone();
    while let Some((line, name)) = calls.pop_last() {
        if !seen.insert((line, name.clone())) {
            continue;
        }
        for (_, definition) in functions.iter().filter(|(known, _)| *known == name) {
            let body = effects::read(definition);
            found.extend(body.opaque.into_iter().map(|(_, reason)| (line, reason)));
            calls.extend(body.calls.into_iter().map(|(_, name)| (line, name)));
        }
    }
    found
}

/// The line of a place in a text, counted from 1.
fn line(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::schema::catalog::Object;

    fn rules(up: &str) -> Vec<(String, usize)> {
        let hazards = hazards(up, &Catalog::default()).into_iter();
        hazards.map(|hazard| (hazard.rule, hazard.line)).collect()
    }

    #[test]
    fn what_may_hurt_is_named_with_its_line() {
        let up = "ALTER TABLE t ADD COLUMN c integer NOT NULL;\n-- é\nDROP TABLE users;\n\
                  ALTER TABLE t\n  DROP COLUMN d;\nTRUNCATE a CASCADE;";
        let expected = [
            ("adding-required-field", 1),
            ("ban-drop-table", 3),
            ("ban-drop-column", 5),
            ("ban-truncate-cascade", 6),
        ];
        assert_eq!(
            rules(up),
            expected.map(|(rule, line)| (rule.to_owned(), line))
        );
    }

    #[test]
    fn what_this_program_takes_care_of_is_no_hazard() {
        let up = "CREATE TABLE t (id serial PRIMARY KEY, name varchar(10), at timestamp);\n\
                  CREATE INDEX by_name ON t (name);";
        assert_eq!(rules(up), []);
        assert_eq!(rules("SELEC 1"), [("opaque-statement".to_owned(), 1)]);
        assert_eq!(rules(""), []);
    }

    #[test]
    fn functions_that_are_there_are_looked_into() {
        let mut catalog = Catalog::default();
        for (name, body) in [
            ("clear()", "BEGIN DELETE FROM users; RETURN NULL; END"),
            ("through()", "BEGIN PERFORM clear(); PERFORM through(); END"),
            ("stamp()", "BEGIN NEW.at := now(); RETURN NEW; END"),
        ] {
            catalog.objects.insert(
                Object {
                    kind: "function".to_owned(),
                    name: name.to_owned(),
                },
                format!(
                    "CREATE OR REPLACE FUNCTION public.{name}\n RETURNS trigger\n LANGUAGE plpgsql\nAS $function$ {body} $function$\n"
                ),
            );
        }
        let reasons = |up: &str| -> Vec<(usize, String)> {
            let found = hazards(up, &catalog).into_iter();
            let found = found.filter(|hazard| hazard.rule == "opaque-statement");
            found.map(|hazard| (hazard.line, hazard.message)).collect()
        };
        let told = [(
            2,
            "It is not known which rows this destroys: `public.clear` deletes from `users` when it is called."
                .to_owned(),
        )];
        for up in [
            "\nCREATE TRIGGER t BEFORE INSERT ON fees EXECUTE FUNCTION clear();",
            "\nSELECT public.CLEAR();",
            "\nSELECT through();",
            "\nDO $$ BEGIN PERFORM clear(); END $$;",
            "\nCREATE FUNCTION mine() RETURNS void LANGUAGE sql AS 'SELECT clear()';",
            "\nDO $$ BEGIN EXECUTE format('CREATE TRIGGER t BEFORE UPDATE ON %I EXECUTE FUNCTION clear()', a); END $$;",
        ] {
            assert_eq!(reasons(up), told, "{up}");
        }
        let harmless = "CREATE TRIGGER t BEFORE UPDATE ON fees FOR EACH ROW EXECUTE FUNCTION stamp(); SELECT now();";
        assert_eq!(reasons(harmless), []);
    }
}
