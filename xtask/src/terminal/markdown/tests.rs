use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;

use super::escape::{block, cell, code, html, prose, value};
use super::page::{Page, Table};
use super::{COMMENT, report};
use crate::sync::promoting::report::{Outcome, Report};

/// Texts of any letters, and of what means something to Markdown, to HTML or to GitHub.
fn texts() -> impl Strategy<Value = String> {
    let special = [
        "|",
        "`",
        "``",
        "```",
        "\\",
        "\\|",
        "<b>",
        "</details>",
        "<!--",
        "-->",
        "&lt;",
        "&#64;",
        "@ann",
        "a@b.example",
        "#12",
        "https://x.example",
        "www.x.example",
        "![x](y)",
        "[a](b)",
        "[a]: b",
        "\n",
        "\r\n",
        "\t",
        " ",
        "  ",
        "*",
        "**",
        "_a_",
        "~~",
        "^a^",
        "$x$",
        "- ",
        "1. ",
        "---",
        "\u{202e}",
        "\u{0}",
        "ä",
        "\"",
        "'",
        "x",
    ];
    let part = prop_oneof![
        4 => prop::sample::select(special.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

/// A table of two cells, the second of which is `end`: what a reader makes of the first.
fn read_back(first: &str) -> (String, String) {
    let mut page = Page::new(1_000_000);
    page.table(&Table {
        header: &["A", "B"],
        rows: vec![vec![cell(first), "end".to_owned()]],
        folded: None,
    });
    let text = page.finish("");
    assert_eq!(text.trim_end().lines().count(), 3, "{text}");
    let (mut cells, mut plain, mut in_code) = (Vec::new(), String::new(), String::new());
    for event in Parser::new_ext(&text, Options::all()) {
        match event {
            Event::Text(text) => plain.push_str(&text),
            Event::Code(text) => in_code.push_str(&text),
            Event::End(TagEnd::TableCell) => {
                cells.push((std::mem::take(&mut plain), std::mem::take(&mut in_code)));
            }
            Event::Start(Tag::Table(_) | Tag::TableHead | Tag::TableRow | Tag::TableCell)
            | Event::End(TagEnd::Table | TagEnd::TableHead | TagEnd::TableRow) => {}
            other => panic!("{other:?} in {text}"),
        }
    }
    let [_, _, first, second] = <[_; 4]>::try_from(cells).unwrap();
    assert_eq!(second, ("end".to_owned(), String::new()), "{text}");
    first
}

proptest! {
    #[test]
    fn a_sentence_is_text_and_nothing_else(text in texts()) {
        let (plain, _) = read_back(&prose(&text));
        for trait_of_links in ["@", "#", "://", "www."] {
            prop_assert!(!plain.contains(trait_of_links), "{plain}");
        }
    }

    #[test]
    fn a_name_is_code_and_nothing_else(text in texts()) {
        let (plain, in_code) = read_back(&code(&text));
        prop_assert_eq!(plain, "");
        let quoted = format!("{text:?}");
        let visible = quoted[1..quoted.len() - 1].replace("\\\"", "\"");
        prop_assert_eq!(in_code.trim(), visible.trim());
    }

    #[test]
    fn a_value_is_code_and_nothing_else(text in texts()) {
        let (plain, in_code) = read_back(&value(&Value::from(text.clone())));
        if text.chars().count() <= 200 {
            prop_assert_eq!((plain, in_code), (String::new(), format!("{text:?}")));
        }
    }

    #[test]
    fn lines_stay_in_their_block(texts in prop::collection::vec(texts(), 1..4)) {
        let text = format!("{}\n\nend", block(&texts));
        let mut events = Parser::new_ext(&text, Options::all());
        prop_assert!(matches!(events.next(), Some(Event::Start(Tag::CodeBlock(_)))));
        let rest: Vec<_> = events
            .skip_while(|event| matches!(event, Event::Text(_)))
            .collect();
        prop_assert!(matches!(rest[0], Event::End(TagEnd::CodeBlock)));
        prop_assert_eq!(rest.len(), 4, "{:?}", rest);
    }

    #[test]
    fn a_title_within_html_is_text(text in texts()) {
        let html = html(&text);
        let inside = html.strip_prefix("<code>").unwrap().strip_suffix("</code>").unwrap();
        prop_assert!(!inside.contains(['<', '>', '\n', '\r']), "{inside}");
    }
}

#[test]
fn what_is_between_backticks_is_code() {
    assert_eq!(
        prose("2 rows of `fee_items` <now> at on_hold, see https://x.example or ask @ann"),
        "2 rows of `fee_items` &lt;now&gt; at on\\_hold, see `https://x.example` or ask `@ann`"
    );
    assert_eq!(prose("one ` alone"), "one \\` alone");
    assert_eq!(value(&Value::Null), "NULL");
    assert_eq!(value(&Value::from("a|b")), "`\"a|b\"`");
    assert_eq!(cell(&value(&Value::from("a\\|b"))), "`\"a\\\\\\|b\"`");
}

#[test]
fn long_values_are_cut() {
    let text = value(&Value::from("ä".repeat(201)));
    assert!(text.ends_with("ä\"…` (cut: 201 characters)"), "{text}");
}

fn table(rows: usize, folded: Option<&str>) -> Table<'static> {
    Table {
        header: &["Row"],
        rows: (0..rows).map(|row| vec![format!("row {row}")]).collect(),
        folded: folded.map(str::to_owned),
    }
}

#[test]
fn long_tables_are_cut() {
    let mut page = Page::new(1_000_000);
    page.table(&table(150, Some("Rows")));
    let text = page.finish("All of it is elsewhere.");
    assert!(text.starts_with("<details><summary>Rows</summary>\n\n| Row |\n| --- |\n| row 0 |\n"));
    assert!(
        text.ends_with("| row 99 |\n\nand 50 more\n\n</details>\n"),
        "{text}"
    );
}

#[test]
fn a_page_never_grows_beyond_its_limit() {
    for limit in [0, 300, 500, 700, 1000, 1500] {
        let mut page = Page::new(limit);
        page.block("## Title");
        page.table(&table(50, None));
        page.table(&table(90, Some("Rows")));
        page.block("The end.");
        let text = page.finish("All of it is elsewhere.");
        assert!(text.len() <= limit.max(200), "{limit}: {}", text.len());
        assert!(text.contains("left out"));
        assert_eq!(
            text.matches("<details>").count(),
            text.matches("</details>").count()
        );
    }
}

#[test]
fn what_was_carried_out_in_part_is_told_so() {
    let mut failed = Report::new("dev-to-test", "1234", &[]);
    failed.outcome = Outcome::Failed;
    let page = report(&failed, COMMENT);
    assert!(page.contains("Plan `1234` was not carried out."), "{page}");
    failed.target_changed = true;
    let page = report(&failed, COMMENT);
    assert!(
        page.contains("Plan `1234` was carried out in part: what is below stays."),
        "{page}"
    );
}
