//! Every sentence of the contracts in `xtask/src/database/mod.rs`, on every backend.

mod boundary;
mod catalog;
mod circles;
mod foreign_keys;
mod identity;
mod ledger;
mod limits;
mod loading;
mod looking;
mod properties;
mod references;
mod remaining_rows;
mod renames;
mod restoring;
mod retiring;
mod rows;
mod rows_with_values;
mod scripts;
mod servers;
mod shapes;
mod spelling;
mod swaps;
mod tangles;
mod values;
mod watching;
mod writing;

use xtask::database::{self, Session};
use xtask::model::backend::Backend;
use xtask::model::ledger::PromotedLookup;
use xtask::model::rows::lookup::Lookup;
use xtask::model::rows::lookup::settings::LookupSettings;
use xtask::model::rows::row::LookupState;
use xtask::model::schema::table::TableName;
use xtask::problem::Problem;

use crate::support::database::Database;
use crate::support::suite;

suite! {
    both {
        catalog:
            migrations_leave_the_same_with_rows_and_without
            how_a_schema_is_laid_out_does_not_count
            what_stands_in_texts_counts
            ;
        loading:
            rows_come_change_and_go
            only_rows_that_differ_are_written
            extra_rows_stay_or_refuse
            insert_only_columns_come_once
            rows_outside_the_condition_are_left_alone
            a_key_may_be_another_than_the_primary_key
            keys_of_every_kind_are_matched
            names_may_be_odd
            generated_columns_are_computed_by_the_target
            a_broken_constraint_is_told
            ;
        swaps:
            unique_values_rotate
            unique_values_of_referenced_rows_rotate
            short_values_of_many_referenced_rows_rotate
            unique_numbers_swap
            unique_pairs_swap
            part_of_the_key_may_be_unique_with_another_column
            a_partly_unique_value_swaps
            values_that_are_unique_when_computed_swap
            values_with_rules_of_their_own_swap
            unique_values_that_are_referred_to_swap
            values_that_may_not_be_empty_swap
            ;
        tangles:
            trees_are_moved_and_pruned
            a_root_that_goes_takes_nobody_along
            children_move_to_new_parents
            a_protected_row_keeps_what_it_refers_to
            ;
        identity:
            every_environment_keeps_its_own_numbers
            new_rows_take_numbers_that_nobody_has
            references_are_named_in_the_file
            rows_known_by_name_may_refer_in_circles
            a_parent_that_is_nowhere_is_named
            a_key_that_does_not_tell_rows_apart_is_refused
            a_composite_reference_is_named_in_part
            ignored_columns_are_left_alone
            ;
        retiring:
            rows_are_switched_off_instead_of_deleted
            a_retired_row_comes_back
            ;
        circles:
            tables_refer_to_each_other_in_a_circle
            a_circle_that_goes_goes_as_a_whole
            children_follow_a_value_that_changes
            ;
        shapes:
            views_are_refused
            columns_may_stand_in_another_order
            triggers_run_as_they_always_do
            ;
        properties: any_rows_arrive;
        foreign_keys: the_catalog_tells_what_foreign_keys_do;
        references:
            every_action_is_told_in_its_words
            rows_are_told_by_the_key_that_means_something
            every_foreign_key_is_told_for_itself
            several_columns_refer_together
            cascades_are_followed_to_their_end
            a_tree_goes_with_its_root
            references_are_counted_over_many_batches_of_keys
            rows_that_are_refused_are_not_walked
            ;
        remaining_rows:
            rows_that_go_or_move_do_not_count
            rows_that_the_condition_leaves_out_count
            rows_that_are_kept_count
            rows_whose_reference_never_changes_count
            a_cascade_through_lookup_rows_is_followed
            children_of_kept_rows_go_or_stay
            a_lookup_tree_counts_what_stays
            kept_rows_are_known_by_what_they_mean
            ;
        renames:
            every_action_upon_a_change_is_told
            an_empty_text_is_another_value_than_none
            two_values_that_change_places_count
            only_columns_that_are_referred_to_count
            a_change_is_followed_as_far_as_it_goes
            an_emptied_column_counts_for_who_refers_to_it
            lookup_rows_that_follow_a_change_do_not_count
            a_change_of_the_parent_of_a_row_is_a_change
            ;
        looking:
            an_empty_database_stays_empty
            looking_leaves_everything_as_it_is
            one_moment_is_seen
            a_backup_holds_the_same_moment
            identity_tells_databases_apart
            migrations_come_in_order_with_what_ran
            bookkeeping_is_in_no_catalog
            the_catalog_describes_tables
            equal_schemas_have_equal_catalogs
            every_change_of_schema_is_a_difference
            a_database_that_is_not_there_is_unreachable
            ;
        rows:
            integer_keys_come_by_value
            text_keys_come_by_bytes
            composite_keys_come_field_by_field
            hashes_are_those_of_the_rows
            values_that_look_alike_hash_apart
            only_rows_of_the_condition_come
            rows_are_found_by_key
            references_are_counted
            ;
        rows_with_values: rows_are_found_by_what_they_hold;
        spelling: values_are_spelled_as_the_database_would;
        values: every_value_comes_back_as_it_was;
        watching:
            every_change_of_a_row_is_counted
            other_tables_are_not_counted
            what_a_trigger_writes_is_counted
            ;
        ledger:
            the_ledger_is_read_as_it_was_written
            runs_are_in_the_order_in_which_they_were_recorded
            a_ledger_that_is_not_whole_is_read_or_named
            ;
        scripts: a_failing_migration_is_named_with_its_line;
        writing:
            a_second_target_is_busy
            another_database_is_not_locked
            a_dropped_target_leaves_everything
            nobody_sees_anything_before_the_commit
            migrations_are_recorded_as_diesel_does
            others_read_on_while_a_table_is_held
            constraints_are_checked_at_the_end
            ;
        boundary:
            a_migration_that_ends_the_transaction_is_found_out
            a_migration_that_fails_leaves_the_transaction_as_it_was
            nothing_in_the_session_outlives_a_migration
            ;
    }
    postgres {
        boundary: a_lost_connection_has_committed_nothing;
        catalog:
            every_change_by_hand_is_told_and_no_other
            the_way_to_a_schema_does_not_matter
            comments_grants_and_storage_count_on_demand
            every_version_of_the_server_says_the_same
            ;
        foreign_keys:
            foreign_keys_of_every_place_count
            a_partitioned_table_is_referred_to
            values_are_compared_as_the_server_compares_them
            keys_are_told_apart_by_bytes
            trees_of_every_type_are_counted
            a_table_that_may_not_be_read_is_named
            ;
        tangles:
            identities_are_given
            an_identity_beside_the_key_stays_or_comes
            an_identity_that_would_have_to_change_is_refused
            sequences_are_raised_and_never_lowered
            a_descending_sequence_goes_on_below_the_lowest
            a_row_goes_whatever_its_columns_demand
            a_table_may_be_in_another_schema
            ;
        swaps: values_at_their_limit_swap a_boundary_between_two_periods_moves;
        shapes:
            inheritance_is_refused
            a_partitioned_table_is_loaded_as_one
            a_number_that_a_default_draws_is_raised
            ;
        restoring: a_backup_is_restored_whatever_its_functions_read;
        retiring: a_value_that_is_none_is_told_with_its_table;
        looking: a_function_cannot_write_while_looking;
        servers: settings_of_a_database_change_nothing rows_that_a_policy_hides_are_an_error
            bytes_of_a_database_without_an_encoding_are_refused;
        rows: every_type_hashes_as_it_reads;
        spelling: types_with_a_limit_refuse_what_is_too_long
            keys_that_differ_in_spelling_only_arrive_as_spelled;
        watching: cascades_are_counted truncation_is_counted partitions_are_counted_with_their_table;
        limits:
            a_session_that_writes_is_not_kept_for_ever
            limits_outlive_a_migration_that_changes_them
            whoever_waits_for_whom_is_told
            ;
        scripts: a_script_means_what_it_means_to_the_server;
        writing: a_migration_may_change_the_session the_lock_ends_with_the_session;
    }
    sqlite {
        boundary: an_error_that_rolls_back_has_committed_nothing nothing_risky_runs_for_a_schema_that_others_wrote;
        catalog:
            every_change_of_text_is_told_and_no_other
            the_way_and_the_spelling_do_not_matter
            ;
        foreign_keys:
            the_collation_and_the_type_of_the_parent_decide
            foreign_keys_as_statements_write_them
            ;
        tangles: automatic_numbers_go_on_above_the_highest a_strict_table_keeps_its_classes;
        spelling: a_strict_column_takes_its_own_class_only
            keys_that_are_equal_as_numbers_arrive_as_spelled
            keys_that_are_equal_change_under_their_children
            ;
        rows: every_storage_class_in_one_column;
        servers: text_in_another_encoding_arrives text_that_is_none_is_refused;
        watching: replacing_a_row_is_counted;
        writing: references_that_were_broken_before_do_not_count rebuilding_a_parent_keeps_its_children;
    }
}

fn open(database: &Database) -> Box<dyn Session> {
    database::open(&database.checked_url()).unwrap()
}

fn name(table: &str) -> TableName {
    TableName::parse(table).unwrap()
}

fn settings(table: &str) -> LookupSettings {
    LookupSettings::of(name(table))
}

/// The lookup table as this session sees it.
fn lookup(session: &mut dyn Session, table: &str) -> Lookup {
    Lookup::resolve(&settings(table), &[], &session.catalog().unwrap(), "Test").unwrap()
}

/// What is written differently for the two.
fn either<'text>(backend: Backend, postgres: &'text str, sqlite: &'text str) -> &'text str {
    match backend {
        Backend::Postgres => postgres,
        Backend::Sqlite => sqlite,
    }
}

fn problem<T>(outcome: anyhow::Result<T>) -> Problem {
    match outcome {
        Ok(_) => panic!("this was to fail"),
        Err(error) => Problem::of(&error),
    }
}

/// What a run leaves in the ledger of a lookup table.
fn promoted_lookup(id: &str) -> PromotedLookup {
    let state = |rows, what: &str| LookupState {
        rows,
        digest: format!("{what}-{id}"),
    };
    PromotedLookup {
        table: TableName::new(Some("bill.ing"), "fees"),
        promoted: state(3, "promoted"),
        held: state(4, "held"),
        columns: vec!["id".to_owned(), "a \"b\" é".to_owned()],
        key: vec!["id".to_owned()],
        filter: Some("region = 'global'".to_owned()),
    }
}
