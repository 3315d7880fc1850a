//! What each environment holds when the demo begins.
//!
//! The lookup rows are a history of edits in three parts: Production has the first, Test the
//! first two, and Development all three. The SQL is the same for both backends.

use crate::database;
use crate::model::migrations::migration::MigrationSet;
use crate::settings::config::Config;
use crate::settings::environment::Environment;
use crate::sync::migrate::migrate;
use crate::sync::record::record;

/// The newest migration of an environment, and the rows that it is filled with afterwards.
struct Contents {
    migrated_to: &'static str,
    scripts: &'static [&'static str],
}

const FIRST: &str = include_str!("rows/lookups-first.sql");
const SECOND: &str = include_str!("rows/lookups-second.sql");
const THIRD: &str = include_str!("rows/lookups-third.sql");

/// Of the first environment, which has every migration.
const DEVELOPMENT: &[&str] = &[FIRST, SECOND, THIRD, include_str!("rows/development.sql")];

/// Of those in between. Its newest migration makes `system_configuration`.
const TEST: Contents = Contents {
    migrated_to: "20250113093000",
    scripts: &[FIRST, SECOND, include_str!("rows/test.sql")],
};

/// Of the last environment.
const PRODUCTION: Contents = Contents {
    migrated_to: "20241125150000",
    scripts: &[FIRST, include_str!("rows/production.sql")],
};

/// Gives every environment its migrations and rows.
///
/// # Errors
/// What a database reports of a migration or a row.
pub(super) fn fill(config: &Config) -> anyhow::Result<()> {
    let Some((development, others)) = config.pipeline.split_first() else {
        return Ok(());
    };
    migrate(config, &mut |_| {})?;
    run_scripts(development, DEVELOPMENT)?;
    for (at, environment) in others.iter().enumerate() {
        let contents = if at + 1 == others.len() {
            PRODUCTION
        } else {
            TEST
        };
        migrate_to(environment, contents.migrated_to)?;
        record(config, environment, &[], &mut |_| {})?;
        run_scripts(environment, contents.scripts)?;
    }
    Ok(())
}

/// Applies the migrations up to a version.
fn migrate_to(environment: &Environment, version: &str) -> anyhow::Result<()> {
    let url = environment.url()?;
    let migrations = MigrationSet::embedded(url.backend())?;
    let mut target = database::open_target(url, environment.limits)?;
    for migration in migrations
        .iter()
        .filter(|migration| migration.version.as_str() <= version)
    {
        target.run_migration(&migrations, migration)?;
    }
    target.commit()
}

fn run_scripts(environment: &Environment, scripts: &[&str]) -> anyhow::Result<()> {
    let url = environment.url()?;
    scripts
        .iter()
        .try_for_each(|script| database::run_script(url, script))
}

#[cfg(all(test, feature = "sqlite"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::protected::Protected;
    use super::*;
    use crate::model::url::DatabaseUrl;
    use crate::sync::status::status;

    /// The workspace's configuration, with SQLite files in a folder of its own.
    fn config(root: &std::path::Path) -> Config {
        let text = include_str!("../../../data-sync/sync.toml");
        let mut config = Config::parse(text, root, |_| None).unwrap();
        for environment in &mut config.pipeline {
            let file = format!("{}.sqlite3", environment.name);
            std::fs::write(root.join(&file), "").unwrap();
            environment.url = DatabaseUrl::parse(&format!("sqlite:{file}"), "X", root);
        }
        config
    }

    #[test]
    fn the_environments_begin_out_of_step() {
        let root = tempfile::tempdir().unwrap();
        let config = config(root.path());
        fill(&config).unwrap();
        let status = status(&config).unwrap();
        for promotion in &status.promotions {
            assert!(!promotion.in_sync, "{}", promotion.name);
            assert!(promotion.drift.is_empty(), "{:?}", promotion.drift);
            assert!(!promotion.migrations.is_empty());
            assert!(promotion.lookups.iter().any(|lookup| lookup.insert > 0));
            assert!(promotion.lookups.iter().any(|lookup| lookup.update > 0));
        }
        for promotion in &status.promotions {
            assert!(promotion.blockers.is_empty(), "{:?}", promotion.blockers);
        }
        let counts: Vec<String> = config
            .pipeline
            .iter()
            .map(|environment| Protected::read(&config, environment).unwrap().counts())
            .collect();
        assert_eq!(
            counts[1],
            "users: 5 rows, merchants: 6 rows, transactions: 12 rows, audit_logs: 8 rows"
        );
        assert_ne!(counts[1], counts[2]);
    }
}
