//! Which backups stay.

use std::path::Path;

use super::backup::{Backup, list};
use crate::model::ledger::Run;
use crate::settings::config::BackupSettings;

/// Removes the oldest backups beyond the number to keep; those that a run of the ledger names
/// as its way back are the last to go. It comes after the work, which it cannot undo: what cannot be
/// removed now is tried again the next time.
pub fn thin_out(settings: &BackupSettings, environment: &str, runs: &[Run], made: &Backup) {
    let mut others = list(settings, Some(environment)).unwrap_or_default();
    others.retain(|backup| backup.path != made.path);
    let named = |backup: &Backup| {
        runs.iter().any(|run| {
            run.backup
                .as_deref()
                .is_some_and(|path| Path::new(path).file_name() == backup.path.file_name())
        })
    };
    // The list is newest first, so the last of each kind is its oldest.
    let (ways_back, plain): (Vec<_>, Vec<_>) = others.into_iter().partition(named);
    let kept_first = ways_back.into_iter().chain(plain);
    for backup in kept_first.skip(settings.keep.saturating_sub(1)) {
        remove(&backup.path);
    }
}

/// Removes a backup and its manifest, as far as that can be done.
pub fn remove(backup: &Path) {
    for path in [backup, &backup.with_extension("json")] {
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::sync::backups::backup::BackupManifest;
    use crate::sync::backups::proof::{Figures, Proof};

    fn put(folder: &Path, number: u32) -> Backup {
        let manifest = BackupManifest {
            version: 1,
            environment: "test".to_owned(),
            backend: "sqlite".to_owned(),
            database_id: None,
            made_at: format!("2026-01-{number:02}T00:00:00Z"),
            run_id: number.to_string(),
            program_version: String::new(),
            server_version: String::new(),
            file: format!("test-{number}.sqlite3"),
            size: 0,
            sha256: String::new(),
            proved: Proof::Archive,
            migrations: Vec::new(),
            rows: BTreeMap::new(),
            lookups: BTreeMap::new(),
            failed_run: None,
            figures: Figures::default(),
        };
        let path = folder.join(&manifest.file);
        std::fs::write(&path, "").unwrap();
        std::fs::write(
            path.with_extension("json"),
            serde_json::to_vec(&manifest).unwrap(),
        )
        .unwrap();
        Backup { path, manifest }
    }

    #[test]
    fn ways_back_are_the_last_to_go() {
        let folder = tempfile::tempdir().unwrap();
        let settings = BackupSettings {
            dir: folder.path().to_path_buf(),
            keep: 3,
            verify: crate::settings::config::Verify::Archive,
        };
        let backups: Vec<Backup> = (1..=5).map(|number| put(folder.path(), number)).collect();
        let run = Run {
            id: "r".to_owned(),
            kind: crate::model::ledger::RunKind::Promotion,
            subject: "dev-to-test".to_owned(),
            plan_id: None,
            commit: None,
            operator: String::new(),
            program_version: String::new(),
            started_at: String::new(),
            finished_at: String::new(),
            backup: Some("elsewhere/test-1.sqlite3".to_owned()),
            summary: String::new(),
        };
        thin_out(&settings, "test", &[run], &backups[4]);
        let left: Vec<String> = list(&settings, Some("test"))
            .unwrap()
            .into_iter()
            .map(|backup| backup.manifest.run_id)
            .collect();
        assert_eq!(left, ["5", "4", "1"]);
    }
}
