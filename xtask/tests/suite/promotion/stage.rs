//! Two environments for one test, and what is done with them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tempfile::TempDir;
use xtask::model::backend::Backend;
use xtask::problem::{Code, Problem};
use xtask::settings::config::Config;
use xtask::settings::rehearsal::RehearsalSetting;
use xtask::sync::backups::backup::{self, Backup};
use xtask::sync::event::Events;
use xtask::sync::migrate::migrate;
use xtask::sync::planning::plan::Plan;
use xtask::sync::promoting::look::{Seen, look};
use xtask::sync::promoting::promote::promote;
use xtask::sync::promoting::report::Report;
use xtask::sync::promoting::retry;

use super::configuring::configuration;
use crate::support::database::{Database, folder};
use crate::support::migrations::Migrations;

/// Development, Test, and what lies between them.
pub(super) struct Stage {
    pub(super) root: TempDir,
    pub(super) migrations: Migrations,
    pub(super) dev: Database,
    pub(super) test: Database,
    pub(super) config: Config,
    /// What each plan was made from, by its id.
    seen: RefCell<BTreeMap<String, Seen>>,
}

pub(super) const BASE: &str = "2024-01-01-000000_base";

pub(super) const BASE_UP: &str = "CREATE TABLE fee_groups (id integer PRIMARY KEY, code text NOT NULL UNIQUE, label text);\n\
    CREATE TABLE fee_items (id integer PRIMARY KEY, group_id integer NOT NULL REFERENCES fee_groups (id) ON DELETE CASCADE, \
    label text NOT NULL, amount numeric);\n\
    CREATE TABLE merchants (id integer PRIMARY KEY, name text NOT NULL, group_id integer REFERENCES fee_groups (id) ON DELETE SET NULL);\n";

pub(super) const DEV_ROWS: &str = "INSERT INTO fee_groups VALUES (1, 'card', 'Cards'), (2, 'cash', 'Cash'), (10, 'wire', NULL); \
    INSERT INTO fee_items VALUES (1, 1, 'credit', 1.50), (2, 1, 'debit', 0.5), (3, 2, 'coins', NULL), (11, 10, 'abroad', 12)";

pub(super) const MERCHANTS: &str =
    "INSERT INTO merchants VALUES (1, 'Ann', 1), (2, 'Bob', 2), (3, 'Cyd', NULL)";

pub(super) const TABLES: &str = "protected = [\"merchants\"]\n[[lookup]]\ntable = \"fee_groups\"\n[[lookup]]\ntable = \"fee_items\"\n";

impl Stage {
    /// Two empty databases and no migration.
    pub(super) fn empty(backend: Backend) -> Self {
        let (dev, test) = (Database::create(backend), Database::create(backend));
        let root = folder();
        let migrations = Migrations::new();
        let config = configuration(&root, &migrations, &dev.url, &test.url, TABLES);
        Stage {
            root,
            migrations,
            dev,
            test,
            config,
            seen: RefCell::default(),
        }
    }

    /// Development is migrated and has rows; Test is empty.
    pub(super) fn ready(backend: Backend) -> Self {
        let stage = Self::empty(backend);
        stage.migrations.write(BASE, BASE_UP);
        stage.migrate();
        stage.dev.run(DEV_ROWS);
        stage
    }

    /// Test has what Development has, and a merchant for each of the first two groups.
    pub(super) fn promoted(backend: Backend) -> Self {
        let mut stage = Self::ready(backend);
        // A rehearsal that no test looks at would take most of the time.
        stage.do_not_rehearse();
        stage.promote();
        stage.config.pipeline[1].rehearsal.mode = RehearsalSetting::Full;
        stage.test.run(MERCHANTS);
        stage
    }

    /// Another `sync.toml` behind the environments.
    pub(super) fn configure(&mut self, tables: &str) {
        self.config = configuration(
            &self.root,
            &self.migrations,
            &self.dev.url,
            &self.test.url,
            tables,
        );
    }

    /// The target now asks twice.
    pub(super) fn make_strict(&mut self) {
        self.config.pipeline[1].confirm.push("REALLY".to_owned());
    }

    /// Pending migrations are not tried on a copy first.
    pub(super) fn do_not_rehearse(&mut self) {
        self.config.pipeline[1].rehearsal.mode = RehearsalSetting::Off;
    }

    pub(super) fn migrate(&self) {
        migrate(&self.config, &mut |_| {}).unwrap();
    }

    pub(super) fn try_plan(&self) -> anyhow::Result<Plan> {
        let promotion = self.config.promotion("dev-to-test")?;
        Ok(self.remember(look(&self.config, &promotion, false)?.seen))
    }

    /// With every row that would change.
    pub(super) fn try_plan_with_rows(&self) -> anyhow::Result<Plan> {
        let promotion = self.config.promotion("dev-to-test")?;
        Ok(self.remember(look(&self.config, &promotion, true)?.seen))
    }

    fn remember(&self, seen: Seen) -> Plan {
        let plan = seen.plan.clone();
        self.seen.borrow_mut().insert(plan.id.clone(), seen);
        plan
    }

    /// What a plan of this stage was made from.
    pub(super) fn seen(&self, plan: &Plan) -> Seen {
        self.seen.borrow()[&plan.id].clone()
    }

    pub(super) fn plan(&self) -> Plan {
        self.try_plan().unwrap()
    }

    /// Carries out a plan that was approved.
    pub(super) fn carry_out(&self, plan: &Plan) -> (Report, Result<(), Problem>) {
        let promotion = self.config.promotion("dev-to-test").unwrap();
        let mut report = Report::new(&promotion.name(), &plan.id, &plan.warnings);
        let ended = promote(
            &self.config,
            &promotion,
            &self.seen(plan),
            &mut report,
            &mut |_| {},
        );
        (report, ended.map_err(|error| Problem::of(&error)))
    }

    /// As the command does, which tries again where a lock is in the way; what happens meanwhile
    /// is told to `events`.
    pub(super) fn carry_out_with(
        &self,
        plan: &Plan,
        events: &mut Events<'_>,
    ) -> (Report, Result<(), Problem>) {
        let promotion = self.config.promotion("dev-to-test").unwrap();
        let mut report = Report::new(&promotion.name(), &plan.id, &plan.warnings);
        let ended = retry::promote(
            &self.config,
            &promotion,
            &self.seen(plan),
            &mut report,
            events,
        );
        (report, ended.map_err(|error| Problem::of(&error)))
    }

    pub(super) fn promote(&self) -> Report {
        let plan = self.plan();
        assert_eq!(plan.blockers, []);
        let (report, ended) = self.carry_out(&plan);
        ended.unwrap();
        report
    }

    /// The one blocker of the plan; carrying it out all the same is refused with it, and neither
    /// end is changed.
    pub(super) fn blocked(&self) -> Problem {
        let before = (self.everything(), self.backups().len());
        let plan = self.plan();
        let [blocker] = plan.blockers.as_slice() else {
            panic!("{:?}", plan.blockers)
        };
        let (_, ended) = self.carry_out(&plan);
        assert_eq!(ended.unwrap_err(), *blocker);
        assert!(blocker.hint.is_some());
        assert_eq!((self.everything(), self.backups().len()), before);
        blocker.clone()
    }

    /// A plan without blockers fails when it is carried out, and neither end is changed.
    pub(super) fn fails(&self) -> Problem {
        let plan = self.plan();
        assert_eq!(plan.blockers, []);
        let before = self.everything();
        let (report, ended) = self.carry_out(&plan);
        let problem = ended.unwrap_err();
        assert!(!report.verified);
        assert_eq!(self.everything(), before);
        problem
    }

    pub(super) fn everything(&self) -> [Vec<String>; 2] {
        [self.dev.everything(), self.test.everything()]
    }

    pub(super) fn backups(&self) -> Vec<Backup> {
        backup::list(&self.config.backup, Some("test")).unwrap()
    }

    /// The lookup rows of both ends are the same.
    pub(super) fn assert_in_sync(&self) {
        for table in ["fee_groups", "fee_items"] {
            let rows = |database: &Database| -> Vec<String> {
                let contents = database.contents().into_iter();
                contents
                    .filter(|row| row.starts_with(&format!("{table}: ")))
                    .collect()
            };
            assert!(!rows(&self.dev).is_empty());
            assert_eq!(rows(&self.dev), rows(&self.test), "{table}");
        }
        let plan = self.plan();
        assert!(plan.empty, "{plan:?}");
    }

    pub(super) fn merchants(&self) -> String {
        self.test
            .line("SELECT id || name || coalesce(group_id, 0) FROM merchants ORDER BY id")
    }
}

/// The codes of some problems.
pub(super) fn codes(problems: &[Problem]) -> Vec<Code> {
    problems.iter().map(|problem| problem.code).collect()
}
