//! Backups: how they were proved, and what going back to one takes away.

use std::fmt::Write as _;

use console::style;
use serde::Serialize;

use super::Screen;
use super::plain::line;
use crate::model::words::counted;
use crate::settings::config::{Config, Verify};
use crate::settings::rehearsal::readable_size;
use crate::sync::backups::backup::{Backup, ListedBackup};
use crate::sync::backups::proof::Proof;
use crate::sync::history::moment::{age, to_the_second};
use crate::sync::promoting::report::way_back;
use crate::sync::restore::{Loss, RestoreReport};

fn proved(proof: Proof) -> &'static str {
    match proof {
        Proof::Restored => "proved by a restore",
        Proof::Archive => "only read to its end",
    }
}

impl Screen {
    pub fn backed_up(&self, backup: &Backup, config: &Config) {
        let text = format!(
            "backup of {}: {} ({}, {})\n  way back: {}\n",
            backup.manifest.environment,
            backup.path.display(),
            readable_size(backup.manifest.size),
            proved(backup.manifest.proved),
            way_back(backup, config)
        );
        self.result(backup, &text);
    }

    pub fn verified(&self, backup: &Backup, verify: Verify) {
        let how = match verify {
            Verify::Restore => {
                "restored into a database of its own, it holds what its manifest says"
            }
            Verify::Archive => {
                "it was only read to its end, as [backup] verify in data-sync/sync.toml says"
            }
        };
        let text = format!(
            "{} {}: {how}\n",
            style("done:").green().bold(),
            backup.path.display()
        );
        self.result(backup, &text);
    }

    pub fn backups(&self, backups: &[ListedBackup]) {
        #[derive(Serialize)]
        struct Document<'backup> {
            version: u32,
            backups: &'backup [ListedBackup],
        }
        let mut text = String::new();
        for ListedBackup { backup, intact } in backups {
            let manifest = &backup.manifest;
            let state = match intact {
                true => proved(manifest.proved),
                false => "DAMAGED: changed since it was made",
            };
            let _ = writeln!(
                text,
                "{} ({})  {}  {}  {state}  {}",
                line(to_the_second(&manifest.made_at)),
                age(&manifest.made_at),
                line(&manifest.environment),
                readable_size(manifest.size),
                backup.path.display()
            );
        }
        if backups.is_empty() {
            text.push_str("there are no backups yet\n");
        }
        self.result(
            &Document {
                version: 1,
                backups,
            },
            &text,
        );
    }

    /// What is lost, before that is asked about.
    pub fn about_to_restore(&self, backup: &Backup, loss: &Loss) {
        let manifest = &backup.manifest;
        let mut text = format!(
            "{}\n  made {} ({}), {}\n",
            style(&manifest.file).bold(),
            line(to_the_second(&manifest.made_at)),
            age(&manifest.made_at),
            proved(manifest.proved)
        );
        let rows = |rows: Option<u64>| match rows {
            Some(rows) => counted(rows, "row"),
            None => "no such table".to_owned(),
        };
        let mut same = 0;
        for (table, now, then) in &loss.tables {
            if now == then {
                same += 1;
                continue;
            }
            let (now, then) = (rows(*now), rows(*then));
            let _ = writeln!(text, "  {}: {now} now, {then} in the backup", line(table));
        }
        if same > 0 {
            let _ = writeln!(
                text,
                "  {} with as many rows now as in the backup",
                counted(same, "table")
            );
        }
        for run in &loss.runs {
            let _ = writeln!(
                text,
                "  done since: {} {} at {}",
                run.kind.name(),
                line(&run.subject),
                line(to_the_second(&run.finished_at))
            );
        }
        self.aside(&text);
    }

    pub fn restored(&self, report: &RestoreReport) {
        let mut text = format!(
            "{} {} holds {} again\n",
            style("done:").green().bold(),
            report.environment,
            report.restored.path.display()
        );
        text.push_str("  verified: schema, migrations, sequences and the rows of every table are those of the backup\n");
        if let Some(backup) = &report.backup {
            let _ = writeln!(text, "  what was there before: {}", backup.path.display());
            let _ = writeln!(text, "  way back: {}", backup.way_back);
        }
        self.result(report, &text);
    }
}
