//! The foreign keys that a statement adds.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::names::{name_of, written};
use crate::sync::migrations::destructive::Effect;
use crate::sync::schema::catalog::{Action, ForeignKey};
use crate::sync::schema::table::TableName;

/// The foreign keys that a statement gives to a table.
pub(super) fn refers(node: &SyntaxNode, table: &TableName) -> Vec<Effect> {
    let keys = node.descendants().filter_map(foreign_key);
    keys.map(|key| Effect::Refers {
        table: table.clone(),
        key,
    })
    .collect()
}

/// A foreign key, without the columns that it leads to: it is told for any of them.
fn foreign_key(node: SyntaxNode) -> Option<ForeignKey> {
    let (parent, actions, columns): (_, Vec<_>, _) =
        if let Some(key) = ast::ReferencesConstraint::cast(node.clone()) {
            let of_column = node.ancestors().find_map(|node| {
                let column = ast::Column::cast(node.clone()).and_then(|column| column.name());
                column.or_else(|| ast::AddColumn::cast(node)?.column_name())
            });
            let column = of_column.map(|column| name_of(column.syntax()));
            let actions = key.referential_actions().collect();
            (key.table()?, actions, column.into_iter().collect())
        } else {
            let key = ast::ForeignKeyConstraint::cast(node.clone())?;
            let mut lists = node.children();
            let list = lists.find(|list| list.kind() == SyntaxKind::FOREIGN_KEY_COLUMN_LIST);
            let columns = list.into_iter().flat_map(|list| list.descendants());
            let columns = columns.filter_map(ast::ColumnNameRef::cast);
            let columns = columns.map(|column| name_of(column.syntax()));
            let actions = key.referential_actions().collect();
            (key.table_name_ref()?, actions, columns.collect())
        };
    let mut key = ForeignKey {
        name: None,
        columns,
        parent: written(parent.path_ref()?)?,
        parent_columns: Vec::new(),
        deferrable: false,
        on_delete_columns: Vec::new(),
        on_delete: Action::NoAction,
        on_update: Action::NoAction,
    };
    for action in actions {
        match action {
            ast::ReferentialAction::OnDeleteAction(on) => key.on_delete = acts(on.ref_action()),
            ast::ReferentialAction::OnUpdateAction(on) => key.on_update = acts(on.ref_action()),
        }
    }
    Some(key)
}

fn acts(action: Option<ast::RefAction>) -> Action {
    match action {
        Some(ast::RefAction::Cascade(_)) => Action::Cascade,
        Some(ast::RefAction::SetNullColumns(_)) => Action::SetNull,
        Some(ast::RefAction::SetDefaultColumns(_)) => Action::SetDefault,
        Some(ast::RefAction::Restrict(_)) => Action::Restrict,
        Some(ast::RefAction::NoAction(_)) | None => Action::NoAction,
    }
}
