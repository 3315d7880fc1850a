//! The grammar with the promotions of the pipeline in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args as _, CommandFactory as _, FromArgMatches as _};

use crate::cli::{Cli, Options, PromotionArguments, SyncCommand, Task};
use crate::problem::{Code, Problem};
use crate::sync::config::Config;
use crate::sync::pipeline::golden_rule;

pub(super) enum Mistake {
    Grammar(clap::Error),
    Promotion(Problem),
}

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
        .map_err(|error| {
            let unknown = match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
                (ErrorKind::InvalidSubcommand, Some(ContextValue::String(name))) => {
                    Some(name.clone())
                }
                _ => None,
            };
            match unknown.filter(|name| name.contains("-to-")) {
                Some(name) => Mistake::Promotion(golden_rule(
                    &name,
                    &pipeline.iter().map(String::as_str).collect::<Vec<_>>(),
                )),
                None => Mistake::Grammar(error),
            }
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

/// Whether a JSON document is expected, which must be known before the grammar has its say.
pub(super) fn wants_json(arguments: &[OsString]) -> bool {
    let json = |text: &OsString| text == "json";
    arguments.iter().enumerate().any(|(at, text)| {
        text == "--format=json" || (text == "--format" && arguments.get(at + 1).is_some_and(json))
    })
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
pub(super) fn pipeline_names(root: &Path, arguments: &[OsString]) -> Vec<String> {
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
    let path = file.unwrap_or_else(|| root.join(crate::sync::config::DEFAULT_FILE));
    let config = std::fs::read_to_string(path)
        .ok()
        .and_then(|text| Config::parse(&text, root, |_| None).ok());
    match config {
        Some(config) => config
            .pipeline
            .into_iter()
            .map(|environment| environment.name)
            .collect(),
        None => ["dev", "test", "prod"].map(str::to_owned).into(),
    }
}
