//! From the command line to the work, and from the outcome to the exit code.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args as _, CommandFactory as _, FromArgMatches as _};

use crate::cli::{Cli, Confirmation, Options, PromotionArguments, SyncCommand, Task};
use crate::problem::{Code, Problem};
use crate::sync::config::{Config, golden_rule};
use crate::sync::export;
use crate::sync::migrate::migrate;
use crate::sync::plan::Plan;
use crate::sync::promote::{self, resolve_all};
use crate::sync::report::{Outcome, Report, shell_word};
use crate::sync::snapshot::observe;
use crate::sync::status::status;
use crate::sync::table::TableName;
use crate::sync::{backup, restore};
use crate::terminal::{self, History, Screen, Tested};
use crate::{demo, test, workspace};

/// There is a difference, and `--check` asked for one.
const DIFFERENT: u8 = 3;

/// Runs the program.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let root = workspace::root();
    let pipeline = pipeline_names(&root, &arguments);
    let json = wants_json(&arguments);
    let parsed = match parse(arguments, &pipeline) {
        Ok(parsed) => parsed,
        Err(Mistake::Grammar(error)) => {
            if json && error.use_stderr() {
                terminal::complain_in_json(&usage(&error));
            }
            terminal::grammar(&error);
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
        Err(Mistake::Promotion(problem)) => {
            if json {
                terminal::complain_in_json(&problem);
            }
            terminal::complain(&problem);
            return ExitCode::from(problem.code.exit_code());
        }
    };
    match run(parsed, &root) {
        Ok(code) => code,
        Err(Ended { error, reported }) => {
            let problem = Problem::of(&error);
            if json && !reported {
                terminal::complain_in_json(&problem);
            }
            terminal::complain(&problem);
            ExitCode::from(problem.code.exit_code())
        }
    }
}

/// How a command ended that did not do what was asked.
struct Ended {
    error: anyhow::Error,
    /// The JSON document was printed with the problem in it.
    reported: bool,
}

impl<E: Into<anyhow::Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Ended {
            error: error.into(),
            reported: false,
        }
    }
}

enum Mistake {
    Grammar(clap::Error),
    Promotion(Problem),
}

/// The grammar with one command for each promotion of the pipeline.
fn grammar(pipeline: &[String]) -> clap::Command {
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

fn promotion_name(pair: &[String]) -> String {
    pair.join("-to-")
}

fn parse(arguments: Vec<OsString>, pipeline: &[String]) -> Result<Cli, Mistake> {
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
fn wants_json(arguments: &[OsString]) -> bool {
    let json = |text: &OsString| text == "json";
    arguments.iter().enumerate().any(|(at, text)| {
        text == "--format=json" || (text == "--format" && arguments.get(at + 1).is_some_and(json))
    })
}

/// What the grammar says of a mistake, as a problem: its first paragraph, and its tip.
fn usage(error: &clap::Error) -> Problem {
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
fn pipeline_names(root: &Path, arguments: &[OsString]) -> Vec<String> {
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

fn run(cli: Cli, root: &Path) -> Result<ExitCode, Ended> {
    match cli.task {
        Task::Demo { backend } => Ok(demo::run(root, backend.into())?),
        Task::Test { install, arguments } => Ok(test::run(root, install, &arguments)?),
        Task::Migrate { options } => {
            let (screen, config) = set_up(root, &options)?;
            let report = migrate(&config, &mut screen.steps())?;
            screen.migrated(&report);
            Ok(ExitCode::SUCCESS)
        }
        Task::Sync { options, command } => {
            let (screen, config) = set_up(root, &options)?;
            sync(&screen, &config, command)
        }
    }
}

fn set_up(root: &Path, options: &Options) -> anyhow::Result<(Screen, Config)> {
    let screen = Screen::new(options);
    let config = Config::load(root, options.config.as_deref(), options.env_file.as_deref())?;
    Ok((screen, config))
}

fn sync(screen: &Screen, config: &Config, command: SyncCommand) -> Result<ExitCode, Ended> {
    match command {
        SyncCommand::Status { check } => {
            let status = status(config)?;
            screen.status(&status);
            Ok(exit_when(check && !status.is_in_sync()))
        }
        SyncCommand::Plan {
            promotion,
            rows,
            out,
            check,
        } => {
            let plan = promote::look(config, &config.promotion(&promotion)?, rows)?.plan;
            if let Some(path) = out {
                plan.write(&path)?;
            }
            screen.plan(&plan);
            match plan.blockers.first() {
                Some(_) => Ok(ExitCode::from(Code::GoldenRule.exit_code())),
                None => Ok(exit_when(check && !plan.empty)),
            }
        }
        SyncCommand::Promote { name, arguments } => promotion(screen, config, &name, &arguments),
        SyncCommand::Export { env, tables } => {
            export_tables(screen, config, env.as_deref(), &tables)
        }
        SyncCommand::Backup { env } => {
            let mut observed = observe(config.environment(&env)?)?;
            observed.digest_lookups(&config.lookups);
            let digests = observed.lookups.clone();
            let backup = backup::make(
                &config.backup,
                &mut observed,
                digests,
                &promote::random_id(4)?,
            )?;
            screen.backed_up(&backup, config);
            Ok(ExitCode::SUCCESS)
        }
        SyncCommand::Backups { env } => {
            if let Some(name) = &env {
                config.environment(name)?;
            }
            screen.backups(&backup::list(&config.backup, env.as_deref())?);
            Ok(ExitCode::SUCCESS)
        }
        SyncCommand::Restore {
            env,
            backup,
            confirmation,
        } => restore_backup(screen, config, &env, &backup, &confirmation),
        SyncCommand::History { env } => {
            let mut histories = Vec::new();
            for environment in &config.pipeline {
                if env.as_ref().is_some_and(|name| *name != environment.name) {
                    continue;
                }
                histories.push(History {
                    environment: environment.name.clone(),
                    runs: observe(environment)?.snapshot.ledger.runs,
                });
            }
            if let Some(name) = &env {
                config.environment(name)?;
            }
            screen.history(&histories);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn exit_when(different: bool) -> ExitCode {
    if different {
        ExitCode::from(DIFFERENT)
    } else {
        ExitCode::SUCCESS
    }
}

fn promotion(
    screen: &Screen,
    config: &Config,
    name: &str,
    arguments: &PromotionArguments,
) -> Result<ExitCode, Ended> {
    let promotion = config.promotion(name)?;
    let look = promote::look(config, &promotion, false)?;
    let plan = look.plan.clone();
    if arguments.dry_run {
        screen.plan(&plan);
        return match plan.blockers.is_empty() {
            true => Ok(ExitCode::SUCCESS),
            false => Ok(ExitCode::from(Code::GoldenRule.exit_code())),
        };
    }
    let mut report = Report::new(name, &plan.id, &plan.warnings);
    let ended = carry_out(screen, config, name, arguments, look, &mut report);
    if let Err(error) = ended {
        let problem = Problem::of(&error);
        report.outcome = match problem.code.exit_code() {
            4 => Outcome::Refused,
            5 => Outcome::Cancelled,
            _ => Outcome::Failed,
        };
        report.error = Some(problem);
        screen.report(&report);
        return Err(Ended {
            error,
            reported: true,
        });
    }
    screen.report(&report);
    Ok(ExitCode::SUCCESS)
}

/// Carries out what was looked at, after asking, and fills in the report as it goes.
///
/// # Errors
/// A blocker, an answer that was not the wanted one, or what went wrong.
pub(crate) fn carry_out(
    screen: &Screen,
    config: &Config,
    name: &str,
    arguments: &PromotionArguments,
    look: promote::Look,
    report: &mut Report,
) -> anyhow::Result<()> {
    let promotion = config.promotion(name)?;
    let plan = look.plan.clone();
    let tested = Tested {
        run: look.last_run_on_source(),
        label: promotion.from.label.clone(),
    };
    // Nothing is held open while a person thinks.
    let snapshot = look.into_target();
    check_plan_file(
        arguments,
        &promotion.to.label,
        promotion.to.require_plan,
        &plan,
    )?;
    if !plan.empty || !plan.blockers.is_empty() {
        screen.plan_aside(&plan);
    }
    if let Some(blocker) = plan.blockers.first() {
        return Err(blocker.clone().into());
    }
    if plan.empty {
        return Ok(());
    }
    backup::check(&config.backup, &snapshot)?;
    screen.checklist(promotion.to, &tested, &config.backup.dir);
    screen.confirm(
        promotion.to,
        &arguments.confirmation,
        &format!("This changes {}.", promotion.to.label),
        &format!("cargo xtask sync {name}{}", config.options),
    )?;
    promote::promote(config, &promotion, &plan.id, report, &mut screen.steps())
}

/// The plan file names the very plan that was made now, and one is there where it must be.
fn check_plan_file(
    arguments: &PromotionArguments,
    label: &str,
    required: bool,
    plan: &Plan,
) -> anyhow::Result<()> {
    match &arguments.plan {
        Some(path) => {
            let approved = Plan::read_id(path)?;
            if approved != plan.id {
                return Err(Problem::new(
                    Code::PlanStale,
                    format!("{} holds plan {approved}, but the plan is {} by now", path.display(), plan.id),
                )
                .hint("look at the new plan, and approve it anew")
                .into());
            }
            Ok(())
        }
        None if required && !plan.empty => Err(Problem::new(
            Code::PlanStale,
            format!("{label} only takes an approved plan (require_plan in data-sync/sync.toml)"),
        )
        .hint(format!(
            "run `cargo xtask sync plan {} --out plan.json`, have it approved, and pass --plan plan.json",
            plan.promotion
        ))
        .into()),
        None => Ok(()),
    }
}

fn export_tables(
    screen: &Screen,
    config: &Config,
    env: Option<&str>,
    tables: &[TableName],
) -> Result<ExitCode, Ended> {
    let environment = match env {
        Some(name) => config.environment(name)?,
        None => config
            .pipeline
            .first()
            .ok_or_else(|| anyhow::anyhow!("the pipeline is empty"))?,
    };
    if let Some(unknown) = tables
        .iter()
        .find(|table| !config.lookups.iter().any(|lookup| lookup.table == **table))
    {
        return Err(Problem::new(
            Code::MissingTable,
            format!("`{unknown}` is not a lookup table"),
        )
        .hint("data-sync/sync.toml lists the lookup tables; no other is exported")
        .into());
    }
    let mut observed = observe(environment)?;
    let wanted = Config {
        lookups: config
            .lookups
            .iter()
            .filter(|lookup| tables.is_empty() || tables.contains(&lookup.table))
            .cloned()
            .collect(),
        ..config.clone()
    };
    let lookups = resolve_all(&wanted, &observed.snapshot)?;
    let manifest = export::export(
        &mut *observed.session,
        &lookups,
        &config.export_dir,
        &environment.name,
        tables.is_empty(),
        &mut screen.steps(),
    )?;
    screen.exported(
        &manifest,
        &export::folder(&config.export_dir, &environment.name),
    );
    Ok(ExitCode::SUCCESS)
}

fn restore_backup(
    screen: &Screen,
    config: &Config,
    env: &str,
    named: &Path,
    confirmation: &Confirmation,
) -> Result<ExitCode, Ended> {
    let environment = config.environment(env)?;
    environment.url()?;
    let found = backup::find(config, environment, named)?;
    screen.confirm(
        environment,
        confirmation,
        &format!(
            "This replaces all that {} holds by {}.",
            environment.label, found.manifest.file
        ),
        &format!(
            "cargo xtask sync restore --env {env} {}{}",
            shell_word(&named.display().to_string()),
            config.options
        ),
    )?;
    let report = restore::restore(config, environment, &found, &mut screen.steps())?;
    screen.restored(&report);
    Ok(ExitCode::SUCCESS)
}
