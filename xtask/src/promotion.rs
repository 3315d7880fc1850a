//! A promotion as a person runs it: the plan, the checklist, the question, and the run.

use std::path::Path;

use crate::cli::PromotionArguments;
use crate::model::ledger::{Run, RunKind};
use crate::model::words::{counted, shell_word};
use crate::problem::{Code, Problem};
use crate::settings::config::Config;
use crate::settings::pipeline::Promotion;
use crate::sync::backups::backup;
use crate::sync::exports::imported;
use crate::sync::history::moment::to_the_second;
use crate::sync::planning::contract::Contract;
use crate::sync::planning::plan::Plan;
use crate::sync::planning::plan_file::Approved;
use crate::sync::planning::stale::{changes, lost_rehearsal};
use crate::sync::promoting::look::Seen;
use crate::sync::promoting::report::Report;
use crate::sync::promoting::retry;
use crate::terminal::{Screen, Tested};

/// Carries out what was looked at, after asking, and fills in the report as it goes.
///
/// # Errors
/// A blocker, an answer that was not the wanted one, or what went wrong.
pub fn carry_out(
    screen: &Screen,
    config: &Config,
    promotion: &Promotion<'_>,
    arguments: &PromotionArguments,
    seen: &Seen,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (plan, target) = (&seen.plan, &seen.target);
    let tested = Tested {
        run: seen.promotion_to_source(),
        label: promotion.from.label().to_owned(),
    };
    check_plan_file(
        arguments,
        &promotion.to.label,
        promotion.to.require_plan,
        plan,
        &target.ledger.runs,
    )?;
    if !plan.empty || !plan.blockers.is_empty() {
        screen.plan_aside(plan);
    }
    if let Some(blocker) = plan.blockers.first() {
        return Err(blocker.clone().into());
    }
    if plan.empty {
        return imported::note(config, promotion, None);
    }
    backup::check(&config.backup, target)?;
    screen.warn_of(backup::open_rights(&config.backup).as_ref());
    let plan_option = arguments.plan.as_ref().map_or(String::new(), |path| {
        format!(" --plan {}", shell_word(&path.display().to_string()))
    });
    let migrations = arguments.allow_data_loss.iter();
    let migrations = migrations.map(|named| format!(" --allow-data-loss {}", shell_word(named)));
    let tables = arguments.allow_deletes.iter();
    let tables = tables.map(|table| format!(" --allow-deletes {}", shell_word(&table.to_string())));
    let allowed: String = migrations.chain(tables).collect();
    let until = until_option(arguments);
    let discarding = match arguments.discard_edits {
        true => " --discard-edits",
        false => "",
    };
    screen.checklist(promotion.to, &tested, &config.backup.dir);
    screen.confirm(
        promotion.to,
        &arguments.confirmation,
        &format!("This changes {}.", promotion.to.label),
        &format!(
            "cargo xtask {}{until}{plan_option}{allowed}{discarding}{}",
            promotion.command(),
            config.options
        ),
    )?;
    retry::promote(config, promotion, seen, report, &mut screen.steps())
}

/// The plan file names the very plan that was made now, and one is there where it must be.
fn check_plan_file(
    arguments: &PromotionArguments,
    label: &str,
    required: bool,
    plan: &Plan,
    runs: &[Run],
) -> anyhow::Result<()> {
    match &arguments.plan {
        Some(path) => {
            let approved = Approved::read(path)?;
            if approved.id == plan.id {
                // What speaks against it now is told as it is.
                if approved.blockers > 0 && plan.blockers.is_empty() {
                    return Err(blocked(path, approved.blockers, &plan.promotion).into());
                }
                return Ok(());
            }
            if let Some(lost) = lost_rehearsal(&approved.contract, plan) {
                return Err(lost.into());
            }
            Err(stale(&path.display().to_string(), &approved, plan, runs).into())
        }
        None if required && !plan.empty => Err(Problem::new(
            Code::PlanStale,
            format!("{label} only takes an approved plan (require_plan in data-sync/sync.toml)"),
        )
        .hint(format!(
            "run `cargo xtask sync plan {}{} --out plan.json`, have it approved, and pass --plan plan.json",
            plan.promotion,
            until_option(arguments)
        ))
        .into()),
        None => Ok(()),
    }
}

fn until_option(arguments: &PromotionArguments) -> String {
    let named = arguments.until.as_ref();
    named.map_or(String::new(), |named| {
        format!(" --until {}", shell_word(named))
    })
}

/// Nobody can have approved what the plan itself refused.
fn blocked(file: &Path, blockers: usize, promotion: &str) -> Problem {
    Problem::new(
        Code::PlanStale,
        format!(
            "{} was written with {} in it, so it could not be approved",
            file.display(),
            counted(blockers as u64, "blocker")
        ),
    )
    .hint(format!(
        "what it said is gone by now: run `cargo xtask sync plan {promotion} --out FILE` again, and have that approved"
    ))
}

/// Why a plan file may not be carried out, with each part that is another by now.
fn stale(file: &str, approved: &Approved, plan: &Plan, runs: &[Run]) -> Problem {
    let made_for = &approved.contract.promotion;
    if *made_for != plan.promotion {
        return Problem::new(
            Code::Usage,
            format!(
                "{file} is a plan for `{made_for}`, not for `{}`",
                plan.promotion
            ),
        )
        .hint(format!(
            "`cargo xtask sync plan {} --out FILE` writes one",
            plan.promotion
        ));
    }
    let id = &approved.id;
    let (message, hint) = match runs.iter().find(|run| run.plan_id.as_ref() == Some(id)) {
        Some(run) if run.kind == RunKind::Unfinished => (
            format!(
                "{file} holds plan {id}, which was begun at {} and came as far as {} (run {})",
                to_the_second(&run.started_at),
                run.summary,
                run.id
            ),
            "make a new plan for the rest, and have it approved",
        ),
        Some(run) => (
            format!(
                "{file} holds plan {id}, which was carried out at {} (run {})",
                to_the_second(&run.finished_at),
                run.id
            ),
            "if there is more to promote, make a new plan and have it approved",
        ),
        None => (
            format!("{file} holds plan {id}, but the plan is {} by now", plan.id),
            "look at the new plan, and approve it anew",
        ),
    };
    Problem::new(Code::PlanStale, message)
        .hint(hint)
        .details(changes(&approved.contract, &Contract::of(plan)))
}
