//! The order of the environments, and which promotions there are.

use std::path::Path;

use serde::Deserialize;

use crate::model::limits::{Limits, Written};
use crate::model::max_delete::MaxDelete;
use crate::model::migrations::migration::{OutOfOrder, UnrecordedPolicy};
use crate::model::url::DatabaseUrl;
use crate::problem::{Code, Problem};
use crate::settings::drift::DriftPolicy;
use crate::settings::environment::{Environment, OnTargetEdit};
use crate::settings::rehearsal::{RehearsalSetting, RehearsalSettings, Size};
use crate::settings::row_source::RowSource;

/// Two neighbours of the pipeline; or files and the first of its environments.
#[derive(Debug, Clone, Copy)]
pub struct Promotion<'config> {
    pub from: RowSource<'config>,
    pub to: &'config Environment,
}

impl Promotion<'_> {
    /// The name of the command that runs it, such as `dev-to-test`.
    pub fn name(&self) -> String {
        match self.from {
            RowSource::Environment(from) => promotion_name(&from.name, &self.to.name),
            RowSource::Folder(_) => "import".to_owned(),
        }
    }
}

fn promotion_name(from: &str, to: &str) -> String {
    format!("{from}-to-{to}")
}

/// The refusal of a promotion that is not in the pipeline.
pub fn golden_rule(name: &str, pipeline: &[&str]) -> Problem {
    let commands = |from: usize, to: usize| {
        (from..to)
            .map(|at| {
                format!(
                    "`cargo xtask sync {}`",
                    promotion_name(pipeline[at], pipeline[at + 1])
                )
            })
            .collect::<Vec<_>>()
            .join(", then ")
    };
    let ends = name.split_once("-to-").and_then(|(from, to)| {
        let at = |end: &str| pipeline.iter().position(|known| *known == end);
        Some((at(from)?, at(to)?))
    });
    let rule = pipeline.join(" → ");
    match ends {
        Some((from, to)) if from < to => Problem::new(
            Code::GoldenRule,
            format!("`{name}` skips an environment; the golden rule is {rule}"),
        )
        .hint(format!("run {}", commands(from, to))),
        Some((from, to)) => Problem::new(
            Code::GoldenRule,
            if from == to {
                format!("`{name}` goes nowhere; the golden rule is {rule}")
            } else {
                format!("`{name}` goes backwards; the golden rule is {rule}")
            },
        )
        .hint(format!(
            "the promotions are {}",
            commands(0, pipeline.len().saturating_sub(1))
        )),
        None => Problem::new(Code::Usage, format!("there is no promotion `{name}`")).hint(format!(
            "the promotions are {}",
            commands(0, pipeline.len().saturating_sub(1))
        )),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentFile {
    name: String,
    label: Option<String>,
    url_env: String,
    confirm: Option<Vec<String>>,
    #[serde(default)]
    checklist: Vec<String>,
    #[serde(default)]
    require_plan: bool,
    on_target_edit: Option<OnTargetEdit>,
    drift: Option<DriftPolicy>,
    max_delete: Option<MaxDelete>,
    #[serde(default)]
    out_of_order: OutOfOrder,
    #[serde(default)]
    rehearsal: RehearsalSetting,
    rehearsal_limit: Option<Size>,
    require_rehearsal: Option<bool>,
    unrecorded: Option<UnrecordedPolicy>,
    lock_timeout: Option<String>,
    statement_timeout: Option<String>,
    network_timeout: Option<String>,
    idle_timeout: Option<String>,
}

/// The three environments of a file that names none.
fn default_pipeline() -> Vec<EnvironmentFile> {
    [
        ("dev", "Development", "DEV_DATABASE_URL"),
        ("test", "Test", "TEST_DATABASE_URL"),
        ("prod", "Production", "DATABASE_URL"),
    ]
    .map(|(name, label, url_env)| EnvironmentFile {
        name: name.to_owned(),
        label: Some(label.to_owned()),
        url_env: url_env.to_owned(),
        confirm: None,
        checklist: Vec::new(),
        require_plan: false,
        on_target_edit: None,
        drift: None,
        max_delete: None,
        out_of_order: OutOfOrder::Warn,
        rehearsal: RehearsalSetting::default(),
        rehearsal_limit: None,
        require_rehearsal: None,
        unrecorded: None,
        lock_timeout: None,
        statement_timeout: None,
        network_timeout: None,
        idle_timeout: None,
    })
    .into()
}

/// The environments that the file lists; `drift` goes for those that say nothing of it.
pub(crate) fn pipeline(
    listed: Vec<EnvironmentFile>,
    drift: Option<DriftPolicy>,
    project: Option<&str>,
    root: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Environment>, Problem> {
    let invalid = |message: String| Problem::new(Code::ConfigInvalid, message);
    let listed = if listed.is_empty() {
        default_pipeline()
    } else {
        listed
    };
    if listed.len() < 2 {
        return Err(
            invalid("a pipeline needs at least two environments".to_owned())
                .hint("add a second [[environment]]"),
        );
    }
    let last = listed.len() - 1;
    let mut pipeline: Vec<Environment> = Vec::new();
    for (at, environment) in listed.into_iter().enumerate() {
        let name = environment.name;
        let plain = !name.is_empty()
            && !name.contains("-to-")
            && name.chars().all(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter)
            });
        if !plain {
            return Err(invalid(format!("`{name}` cannot name an environment"))
                .hint("use small letters, digits, `-` and `_`, for example \"staging\""));
        }
        if pipeline.iter().any(|known| known.name == name) {
            return Err(invalid(format!("environment `{name}` is listed twice"))
                .hint("every [[environment]] has a name of its own"));
        }
        let label = environment.label.unwrap_or_else(|| name.clone());
        // The last environment is the one that hurts: where nothing is said it asks twice.
        let confirm = environment.confirm.unwrap_or_else(|| match at {
            0 => Vec::new(),
            at if at == last && at > 1 => vec![
                "yes".to_owned(),
                format!("SYNC TO {}", label.to_uppercase()),
            ],
            _ => vec!["yes".to_owned()],
        });
        if at > 0 && confirm.is_empty() {
            return Err(
                invalid(format!("environment `{name}` has an empty `confirm`"))
                    .hint("at least confirm = [\"yes\"]: a promotion always asks"),
            );
        }
        let url = match variable(&environment.url_env).filter(|text| !text.trim().is_empty()) {
            Some(text) => DatabaseUrl::parse(&text, &environment.url_env, root),
            None => Err(Problem::new(
                Code::EnvNotSet,
                format!(
                    "{} is not set, so {label} cannot be reached",
                    environment.url_env
                ),
            )
            .hint(format!(
                "set {}=postgres://… (or sqlite:PATH) in the environment or in the file .env",
                environment.url_env
            ))),
        };
        let limits = Limits::parse(
            &name,
            Written {
                lock_timeout: environment.lock_timeout.as_deref(),
                statement_timeout: environment.statement_timeout.as_deref(),
                network_timeout: environment.network_timeout.as_deref(),
                idle_timeout: environment.idle_timeout.as_deref(),
            },
        )?;
        let rehearsal = RehearsalSettings::parse(
            &name,
            environment.rehearsal,
            environment.rehearsal_limit.as_ref(),
        )?;
        let by_confirmations = match confirm.len() {
            0 | 1 => OnTargetEdit::Overwrite,
            _ => OnTargetEdit::Refuse,
        };
        pipeline.push(Environment {
            name,
            project: project.map(str::to_owned),
            label,
            url_variable: environment.url_env,
            url: url.map(|url| url.with_network_timeout(limits.network_timeout)),
            confirm,
            checklist: environment.checklist,
            require_plan: environment.require_plan,
            out_of_order: environment.out_of_order,
            on_target_edit: environment.on_target_edit.unwrap_or(by_confirmations),
            drift: environment.drift.or(drift),
            max_delete: environment.max_delete,
            rehearsal,
            require_rehearsal: environment.require_rehearsal,
            unrecorded: environment.unrecorded,
            limits,
        });
    }
    Ok(pipeline)
}
