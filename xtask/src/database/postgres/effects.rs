//! What the statements of a migration do to tables, from squawk's syntax tree.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode, SyntaxToken};

use crate::sync::catalog::{Action, ForeignKey};
use crate::sync::destructive::{Effect, Kind, Read, Statement};
use crate::sync::table::TableName;

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
        read: Read::default(),
    };
    // Wherever it is written, even in a function: it is not followed what sets it, and when.
    let lower = up.to_lowercase();
    if lower.contains("search_path") || lower.contains("set_config") {
        reader.push(0, Effect::MovesPath);
    }
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
            SyntaxKind::CREATE_FUNCTION | SyntaxKind::CREATE_PROCEDURE => {
                self.keep(node, at);
                return;
            }
            SyntaxKind::CREATE_RULE => {
                let rule = ast::CreateRule::cast(node.clone()).and_then(|rule| rule.rule());
                let name = rule.map(|rule| rule.syntax().text().to_string());
                self.tell_kept(at, &name.unwrap_or_default(), |reader| {
                    for child in node.children() {
                        reader.walk(&child, place);
                    }
                });
                return;
            }
            SyntaxKind::CREATE_TRIGGER | SyntaxKind::CREATE_POLICY => return,
            SyntaxKind::CREATE_VIEW => {
                self.push_all(at, effects_of(node));
                return;
            }
            SyntaxKind::PLPGSQL_DYN_EXECUTE_STMT
            | SyntaxKind::PLPGSQL_FOR_DYN_STMT
            | SyntaxKind::PLPGSQL_OPEN_EXECUTE => match constant(node) {
                Some(text) => self.execute(&text, at),
                None => self.opaque(
                    at,
                    "the statement that EXECUTE runs is only known when it runs",
                ),
            },
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
            SyntaxKind::DROP_ATTRIBUTE | SyntaxKind::ALTER_ATTRIBUTE => {
                self.opaque(at, "the columns of a type change with its attributes");
            }
            SyntaxKind::SET | SyntaxKind::RESET if moves_path(node) => {
                self.push(at, Effect::MovesPath);
            }
            SyntaxKind::SET_ROLE
            | SyntaxKind::SET_SESSION_AUTH
            | SyntaxKind::RESET_ROLE
            | SyntaxKind::RESET_SESSION_AUTH
            | SyntaxKind::DISCARD => self.push(at, Effect::MovesPath),
            SyntaxKind::ALTER_ROLE | SyntaxKind::ALTER_USER | SyntaxKind::ALTER_DATABASE
                if moves_path(node) =>
            {
                self.opaque(at, "later sessions look names up elsewhere");
            }
            SyntaxKind::DO => self.look_into(node, at),
            kind => {
                self.push_all(at, effects_of(node));
                if takes_columns(kind) && cascades(node) {
                    self.opaque(
                        at,
                        "CASCADE drops whatever depends on it, columns among them",
                    );
                }
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

    /// The statements of a text that is run at once.
    fn execute(&mut self, text: &str, at: usize) {
        let parsed = SourceFile::parse(text);
        if !parsed.errors().is_empty() {
            self.opaque(at, "the statement that EXECUTE runs cannot be read");
        }
        self.walk(&parsed.syntax_node(), &|_| at);
    }

    /// A function or a procedure: its body is told, for nothing follows who calls it and when.
    fn keep(&mut self, node: &SyntaxNode, at: usize) {
        let function = ast::CreateFunction::cast(node.clone());
        let procedure = ast::CreateProcedure::cast(node.clone());
        let path = function
            .as_ref()
            .and_then(|it| it.name()?.path())
            .or_else(|| procedure.as_ref()?.name()?.path());
        let name = path.map_or(String::new(), |path| path.syntax().text().to_string());
        let plpgsql = function
            .as_ref()
            .and_then(|it| it.plpgsql())
            .or_else(|| procedure.as_ref()?.plpgsql());
        let sql = function
            .as_ref()
            .and_then(|it| it.sql_body())
            .or_else(|| procedure.as_ref()?.sql_body());
        let inline = function
            .as_ref()
            .and_then(|it| it.body())
            .or_else(|| procedure.as_ref()?.body());
        let body = plpgsql
            .map(|body| (body.syntax(), body.errors().is_empty()))
            .or_else(|| sql.map(|body| (body.syntax(), body.errors().is_empty())))
            .or_else(|| inline.map(|body| (body.syntax().clone(), true)));
        self.tell_kept(at, &name, |reader| match body {
            Some((body, is_read)) => {
                if !is_read {
                    reader.opaque(at, "its text cannot be read");
                }
                reader.walk(&body, &|_| at);
            }
            None => reader.opaque(at, "its language is not read"),
        });
    }

    fn tell_kept(&mut self, at: usize, name: &str, body: impl FnOnce(&mut Reader<'_>)) {
        let mut kept = Reader {
            up: self.up,
            functions: Vec::new(),
            read: Read::default(),
        };
        body(&mut kept);
        for what in kept
            .read
            .statements
            .iter()
            .filter_map(|it| it.effect.words())
        {
            self.opaque(at, &format!("`{name}` {what} when it is called"));
        }
        for (_, reason) in kept.read.opaque {
            self.opaque(at, &format!("`{name}` may do anything: {reason}"));
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

    fn push_all(&mut self, at: usize, effects: Vec<Effect>) {
        for effect in effects {
            self.push(at, effect);
        }
    }

    fn push(&mut self, at: usize, effect: Effect) {
        if let Effect::Meets { table, .. } = &effect
            && is_of_server(table)
        {
            return self.opaque(at, &format!("`{table}` is the server's own"));
        }
        let line = self.line(at);
        self.read.statements.push(Statement { line, effect });
    }

    fn opaque(&mut self, at: usize, reason: &str) {
        let told = (self.line(at), reason.to_owned());
        if !self.read.opaque.contains(&told) {
            self.read.opaque.push(told);
        }
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

/// The text that EXECUTE runs, where it is written out.
fn constant(node: &SyntaxNode) -> Option<String> {
    let query = node.children().find_map(ast::PlpgsqlExpr::cast)?;
    let words = query.syntax().descendants_with_tokens();
    let mut words = words
        .filter_map(|element| element.into_token())
        .filter(|token| !token.kind().is_trivia());
    let (word, None) = (words.next()?, words.next()) else {
        return None;
    };
    let literal = ast::Literal::cast(word.parent()?)?;
    Some(literal.decoded_value()?.text().to_owned())
}

/// Whether a setting says where names are looked up, or who does.
fn moves_path(node: &SyntaxNode) -> bool {
    let text = node.text().to_string().to_lowercase();
    let settings = ["search_path", "schema", "role", "authorization", "all"];
    settings.iter().any(|setting| text.contains(setting))
}

/// What columns may depend on, other than by their type alone.
fn takes_columns(kind: SyntaxKind) -> bool {
    [
        SyntaxKind::DROP_SCHEMA,
        SyntaxKind::DROP_TYPE,
        SyntaxKind::DROP_DOMAIN,
        SyntaxKind::DROP_EXTENSION,
        SyntaxKind::DROP_COLLATION,
        SyntaxKind::DROP_FUNCTION,
        SyntaxKind::DROP_PROCEDURE,
        SyntaxKind::DROP_ROUTINE,
        SyntaxKind::DROP_AGGREGATE,
        SyntaxKind::DROP_SEQUENCE,
        SyntaxKind::DROP_OPERATOR,
        SyntaxKind::DROP_OPERATOR_CLASS,
        SyntaxKind::DROP_OPERATOR_FAMILY,
        SyntaxKind::DROP_CAST,
        SyntaxKind::DROP_CONVERSION,
        SyntaxKind::DROP_LANGUAGE,
        SyntaxKind::DROP_ACCESS_METHOD,
        SyntaxKind::DROP_SERVER,
        SyntaxKind::DROP_FOREIGN_DATA_WRAPPER,
    ]
    .contains(&kind)
}

/// Writing these changes the schema behind its back.
fn is_of_server(table: &TableName) -> bool {
    match table.schema.as_deref() {
        Some(schema) => schema.starts_with("pg_") || schema == "information_schema",
        None => table.name.starts_with("pg_"),
    }
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
    if let Some(table) = ast::CreateTableAs::cast(node()) {
        return Some(Effect::Makes(new_name(table.table_name()?)?));
    }
    if let Some(into) = ast::IntoClause::cast(node()) {
        return Some(Effect::Makes(new_name(into.table_name()?)?));
    }
    if let Some(create) = ast::CreateView::cast(node()) {
        return Some(Effect::MakesView {
            view: named(create.view()?.path()?)?,
            query: create.query()?.syntax().text().to_string(),
        });
    }
    if let Some(alter) = ast::AlterView::cast(node()) {
        let from = written(alter.view_ref()?.path_ref()?)?;
        return match alter.action()? {
            ast::AlterViewAction::ViewRenameTo(rename) => Some(Effect::Renames {
                from,
                to: named(rename.view()?.path()?)?,
            }),
            ast::AlterViewAction::SetSchema(set) => moved(&from, &set),
            _ => None,
        };
    }
    if let Some(alter) = ast::AlterSchema::cast(node()) {
        return match alter.action()? {
            ast::AlterSchemaAction::SchemaRenameTo(rename) => Some(Effect::RenamesSchema {
                from: ast::normalize_name_node(alter.schema_ref()?.syntax()),
                to: ast::normalize_name_node(rename.schema()?.syntax()),
            }),
            ast::AlterSchemaAction::OwnerTo(_) => None,
        };
    }
    None
}

fn moved(from: &TableName, set: &ast::SetSchema) -> Option<Effect> {
    let schema = ast::normalize_name_node(set.schema_ref()?.syntax());
    Some(Effect::Renames {
        from: from.clone(),
        to: TableName::new(Some(&schema), &from.name),
    })
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
        return effects;
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
        ast::AlterTableAction::SetSchema(set) => moved(&table, &set),
        ast::AlterTableAction::RenameColumn(rename) => Some(Effect::RenamesColumn {
            table: table.clone(),
            from: ast::normalize_name_node(rename.column_name_ref()?.syntax()),
            to: ast::normalize_name_node(rename.column_name()?.syntax()),
        }),
        _ => None,
    };
    let effects = alter.actions().filter_map(effect);
    Some(effects.chain(refers(alter.syntax(), &table)).collect())
}

/// The foreign keys that a statement gives to a table.
fn refers(node: &SyntaxNode, table: &TableName) -> Vec<Effect> {
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
            let column = of_column.map(|column| ast::normalize_name_node(column.syntax()));
            let actions = key.referential_actions().collect();
            (key.table()?, actions, column.into_iter().collect())
        } else {
            let key = ast::ForeignKeyConstraint::cast(node.clone())?;
            let mut lists = node.children();
            let list = lists.find(|list| list.kind() == SyntaxKind::FOREIGN_KEY_COLUMN_LIST);
            let columns = list.into_iter().flat_map(|list| list.descendants());
            let columns = columns.filter_map(ast::ColumnNameRef::cast);
            let columns = columns.map(|column| ast::normalize_name_node(column.syntax()));
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
    named(name.path()?)
}

fn named(path: ast::Path) -> Option<TableName> {
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
