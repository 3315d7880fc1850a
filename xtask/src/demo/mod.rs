//! `cargo xtask demo`: three databases out of step, and the main job that brings them in sync.
//!
//! The databases are made for the demo and are its own. What is run on them is what a person
//! would run, answered in advance, so that no terminal is needed. A step that ends otherwise
//! than the demo says is an error.

mod databases;
mod folder;
mod protected;
mod rows;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{Confirmation, Options, PromotionArguments};
use crate::model::backend::Backend;
use crate::model::url::DatabaseUrl;
use crate::model::words::counted;
use crate::problem::{Code, Problem};
use crate::promotion;
use crate::settings::config::{Config, DEFAULT_FILE};
use crate::settings::environment::Environment;
use crate::settings::pipeline::Promotion;
use crate::sync::promoting::look::look;
use crate::sync::promoting::report::{Outcome, Report};
use crate::sync::status::{Status, status};
use crate::terminal::Screen;
use databases::Databases;
use folder::Folder;
use protected::Protected;

/// Runs the demo from its start to its end.
///
/// # Errors
/// What went otherwise than the demo says. A PostgreSQL server is then stopped; SQLite files
/// stay, to be looked at.
pub fn run(root: &Path, backend: Backend) -> anyhow::Result<ExitCode> {
    let screen = Screen::new(&Options::default());
    let folder = Folder::afresh(root)?;
    let place = match backend {
        Backend::Sqlite => format!("{backend} databases in {}", folder.shown("")),
        Backend::Postgres => format!("databases on a {backend} server of its own"),
    };
    screen.narrate(&format!("The demo makes {place}, and touches no other."));

    let mut config = configuration(root, &folder)?;
    screen.chapter(1, "Three environments that are out of step", None);
    let (databases, urls) = Databases::make(backend, &folder, &config.pipeline)?;
    for (environment, url) in config.pipeline.iter_mut().zip(&urls) {
        environment.url = DatabaseUrl::parse(url, &environment.url_variable, root);
    }
    rows::fill(&config)?;
    let protected = introduce(&screen, &config)?;

    screen.chapter(2, "Where do they stand?", Some("cargo xtask sync status"));
    let before = look_around(&screen, &config)?;
    if before.is_in_sync() {
        return Err(unexpected("the environments are in sync before anything was promoted").into());
    }

    let mut number = 2;
    for promotion in config.promotions() {
        number += 1;
        let title = format!("From {} to {}", promotion.from.label(), promotion.to.label);
        let typed = format!("cargo xtask sync {}", promotion.name());
        screen.chapter(number, &title, Some(&typed));
        run_promotion(&screen, &config, &promotion)?;
        for (environment, rows) in &protected {
            rows.check(environment)?;
        }
        screen.narrate("\nThe protected rows of every environment were counted and compared once more: not one changed.");
    }

    let command = Some("cargo xtask sync status");
    screen.chapter(number + 1, "Where do they stand now?", command);
    let after = look_around(&screen, &config)?;
    if !after.is_in_sync() {
        return Err(unexpected("the environments are not in sync after every promotion").into());
    }
    screen.narrate(&format!("\n{}", conclusion(&config, &after)));
    folder.write_variables(&config.pipeline, &urls)?;
    let server = databases.leave(&folder)?;
    screen.commands(&folder.ways_on(&config.pipeline, server.as_ref()));
    Ok(ExitCode::SUCCESS)
}

/// The workspace's own configuration, with nothing from the person's variables, and with its
/// files in the demo's folder, where it is left to go on with.
fn configuration(root: &Path, folder: &Folder) -> anyhow::Result<Config> {
    let path = root.join(DEFAULT_FILE);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("failed to read {}", path.display()))?;
    let mut settings: toml::Table = text
        .parse()
        .with_context(|| format!("failed to read {}", path.display()))?;
    for (section, name) in [("backup", "backups"), ("export", "exports")] {
        let section = settings
            .entry(section)
            .or_insert_with(|| toml::Table::new().into());
        if let Some(section) = section.as_table_mut() {
            let dir = format!("{}/{name}", Folder::IN_WORKSPACE);
            section.insert("dir".to_owned(), dir.into());
        }
    }
    let text = folder.write_settings(&settings)?;
    let mut config =
        Config::parse(&text, root, |_| None).with_context(|| format!("in {}", path.display()))?;
    config.operator = "the demo".to_owned();
    config.options = format!(" {}", folder.options());
    Ok(config)
}

/// Tells what was built, and remembers the protected rows.
fn introduce<'config>(
    screen: &Screen,
    config: &'config Config,
) -> anyhow::Result<Vec<(&'config Environment, Protected)>> {
    let mut found = Vec::new();
    if let Some(development) = config.pipeline.first() {
        screen.narrate(&format!(
            "{} has the newest migrations and lookup rows: {}.\n\
             The others have older ones. Each has protected rows of its own, which must stay as they are:\n",
            development.label,
            config.lookups.iter().map(|lookup| lookup.table.to_string()).collect::<Vec<_>>().join(", ")
        ));
    }
    for environment in &config.pipeline {
        let protected = Protected::read(config, environment)?;
        screen.narrate(&format!(
            "  {:12} {}",
            environment.label,
            protected.counts()
        ));
        found.push((environment, protected));
    }
    Ok(found)
}

/// Runs `status`, and takes no blocker for an answer. Those of later promotions may be gone after
/// the first one: nothing was promoted to Test yet.
fn look_around(screen: &Screen, config: &Config) -> anyhow::Result<Status> {
    let status = status(config)?;
    screen.status(&status);
    let mut blockers = status
        .promotions
        .first()
        .into_iter()
        .flat_map(|promotion| &promotion.blockers);
    match blockers.next() {
        Some(blocker) => Err(blocker.clone().into()),
        None => Ok(status),
    }
}

fn run_promotion(
    screen: &Screen,
    config: &Config,
    promotion: &Promotion<'_>,
) -> anyhow::Result<()> {
    let answers: Vec<String> = promotion
        .to
        .confirm
        .iter()
        .map(|answer| format!("`{answer}`"))
        .collect();
    screen.narrate(&format!(
        "It shows the plan and asks first; the demo answers {} for you.\n",
        answers.join(", then ")
    ));
    let arguments = PromotionArguments {
        dry_run: false,
        plan: None,
        allow_data_loss: Vec::new(),
        allow_deletes: Vec::new(),
        until: None,
        discard_edits: false,
        confirmation: Confirmation {
            yes: true,
            confirm: promotion.to.confirm.get(1).cloned(),
        },
    };
    let name = promotion.name();
    let seen = look(config, promotion, false)?.seen;
    let mut report = Report::new(&name, &seen.plan.id, &seen.plan.warnings);
    promotion::carry_out(screen, config, promotion, &arguments, &seen, &mut report)?;
    screen.report(&report);
    if report.outcome == Outcome::Applied && report.verified && report.protected_rows_changed == 0 {
        return Ok(());
    }
    Err(unexpected(&format!("{name} did not do what was planned")).into())
}

fn conclusion(config: &Config, status: &Status) -> String {
    let labels: Vec<&str> = config
        .pipeline
        .iter()
        .map(|environment| environment.label.as_str())
        .collect();
    let migrations = status
        .environments
        .first()
        .map_or(0, |environment| environment.migrations.applied.len());
    format!(
        "{} are in sync: the same {}, and the same rows in {}. No protected row changed.",
        listed(&labels),
        counted(migrations as u64, "migration"),
        counted(config.lookups.len() as u64, "lookup table")
    )
}

/// `one, two and three`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn unexpected(what: &str) -> Problem {
    Problem::new(Code::VerificationFailed, format!("the demo failed: {what}"))
        .hint("the output above says what was done; this is a bug of the tool or of the demo")
}
