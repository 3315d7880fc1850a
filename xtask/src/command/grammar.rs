//! The grammar with the promotions of the pipeline in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args as _, CommandFactory as _, FromArgMatches as _, ValueEnum as _};

use crate::cli::{Cli, Format, Options, PromotionArguments, SyncCommand, Task};
use crate::files::ordinary;
use crate::problem::{Code, Problem};
use crate::settings::config::{Config, DEFAULT_FILE};
use crate::settings::pipeline::golden_rule;
use crate::workspace;

pub(super) enum Mistake {
    Grammar(clap::Error),
    Promotion(Problem),
}

/// What people type who know other tools, and what it is called here.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("compare", "plan"),
    ("diff", "plan"),
    ("log", "history"),
    ("plan", "sync plan"),
    ("revert", "restore"),
    ("rollback", "restore"),
    ("status", "sync status"),
    ("undo", "restore"),
];

/// The grammar with one command for each promotion of the pipeline.
pub(super) fn grammar(pipeline: &[String]) -> clap::Command {
    Cli::command().mut_subcommand("sync", |sync| {
        pipeline.windows(2).fold(sync, |sync, pair| {
            let command =
                PromotionArguments::augment_args(clap::Command::new(promotion_name(pair)));
            // After the arguments, whose own description would take its place.
            sync.subcommand(command.about(format!(
                "Promote schema and lookup data from {} to {}",
                pair[0], pair[1]
            )))
        })
    })
}

pub(super) fn promotion_name(pair: &[String]) -> String {
    pair.join("-to-")
}

pub(super) fn parse(arguments: Vec<OsString>, pipeline: &[String]) -> Result<Cli, Mistake> {
    let matches = grammar(pipeline)
        .try_get_matches_from(arguments)
        .map_err(|mut error| {
            let unknown = match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
                (ErrorKind::InvalidSubcommand, Some(ContextValue::String(name))) => name.clone(),
                _ => return Mistake::Grammar(error),
            };
            if unknown.contains("-to-") {
                let names: Vec<&str> = pipeline.iter().map(String::as_str).collect();
                return Mistake::Promotion(golden_rule(&unknown, &names));
            }
            if let Some((_, meant)) = OTHER_WORDS.iter().find(|(word, _)| *word == unknown) {
                let meant = ContextValue::String((*meant).to_owned());
                error.insert(ContextKind::SuggestedSubcommand, meant);
            }
            Mistake::Grammar(error)
        })?;
    if let Some(("sync", sync)) = matches.subcommand()
        && let Some((name, promotion)) = sync.subcommand()
        && pipeline.windows(2).any(|pair| promotion_name(pair) == name)
    {
        let promoted = || -> Result<Cli, clap::Error> {
            Ok(Cli {
                task: Task::Sync {
                    options: Options::from_arg_matches(promotion)?,
                    command: SyncCommand::Promote {
                        name: name.to_owned(),
                        arguments: PromotionArguments::from_arg_matches(promotion)?,
                    },
                },
            })
        };
        return promoted().map_err(Mistake::Grammar);
    }
    Cli::from_arg_matches(&matches).map_err(Mistake::Grammar)
}

/// In which format a document is expected, which must be known before the grammar has its say.
pub(super) fn wanted_format(arguments: &[OsString]) -> Format {
    let named = arguments.iter().enumerate().filter_map(|(at, text)| {
        let text = text.to_str()?;
        match text.strip_prefix("--format=") {
            Some(format) => Some(format),
            None if text == "--format" => arguments.get(at + 1)?.to_str(),
            None => None,
        }
    });
    named
        .filter_map(|name| Format::from_str(name, false).ok())
        .next_back()
        .unwrap_or(Format::Text)
}

/// What the grammar says of a mistake, as a problem: its first paragraph, and its tip.
pub(super) fn usage(error: &clap::Error) -> Problem {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Problem::new(Code::Usage, "no command was given").hint("--help lists the commands");
    }
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let tip = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("tip: "));
    Problem::new(
        Code::Usage,
        words.join(" ").trim_start_matches("error: ").to_owned(),
    )
    .hint(tip.unwrap_or("--help lists the commands and their options"))
}

/// The names that the grammar needs. A configuration that cannot be read is reported by the
/// command itself, so the usual names stand in for it here.
pub(super) fn pipeline_names(arguments: &[OsString]) -> Vec<String> {
    let texts: Vec<_> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy())
        .collect();
    let file =
        texts
            .iter()
            .enumerate()
            .find_map(|(at, text)| match text.strip_prefix("--config=") {
                Some(file) => Some(PathBuf::from(file)),
                None if text == "--config" => {
                    texts.get(at + 1).map(|file| PathBuf::from(file.as_ref()))
                }
                None => None,
            });
    let path = file.or_else(|| Some(workspace::found()?.join(DEFAULT_FILE)));
    let config = path
        .and_then(|path| ordinary::read_text(&path).ok())
        .and_then(|text| Config::parse(&text, Path::new(""), |_| None).ok());
    match config {
        Some(config) => config
            .pipeline
            .into_iter()
            .map(|environment| environment.name)
            .collect(),
        None => ["dev", "test", "prod"].map(str::to_owned).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a command line, up to what the shell keeps for itself.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        let (mut word, mut quote) = (String::new(), None);
        for letter in line.chars().chain([' ']) {
            match (letter, quote) {
                (' ', None) if word.is_empty() => {}
                (' ', None) => words.push(std::mem::take(&mut word)),
                (end, Some(open)) if end == open => quote = None,
                ('"' | '\'', None) => quote = Some(letter),
                (letter, _) => word.push(letter),
            }
        }
        let end = words
            .iter()
            .position(|word| ["|", "||", ">", "&&", "#"].contains(&word.as_str()));
        words.truncate(end.unwrap_or(words.len()));
        words
    }

    /// The command lines that a text shows in blocks of code, whole and without a prompt.
    fn commands(text: &str) -> Vec<String> {
        let text = text.replace("\\\n", " ");
        let shown = text.lines().filter_map(|line| {
            let bare = line.trim_start();
            let bare = bare.strip_prefix("- run: ").unwrap_or(bare);
            let bare = bare.strip_prefix("$ ").unwrap_or(bare);
            (line != bare && bare.starts_with("cargo xtask ")).then(|| bare.to_owned())
        });
        // What is refused on purpose is shown too.
        let is_meant = |line: &String| !line.contains('…') && !line.contains("dev-to-prod");
        shown.filter(is_meant).collect()
    }

    #[test]
    fn commands_in_the_documents_are_commands() {
        let pipeline = ["dev", "test", "prod"].map(str::to_owned);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut count = 0;
        for file in [
            "README.md",
            "docs/CI.md",
            "docs/MIGRATION_WORKFLOW.md",
            "docs/SYNC_GUIDE.md",
        ] {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            for command in commands(&text) {
                let arguments = words(command.strip_prefix("cargo ").unwrap());
                if let Err(error) = grammar(&pipeline).try_get_matches_from(arguments) {
                    panic!("{file}: {command}\n{error}");
                }
                count += 1;
            }
        }
        assert!(count > 30, "{count}");
    }
}
