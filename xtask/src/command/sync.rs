//! The commands of `sync`, each from its arguments to what it shows.

use std::path::Path;
use std::process::ExitCode;

use super::Ended;
use crate::cli::{Confirmation, PromotionArguments, SyncCommand};
use crate::problem::{Code, Problem};
use crate::sync::config::Config;
use crate::sync::export;
use crate::sync::plan::Plan;
use crate::sync::promote::{self, resolve_all};
use crate::sync::report::{Outcome, Report, shell_word};
use crate::sync::snapshot::observe;
use crate::sync::status::status;
use crate::sync::table::TableName;
use crate::sync::{backup, restore};
use crate::terminal::{History, Screen, Tested};

/// There is a difference, and `--check` asked for one.
const DIFFERENT: u8 = 3;

pub(super) fn run(
    screen: &Screen,
    config: &Config,
    command: SyncCommand,
) -> Result<ExitCode, Ended> {
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
