//! All runs of an environment.

use crate::model::ledger::Run;
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::backups::backup;
use crate::sync::snapshot::observe;

/// Every run of an environment, the newest first: what its ledger has, and the runs that failed, as
/// the backups that they made say.
///
/// # Errors
/// When the database or the backup folder cannot be read.
pub fn history(config: &Config, environment: &Environment) -> anyhow::Result<Vec<Run>> {
    let mut runs = observe(environment)?.snapshot.ledger.runs;
    let backups = backup::list(&config.backup, Some(&environment.name))?;
    for failed in backups
        .into_iter()
        .filter_map(|backup| backup.manifest.failed_run)
    {
        // The ledger's own order stays, whatever the clocks said.
        let later = |run: &Run| run.finished_at > failed.finished_at;
        let at = runs.iter().rposition(later).map_or(0, |at| at + 1);
        runs.insert(at, failed);
    }
    Ok(runs)
}
