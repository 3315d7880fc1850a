//! Going back to a backup, from the arguments to what is shown.

use std::path::Path;
use std::process::ExitCode;

use super::Ended;
use crate::cli::Confirmation;
use crate::model::words::shell_word;
use crate::settings::config::Config;
use crate::sync::backups::backup;
use crate::sync::{import, restore};
use crate::terminal::Screen;

pub(super) fn restore_backup(
    screen: &Screen,
    config: &Config,
    env: &str,
    named: &Path,
    confirmation: &Confirmation,
) -> Result<ExitCode, Ended> {
    let environment = config.environment(env)?;
    environment.url()?;
    let environment = &import::asking(environment);
    let found = backup::find(config, environment, named)?;
    screen.about_to_restore(&found, &restore::loss(environment, &found)?);
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
    screen.warn_of(backup::open_rights(&config.backup).as_ref());
    let report = restore::restore(config, environment, &found, &mut screen.steps())?;
    screen.restored(&report);
    Ok(ExitCode::SUCCESS)
}
