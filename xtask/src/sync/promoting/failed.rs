//! How a run that failed is remembered: beside its backup and not in the ledger, since it leaves its
//! target as it was.

use super::report::{BackupReport, Report};
use crate::model::ledger::{Run, RunKind};
use crate::problem::Problem;
use crate::settings::config::Config;
use crate::settings::pipeline::Promotion;
use crate::sync::backups::backup;
use crate::sync::history::moment::Moment;

/// Writes it into the manifest of the backup that the run made.
///
/// # Errors
/// When the manifest cannot be written.
pub(super) fn note(
    config: &Config,
    promotion: &Promotion<'_>,
    report: &Report,
    backup: &BackupReport,
    started_at: String,
    error: &anyhow::Error,
) -> anyhow::Result<()> {
    let (_, subject) = promotion.recorded_as();
    let run = Run {
        id: report.run_id.clone(),
        plan_id: Some(report.plan_id.clone()),
        finished_at: Moment::now().readable(),
        backup: Some(backup.path.display().to_string()),
        summary: Problem::of(error).to_string(),
        ..Run::begun(config, RunKind::Failed, &subject, started_at)?
    };
    backup::note_failed(&backup.path, run)
}
