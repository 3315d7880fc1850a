//! House rules, as far as a program can check them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory as _;
use xtask::cli::Cli;
use xtask::problem::Code;
use xtask::settings::config::Config;

/// Longer files answer more than one question.
const LONGEST: usize = 400;

/// Where variables are read, and why there.
const READERS_OF_VARIABLES: &[(&str, &str)] = &[
    (
        "settings/variables.rs",
        "the one place where settings come from",
    ),
    ("terminal/mod.rs", "NO_COLOR is a matter of the terminal"),
    ("database/postgres/backup.rs", "PATH, to find pg_dump"),
    (
        "database/postgres/connection.rs",
        "libpq's own limit for connecting goes before ours",
    ),
    (
        "demo/folder.rs",
        "warns of variables that go before the demo's file",
    ),
    ("rebuild.rs", "cargo, to build the program with PostgreSQL"),
    ("server/account.rs", "takes PostgreSQL's variables away"),
    ("server/programs.rs", "PATH, to find initdb"),
    ("server/tests.rs", "a test runs itself once more"),
    ("test.rs", "cargo, CI, PATH and the server for the tests"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Every file that is, or could be, part of a commit, with its path from the root.
fn files() -> Vec<(String, PathBuf)> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "the house rules are checked in a git checkout"
    );
    let names = String::from_utf8(output.stdout).unwrap();
    let mut files: Vec<(String, PathBuf)> = names
        .split_terminator('\0')
        .map(|name| (name.to_owned(), root().join(name)))
        // One that was removed is listed until that is committed.
        .filter(|(_, path)| path.is_file())
        .collect();
    files.sort();
    files.dedup();
    files
}

/// The text files among them whose names end so.
fn texts(ending: &str) -> Vec<(String, String)> {
    files()
        .into_iter()
        .filter(|(name, _)| name.ends_with(ending))
        .filter_map(|(name, path)| Some((name, std::fs::read_to_string(path).ok()?)))
        .collect()
}

/// The program's own sources, by their paths below `xtask/src`.
pub(crate) fn sources() -> Vec<(String, String)> {
    let sources: Vec<(String, String)> = texts(".rs")
        .into_iter()
        .filter_map(|(name, text)| Some((name.strip_prefix("xtask/src/")?.to_owned(), text)))
        .collect();
    assert!(sources.iter().any(|(name, _)| name == "main.rs"));
    sources
}

/// The places of any of these words, outside the files that may have them.
pub(crate) fn places(words: &[&str], may: impl Fn(&str) -> bool) -> Vec<String> {
    let mut places = Vec::new();
    for (name, text) in sources().into_iter().filter(|(name, _)| !may(name)) {
        for (at, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                places.push(format!("xtask/src/{name}:{}: {word}", at + 1));
            }
        }
    }
    places
}

#[track_caller]
pub(crate) fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

fn reference() -> String {
    let path = root().join("docs/REFERENCE.md");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{} is missing: {error}", path.display()))
}

#[test]
fn only_the_database_modules_know_diesel() {
    let found = places(&["diesel::", "diesel_migrations::", "rusqlite::"], |name| {
        name.starts_with("database/")
    });
    assert_none("diesel and SQLite live in xtask/src/database alone", &found);
}

#[test]
fn only_the_terminal_module_prints() {
    let found = places(&["println!", "print!(", "eprint!", "dbg!("], |_| false);
    assert_none("nothing prints past the terminal module", &found);
    let handles = ["io::stdout", "io::stderr", "Term::stdout", "Term::stderr"];
    let found = places(&handles, |name| name.starts_with("terminal/"));
    assert_none(
        "standard output and error belong to xtask/src/terminal",
        &found,
    );
}

#[test]
fn variables_are_read_where_it_is_their_business() {
    let words = ["env::var(", "env::var_os(", "env::vars"];
    let found = places(&words, |name| {
        READERS_OF_VARIABLES
            .iter()
            .any(|(reader, _)| name == *reader)
    });
    assert_none("variables are read in a few files only", &found);
    for (reader, reason) in READERS_OF_VARIABLES {
        let reads = places(&words, |name| name != *reader);
        assert!(
            !reads.is_empty(),
            "{reader} no longer reads variables ({reason}): take it out"
        );
    }
}

#[test]
fn source_files_are_short() {
    let long: Vec<String> = texts(".rs")
        .into_iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert_none(&format!("a file has at most {LONGEST} lines"), &long);
}

#[test]
fn no_file_names_a_place_on_somebody_s_machine() {
    // In two parts, so that this file does not name them either.
    let homes = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
    ];
    let mut found = Vec::new();
    for (name, text) in texts("") {
        for home in homes {
            for (at, _) in text.match_indices(home) {
                let before = text[..at].chars().next_back().unwrap_or(' ');
                if !(before.is_alphanumeric() || "._-~}]".contains(before)) {
                    let line = text[..at].matches('\n').count() + 1;
                    found.push(format!("{name}:{line}: {home}"));
                }
            }
        }
    }
    assert_none("a path of one machine means nothing on another", &found);
}

#[test]
fn both_backends_have_the_same_migrations() {
    let names = |backend: &str| -> BTreeSet<String> {
        let folder = root().join("migrations").join(backend);
        let entries = std::fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(names("postgres"), names("sqlite"));
    assert!(!names("sqlite").is_empty());
}

#[test]
fn every_code_is_explained() {
    let reference = reference();
    let missing: Vec<String> = Code::ALL
        .iter()
        .map(|code| format!("`{}`", code.name()))
        .filter(|code| {
            !reference
                .lines()
                .any(|line| line.starts_with('|') && line.contains(code))
        })
        .collect();
    assert_none("docs/REFERENCE.md has a row for every code", &missing);
}

#[test]
fn every_key_of_the_configuration_is_explained() {
    fn keys(value: &toml::Value, found: &mut BTreeSet<String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    found.insert(key.clone());
                    keys(value, found);
                }
            }
            toml::Value::Array(array) => array.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let text = std::fs::read_to_string(root().join("data-sync/sync.toml")).unwrap();
    let mut found = BTreeSet::new();
    keys(&toml::Value::Table(text.parse().unwrap()), &mut found);
    // Those that this workspace has no use for.
    found.extend(
        [
            "require_plan",
            "require_rehearsal",
            "unrecorded",
            "out_of_order",
            "lock_timeout",
            "statement_timeout",
            "key",
            "extra_rows",
            "insert_only",
            "where",
            "drift",
            "policy",
            "comments",
            "grants",
            "storage",
        ]
        .map(str::to_owned),
    );
    let reference = reference();
    let missing: Vec<String> = found
        .into_iter()
        .filter(|key| {
            let spellings = [
                format!("`{key}`"),
                format!("`[{key}]`"),
                format!("`[[{key}]]`"),
            ];
            !spellings
                .iter()
                .any(|spelling| reference.contains(spelling))
        })
        .collect();
    assert_none(
        "docs/REFERENCE.md names every key of the configuration",
        &missing,
    );
}

#[test]
fn every_command_and_option_is_explained() {
    fn walk(command: &clap::Command, path: &str, reference: &str, missing: &mut Vec<String>) {
        for option in command
            .get_arguments()
            .filter_map(|argument| argument.get_long())
        {
            let option = format!("--{option}");
            if option != "--help" && !reference.contains(&option) {
                missing.push(format!("{path} {option}"));
            }
        }
        for command in command.get_subcommands() {
            let path = format!("{path} {}", command.get_name()).trim().to_owned();
            if !reference.contains(&path) {
                missing.push(path.clone());
            }
            walk(command, &path, reference, missing);
        }
    }
    let reference = reference();
    let mut missing = Vec::new();
    walk(&Cli::command(), "", &reference, &mut missing);
    for promotion in [
        "sync dev-to-test",
        "sync test-to-prod",
        "--dry-run",
        "--plan",
        "--confirm",
    ] {
        if !reference.contains(promotion) {
            missing.push(promotion.to_owned());
        }
    }
    assert_none("docs/REFERENCE.md names every command and option", &missing);
}

/// The text outside of fenced blocks, and the fenced blocks with the words after the fence.
fn fences(text: &str) -> (String, Vec<(String, String)>) {
    let (mut prose, mut blocks) = (String::new(), Vec::new());
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), open.as_mut()) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => open = Some((language.trim().to_owned(), String::new())),
            (None, Some((_, block))) => *block += &format!("{line}\n"),
            (None, None) => prose += &format!("{line}\n"),
        }
    }
    (prose, blocks)
}

#[test]
fn examples_of_the_configuration_are_configurations() {
    let (_, blocks) = fences(&reference());
    let examples: Vec<String> = blocks
        .into_iter()
        .filter(|(language, _)| language == "toml")
        .map(|(_, block)| block)
        .collect();
    assert!(!examples.is_empty(), "docs/REFERENCE.md has no example");
    for example in examples {
        if let Err(problem) = Config::parse(&example, &root(), |_| None) {
            panic!("{problem}\n{example}");
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for (name, text) in texts(".md") {
        let folder = root().join(&name).parent().unwrap().to_path_buf();
        let (prose, _) = fences(&text);
        for link in prose.split("](").skip(1) {
            let link = link.split(')').next().unwrap_or_default();
            let link = link.split_whitespace().next().unwrap_or_default();
            let path = link.split('#').next().unwrap_or_default();
            let elsewhere = link.contains("://") || link.starts_with("mailto:") || path.is_empty();
            if !elsewhere && !folder.join(path).exists() {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert_none("links between files lead to files", &broken);
}
