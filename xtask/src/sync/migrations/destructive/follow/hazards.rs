//! Which hazards are none, since they are about tables that the target does not have.

use super::{Follower, Held};
use crate::database;
use crate::sync::migrations::destructive::Effect;
use crate::sync::migrations::hazard::Hazard;
use crate::sync::migrations::migration::Migration;
use crate::sync::settings::config::Config;

/// For each migration, what in it may hurt the target. A table that the plan makes has no rows and
/// no clients yet, and one that is nowhere cannot be hurt.
pub fn hazards(config: &Config, target: Held<'_>, migrations: &[&Migration]) -> Vec<Vec<Hazard>> {
    let mut follower = Follower::new(config, target, migrations);
    let one = |migration: &&Migration| {
        let found = database::hazards(target.backend, &migration.up, target.catalog);
        let mut waiting: Vec<(usize, Hazard)> = found.into_iter().enumerate().collect();
        let mut met = Vec::new();
        let mut look = |follower: &Follower<'_>| {
            let (now, later) = std::mem::take(&mut waiting)
                .into_iter()
                .partition(|(_, hazard)| follower.meets(hazard));
            waiting = later;
            met.extend::<Vec<_>>(now);
        };
        look(&follower);
        for statement in database::effects(target.backend, &migration.up) {
            let may_lead_to_another = statement.effect.gives_names();
            follower.step(statement.line, statement.effect);
            if may_lead_to_another {
                look(&follower);
            }
        }
        met.sort_by_key(|(at, _)| *at);
        met.into_iter().map(|(_, hazard)| hazard).collect()
    };
    migrations.iter().map(one).collect()
}

impl Follower<'_> {
    /// Whether a hazard is about a table of the target, or about anything else.
    fn meets(&self, hazard: &Hazard) -> bool {
        let mut tables = hazard.tables.iter();
        hazard.tables.is_empty() || tables.any(|table| !self.names.on_target(table).is_empty())
    }
}

impl Effect {
    /// Whether a table may have another name from now on.
    fn gives_names(&self) -> bool {
        matches!(
            self,
            Effect::MakesView { .. }
                | Effect::Renames { .. }
                | Effect::RenamesSchema { .. }
                | Effect::Joins { .. }
                | Effect::MovesPath
                | Effect::Rebuilds { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{migrations, target};
    use super::*;
    use crate::sync::settings::environment::Backend;

    fn rules(backend: Backend, ups: &[&str]) -> Vec<String> {
        let config = Config::parse("", std::path::Path::new("."), |_| None).unwrap();
        let (catalog, row_counts) = &target();
        let held = Held {
            backend,
            catalog,
            row_counts,
        };
        let migrations = migrations(ups);
        let migrations: Vec<&Migration> = migrations.iter().collect();
        let found = hazards(&config, held, &migrations).into_iter().flatten();
        found.map(|hazard| hazard.rule).collect()
    }

    #[test]
    fn what_the_target_does_not_have_cannot_be_hurt() {
        for backend in [Backend::Postgres, Backend::Sqlite] {
            for ups in [
                &["CREATE TABLE t (a int); ALTER TABLE t RENAME a TO b;"][..],
                &[
                    "CREATE TABLE t (a int, b int)",
                    "ALTER TABLE t DROP COLUMN a; DROP TABLE t",
                ],
                &[
                    "CREATE TABLE t (a int)",
                    "ALTER TABLE t RENAME TO u; ALTER TABLE u ADD c int NOT NULL",
                ],
                &["DROP TABLE IF EXISTS nowhere"],
            ] {
                assert_eq!(rules(backend, ups), [""; 0], "{ups:?}");
            }
            for (ups, rule) in [
                (&["DROP TABLE users"][..], "ban-drop-table"),
                (
                    &[
                        "CREATE TABLE IF NOT EXISTS users (a int); ALTER TABLE users DROP COLUMN name",
                    ],
                    "ban-drop-column",
                ),
                (
                    &[
                        "CREATE TABLE u (a int); DROP TABLE u; ALTER TABLE users RENAME TO u",
                        "ALTER TABLE u DROP COLUMN name",
                    ],
                    "ban-drop-column",
                ),
            ] {
                assert_eq!(rules(backend, ups).last().unwrap(), rule, "{ups:?}");
            }
        }
        let made = "CREATE TABLE t (a int PRIMARY KEY)";
        let altered = "ALTER TABLE t ADD b int REFERENCES users; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 1); ALTER TABLE t ALTER a TYPE text; TRUNCATE t CASCADE; DROP TRIGGER x ON t; DROP POLICY p ON t;";
        assert_eq!(rules(Backend::Postgres, &[made, altered]), [""; 0]);
        let opaque = "CALL p()";
        assert_eq!(rules(Backend::Postgres, &[opaque]), ["opaque-statement"]);
    }
}
