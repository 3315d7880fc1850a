//! Promotions as a whole, from look to report, between two real databases.

mod adopting;
mod approving;
mod arriving;
mod configuring;
mod destroying;
mod drifting;
mod editing;
mod failing;
mod history;
mod importing;
mod parts;
mod random;
mod recording;
mod refusing;
mod rehearsing;
mod returning;
mod splitting;
mod stamping;
mod waiting;

use tempfile::TempDir;
use xtask::problem::{Code, Problem};
use xtask::sync::backup::{self, Backup};
use xtask::sync::config::Config;
use xtask::sync::environment::Backend;
use xtask::sync::migrate::migrate;
use xtask::sync::plan::Plan;
use xtask::sync::promote::look;
use xtask::sync::rehearse::RehearsalSetting;
use xtask::sync::report::Report;
use xtask::sync::retry::promote;

use crate::support::database::{Database, folder};
use crate::support::migrations::Migrations;
use crate::support::suite;
use configuring::{configuration, configured};

suite! {
    both {
        adopting:
            a_hotfix_comes_home
            what_cannot_be_adopted_is_refused
            ;
        approving:
            a_row_of_the_source_changed
            a_row_of_the_target_changed
            the_schema_of_the_target_changed
            a_migration_came_in_between
            another_database_has_the_same_contents
            what_was_approved_is_carried_out_once
            whoever_plans_has_to_rehearse_as_whoever_promotes
            ;
        arriving:
            the_first_promotion_brings_everything
            a_second_promotion_has_nothing_to_do
            the_source_is_never_written
            everything_changes_in_one_go
            protected_rows_live_through_a_migration
            a_plan_tells_every_value
            rows_outside_the_condition_are_never_touched
            extra_rows_are_kept
            rows_are_retired_and_the_plan_says_so
            numbers_of_an_environment_stay_behind
            ;
        destroying:
            destructive_statements_warn_where_one_yes_is_enough
            destructive_statements_have_to_be_allowed_elsewhere
            only_migrations_that_are_there_can_be_allowed
            rows_are_counted_again_under_the_lock
            ;
        drifting:
            drift_warns_once_and_blocks_twice
            drift_does_what_the_environment_says
            ignored_differences_do_not_count
            ;
        editing:
            edits_are_overwritten_and_shown
            edits_are_kept
            edits_are_kept_through_a_migration
            edits_are_refused
            a_hotfix_that_arrives_is_no_conflict
            a_new_column_is_no_edit
            a_restore_is_no_edit
            what_is_not_promoted_is_no_edit
            retired_rows_are_no_edit
            without_the_promoted_rows_the_digest_tells
            what_was_promoted_is_kept_beside_the_exports
            an_older_ledger_knows_nothing
            every_edited_row_is_shown_on_demand
            ;
        failing:
            a_trigger_that_writes_protected_rows_rolls_back
            a_trigger_that_changes_loaded_values_rolls_back
            a_trigger_that_changes_another_lookup_table_rolls_back
            a_trigger_that_changes_rows_outside_the_condition_rolls_back
            a_constraint_of_the_target_rolls_back
            a_failing_migration_rolls_back
            a_schema_that_ends_up_different_rolls_back
            a_target_in_use_is_busy
            a_backup_that_cannot_be_written_stops_everything
            a_plan_is_stale_when_the_target_changes
            a_plan_is_stale_when_the_source_changes
            ;
        history:
            a_migration_this_checkout_lacks
            a_source_behind_its_target
            a_migration_edited_after_it_ran
            two_migrations_with_one_version
            a_migration_that_commits_by_itself
            an_older_migration_runs_with_a_warning
            an_older_migration_is_refused_where_that_is_said
            a_migration_that_development_lacks_waits
            ;
        recording:
            an_edited_migration_shows_what_changed
            a_migration_edited_after_both_ran_it_is_a_warning
            ends_that_ran_different_texts
            what_other_programs_ran_is_recorded
            only_what_was_applied_is_recorded
            an_older_ledger_has_no_texts
            ;
        parts:
            a_run_is_split_where_it_must_be
            what_was_committed_stays_and_the_next_run_goes_on
            what_fails_outside_a_transaction_is_told
            a_failure_in_the_first_part_changes_nothing
            edits_between_two_parts_stop_the_run
            migrations_between_two_parts_stop_the_run
            a_run_that_is_killed_between_parts_goes_on
            ;
        splitting: development_is_migrated_in_parts;
        random: any_schema_is_promoted_or_left_alone;
        importing:
            edited_files_are_imported_once
            an_import_that_fails_changes_nothing
            files_that_contradict_each_other_are_refused
            keys_that_mean_something_are_imported
            an_unedited_export_changes_nothing
            ;
        refusing:
            referenced_rows_block
            a_key_that_others_refer_to_does_not_change
            extra_rows_block_where_they_are_refused
            one_database_cannot_be_both_ends
            a_database_with_another_stamp
            unclassified_tables_warn_once_and_block_twice
            a_lookup_table_that_is_nowhere
            a_lookup_table_without_a_key
            columns_that_differ_block
            a_column_that_nobody_fills
            a_key_that_a_row_outside_the_condition_may_share
            a_key_that_a_row_outside_the_condition_has
            a_unique_value_that_a_row_keeps
            a_parent_that_does_not_come_along
            a_parent_that_its_condition_leaves_out
            ;
        rehearsing:
            counts_hold_through_a_migration
            a_plan_with_a_rehearsal_goes_stale
            drift_is_told_from_what_is_pending
            a_migration_that_fails_in_the_rehearsal_blocks
            protected_rows_count_where_they_are
            a_key_that_is_new_is_rehearsed
            ;
        returning:
            a_restore_brings_back_rows_and_schema
            a_restore_fills_an_emptied_database
            an_empty_database_has_a_way_back
            a_damaged_backup_is_refused
            a_backup_of_another_environment_is_refused
            old_backups_are_thinned_out
            the_backup_that_is_restored_is_not_thinned_out
            ;
        stamping:
            a_copy_of_the_other_end_is_told_and_can_be_stamped
            a_stamp_tells_a_database_from_its_copy
            one_id_is_in_one_database
            a_database_of_another_project
            a_database_that_was_moved_warns_at_most
            a_stamp_is_a_run_and_changes_nothing_else
            a_database_is_stamped_as_one_environment
            an_older_stamp_says_less_until_the_next_run
            ;
        waiting:
            a_lock_that_stays_is_given_up a_lock_that_goes_away_is_waited_out
            what_changed_in_a_pause_makes_the_plan_stale;
    }
    postgres {
        arriving:
            sequences_are_left_as_they_are
            foreign_keys_may_lead_to_another_collation
            ;
        rehearsing:
            a_rehearsal_leaves_no_database_behind
            settings_of_the_database_hold_in_the_rehearsal
            a_role_without_the_right_is_not_rehearsed
            rows_that_refer_to_protected_ones_are_not_rehearsed
            a_run_that_goes_otherwise_than_rehearsed_rolls_back
            ;
        splitting:
            a_new_value_is_committed_before_rows_use_it
            a_new_value_is_committed_before_a_migration_uses_it
            nobody_comes_between_two_parts
            what_is_deferred_is_checked_after_each_migration
            what_no_transaction_may_hold_is_found
            ;
        waiting:
            a_lock_on_a_lookup_table_is_given_up
            a_lock_that_a_migration_meets_is_given_up
            what_is_committed_is_not_tried_again
            a_statement_that_takes_too_long_is_stopped
            a_rehearsal_that_takes_too_long_blocks
            ;
    }
    sqlite {
        splitting: a_setting_that_a_migration_leaves_ends_with_it;
        refusing: two_kinds_of_database_do_not_mix;
        returning: a_write_ahead_log_changes_nothing;
    }
}

/// Development, Test, and what lies between them.
struct Stage {
    root: TempDir,
    migrations: Migrations,
    dev: Database,
    test: Database,
    config: Config,
}

const BASE: &str = "2024-01-01-000000_base";

const BASE_UP: &str = "CREATE TABLE fee_groups (id integer PRIMARY KEY, code text NOT NULL UNIQUE, label text);\n\
    CREATE TABLE fee_items (id integer PRIMARY KEY, group_id integer NOT NULL REFERENCES fee_groups (id) ON DELETE CASCADE, \
    label text NOT NULL, amount numeric);\n\
    CREATE TABLE merchants (id integer PRIMARY KEY, name text NOT NULL, group_id integer REFERENCES fee_groups (id) ON DELETE SET NULL);\n";

const DEV_ROWS: &str = "INSERT INTO fee_groups VALUES (1, 'card', 'Cards'), (2, 'cash', 'Cash'), (10, 'wire', NULL); \
    INSERT INTO fee_items VALUES (1, 1, 'credit', 1.50), (2, 1, 'debit', 0.5), (3, 2, 'coins', NULL), (11, 10, 'abroad', 12)";

const TABLES: &str = "protected = [\"merchants\"]\n[[lookup]]\ntable = \"fee_groups\"\n[[lookup]]\ntable = \"fee_items\"\n";

impl Stage {
    /// Two empty databases and no migration.
    fn empty(backend: Backend) -> Self {
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
        }
    }

    /// Development is migrated and has rows; Test is empty.
    fn ready(backend: Backend) -> Self {
        let stage = Self::empty(backend);
        stage.migrations.write(BASE, BASE_UP);
        stage.migrate();
        stage.dev.run(DEV_ROWS);
        stage
    }

    /// Test has what Development has, and a merchant for each of the first two groups.
    fn promoted(backend: Backend) -> Self {
        let mut stage = Self::ready(backend);
        // Rehearsals of what a test does not look at would take most of its time.
        let rehearsal = stage.config.pipeline[1].rehearsal;
        stage.do_not_rehearse();
        stage.promote();
        stage.config.pipeline[1].rehearsal = rehearsal;
        stage
            .test
            .run("INSERT INTO merchants VALUES (1, 'Ann', 1), (2, 'Bob', 2), (3, 'Cyd', NULL)");
        stage
    }

    /// Another `sync.toml` behind the environments.
    fn configure(&mut self, tables: &str) {
        self.config = configuration(
            &self.root,
            &self.migrations,
            &self.dev.url,
            &self.test.url,
            tables,
        );
    }

    /// The target now asks twice.
    fn make_strict(&mut self) {
        self.config.pipeline[1].confirm.push("REALLY".to_owned());
    }

    /// Pending migrations are not tried on a copy first.
    fn do_not_rehearse(&mut self) {
        self.config.pipeline[1].rehearsal = RehearsalSetting::Off;
    }

    fn migrate(&self) {
        migrate(&self.config, &mut |_| {}).unwrap();
    }

    fn try_plan(&self) -> anyhow::Result<Plan> {
        let promotion = self.config.promotion("dev-to-test")?;
        Ok(look(&self.config, &promotion, false)?.plan)
    }

    fn plan(&self) -> Plan {
        self.try_plan().unwrap()
    }

    /// Carries out a plan that was approved.
    fn carry_out(&self, plan: &Plan) -> (Report, Result<(), Problem>) {
        let promotion = self.config.promotion("dev-to-test").unwrap();
        let mut report = Report::new(&promotion.name(), &plan.id, &plan.warnings);
        let ended = promote(&self.config, &promotion, plan, &mut report, &mut |_| {});
        (report, ended.map_err(|error| Problem::of(&error)))
    }

    fn promote(&self) -> Report {
        let plan = self.plan();
        assert_eq!(plan.blockers, []);
        let (report, ended) = self.carry_out(&plan);
        ended.unwrap();
        report
    }

    /// The one blocker of the plan; carrying it out all the same is refused with it, and neither
    /// end is changed.
    fn blocked(&self) -> Problem {
        let before = self.everything();
        let plan = self.plan();
        let [blocker] = plan.blockers.as_slice() else {
            panic!("{:?}", plan.blockers)
        };
        let (_, ended) = self.carry_out(&plan);
        assert_eq!(ended.unwrap_err(), *blocker);
        assert!(blocker.hint.is_some());
        assert_eq!(self.everything(), before);
        assert_eq!(self.backups().len(), usize::from(self.has_run()));
        blocker.clone()
    }

    /// A plan without blockers fails when it is carried out, and neither end is changed.
    fn fails(&self) -> Problem {
        let plan = self.plan();
        assert_eq!(plan.blockers, []);
        let before = self.everything();
        let (report, ended) = self.carry_out(&plan);
        let problem = ended.unwrap_err();
        assert!(!report.verified);
        assert_eq!(self.everything(), before);
        problem
    }

    fn has_run(&self) -> bool {
        let exists = match self.test.backend {
            Backend::Postgres => "SELECT to_regclass('__sync_runs')",
            Backend::Sqlite => "SELECT name FROM sqlite_schema WHERE name = '__sync_runs'",
        };
        self.test.texts(exists).first().is_some_and(Option::is_some)
    }

    fn everything(&self) -> [Vec<String>; 2] {
        [self.dev.everything(), self.test.everything()]
    }

    fn backups(&self) -> Vec<Backup> {
        backup::list(&self.config.backup, Some("test")).unwrap()
    }

    /// The lookup rows of both ends are the same.
    fn assert_in_sync(&self) {
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

    fn merchants(&self) -> String {
        self.test
            .line("SELECT id || name || coalesce(group_id, 0) FROM merchants ORDER BY id")
    }
}

/// The codes of some problems.
fn codes(problems: &[Problem]) -> Vec<Code> {
    problems.iter().map(|problem| problem.code).collect()
}
