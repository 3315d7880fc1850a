//! The body of a function, the same however it was set out.

use squawk_lexer::{LiteralKind, TokenKind, tokenize};

/// The quotes that the server puts around a body, unless it has them inside.
const QUOTES: &str = "$function$";

/// The definition with its body in one spelling: the words in small letters and one blank between
/// them. The server keeps a body as it was written, but white space, comments and the case of its
/// words mean nothing in it. As it is where the body cannot be read with certainty.
pub(super) fn with_canonical_body(definition: &str, body: &str) -> String {
    replaced(definition, body).unwrap_or_else(|| definition.to_owned())
}

fn replaced(definition: &str, body: &str) -> Option<String> {
    let text = definition.trim_end();
    let quotes = &text[text.strip_suffix('$')?.rfind('$')?..];
    let head = text.strip_suffix(quotes)?;
    let head = head.strip_suffix(body)?.strip_suffix(quotes)?;
    let canonical = canonical(body)?;
    let quotes = match canonical.contains(QUOTES) {
        true => quotes,
        false => QUOTES,
    };
    Some(format!("{head}{quotes} {canonical} {quotes}"))
}

/// A word, a value, an operator or another sign.
struct Word {
    text: String,
    kind: TokenKind,
    /// What was left out before it holds the end of a line.
    on_new_line: bool,
}

/// `None` where it is not sure what is a text and what is not.
fn canonical(body: &str) -> Option<String> {
    let mut text = String::new();
    let mut before: Option<Word> = None;
    for word in words(body)? {
        if let Some(before) = &before {
            text.push_str(between(before, &word));
        }
        text.push_str(&word.text);
        before = Some(word);
    }
    Some(text)
}

fn words(body: &str) -> Option<Vec<Word>> {
    let mut words: Vec<Word> = Vec::new();
    let (mut rest, mut adjoins, mut on_new_line) = (body, false, false);
    // The operator that is being read; where it ends is known at its end only.
    let mut operator = String::new();
    for token in tokenize(body) {
        let (text, after) = rest.split_at_checked(usize::try_from(token.len).ok()?)?;
        rest = after;
        if is_sign(token.kind) && (operator.is_empty() || adjoins) {
            operator.push_str(text);
            adjoins = true;
            continue;
        }
        for text in operators(&operator) {
            words.push(Word {
                text,
                kind: TokenKind::Eq,
                on_new_line: std::mem::take(&mut on_new_line),
            });
        }
        operator.clear();
        // The tools that read hints in comments know them by the sign.
        let is_left_out = match token.kind {
            TokenKind::BlockComment { terminated } => terminated && !text.starts_with("/*+"),
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::Eof => true,
            _ => false,
        };
        adjoins = !is_left_out;
        if is_left_out {
            on_new_line |= text.contains(['\n', '\r']);
        } else if is_sign(token.kind) {
            operator.push_str(text);
        } else {
            words.push(Word {
                text: spelled(token.kind, text)?,
                kind: token.kind,
                on_new_line: std::mem::take(&mut on_new_line),
            });
        }
    }
    words.extend(operators(&operator).into_iter().map(|text| Word {
        text,
        kind: TokenKind::Eq,
        on_new_line: false,
    }));
    Some(words)
}

fn spelled(kind: TokenKind, text: &str) -> Option<String> {
    let is_closed = match kind {
        TokenKind::BlockComment { terminated } | TokenKind::QuotedIdent { terminated, .. } => {
            terminated
        }
        TokenKind::Literal { kind } => match kind {
            LiteralKind::Str { terminated } | LiteralKind::NationalStr { terminated } => {
                // An old setting takes this for a quote inside of the text.
                terminated && !text.contains("\\'")
            }
            LiteralKind::ByteStr { terminated }
            | LiteralKind::BitStr { terminated }
            | LiteralKind::DollarQuotedString { terminated }
            | LiteralKind::UnicodeEscStr { terminated }
            | LiteralKind::EscStr { terminated } => terminated,
            LiteralKind::Int { .. } | LiteralKind::Numeric { .. } => true,
        },
        TokenKind::Unknown => false,
        _ => true,
    };
    let is_word = kind == TokenKind::Ident;
    is_closed.then(|| match is_word {
        true => text.to_ascii_lowercase(),
        false => text.to_owned(),
    })
}

/// What an operator is made of, and the colon, with which `:=` and `::` begin.
fn is_sign(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Slash
            | TokenKind::Minus
            | TokenKind::Plus
            | TokenKind::Star
            | TokenKind::Lt
            | TokenKind::Gt
            | TokenKind::Eq
            | TokenKind::Tilde
            | TokenKind::Bang
            | TokenKind::At
            | TokenKind::Pound
            | TokenKind::Percent
            | TokenKind::Caret
            | TokenKind::And
            | TokenKind::Or
            | TokenKind::Backtick
            | TokenKind::Question
            | TokenKind::Colon
    )
}

/// The operators in a row of signs: one that is longer ends with a plus or minus only if a sign that
/// the standard does not know is in it.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-OPERATORS>
fn operators(signs: &str) -> Vec<String> {
    let (colons, signs) = match signs.strip_prefix("::").or(signs.strip_prefix(":=")) {
        Some(rest) => signs.split_at(signs.len() - rest.len()),
        None => ("", signs),
    };
    let mut found: Vec<String> = Vec::new();
    found.extend((!colons.is_empty()).then(|| colons.to_owned()));
    let mut operator = signs;
    if !signs.contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?']) {
        operator = signs.trim_end_matches(['+', '-']);
        if operator.is_empty() {
            operator = &signs[..signs.len().min(1)];
        }
    }
    found.extend((!operator.is_empty()).then(|| operator.to_owned()));
    found.extend(signs[operator.len()..].chars().map(String::from));
    found
}

/// What stands between two words, by their kinds alone, so that no other words read the same.
fn between(before: &Word, after: &Word) -> &'static str {
    let is_name =
        |word: &Word| matches!(word.kind, TokenKind::Ident | TokenKind::QuotedIdent { .. });
    let is_text = |word: &Word| matches!(word.kind, TokenKind::Literal { kind } if !matches!(kind, LiteralKind::Int { .. } | LiteralKind::Numeric { .. }));
    match (before.kind, after.kind) {
        (TokenKind::OpenParen, _)
        | (_, TokenKind::CloseParen | TokenKind::Comma | TokenKind::Semi) => "",
        (_, TokenKind::Dot) if is_name(before) => "",
        (TokenKind::Dot, _) if is_name(after) => "",
        // Texts on two lines are one.
        _ if is_text(before) && is_text(after) && after.on_new_line => "\n",
        _ => " ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_matter_does_not_count() {
        let one = "BEGIN\n  -- it's new\n  total := a.amount*2 - 1;\n  IF x<-1 THEN\n    RETURN NEW;\n  END IF;\nEND";
        let other = "begin total:=a . amount * 2-1; if X < -1 /* never /* \"so */ */ then return new ; end if; end\n";
        assert_eq!(canonical(one), canonical(other));
        assert_eq!(
            canonical(one).as_deref(),
            Some("begin total := a.amount * 2 - 1; if x < - 1 then return new; end if; end")
        );
        for (one, other) in [
            ("SELECT x::text||'a'", "select x :: text || 'a'"),
            ("for i in 1..10 loop", "FOR i IN 1 .. 10 LOOP"),
            ("f(a=>-1,b=>+$1)", "f ( a => -1, b => + $1 )"),
            ("a- -b", "a - -b"),
            ("<<l>>begin", "<<l>>\nBEGIN"),
            ("date'2024-01-01'", "DATE '2024-01-01'"),
            ("a[1:2]", "a [ 1 : 2 ]"),
        ] {
            assert_eq!(canonical(one), canonical(other), "{one}");
        }
    }

    #[test]
    fn what_matters_counts() {
        for (one, other) in [
            ("RAISE 'a  b'", "RAISE 'a b'"),
            ("RAISE 'A'", "RAISE 'a'"),
            ("SELECT \"A b\"", "SELECT \"a b\""),
            ("SELECT \"a\"", "SELECT a"),
            ("EXECUTE $q$a -- b\n$q$", "EXECUTE $q$a$q$"),
            ("SELECT E'a\\'  b'", "SELECT E'a\\' b'"),
            ("SELECT E'a'", "SELECT E 'a'"),
            ("SELECT 'a'\n'b'", "SELECT 'a' 'b'"),
            ("SELECT 'a' -- c\n'b'", "SELECT 'a' 'b'"),
            ("a- -b", "a--b"),
            ("a @- b", "a @ -b"),
            ("a<>b", "a< >b"),
            ("1.5", "1 .5"),
            ("ab", "a b"),
            ("a/b", "a//b"),
            ("/*+ SeqScan(a) */ SELECT", "SELECT"),
        ] {
            assert_ne!(canonical(one), canonical(other), "{one}");
        }
        for uncertain in ["SELECT 'it\\'s -- x'", "SELECT 'open", "a /* open", "\"a"] {
            assert_eq!(canonical(uncertain), None, "{uncertain}");
        }
    }

    #[test]
    fn a_body_is_found_in_its_definition() {
        let head = "CREATE FUNCTION public.f()\n LANGUAGE sql\nAS ";
        let with = |body: &str, quotes: &str| {
            with_canonical_body(&format!("{head}{quotes}{body}{quotes}\n"), body)
        };
        let expected = format!("{head}$function$ select 1 $function$");
        assert_eq!(with("\n SELECT 1 -- $function$\n", "$functionx$"), expected);
        assert_eq!(with("SELECT 1", "$function$"), expected);
        assert!(with("SELECT '$function$'", "$functionx$").ends_with(" $functionx$"));
        let atomic = "CREATE FUNCTION f()\nRETURN 1\n";
        assert_eq!(with_canonical_body(atomic, "x"), atomic);
    }
}
