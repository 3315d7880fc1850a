//! From the command line to the work, and from the outcome to the exit code.

mod backups;
mod grammar;
mod sync;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::{Cli, Options, Task};
use crate::files::leftovers;
use crate::model::backend::Backend;
use crate::model::words::shell_word;
use crate::problem::Problem;
use crate::settings::config::Config;
use crate::sync::baseline::baseline;
use crate::sync::exports::{export, promoted};
use crate::sync::migrate::migrate;
use crate::sync::record::record;
use crate::terminal::{self, Screen};
use crate::{demo, rebuild, test, workspace};
use grammar::{Mistake, parse, pipeline_names, usage, wanted_format};

/// Runs the program.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let pipeline = pipeline_names(&arguments);
    let format = wanted_format(&arguments);
    let parsed = match parse(arguments.clone(), &pipeline) {
        Ok(parsed) => parsed,
        Err(Mistake::Grammar(error)) => {
            if error.use_stderr() {
                terminal::complain_in(format, &usage(&error));
            }
            terminal::grammar(&error);
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
        Err(Mistake::Promotion(problem)) => {
            terminal::complain_in(format, &problem);
            terminal::complain(&problem);
            return ExitCode::from(problem.exit_code());
        }
    };
    let ended = match needs_postgres(&parsed) {
        true => rebuild::with_postgres(&arguments).map_err(Ended::from),
        false => run(parsed),
    };
    match ended {
        Ok(code) => code,
        Err(Ended { error, reported }) => {
            let problem = Problem::of(&error);
            if !reported {
                terminal::complain_in(format, &problem);
            }
            terminal::complain(&problem);
            ExitCode::from(problem.exit_code())
        }
    }
}

/// How a command ended that did not do what was asked.
struct Ended {
    error: anyhow::Error,
    /// The document was printed with the problem in it.
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

fn run(cli: Cli) -> Result<ExitCode, Ended> {
    match cli.task {
        Task::Demo { backend } => Ok(demo::run(&workspace::root(None)?, backend.into())?),
        Task::Test { install, arguments } => {
            Ok(test::run(&workspace::root(None)?, install, &arguments)?)
        }
        Task::Migrate {
            record: true,
            env,
            migrations,
            confirmation,
            options,
            ..
        } => {
            sync::check_format(&options, None)?;
            let (screen, config) = set_up(&options)?;
            let environment = config.environment_or_first(env.as_deref())?;
            let named: String = migrations
                .iter()
                .map(|name| format!(" {}", shell_word(name)))
                .collect();
            screen.confirm(
                environment,
                &confirmation,
                &format!(
                    "This says that the files are what ran on {}.",
                    environment.label
                ),
                &format!(
                    "cargo xtask migrate --record --env {}{named}{}",
                    environment.name, config.options
                ),
            )?;
            let report = record(&config, environment, &migrations, &mut screen.steps())?;
            screen.recorded(&report);
            Ok(ExitCode::SUCCESS)
        }
        Task::Migrate {
            baseline: Some(version),
            env,
            confirmation,
            options,
            ..
        } => {
            sync::check_format(&options, None)?;
            let (screen, config) = set_up(&options)?;
            let environment = config.environment_or_first(env.as_deref())?;
            screen.confirm(
                environment,
                &confirmation,
                &format!(
                    "This marks the migrations up to {version} as applied to {}, if its schema is what they make.",
                    environment.label
                ),
                &format!(
                    "cargo xtask migrate --baseline {} --env {}{}",
                    shell_word(&version),
                    environment.name,
                    config.options
                ),
            )?;
            screen.recorded(&baseline(&config, environment, &version)?);
            Ok(ExitCode::SUCCESS)
        }
        Task::Migrate { options, .. } => {
            sync::check_format(&options, None)?;
            let (screen, config) = set_up(&options)?;
            sweep_all(&config);
            let report = migrate(&config, &mut screen.steps())?;
            screen.migrated(&report);
            Ok(ExitCode::SUCCESS)
        }
        Task::Sync { options, command } => {
            sync::check_format(&options, Some(&command))?;
            let (screen, config) = set_up(&options)?;
            sync::run(&screen, &config, command)
        }
    }
}

/// Whether a database is of a kind that this program was built without.
fn needs_postgres(cli: &Cli) -> bool {
    if cfg!(feature = "postgres") {
        return false;
    }
    let options = match &cli.task {
        Task::Demo { backend } => return Backend::from(*backend) == Backend::Postgres,
        Task::Test { .. } => return false,
        Task::Migrate { options, .. } | Task::Sync { options, .. } => options,
    };
    let named = options.config.as_deref();
    let root = workspace::root(named).ok();
    let config = root.and_then(|root| Config::load(&root, named, options.env_file.as_deref()).ok());
    config.is_some_and(|config| {
        let mut urls = config
            .pipeline
            .iter()
            .flat_map(|environment| &environment.url);
        urls.any(|url| url.backend() == Backend::Postgres)
    })
}

fn set_up(options: &Options) -> anyhow::Result<(Screen, Config)> {
    let screen = Screen::new(options);
    let named = options.config.as_deref();
    let root = workspace::root(named)?;
    if named.is_some() && workspace::found().as_ref() != Some(&root) {
        screen.workspace(&root);
    }
    let config = Config::load(&root, named, options.env_file.as_deref())?;
    Ok((screen, config))
}

/// Removes what killed runs have left where this configuration has its files.
fn sweep_all(config: &Config) {
    leftovers::sweep(&config.backup.dir);
    leftovers::sweep(&std::env::temp_dir());
    for environment in &config.pipeline {
        leftovers::sweep(&export::folder(&config.export_dir, &environment.name));
        leftovers::sweep(&promoted::folder(&config.export_dir, &environment.name));
    }
}
