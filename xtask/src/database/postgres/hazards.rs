//! Hazards in migrations, found by squawk's linter.
//! <https://squawkhq.com/docs/rules>

use squawk_linter::{Linter, Rule};
use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SourceFile, SyntaxNode};

use super::deep::{with_room, without_deep};
use crate::model::migrations::hazard::Hazard;
use crate::model::schema::table::TableName;

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

/// What in a text deserves a second look, in its order.
pub(in crate::database) fn hazards(up: &str) -> Vec<Hazard> {
    with_room(|| read(up))
}

fn read(up: &str) -> Vec<Hazard> {
    let shallow = without_deep(up);
    let parsed = SourceFile::parse(&shallow);
    let root = parsed.syntax_node();
    let found = Linter::with_rules(&[], OFF).lint(&parsed, &shallow);
    let mut found: Vec<Hazard> = found
        .into_iter()
        .map(|violation| {
            let at = usize::from(violation.text_range.start());
            Hazard {
                rule: violation.code.to_string(),
                line: line(up, at),
                message: violation.message,
                help: violation.help,
                tables: tables(&root, at),
            }
        })
        .collect();
    found.sort_by_key(|hazard| hazard.line);
    found
}

/// The tables that the statement at a place is about; none where that is not known.
fn tables(root: &SyntaxNode, at: usize) -> Vec<TableName> {
    let mut statements = root.children();
    let statement = statements.find(|node| usize::from(node.text_range().end()) > at);
    statement.and_then(about).unwrap_or_default()
}

fn about(statement: SyntaxNode) -> Option<Vec<TableName>> {
    let node = || statement.clone();
    let tables: Vec<ast::TableNameRef> = if let Some(alter) = ast::AlterTable::cast(node()) {
        vec![alter.table_relation_name()?.table_name_ref()?]
    } else if let Some(drop) = ast::DropTable::cast(node()) {
        drop.table_name_refs().collect()
    } else if let Some(truncate) = ast::Truncate::cast(node()) {
        let tables = truncate.table_list()?.table_relation_names();
        tables.filter_map(|table| table.table_name_ref()).collect()
    } else if let Some(drop) = ast::DropPolicy::cast(node()) {
        vec![drop.on_table()?.table_name_ref()?]
    } else {
        let on = ast::DropTrigger::cast(node())?.on_relation()?;
        return Some(vec![written(on.relation_name_ref()?.path_ref()?)?]);
    };
    let tables = tables.into_iter();
    tables.map(|table| written(table.path_ref()?)).collect()
}

fn written(path: ast::PathRef) -> Option<TableName> {
    let schema = path.qualifier().and_then(|schema| schema.segment());
    let schema = schema.map(|schema| schema.text().to_string());
    Some(TableName::new(
        schema.as_deref(),
        &path.segment()?.text().to_string(),
    ))
}

/// The line of a place in a text, counted from 1.
fn line(text: &str, at: usize) -> usize {
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
        assert_eq!(rules("SELEC 1"), []);
        assert_eq!(rules(""), []);
    }
}
