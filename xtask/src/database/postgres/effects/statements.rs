//! What one statement does to tables.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::alterations::altered;
use super::keys::refers;
use super::names::{name_of, named, new_name, relation, written};
use crate::sync::migrations::destructive::{Effect, Kind};
use crate::sync::schema::table::TableName;

/// The effects of a syntax node, without those of what is in it.
pub(super) fn effects_of(node: &SyntaxNode) -> Vec<Effect> {
    one_effect(node).map_or_else(|| several_effects(node), |effect| vec![effect])
}

fn one_effect(node: &SyntaxNode) -> Option<Effect> {
    let node = || node.clone();
    if let Some(delete) = ast::Delete::cast(node()) {
        return Some(meets(Kind::Delete, relation(delete.relation_name()?)?));
    }
    if let Some(update) = ast::Update::cast(node()) {
        return Some(Effect::Meets {
            kind: Kind::Update,
            table: relation(update.relation_name()?)?,
            columns: set(update.set_clause()).unwrap_or_default(),
            others: false,
        });
    }
    if let Some(insert) = ast::Insert::cast(node()) {
        let ast::ConflictAction::ConflictDoUpdateSet(update) =
            insert.on_conflict_clause()?.conflict_action()?
        else {
            return None;
        };
        return Some(Effect::Meets {
            kind: Kind::Update,
            table: written(insert.relation_name_ref()?.path_ref()?)?,
            columns: set(update.set_clause()).unwrap_or_default(),
            others: false,
        });
    }
    if let Some(table) = ast::CreateTableAs::cast(node()) {
        return Some(Effect::Makes(new_name(table.table_name()?)?));
    }
    if let Some(into) = ast::IntoClause::cast(node()) {
        return Some(Effect::Makes(new_name(into.table_name()?)?));
    }
    if let Some(create) = ast::CreateView::cast(node()) {
        return Some(Effect::MakesView {
            view: named(create.view()?.path()?)?,
            // Its own name is among the words, which does no harm.
            query: create.syntax().text().to_string(),
        });
    }
    if let Some(alter) = ast::AlterSchema::cast(node()) {
        return match alter.action()? {
            ast::AlterSchemaAction::SchemaRenameTo(rename) => Some(Effect::RenamesSchema {
                from: name_of(alter.schema_ref()?.syntax()),
                to: name_of(rename.schema()?.syntax()),
            }),
            ast::AlterSchemaAction::OwnerTo(_) => None,
        };
    }
    None
}

/// The columns that an UPDATE sets.
fn set(clause: Option<ast::SetClause>) -> Option<Vec<String>> {
    let columns = clause?.set_column_list()?.set_columns();
    let targets = columns.flat_map(|column| match column {
        ast::SetColumn::SetSingleColumn(column) => vec![column.column_target()],
        ast::SetColumn::SetMultipleColumns(columns) => match columns.column_target_list() {
            Some(list) => list.column_targets().map(Some).collect(),
            None => vec![None],
        },
    });
    targets
        .map(|target| Some(name_of(target?.name()?.syntax())))
        .collect()
}

fn several_effects(node: &SyntaxNode) -> Vec<Effect> {
    let others = cascades(node);
    if let Some(drop) = ast::DropTable::cast(node.clone()) {
        let tables = drop
            .table_name_refs()
            .filter_map(|table| written(table.path_ref()?));
        return tables
            .flat_map(|table| {
                // Its rows may be values of a column elsewhere.
                let as_type = others.then(|| Effect::DropsType(table.clone()));
                [Some(meets(Kind::DropTable, table)), as_type]
            })
            .flatten()
            .collect();
    }
    if [
        SyntaxKind::DROP_TYPE,
        SyntaxKind::DROP_DOMAIN,
        SyntaxKind::DROP_VIEW,
        SyntaxKind::DROP_MATERIALIZED_VIEW,
        SyntaxKind::DROP_FOREIGN_TABLE,
    ]
    .contains(&node.kind())
        && others
    {
        let names = node.descendants().filter_map(ast::PathRef::cast);
        let is_outermost = |path: &ast::PathRef| {
            path.syntax()
                .parent()
                .is_none_or(|parent| parent.kind() != path.syntax().kind())
        };
        return names
            .filter(is_outermost)
            .filter_map(|path| Some(Effect::DropsType(written(path)?)))
            .collect();
    }
    if let Some(create) = ast::CreateTable::cast(node.clone()) {
        let Some(table) = create.table_name().and_then(new_name) else {
            return Vec::new();
        };
        let mut effects = vec![Effect::Makes(table.clone())];
        effects.extend(refers(node, &table));
        let whole = create.partition_of().and_then(|it| it.table_name_ref());
        let parents = create.inherits().into_iter();
        let parents = parents.flat_map(|it| it.table_name_refs()).chain(whole);
        effects.extend(parents.filter_map(|parent| {
            Some(Effect::Joins {
                parent: written(parent.path_ref()?)?,
                child: table.clone(),
            })
        }));
        return effects;
    }
    if let Some(drop) = ast::DropSchema::cast(node.clone()) {
        let schemas = drop.schema_refs().filter(|_| others);
        return schemas
            .map(|schema| Effect::DropsSchema(name_of(schema.syntax())))
            .collect();
    }
    if let Some(truncate) = ast::Truncate::cast(node.clone()) {
        let tables = truncate.table_list().into_iter();
        return tables
            .flat_map(|list| list.table_relation_names())
            .filter_map(|table| {
                Some(Effect::Meets {
                    kind: Kind::Truncate,
                    table: written(table.table_name_ref()?.path_ref()?)?,
                    columns: Vec::new(),
                    others,
                })
            })
            .collect();
    }
    if let Some(merge) = ast::Merge::cast(node.clone()) {
        return merged(&merge);
    }
    altered(node).unwrap_or_default()
}

fn merged(merge: &ast::Merge) -> Vec<Effect> {
    let table = merge
        .table_relation_name()
        .and_then(|table| written(table.table_name_ref()?.path_ref()?));
    let does = |kind| {
        merge
            .merge_when_clauses()
            .flat_map(|clause| clause.syntax().descendants())
            .any(|node| node.kind() == kind)
    };
    let kinds = [
        (SyntaxKind::MERGE_DELETE, Kind::Delete),
        (SyntaxKind::MERGE_UPDATE, Kind::Update),
    ];
    let met = kinds.into_iter().filter(|(action, _)| does(*action));
    met.filter_map(|(_, kind)| Some(meets(kind, table.clone()?)))
        .collect()
}

fn meets(kind: Kind, table: TableName) -> Effect {
    Effect::Meets {
        kind,
        table,
        columns: Vec::new(),
        others: false,
    }
}

pub(super) fn cascades(node: &SyntaxNode) -> bool {
    let behavior = node
        .children()
        .find(|child| child.kind() == SyntaxKind::CASCADE);
    behavior.is_some()
}
