//! The names of tables and columns, as the server reads them.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use crate::sync::schema::table::TableName;

pub(super) fn relation(relation: ast::RelationName) -> Option<TableName> {
    written(relation.relation_name_ref()?.path_ref()?)
}

pub(super) fn new_name(name: ast::TableName) -> Option<TableName> {
    named(name.path()?)
}

pub(super) fn named(path: ast::Path) -> Option<TableName> {
    let schema = path.qualifier().and_then(|schema| schema.segment());
    let schema = schema.map(|schema| cut(schema.text()));
    let name = cut(path.segment()?.text());
    Some(TableName::new(schema.as_deref(), &name))
}

pub(super) fn written(path: ast::PathRef) -> Option<TableName> {
    let schema = path.qualifier().and_then(|schema| schema.segment());
    let schema = schema.map(|schema| cut(schema.text()));
    let name = cut(path.segment()?.text());
    Some(TableName::new(schema.as_deref(), &name))
}

/// The tables that the statement at a place is about; none where that is not known.
pub(in crate::database::postgres) fn tables(root: &SyntaxNode, at: usize) -> Vec<TableName> {
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

/// The name that a node is.
pub(super) fn name_of(node: &SyntaxNode) -> String {
    cut(ast::normalize_name_node(node))
}

/// A name without what the server leaves out of it: it takes 63 bytes.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
pub(super) fn cut(mut name: String) -> String {
    let end = (0..=63).rev().find(|at| name.is_char_boundary(*at));
    if name.len() > 63 {
        name.truncate(end.unwrap_or_default());
    }
    name
}
