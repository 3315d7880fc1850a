//! What is known of the text that EXECUTE runs.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use super::{called, read};

/// The text, where it is written out.
pub(super) fn constant(node: &SyntaxNode) -> Option<String> {
    let query = node.children().find_map(ast::PlpgsqlExpr::cast)?;
    let words = query.syntax().descendants_with_tokens();
    let mut words = words
        .filter_map(|element| element.into_token())
        .filter(|token| !token.kind().is_trivia());
    let (word, None) = (words.next()?, words.next()) else {
        return None;
    };
    text(ast::Literal::cast(word.parent()?)?)
}

/// What a text of `format` calls that does nothing to rows itself, whatever names are filled in;
/// such as that of the function which diesel's first migration makes for its users.
pub(super) fn harmless(node: &SyntaxNode) -> Option<Vec<String>> {
    let query = node.children().find_map(ast::PlpgsqlExpr::cast)?;
    let format = whole::<ast::CallExpr>(query.syntax())?;
    let first = format.arg_list()?.args().next()?;
    let literal = whole::<ast::Literal>(first.syntax())?;
    if called(format.syntax()) != "format" {
        return None;
    }
    let text = text(literal)?;
    let mut before: Vec<&str> = text.split("%s").collect();
    before.pop();
    if !before.iter().all(|before| names_a_table(before)) {
        return None;
    }
    let found = read(&text.replace("%I", FILLED_IN).replace("%s", FILLED_IN));
    let mut words = found.statements.iter().filter_map(|it| it.effect.words());
    if words.next().is_some() || !found.opaque.is_empty() {
        return None;
    }
    let calls = found.calls.into_iter().map(|(_, name)| name);
    let calls: Vec<String> = calls.collect();
    (!calls.iter().any(|name| name == FILLED_IN)).then_some(calls)
}

/// Stands for a name that only the run knows.
const FILLED_IN: &str = "name_of_the_run";

/// Whether what follows can be a table and no call: what stands there without quotes may be more
/// than a name anywhere else.
fn names_a_table(before: &str) -> bool {
    let statement = before.rsplit(';').next().unwrap_or_default().to_uppercase();
    let words: Vec<&str> = statement.split_whitespace().collect();
    match words.as_slice() {
        ["ALTER" | "LOCK", "TABLE", options @ ..] => {
            let is_option = |word: &&str| ["IF", "EXISTS", "ONLY"].contains(word);
            options.iter().all(is_option)
        }
        [
            "CREATE" | "COMMENT" | "GRANT" | "REVOKE",
            between @ ..,
            "ON",
        ] => !between.contains(&"SELECT"),
        _ => false,
    }
}

/// The node that is all of an expression.
fn whole<T: AstNode>(expression: &SyntaxNode) -> Option<T> {
    let node = expression.descendants().find_map(T::cast)?;
    (node.syntax().text() == *expression.text().to_string().trim()).then_some(node)
}

fn text(literal: ast::Literal) -> Option<String> {
    Some(literal.decoded_value()?.text().to_owned())
}
