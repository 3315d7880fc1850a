//! The only module that prints: results on standard output, everything else on standard error.

mod backups;
mod board;
mod demo;
mod edits;
mod markdown;
mod plain;
mod plan;
mod progress;
mod prompts;
mod results;
mod stamp;

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::cli::{Color, Format, Options};
use crate::problem::{Code, Problem};
use plain::{harmless, line};

pub use demo::Way;
pub use prompts::Confirmed;
pub use results::{History, Tested};

/// Where and how a command shows what it has to show.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub format: Format,
    quiet: bool,
    verbose: bool,
    /// A person is there to be asked.
    interactive: bool,
}

impl Screen {
    pub fn new(options: &Options) -> Self {
        let output = std::io::stdout();
        match options.color.unwrap_or(Color::Auto) {
            Color::Always => console::set_colors_enabled(true),
            Color::Never => console::set_colors_enabled(false),
            Color::Auto => {
                let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
                console::set_colors_enabled(wanted && output.is_terminal());
            }
        }
        console::set_colors_enabled_stderr(console::colors_enabled());
        Screen {
            format: options.format.unwrap_or(Format::Text),
            quiet: options.quiet,
            verbose: options.verbose,
            interactive: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        }
    }

    /// Prints a result: the text for people, or the value as the one JSON document.
    pub fn result(&self, value: &impl Serialize, text: &str) {
        match self.format {
            Format::Text | Format::Markdown => print(&harmless(text)),
            Format::Json => match serde_json::to_string_pretty(value) {
                Ok(document) => print(&format!("{document}\n")),
                Err(error) => say(&format!("failed to print the result: {error}")),
            },
        }
    }

    /// Prints a result that there is in every format.
    fn result_or_page(&self, value: &impl Serialize, text: &str, page: impl Fn(usize) -> String) {
        match self.format {
            Format::Markdown => print(&page(markdown::COMMENT)),
            Format::Text | Format::Json => self.result(value, text),
        }
    }

    /// Says which workspace it is where that is not the one that the current folder is in.
    pub fn workspace(&self, root: &std::path::Path) {
        if !self.quiet {
            say(&format!(
                "workspace: {} (the configuration's)",
                root.display()
            ));
        }
    }

    /// Says what is worth a look beside the result.
    pub fn warn_of<'problem>(&self, problems: impl IntoIterator<Item = &'problem Problem>) {
        for problem in problems {
            let hint = problem
                .hint
                .iter()
                .map(|hint| format!("\n  hint: {}", line(hint)));
            say(&format!(
                "warning: {}{}",
                line(problem),
                hint.collect::<String>()
            ));
        }
    }

    /// Prints text for people, beside the result.
    fn aside(&self, text: &str) {
        if !self.quiet {
            match self.format {
                Format::Text => print(&harmless(text)),
                Format::Json | Format::Markdown => say(text.trim_end()),
            }
        }
    }
}

/// A closed pipe, such as `… | head`, is no reason to complain.
fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// A line on standard error.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", harmless(text));
}

/// Where there is nothing to do: rows differ all the same, because they were edited on the target
/// and are kept.
fn keeps_edits(warnings: &[Problem]) -> bool {
    let mut codes = warnings.iter().map(|warning| warning.code);
    codes.any(|code| code == Code::TargetEdited)
}

/// A problem as people read it.
pub fn complain(problem: &Problem) {
    say(&format!(
        "{} {}",
        console::style("error:").red().bold().for_stderr(),
        line(problem)
    ));
    if !problem.details.is_empty() {
        let details: Vec<String> = problem.details.iter().map(line).collect();
        say(&format!("\n  {}", details.join("\n  ")));
    }
    if let Some(hint) = &problem.hint {
        say(&format!(
            "\n{} {}",
            console::style("hint:").cyan().for_stderr(),
            line(hint)
        ));
    }
}

/// A problem as the one document of a command that has no other result, unless text is wanted.
pub fn complain_in(format: Format, problem: &Problem) {
    match format {
        Format::Text => {}
        Format::Json => complain_in_json(problem),
        Format::Markdown => print(&markdown::problem(problem, markdown::COMMENT)),
    }
}

fn complain_in_json(problem: &Problem) {
    #[derive(Serialize)]
    struct Document<'problem> {
        version: u32,
        error: &'problem Problem,
    }
    let document = Document {
        version: 1,
        error: problem,
    };
    if let Ok(text) = serde_json::to_string_pretty(&document) {
        print(&format!("{text}\n"));
    }
}

/// What the grammar has to say: help on standard output, a mistake on standard error.
pub fn grammar(error: &clap::Error) {
    let _ = error.print();
}
