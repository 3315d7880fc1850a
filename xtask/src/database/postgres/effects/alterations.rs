//! What ALTER does to a table. The server takes some kinds of it for each other: ALTER INDEX renames
//! a table too, and ALTER TABLE a view.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use super::keys::refers;
use super::names::{name_of, named, new_name, written};
use crate::sync::migrations::destructive::{Effect, Kind};
use crate::sync::schema::table::TableName;

/// The effects of an ALTER; none where the node is none.
pub(super) fn altered(node: &SyntaxNode) -> Option<Vec<Effect>> {
    if let Some(alter) = ast::AlterTable::cast(node.clone()) {
        let table = written(alter.table_relation_name()?.table_name_ref()?.path_ref()?)?;
        let effects = alter.actions().filter_map(|action| changed(&table, action));
        return Some(effects.chain(refers(node, &table)).collect());
    }
    if let Some(alter) = ast::AlterForeignTable::cast(node.clone()) {
        let table = written(alter.table_relation_name()?.table_name_ref()?.path_ref()?)?;
        let effects = alter.actions().filter_map(|action| changed(&table, action));
        return Some(effects.collect());
    }
    if let Some(alter) = ast::AlterMaterializedView::cast(node.clone()) {
        use ast::AlterMaterializedViewAction as Action;
        let view = written(alter.view_ref()?.path_ref()?)?;
        let effects = alter.action().filter_map(|action| match action {
            Action::ViewRenameTo(rename) => renamed(&view, rename.view()?.path()),
            Action::SetSchema(set) => moved(&view, &set),
            Action::RenameColumn(rename) => renamed_column(&view, &rename),
            Action::AlterTableAction(action) => changed(&view, action),
            _ => None,
        });
        return Some(effects.collect());
    }
    one(node).map(|effect| vec![effect])
}

fn one(node: &SyntaxNode) -> Option<Effect> {
    if let Some(alter) = ast::AlterView::cast(node.clone()) {
        let view = written(alter.view_ref()?.path_ref()?)?;
        return match alter.action()? {
            ast::AlterViewAction::ViewRenameTo(rename) => renamed(&view, rename.view()?.path()),
            ast::AlterViewAction::SetSchema(set) => moved(&view, &set),
            ast::AlterViewAction::RenameColumn(rename) => renamed_column(&view, &rename),
            _ => None,
        };
    }
    if let Some(alter) = ast::AlterIndex::cast(node.clone()) {
        let index = written(alter.index_ref()?.path_ref()?)?;
        let ast::AlterIndexAction::IndexRenameTo(rename) = alter.action()? else {
            return None;
        };
        return renamed(&index, rename.index()?.path());
    }
    let alter = ast::AlterSequence::cast(node.clone())?;
    let sequence = written(alter.sequence_ref()?.path_ref()?)?;
    alter.actions().find_map(|action| match action {
        ast::AlterSequenceAction::SequenceRenameTo(rename) => {
            renamed(&sequence, rename.sequence()?.path())
        }
        ast::AlterSequenceAction::SetSchema(set) => moved(&sequence, &set),
        _ => None,
    })
}

fn changed(table: &TableName, action: ast::AlterTableAction) -> Option<Effect> {
    match action {
        ast::AlterTableAction::DropColumn(drop) => Some(Effect::Meets {
            kind: Kind::DropColumn,
            table: table.clone(),
            columns: vec![name_of(drop.column_name_ref()?.syntax())],
            others: false,
        }),
        ast::AlterTableAction::AddColumn(add) => Some(Effect::Adds {
            table: table.clone(),
            column: name_of(add.column_name()?.syntax()),
        }),
        ast::AlterTableAction::AlterColumn(column) => match column.option()? {
            ast::AlterColumnOption::SetType(set) => Some(Effect::Retypes {
                table: table.clone(),
                column: name_of(column.column_name_ref()?.syntax()),
                type_name: set.ty()?.syntax().text().to_string().to_lowercase(),
                computed: set.using_expr().is_some(),
            }),
            _ => None,
        },
        ast::AlterTableAction::TableRenameTo(rename) => Some(Effect::Renames {
            from: table.clone(),
            to: new_name(rename.table_name()?)?,
        }),
        ast::AlterTableAction::SetSchema(set) => moved(table, &set),
        ast::AlterTableAction::AttachPartition(attach) => Some(Effect::Joins {
            parent: table.clone(),
            child: written(attach.table_name_ref()?.path_ref()?)?,
        }),
        ast::AlterTableAction::InheritTable(inherit) => Some(Effect::Joins {
            parent: written(inherit.table_name_ref()?.path_ref()?)?,
            child: table.clone(),
        }),
        ast::AlterTableAction::RenameColumn(rename) => renamed_column(table, &rename),
        _ => None,
    }
}

fn renamed(from: &TableName, to: Option<ast::Path>) -> Option<Effect> {
    Some(Effect::Renames {
        from: from.clone(),
        to: named(to?)?,
    })
}

fn renamed_column(table: &TableName, rename: &ast::RenameColumn) -> Option<Effect> {
    Some(Effect::RenamesColumn {
        table: table.clone(),
        from: name_of(rename.column_name_ref()?.syntax()),
        to: name_of(rename.column_name()?.syntax()),
    })
}

fn moved(from: &TableName, set: &ast::SetSchema) -> Option<Effect> {
    let schema = name_of(set.schema_ref()?.syntax());
    Some(Effect::Renames {
        from: from.clone(),
        to: TableName::new(Some(&schema), &from.name),
    })
}
