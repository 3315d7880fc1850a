//! What the statements of a migration do to tables, from squawk's syntax tree.

mod alterations;
mod deep;
mod executed;
mod keys;
mod names;
mod statements;
mod targets;

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode, SyntaxToken};

pub(super) use deep::{with_room, without_deep};
use names::cut;
pub(super) use names::tables;
use statements::{cascades, effects_of};
use targets::without_targets;

use crate::sync::migrations::destructive::{Effect, Read, Statement};
use crate::sync::schema::table::TableName;

/// The effects of a text in its order, without what only adds to the schema or to a table.
pub(in crate::database) fn effects(up: &str) -> Vec<Statement> {
    with_room(|| read(up)).statements
}

pub(super) fn read(up: &str) -> Read {
    let (shallow, deep) = without_deep(up);
    let parsed = SourceFile::parse(&without_targets(shallow));
    let root = parsed.syntax_node();
    let breaks: Vec<usize> = up.match_indices('\n').map(|(at, _)| at).collect();
    let mut reader = Reader {
        breaks: &breaks,
        functions: functions(&root),
        read: Read::default(),
    };
    // Wherever it is written, even in a function: it is not followed what sets it, and when.
    let lower = up.to_lowercase();
    if lower.contains("search_path") || lower.contains("set_config") {
        reader.push(0, Effect::MovesPath);
    }
    for at in deep {
        reader.opaque(at, "this is nested too deeply to be read");
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
            Some(cut(path.segment()?.text()))
        })
        .collect()
}

struct Reader<'a> {
    /// Where the lines of the text end.
    breaks: &'a [usize],
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
            SyntaxKind::CREATE_TRIGGER => {
                let trigger = ast::CreateTrigger::cast(node.clone());
                if let Some(function) = trigger.and_then(|trigger| trigger.call_expr()) {
                    self.call_all([called(function.syntax())], at);
                }
                return;
            }
            SyntaxKind::CREATE_POLICY => return,
            SyntaxKind::CREATE_VIEW => {
                self.push_all(at, effects_of(node));
                return;
            }
            SyntaxKind::PLPGSQL_DYN_EXECUTE_STMT
            | SyntaxKind::PLPGSQL_FOR_DYN_STMT
            | SyntaxKind::PLPGSQL_OPEN_EXECUTE => match executed::constant(node) {
                Some(text) => self.execute(&text, at),
                None => match executed::harmless(node) {
                    Some(calls) => self.call_all(calls, at),
                    None => self.opaque(
                        at,
                        "the statement that EXECUTE runs is only known when it runs",
                    ),
                },
            },
            SyntaxKind::CALL => self.opaque(at, "what a procedure does is not looked into"),
            SyntaxKind::CALL_EXPR if self.functions.contains(&called(node)) => {
                self.opaque(at, "what a function does is not looked into");
            }
            SyntaxKind::CALL_EXPR => self.call_all([called(node)], at),
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
                if kind == SyntaxKind::DROP_EXTENSION {
                    self.opaque(at, "tables may belong to the extension, and go with it");
                } else if takes_columns(kind) && cascades(node) {
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
            breaks: self.breaks,
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
        self.call_all(kept.read.calls.into_iter().map(|(_, name)| name), at);
    }

    /// What the migration makes itself is told where it is made.
    fn call_all(&mut self, names: impl IntoIterator<Item = String>, at: usize) {
        for name in names {
            if !self.functions.contains(&name) {
                self.read.calls.insert((self.line(at), name));
            }
        }
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
            self.opaque(at, &format!("`{table}` is the server's own"));
            // Without its schema it may as well be one of the users.
            if table.schema.is_some() {
                return;
            }
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
        self.breaks.partition_point(|end| *end < at) + 1
    }
}

/// The last part of the name of the function that is called.
fn called(call: &SyntaxNode) -> String {
    let name = call.first_child().map(|name| name.text().to_string());
    let name = name.unwrap_or_default().to_lowercase();
    let name = name.rsplit('.').next().unwrap_or_default().trim();
    cut(name.trim_matches('"').to_owned())
}

/// Where a node begins, comments aside.
fn first_word(node: &SyntaxNode) -> Option<SyntaxToken> {
    let tokens = node.descendants_with_tokens();
    tokens
        .filter_map(|element| element.into_token())
        .find(|token| !token.kind().is_trivia())
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

#[cfg(test)]
mod tests;
