//! The names of tables and columns, as the server reads them.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast;

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
