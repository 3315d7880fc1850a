//! Hazards in migrations, found by squawk's linter.
//! <https://squawkhq.com/docs/rules>

use squawk_linter::{Linter, Rule};
use squawk_syntax::SourceFile;

use super::effects;
use crate::sync::hazard::Hazard;

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

/// What may hurt, in the order of the text.
pub(in crate::database) fn hazards(up: &str) -> Vec<Hazard> {
    let parsed = SourceFile::parse(up);
    let mut found: Vec<Hazard> = Linter::with_rules(&[], OFF)
        .lint(&parsed, up)
        .into_iter()
        .map(|violation| {
            let at = usize::from(violation.text_range.start());
            Hazard {
                rule: violation.code.to_string(),
                line: line(up, at),
                message: violation.message,
                help: violation.help,
            }
        })
        .collect();
    let opaque = effects::read(up).opaque.into_iter();
    found.extend(opaque.map(|(line, reason)| Hazard::opaque(line, &reason)));
    found.sort_by_key(|hazard| hazard.line);
    found
}

/// The line of a place in a text, counted from 1.
pub(super) fn line(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(up: &str) -> Vec<(String, usize)> {
        let hazards = hazards(up).into_iter();
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
}
