//! The commands of `sync`, each from its arguments to what it shows.

use std::process::ExitCode;

use super::{Ended, backups};
use crate::cli::{Format, Options, PromotionArguments, SyncCommand};
use crate::model::random::random_id;
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem, REFUSED};
use crate::promotion;
use crate::settings::config::Config;
use crate::settings::pipeline::Promotion;
use crate::settings::row_source::Folder;
use crate::sync::adopt::adopt;
use crate::sync::backups::backup;
use crate::sync::backups::retention::thin_out;
use crate::sync::exports::export;
use crate::sync::promoting::export_edits::check_export;
use crate::sync::promoting::look::look;
use crate::sync::promoting::report::{Outcome, Report};
use crate::sync::runs::history;
use crate::sync::snapshot::{observe, resolve_all};
use crate::sync::stamp::Unstamped;
use crate::sync::status::status;
use crate::sync::{ends, import};
use crate::terminal::{History, Screen};

/// There is a difference, and `--check` asked for one.
const DIFFERENT: u8 = 3;

/// Whether there is Markdown of what a command has to show.
pub(super) fn check_format(
    options: &Options,
    command: Option<&SyncCommand>,
) -> Result<(), Problem> {
    let has_markdown = matches!(
        command,
        Some(
            SyncCommand::Status { .. }
                | SyncCommand::Plan { .. }
                | SyncCommand::Promote { .. }
                | SyncCommand::Import { .. }
        )
    );
    match options.format {
        Some(Format::Markdown) if !has_markdown => Err(Problem::new(
            Code::Usage,
            "--format markdown is for status, plans, promotions and imports",
        )
        .hint("leave it out, or use --format json")),
        _ => Ok(()),
    }
}

pub(super) fn run(
    screen: &Screen,
    config: &Config,
    command: SyncCommand,
) -> Result<ExitCode, Ended> {
    let is_summarized = matches!(
        command,
        SyncCommand::Plan { .. } | SyncCommand::Promote { .. } | SyncCommand::Import { .. }
    );
    let ended = carry_out(screen, config, command);
    if let Err(ended) = &ended
        && is_summarized
        && !ended.reported
    {
        screen.summarize_problem(config.summary.as_deref(), &Problem::of(&ended.error));
    }
    ended
}

fn carry_out(screen: &Screen, config: &Config, command: SyncCommand) -> Result<ExitCode, Ended> {
    if writes(&command) {
        super::sweep_all(config);
    }
    match command {
        SyncCommand::Status { check } => {
            let promotion = check.as_deref().filter(|name| !name.is_empty());
            let promotion = promotion.map(|name| config.promotion(name)).transpose()?;
            let status = status(config)?;
            screen.status(&status);
            let is_in_sync = match promotion {
                Some(promotion) => status.is_carried_out(&promotion.name()),
                None => status.is_in_sync(),
            };
            Ok(exit_when(check.is_some() && !is_in_sync))
        }
        SyncCommand::Plan {
            promotion,
            rows,
            out,
            check,
            allow_data_loss,
            allow_deletes,
            until,
            discard_edits,
        } => {
            let mut config = allowing(config, allow_data_loss, allow_deletes, discard_edits);
            config.until = until;
            let config = &config;
            let plan = look(config, &config.promotion(&promotion)?, rows)?
                .seen
                .plan;
            if let Some(path) = out {
                plan.write(&path)?;
                screen.plan_written(&plan, &path);
            }
            screen.plan(&plan);
            screen.summarize_plan(config.summary.as_deref(), &plan);
            match plan.blockers.first() {
                Some(_) => Ok(ExitCode::from(REFUSED)),
                None => Ok(exit_when(check && !plan.empty)),
            }
        }
        SyncCommand::Promote { name, arguments } => {
            let mut config = allowing(
                config,
                arguments.allow_data_loss.clone(),
                arguments.allow_deletes.clone(),
                arguments.discard_edits,
            );
            config.until.clone_from(&arguments.until);
            let promotion = config.promotion(&name)?;
            promote(screen, &config, &promotion, &arguments, false)
        }
        SyncCommand::Import {
            env,
            from,
            tables,
            rows,
            dry_run,
            allow_deletes,
            confirmation,
        } => {
            let config = &allowing(config, Vec::new(), allow_deletes.clone(), false);
            let environment = import::asking(import::importing_to(config, &env)?);
            let folder = Folder::find(config, &environment, from.as_ref())?;
            let folder = folder.only(config, tables)?;
            let arguments = PromotionArguments {
                dry_run,
                plan: None,
                allow_data_loss: Vec::new(),
                allow_deletes,
                until: None,
                discard_edits: false,
                confirmation,
            };
            let promotion = import::import(&folder, &environment);
            promote(screen, config, &promotion, &arguments, rows)
        }
        SyncCommand::Export {
            env,
            tables,
            discard_edits,
        } => {
            let config = &allowing(config, Vec::new(), Vec::new(), discard_edits);
            export_tables(screen, config, env.as_deref(), &tables)
        }
        SyncCommand::Adopt {
            from,
            tables,
            discard_edits,
        } => {
            let config = &allowing(config, Vec::new(), Vec::new(), discard_edits);
            let report = adopt(config, &from, &tables, &mut screen.steps())?;
            screen.adopted(&report);
            screen.warn_of(&report.warnings);
            Ok(ExitCode::SUCCESS)
        }
        SyncCommand::Backup { env } => {
            let environment = config.environment(&env)?;
            let mut observed = observe(environment)?;
            observed.digest_lookups(&config.lookups);
            let (digests, run_id) = (observed.lookups.clone(), random_id(4)?);
            let settings = &config.backup;
            let backup = backup::make(settings, environment, &mut observed, digests, &run_id)?;
            let runs = &observed.snapshot.ledger.runs;
            thin_out(&config.backup, &env, runs, &backup);
            screen.backed_up(&backup, config);
            screen.warn_of(backup::open_rights(&config.backup).as_ref());
            Ok(ExitCode::SUCCESS)
        }
        SyncCommand::Backups { env } => {
            if let Some(name) = &env {
                config.environment(name)?;
            }
            screen.backups(&backup::list_checked(&config.backup, env.as_deref())?);
            Ok(ExitCode::SUCCESS)
        }
        SyncCommand::Verify { backup } => {
            let mut found = backup::find_any(config, None, &backup)?;
            let environment = config.environment(&found.manifest.environment)?;
            backup::verify(config, environment, &mut found)?;
            screen.verified(&found, config.backup.verify);
            Ok(ExitCode::SUCCESS)
        }
        SyncCommand::Restore {
            env,
            backup,
            confirmation,
        } => backups::restore_backup(screen, config, &env, &backup, &confirmation),
        SyncCommand::Stamp { env, confirm } => stamp(screen, config, &env, confirm.as_deref()),
        SyncCommand::History { env } => {
            let mut histories = Vec::new();
            for environment in &config.pipeline {
                if env.as_ref().is_some_and(|name| *name != environment.name) {
                    continue;
                }
                histories.push(History {
                    environment: environment.name.clone(),
                    runs: history(config, environment)?,
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

/// Whether it may leave files; those that only look leave everything as it is.
fn writes(command: &SyncCommand) -> bool {
    match command {
        SyncCommand::Promote { arguments, .. } => !arguments.dry_run,
        SyncCommand::Import { dry_run, .. } => !dry_run,
        SyncCommand::Export { .. }
        | SyncCommand::Adopt { .. }
        | SyncCommand::Backup { .. }
        | SyncCommand::Verify { .. }
        | SyncCommand::Restore { .. } => true,
        SyncCommand::Status { .. }
        | SyncCommand::Plan { .. }
        | SyncCommand::Backups { .. }
        | SyncCommand::History { .. }
        | SyncCommand::Stamp { .. } => false,
    }
}

fn allowing(
    config: &Config,
    allow_data_loss: Vec<String>,
    allow_deletes: Vec<TableName>,
    discard_edits: bool,
) -> Config {
    Config {
        allow_data_loss,
        allow_deletes,
        discard_edits,
        ..config.clone()
    }
}

fn exit_when(different: bool) -> ExitCode {
    if different {
        ExitCode::from(DIFFERENT)
    } else {
        ExitCode::SUCCESS
    }
}

fn promote(
    screen: &Screen,
    config: &Config,
    promotion: &Promotion<'_>,
    arguments: &PromotionArguments,
    every_row: bool,
) -> Result<ExitCode, Ended> {
    // Nothing is held open while a person thinks.
    let seen = look(config, promotion, every_row)?.seen;
    let plan = &seen.plan;
    if arguments.dry_run {
        screen.plan(plan);
        screen.summarize_plan(config.summary.as_deref(), plan);
        return match plan.blockers.is_empty() {
            true => Ok(ExitCode::SUCCESS),
            false => Ok(ExitCode::from(REFUSED)),
        };
    }
    let mut report = Report::new(&promotion.name(), &plan.id, &plan.warnings);
    report.title = promotion.title();
    let ended = promotion::carry_out(screen, config, promotion, arguments, &seen, &mut report);
    if let Err(error) = ended {
        let problem = Problem::of(&error);
        report.outcome = match problem.exit_code() {
            4 => Outcome::Refused,
            5 => Outcome::Cancelled,
            _ => Outcome::Failed,
        };
        report.error = Some(problem);
        // Whatever was done to them was rolled back.
        report.lookups.clear();
        screen.report(&report);
        if !plan.blockers.is_empty() {
            screen.summarize_plan(config.summary.as_deref(), plan);
        }
        screen.summarize_report(config.summary.as_deref(), &report);
        return Err(Ended {
            error,
            reported: true,
        });
    }
    screen.report(&report);
    screen.summarize_report(config.summary.as_deref(), &report);
    Ok(ExitCode::SUCCESS)
}

fn export_tables(
    screen: &Screen,
    config: &Config,
    env: Option<&str>,
    tables: &[TableName],
) -> Result<ExitCode, Ended> {
    let environment = config.environment_or_first(env)?;
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
    if let Some(problem) = ends::wrong_stamp(&observed.snapshot) {
        return Err(problem.into());
    }
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
    let all = tables.is_empty();
    let discarded = check_export(config, environment, &lookups, all, &mut observed)?;
    let manifest = export::export(
        &mut *observed.session,
        &lookups,
        &config.export_dir,
        &environment.name,
        all,
        &mut screen.steps(),
    )?;
    screen.warn_of(discarded.as_ref());
    screen.exported(
        &manifest,
        &export::folder(&config.export_dir, &environment.name),
    );
    Ok(ExitCode::SUCCESS)
}

fn stamp(
    screen: &Screen,
    config: &Config,
    env: &str,
    given: Option<&str>,
) -> Result<ExitCode, Ended> {
    let environment = config.environment(env)?;
    let unstamped = Unstamped::look(config, environment)?;
    screen.about_to_stamp(&unstamped);
    let wanted = format!("STAMP {env}");
    screen.confirm_text(
        &environment.label,
        &wanted,
        given,
        &format!(
            "This says that {} is {}.",
            unstamped.database, environment.label
        ),
        &format!(
            "cargo xtask sync stamp --env {env} --confirm \"{wanted}\"{}",
            config.options
        ),
    )?;
    screen.stamped(&unstamped.stamp(config, environment, &mut screen.steps())?);
    Ok(ExitCode::SUCCESS)
}
