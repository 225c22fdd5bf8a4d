//! The conformance suite: the list of its cases, and what a store must provide to run them.

use soundstage_server::directory::{Directory, Seed};

/// A store under test, with a database of its own that is removed with it.
pub(crate) trait TestStore: Sized {
    /// Opens a fresh database.
    fn open(seed: &Seed, bounds: &Bounds) -> Self;

    /// Closes the database and opens it again.
    fn reopen(self, seed: &Seed) -> Self;

    fn directory(&self) -> &Directory;
}

/// The bounds of a store. The default is small, so that few users reach it.
pub(crate) struct Bounds {
    /// The number of matches of a search that are counted.
    pub(crate) count_limit: u32,
    /// The number of slow reads that run at the same time.
    pub(crate) slow_reads: usize,
    /// The number of slow reads that wait.
    pub(crate) queue: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            count_limit: 20,
            slow_reads: 2,
            queue: 64,
        }
    }
}

/// Runs every case on a store, as tests of their own: `conformance!(module_name, StoreType)`.
macro_rules! conformance {
    ($name:ident, $store:ty) => {
        mod $name {
            conformance! { @cases $store;
                pages {
                    every_order_and_filter_pages_like_a_plain_sort,
                    a_search_finds_parts_of_names_and_addresses_and_the_id,
                    a_search_finds_one_and_two_japanese_characters,
                    a_total_above_the_limit_is_a_lower_bound,
                    a_page_continues_after_a_user_that_was_deleted,
                    a_page_names_the_newest_change_that_it_includes,
                    an_empty_directory_is_an_empty_page,
                    a_filter_of_types_has_its_own_total,
                }
                blocks {
                    every_match_is_in_one_block,
                    every_user_of_a_type_is_in_one_block,
                    a_block_of_a_type_contains_each_change_before_it,
                    many_ids_are_read_in_one_call,
                }
                changes {
                    an_added_user_is_read_back_with_its_times_and_revision,
                    a_user_added_again_keeps_its_creation_time,
                    a_taken_id_is_reported_and_nothing_changes,
                    id_zero_takes_the_id_above_the_highest,
                    id_zero_takes_a_free_id_once_the_highest_id_is_taken,
                    the_highest_id_does_not_slow_down_adds,
                    concurrent_adds_are_all_stored_once,
                    a_read_after_an_add_sees_the_user,
                    an_update_changes_its_fields_and_nothing_else,
                    a_stale_update_and_a_stale_delete_change_nothing,
                    one_of_many_updates_of_a_revision_succeeds,
                    an_update_that_breaks_a_rule_is_refused_with_its_fields,
                    changes_of_an_unknown_id_are_not_found,
                    a_deleted_user_that_is_added_again_has_a_new_revision,
                    a_search_follows_every_change,
                }
                imports {
                    a_conflict_is_skipped,
                    a_conflict_replaces_a_user_that_differs,
                    a_conflict_ends_the_import_before_its_row,
                    a_row_that_breaks_a_rule_is_counted_and_not_stored,
                    rows_without_an_id_take_free_ids,
                    an_import_resumes_at_its_stored_progress,
                    an_import_that_another_caller_continued_is_superseded,
                    progress_is_stored_up_to_a_conflict,
                    an_unnamed_import_stores_no_progress,
                    a_dry_run_decides_like_an_import_and_stores_nothing,
                    a_dry_run_counts_repeated_ids_across_batches,
                }
                events {
                    each_change_is_one_event_in_order,
                    a_watcher_resumes_after_a_sequence_number,
                    an_unknown_sequence_number_is_a_resync,
                    an_import_is_an_event_for_each_changed_row,
                    sequence_numbers_continue_after_a_restart,
                }
                seeds {
                    a_fresh_directory_has_the_first_users,
                    a_fresh_directory_has_the_users_of_a_file,
                    a_directory_that_exists_keeps_its_users,
                }
                slow_reads {
                    a_search_stops_once_its_caller_has_left,
                    a_queued_search_makes_room_once_its_caller_has_left,
                    a_search_beyond_the_queue_is_refused,
                    a_stream_that_has_begun_waits_for_room,
                    point_reads_are_answered_while_every_slow_read_is_busy,
                    an_interrupted_search_does_not_affect_the_next,
                    closing_ends_the_reads_that_still_run,
                }
            }
        }
    };
    (@cases $store:ty; $($module:ident { $($case:ident,)+ })+) => {
        $(
            mod $module {
                $(
                    #[tokio::test]
                    async fn $case() {
                        crate::$module::$case::<$store>().await;
                    }
                )+
            }
        )+
    };
}
