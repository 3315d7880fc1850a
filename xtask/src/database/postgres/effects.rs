//! What the statements of a migration do to tables, from squawk's syntax tree.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode, SyntaxToken};

use crate::sync::destructive::{Effect, Kind, Statement};
use crate::sync::table::TableName;

/// What a text does, as far as it can be seen.
pub(super) struct Read {
    pub(super) statements: Vec<Statement>,
    /// Lines of what cannot be seen into, each with the reason.
    pub(super) opaque: Vec<(usize, &'static str)>,
}

/// The effects of a text in its order, without what only adds to the schema or to a table.
pub(in crate::database) fn effects(up: &str) -> Vec<Statement> {
    read(up).statements
}

pub(super) fn read(up: &str) -> Read {
    let parsed = SourceFile::parse(up);
    let root = parsed.syntax_node();
    let mut reader = Reader {
        up,
        functions: functions(&root),
        read: Read {
            statements: Vec::new(),
            opaque: Vec::new(),
        },
    };
    if let Some(error) = parsed.errors().first() {
        reader.opaque(
            usize::from(error.range().start()),
            "this cannot be read, as if it were no SQL of PostgreSQL",
        );
    }
    reader.walk(&root, &|word| usize::from(word.text_range().start()));
    reader.read
}

/// The names of the functions and procedures that a text makes.
fn functions(root: &SyntaxNode) -> Vec<String> {
    root.descendants()
        .filter_map(|node| {
            let function = ast::CreateFunction::cast(node.clone())
                .and_then(|function| function.name()?.path());
            let path = function.or_else(|| ast::CreateProcedure::cast(node)?.name()?.path())?;
            Some(path.segment()?.text())
        })
        .collect()
}

struct Reader<'a> {
    up: &'a str,
    functions: Vec<String>,
    read: Read,
}

impl Reader<'_> {
    /// `place` says where in the whole text a word is: what a DO runs is a text inside the text.
    fn walk(&mut self, node: &SyntaxNode, place: &dyn Fn(&SyntaxToken) -> usize) {
        let at = first_word(node).map_or(0, |word| place(&word));
        match node.kind() {
            // What is only kept to be run later.
            SyntaxKind::CREATE_FUNCTION
            | SyntaxKind::CREATE_PROCEDURE
            | SyntaxKind::CREATE_RULE
            | SyntaxKind::CREATE_TRIGGER
            | SyntaxKind::CREATE_VIEW
            | SyntaxKind::CREATE_POLICY => return,
            SyntaxKind::PLPGSQL_DYN_EXECUTE_STMT
            | SyntaxKind::PLPGSQL_FOR_DYN_STMT
            | SyntaxKind::PLPGSQL_OPEN_EXECUTE => {
                self.opaque(
                    at,
                    "the statement that EXECUTE runs is only known when it runs",
                );
            }
            SyntaxKind::CALL => self.opaque(at, "what a procedure does is not looked into"),
            SyntaxKind::CALL_EXPR if self.is_own_function(node) => {
                self.opaque(at, "what a function does is not looked into");
            }
            SyntaxKind::DROP_OWNED => {
                self.opaque(
                    at,
                    "DROP OWNED drops whatever the role has, tables among them",
                );
            }
            SyntaxKind::DROP_TYPE | SyntaxKind::DROP_DOMAIN | SyntaxKind::DROP_EXTENSION
                if cascades(node) =>
            {
                self.opaque(
                    at,
                    "CASCADE drops whatever depends on it, columns among them",
                );
            }
            SyntaxKind::DO => self.look_into(node, at),
            _ => {
                let line = self.line(at);
                let effects = effects_of(node).into_iter();
                self.read
                    .statements
                    .extend(effects.map(|effect| Statement { line, effect }));
            }
        }
        for child in node.children() {
            self.walk(&child, place);
        }
    }

    /// The body of a DO, which is run at once.
    fn look_into(&mut self, node: &SyntaxNode, at: usize) {
        let is_inside = node
            .ancestors()
            .any(|node| node.kind() == SyntaxKind::PLPGSQL);
        let body = ast::Do::cast(node.clone()).and_then(|it| it.plpgsql());
        match body {
            Some(body) if !is_inside && body.errors().is_empty() => {
                let root = body.syntax();
                self.walk(&root, &|word| {
                    usize::from(body.source_range(word.text_range()).start())
                });
            }
            _ => self.opaque(at, "what this DO does cannot be read"),
        }
    }

    fn is_own_function(&self, node: &SyntaxNode) -> bool {
        let called = node.first_child().map(|name| name.text().to_string());
        let called = called.unwrap_or_default().to_lowercase();
        let called = called.rsplit('.').next().unwrap_or_default().trim();
        self.functions
            .iter()
            .any(|function| *function == called.trim_matches('"'))
    }

    fn opaque(&mut self, at: usize, reason: &'static str) {
        let line = self.line(at);
        self.read.opaque.push((line, reason));
    }

    fn line(&self, at: usize) -> usize {
        super::hazards::line(self.up, at)
    }
}

/// Where a node begins, comments aside.
fn first_word(node: &SyntaxNode) -> Option<SyntaxToken> {
    let tokens = node.descendants_with_tokens();
    tokens
        .filter_map(|element| element.into_token())
        .find(|token| !token.kind().is_trivia())
}

fn effects_of(node: &SyntaxNode) -> Vec<Effect> {
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
            columns: set(&update).unwrap_or_default(),
            others: false,
        });
    }
    if let Some(insert) = ast::Insert::cast(node()) {
        let action = insert.on_conflict_clause()?.conflict_action()?;
        let table = written(insert.relation_name_ref()?.path_ref()?)?;
        return matches!(action, ast::ConflictAction::ConflictDoUpdateSet(_))
            .then(|| meets(Kind::Update, table));
    }
    if let Some(table) = ast::CreateTable::cast(node()) {
        return Some(Effect::Makes(new_name(table.table_name()?)?));
    }
    if let Some(table) = ast::CreateTableAs::cast(node()) {
        return Some(Effect::Makes(new_name(table.table_name()?)?));
    }
    if let Some(into) = ast::IntoClause::cast(node()) {
        return Some(Effect::Makes(new_name(into.table_name()?)?));
    }
    None
}

/// The columns that an UPDATE sets; none where it sets several at once.
fn set(update: &ast::Update) -> Option<Vec<String>> {
    let columns = update.set_clause()?.set_column_list()?.set_columns();
    columns
        .map(|column| match column {
            ast::SetColumn::SetSingleColumn(column) => Some(ast::normalize_name_node(
                column.column_target()?.name()?.syntax(),
            )),
            ast::SetColumn::SetMultipleColumns(_) => None,
        })
        .collect()
}

fn several_effects(node: &SyntaxNode) -> Vec<Effect> {
    let others = cascades(node);
    if let Some(drop) = ast::DropTable::cast(node.clone()) {
        return drop
            .table_name_refs()
            .filter_map(|table| Some(meets(Kind::DropTable, written(table.path_ref()?)?)))
            .collect();
    }
    if let Some(drop) = ast::DropSchema::cast(node.clone()) {
        let schemas = drop.schema_refs().filter(|_| others);
        return schemas
            .map(|schema| Effect::DropsSchema(ast::normalize_name_node(schema.syntax())))
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
    if let Some(alter) = ast::AlterTable::cast(node.clone()) {
        return altered(&alter).unwrap_or_default();
    }
    Vec::new()
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

fn altered(alter: &ast::AlterTable) -> Option<Vec<Effect>> {
    let table = written(alter.table_relation_name()?.table_name_ref()?.path_ref()?)?;
    let effect = |action| match action {
        ast::AlterTableAction::DropColumn(drop) => Some(Effect::Meets {
            kind: Kind::DropColumn,
            table: table.clone(),
            columns: vec![ast::normalize_name_node(drop.column_name_ref()?.syntax())],
            others: false,
        }),
        ast::AlterTableAction::AddColumn(add) => Some(Effect::Adds {
            table: table.clone(),
            column: ast::normalize_name_node(add.column_name()?.syntax()),
        }),
        ast::AlterTableAction::AlterColumn(column) => match column.option()? {
            ast::AlterColumnOption::SetType(set) => Some(Effect::Retypes {
                table: table.clone(),
                column: ast::normalize_name_node(column.column_name_ref()?.syntax()),
                type_name: set.ty()?.syntax().text().to_string().to_lowercase(),
                computed: set.using_expr().is_some(),
            }),
            _ => None,
        },
        ast::AlterTableAction::TableRenameTo(rename) => Some(Effect::Renames {
            from: table.clone(),
            to: new_name(rename.table_name()?)?,
        }),
        ast::AlterTableAction::SetSchema(set) => {
            let schema = ast::normalize_name_node(set.schema_ref()?.syntax());
            Some(Effect::Renames {
                from: table.clone(),
                to: TableName::new(Some(&schema), &table.name),
            })
        }
        _ => None,
    };
    Some(alter.actions().filter_map(effect).collect())
}

fn meets(kind: Kind, table: TableName) -> Effect {
    Effect::Meets {
        kind,
        table,
        columns: Vec::new(),
        others: false,
    }
}

fn cascades(node: &SyntaxNode) -> bool {
    let behavior = node
        .children()
        .find(|child| child.kind() == SyntaxKind::CASCADE);
    behavior.is_some()
}

fn relation(relation: ast::RelationName) -> Option<TableName> {
    written(relation.relation_name_ref()?.path_ref()?)
}

fn new_name(name: ast::TableName) -> Option<TableName> {
    let path = name.path()?;
    let schema = path.qualifier().and_then(|schema| schema.segment());
    let schema = schema.map(|schema| schema.text());
    Some(TableName::new(schema.as_deref(), &path.segment()?.text()))
}

fn written(path: ast::PathRef) -> Option<TableName> {
    let schema = path.qualifier().and_then(|schema| schema.segment());
    let schema = schema.map(|schema| schema.text());
    Some(TableName::new(schema.as_deref(), &path.segment()?.text()))
}

#[cfg(test)]
mod tests;
