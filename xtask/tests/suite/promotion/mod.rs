//! Promotions as a whole, from look to report, between two real databases.

mod adopting;
mod approving;
mod arriving;
mod baselining;
mod clashing;
mod committing;
mod configuring;
mod copying;
mod data_loss;
mod drifting;
mod editing;
mod effects;
mod ending;
mod ending_rows;
mod exporting;
mod extensions;
mod failing;
mod foreign;
mod history;
mod importing;
mod limiting;
mod mixing;
mod orphans;
mod parts;
mod pending;
mod preview;
mod proving;
mod random;
mod recording;
mod referring;
mod refusing;
mod rehearsing;
mod rehearsing_parts;
mod resolving;
mod retired;
mod returning;
mod rights;
mod splitting;
mod stage;
mod stamping;
mod unchanged_rows;
mod unique_release;
mod unloadable;
mod views;
mod waiting;

use crate::support::suite;
use configuring::{configuration, configured};
use stage::{BASE, BASE_UP, DEV_ROWS, Stage, TABLES, codes};

suite! {
    both {
        adopting:
            a_hotfix_comes_home
            what_cannot_be_adopted_is_refused
            a_deletion_comes_home_where_rows_are_retired
            what_was_adopted_is_never_taken_for_a_spreadsheets_work
            what_no_import_deletes_is_deleted_by_hand
            ;
        approving:
            a_row_of_the_source_changed
            a_row_of_the_target_changed
            the_schema_of_the_target_changed
            a_migration_came_in_between
            another_database_has_the_same_contents
            what_was_approved_is_carried_out_once
            what_may_be_lost_is_approved
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
        baselining:
            a_schema_that_is_there_is_taken_over
            a_schema_that_differs_is_not_taken_over
            a_squashed_history_goes_through
            ;
        clashing: a_retired_row_keeps_what_is_unique a_key_of_another_type names_that_are_in_the_way
            a_column_that_one_end_computes any_other_name_is_in_nobodys_way;
        copying: migrations_meet_protected_rows_in_the_plan;
        committing: the_ledger_says_whether_it_was_committed;
        data_loss: a_loss_warns_where_one_yes_is_enough a_loss_has_to_be_allowed_where_two_are_asked
            only_migrations_that_are_there_can_be_allowed rows_are_measured_again_under_the_lock
            more_rows_of_the_same_are_approved what_a_trigger_does_is_measured what_was_not_tried_rolls_back
            a_migration_outside_a_transaction_is_measured
            rows_of_lookup_tables_are_lost_where_they_are_the_targets_own;
        effects: each_kind_of_loss_is_measured what_keeps_every_row_needs_no_leave
            rows_of_a_migration_are_nobodys_loss each_migration_has_its_own_effects
            rows_without_a_key_are_told_by_all_they_hold;
        drifting:
            drift_warns_once_and_blocks_twice
            drift_does_what_the_environment_says
            ignored_differences_do_not_count
            ;
        editing:
            edits_are_overwritten_and_shown
            edits_are_kept
            a_kept_row_keeps_what_it_refers_to
            edits_are_kept_through_a_migration
            edits_are_refused
            a_hotfix_that_arrives_is_no_conflict
            a_new_column_is_no_edit
            a_restore_is_no_edit
            what_is_not_promoted_is_no_edit
            without_the_promoted_rows_the_digest_tells
            what_was_promoted_is_kept_beside_the_exports
            an_older_ledger_knows_nothing
            every_edited_row_is_shown_on_demand
            ;
        exporting:
            an_edited_export_is_never_replaced_unasked
            an_edit_after_the_plan_stops_the_run
            what_was_imported_may_be_replaced
            only_files_with_other_contents_are_in_the_way
            a_killed_export_is_no_edit
            adopting_brings_the_adopted_rows_and_no_other
            what_was_adopted_is_not_replaced_before_it_is_imported
            adopting_never_replaces_an_edited_file
            an_import_takes_the_tables_that_are_named
            ;
        retired:
            retired_rows_are_no_edit a_retired_row_comes_back
            a_row_that_is_gone_on_the_target_and_off_in_the_source_is_no_edit
            ;
        unloadable:
            rows_that_the_condition_leaves_to_others_are_refused
            a_reference_with_a_part_missing_is_refused keys_that_are_equal_to_the_database_are_refused
            values_that_are_unique_are_told_by_line a_bad_value_in_a_key_hides_nothing_else
            what_a_check_refuses_is_told_by_line values_that_an_index_takes_for_the_same_block
            ;
        failing:
            a_trigger_that_writes_protected_rows_rolls_back
            a_trigger_that_changes_loaded_values_rolls_back
            a_trigger_that_changes_another_lookup_table_rolls_back
            a_trigger_that_changes_rows_outside_the_condition_rolls_back
            a_constraint_of_the_target_rolls_back
            a_failed_run_is_in_the_history
            a_failing_migration_rolls_back
            a_schema_that_ends_up_different_rolls_back
            a_target_in_use_is_busy
            a_backup_that_cannot_be_written_stops_everything
            a_plan_is_stale_when_the_target_changes
            a_plan_is_stale_when_the_source_changes
            ;
        history:
            many_of_a_kind_are_one_finding
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
            another_transaction_is_another_migration
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
        ending:
            a_sequence_is_carried_in_two_runs
            no_rows_are_loaded_where_later_migrations_change_their_columns
            what_a_migration_does_to_rows_that_stay_needs_leave
            the_end_is_part_of_what_is_approved
            an_end_that_cannot_be_is_refused
            what_no_migration_up_to_the_end_makes_is_drift
            an_end_among_several_parts
            what_the_source_lacks_before_the_end_is_told
            production_gets_what_test_was_given
            ;
        ending_rows: edits_are_known_after_a_run_without_rows;
        limiting:
            a_table_is_emptied_only_with_leave_where_two_confirmations_are_asked
            many_rows_go_only_with_leave_and_few_without
            a_limit_that_is_set_holds_everywhere
            rows_that_are_switched_off_count_and_those_that_are_off_do_not
            rows_that_stay_or_come_leave_a_table_that_is_not_empty
            rows_that_a_migration_takes_away_count
            leave_to_delete_is_part_of_what_is_approved
            only_lookup_tables_can_be_named_to_lose_rows
            ;
        preview:
            cells_that_are_only_inserted_are_not_shown_as_changed
            rows_to_retire_are_shown_as_they_will_be
            what_retires_is_shown_as_the_column_spells_it
            rows_are_shown_as_the_migrations_leave_them
            ;
        splitting: development_is_migrated_in_parts what_no_transaction_may_hold_is_found;
        mixing: a_part_that_does_not_travel a_part_that_does_not_travel_lets_rows_move
            a_computed_part_or_some_rows_only a_value_that_retires_is_taken
            a_value_of_an_edited_row_is_taken a_default_that_refers_to_nothing;
        pending: what_a_pending_migration_adds_blocks_no_status;
        orphans: a_reference_that_cannot_be_looked_up_is_a_blocker a_row_without_its_key_cannot_be_looked_up
            a_reference_that_cannot_be_looked_up_is_not_exported
            a_target_that_refers_to_nothing_is_no_target_with_null a_key_of_the_target_that_leads_nowhere_is_named
            an_orphan_of_the_source_is_a_missing_parent an_orphan_that_both_ends_have_is_left_alone
            foreign_keys_that_share_a_column_do_not_empty_it;
        random: any_schema_is_promoted_or_left_alone;
        importing:
            edited_files_are_imported_once
            an_import_that_fails_changes_nothing
            files_that_contradict_each_other_are_refused
            an_export_of_another_moment_is_imported
            keys_that_mean_something_are_imported
            an_unedited_export_changes_nothing
            ;
        unique_release: a_value_that_is_let_go_is_in_no_other_indexs_way a_flag_moves_though_rows_are_referred_to
            rows_that_come_to_refer_to_each_other_exchange_values what_does_not_travel_stays_though_values_move;
        referring: a_computed_column_that_others_refer_to_counts what_refers_to_computed_columns_moves_with_them
            what_retires_a_row_counts_as_a_change a_value_that_is_only_respelled_is_no_change;
        refusing:
            referenced_rows_block
            a_key_that_others_refer_to_does_not_change
            extra_rows_block_where_they_are_refused
            one_database_cannot_be_both_ends
            a_database_with_another_stamp
            unclassified_tables_warn_once_and_block_twice
            a_lookup_table_that_is_nowhere
            a_setting_that_the_database_cannot_read a_lookup_table_without_a_key
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
            what_was_tried_is_not_tried_again
            drift_is_told_from_what_is_pending
            a_migration_that_fails_in_the_rehearsal_blocks
            protected_rows_count_where_they_are
            a_key_that_is_new_is_rehearsed
            ;
        rehearsing_parts:
            a_run_in_parts_is_rehearsed
            what_reaches_beyond_its_database_is_not_rehearsed
            ;
        unchanged_rows:
            a_trigger_cannot_reach_rows_of_a_table_that_has_nothing_to_do
            a_trigger_cannot_reach_rows_that_are_kept
            a_trigger_may_do_what_development_shows
            a_row_that_is_switched_off_lets_go_of_its_values
            a_row_that_is_switched_off_takes_a_value
            ;
        proving:
            damage_is_found_before_the_target_is_touched
            a_backup_of_another_database_is_refused
            no_row_is_lost_during_a_restore
            a_backup_is_proved_on_demand
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
            no_other_environment_is_written_by_a_wrong_url
            development_is_no_other_environment
            other_environments_that_cannot_be_reached_are_no_reason
            what_was_promoted_to_no_test_reaches_no_production
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
        clashing: values_that_cannot_change_places references_to_values_that_change_places
            keys_that_are_equal_to_the_database a_number_that_only_the_database_gives
            foreign_keys_are_not_inherited values_of_a_constraint_that_waits_change_places
            only_the_columns_that_are_named_are_emptied names_that_hang_on_the_search_path
            a_partition_is_no_table_of_its_own;
        rehearsing:
            a_rehearsal_leaves_no_database_behind
            settings_of_the_database_hold_in_the_rehearsal
            a_role_without_the_right_is_not_rehearsed
            a_run_that_goes_otherwise_than_rehearsed_rolls_back
            ;
        copying: beyond_the_limit_protected_rows_are_not_copied what_cannot_be_copied_whole_is_copied_as_a_schema
            rows_that_refer_to_protected_ones_are_not_rehearsed;
        failing: messages_have_no_rows;
        rights: whoever_looks_needs_to_read_no_more_than_lookup_tables
            a_rehearsal_needs_to_read_everything_and_a_database
            loading_rows_needs_to_write_lookup_tables_and_the_ledger
            owning_a_schema_is_enough_for_migrations_and_for_the_way_back;
        proving:
            rights_are_those_of_the_backup
            objects_of_every_kind_are_replaced
            a_backup_that_cannot_be_proved_stops_the_promotion
            whoever_may_make_no_database_is_told_the_way_out
            ;
        committing:
            a_promotion_whose_commit_is_not_answered
            nobody_can_say_whether_a_promotion_was_committed
            a_part_whose_commit_is_not_answered
            whatever_commits_asks_the_ledger
            ;
        foreign:
            settings_that_weaken_the_target_are_taken_back
            a_setting_that_may_not_be_taken_back_is_refused
            a_lock_is_waited_for_in_every_language
            what_went_wrong_is_told_by_its_code
            no_language_tells_values
            whoever_writes_down_what_is_defined_is_in_nobodys_way
            ;
        ending: without_the_right_to_make_a_database_no_schema_is_known;
        ending_rows: no_rows_are_loaded_into_columns_of_another_type no_rows_are_loaded_into_a_type_without_their_values;
        extensions: values_of_extensions_arrive values_of_extensions_that_are_taken_are_blockers;
        data_loss: a_loss_that_the_copy_did_not_show_rolls_back a_copy_of_the_schema_shows_what_is_dropped;
        effects: types_that_keep_every_value_are_no_loss values_that_another_type_changes_are_counted
            rows_that_go_with_a_lookup_row_are_measured rows_of_partitions_are_measured;
        unique_release: domains_over_enums_are_keys what_is_referred_to_waits_by_its_foreign_keys
            a_key_that_is_respelled_takes_two_steps what_does_not_travel_is_no_way_out
            rows_change_places_though_a_part_is_null;
        retired: a_retired_value_that_is_none_of_its_column
            rows_are_retired_by_values_that_cannot_be_compared;
        rehearsing_parts: a_part_that_changes_the_server_is_not_committed_on_the_copy names_of_tables_reach_nowhere;
        splitting:
            a_new_value_is_committed_before_rows_use_it
            a_new_value_is_committed_before_a_migration_uses_it
            a_new_value_that_nothing_tried_ends_a_promotion
            nobody_comes_between_two_parts
            an_invalid_index_is_not_taken_for_the_one_to_make
            what_is_deferred_is_checked_after_each_migration
            ;
        preview: a_value_too_long_to_retire_by_is_named;
        resolving: a_name_that_is_another_table_at_each_end_is_a_blocker
            a_table_that_only_one_end_has_in_its_first_schema_is_a_blocker;
        views: materialized_views_that_show_old_rows_are_named;
        waiting:
            a_lock_on_a_lookup_table_is_given_up
            a_lock_that_a_migration_meets_is_given_up
            what_is_committed_is_not_tried_again
            a_statement_that_takes_too_long_is_stopped
            a_rehearsal_that_takes_too_long_blocks
            ;
    }
    sqlite {
        views: a_search_index_that_triggers_keep_follows_a_promotion;
        splitting: a_setting_that_a_migration_leaves_ends_with_it;
        clashing: names_are_one_whatever_their_case;
        mixing: conditions_mean_what_they_meant_when_they_were_written
            a_default_that_is_a_word_alone;
        unloadable: a_check_is_read_as_it_was_written;
        refusing: two_kinds_of_database_do_not_mix;
        unchanged_rows: rows_are_not_replaced_unseen a_parameter_in_a_condition;
        rehearsing: a_migration_that_breaks_references_is_named
            references_to_rows_that_are_to_come_are_no_fault;
        rehearsing_parts: a_part_that_stays_open_is_found_out
            a_part_that_breaks_references_is_found_out;
        proving: no_row_is_lost_during_a_restore_with_a_log;
        returning: a_write_ahead_log_changes_nothing;
    }
}
