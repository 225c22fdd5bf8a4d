//! Every bound of the server. A test generates the table in `docs/limits.md` from this file.

use std::time::Duration;

/// Declares limits: each is a constant, and a row of the table in `docs/limits.md`. The doc comment states the meaning
/// and the reason. `test` names the test that covers the value and one past it; `untested` says why there is none.
macro_rules! limits {
    ($(
        $section:literal {
            $(
                $(#[doc = $doc:literal])+
                $name:ident: $type:ty = $unit:ident($value:expr),
                $(set by $setting:literal,)?
                $(test $test:literal)? $(untested $excuse:literal)?;
            )+
        }
    )+) => {
        $($(
            $(#[doc = $doc])+
            pub(crate) const $name: $type = $value;
        )+)+

        #[cfg(test)]
        fn rows() -> Vec<table::Row> {
            vec![$($(
                table::Row {
                    section: $section,
                    name: stringify!($name),
                    value: table::$unit($name),
                    setting: concat!($("`", $setting, "`")?),
                    meaning: concat!($($doc),+),
                    test: concat!($("`", $test, "`")? $("none: ", $excuse)?),
                },
            )+)+]
        }
    };
}

limits! {
    "Connections" {
        /// Connections served at once. Further clients wait in the backlog of the operating system.
        MAX_CONNECTIONS: u32 = count(10_000),
            set by "--max-connections",
            test "a_client_over_the_limit_of_connections_waits_for_a_free_slot";
        /// The part of `MAX_CONNECTIONS` that one address may use, as a divisor: one half. The other half stays for other
        /// clients, and a reverse proxy, which is one address, has enough. Addresses of an IPv6 /64 network count as one.
        /// Past it: the connection is closed.
        ADDRESS_SHARE: u32 = count(2),
            set by "--max-connections-per-address",
            test "one_address_cannot_use_every_connection";
        /// Time in which a client must say which protocol it speaks, and send the headers of a request or the first
        /// message of a WebSocket. A slower client is disconnected, so that it cannot hold its slot.
        HEADER_TIMEOUT: Duration = time(Duration::from_secs(15)),
            set by "Settings::header_timeout",
            test "a_client_that_sends_no_complete_request_is_disconnected";
        /// Header list of an HTTP/2 request, as RFC 9113 counts it (32 bytes more per field). Browsers and gRPC clients
        /// send far less. Past it: 431.
        MAX_HEADER_LIST: u32 = bytes(16 * 1024),
            test "an_http2_header_list_over_the_limit_is_refused";
        /// Read buffer of an HTTP/1.1 connection, and so the longest head of a request. hyper accepts no less than
        /// 8 KiB. Past it: 431.
        HTTP1_BUFFER: usize = bytes(64 * 1024),
            test "an_http1_head_over_the_limit_is_refused";
        /// Concurrent streams of an HTTP/2 connection. A client that needs more opens another connection.
        MAX_STREAMS: u32 = count(256),
            test "a_stream_over_the_limit_waits_for_another_to_end";
        /// Bytes a client may send on a stream before the server has read them.
        STREAM_WINDOW: u32 = bytes(64 * 1024),
            test "the_http2_limits_are_announced";
        /// Bytes a client may send on all streams of a connection before the server has read them. `MAX_STREAMS` ×
        /// `STREAM_WINDOW` is less; the reason for the size is h2, which takes half of it as its budget for unread DATA
        /// frames under 256 bytes, each at 256 bytes less its length. Past the budget: GOAWAY `ENHANCE_YOUR_CALM`. The
        /// budget holds for five streams full of empty messages that nobody reads, or 47 of 40 bytes. With it, unread
        /// requests take at most 32 MiB of memory a connection.
        CONNECTION_WINDOW: u32 = bytes(32 * 1024 * 1024),
            test "parallel_streams_of_small_messages_outlast_a_reader_that_pauses";
        /// Response bytes that wait on an HTTP/2 stream for a slow client.
        SEND_BUFFER: usize = bytes(128 * 1024),
            untested "a client cannot see the buffers of the server";
        /// Response bytes that the operating system keeps for a connection whose client does not read, on Linux. Its own
        /// buffers grow to 4 MiB a connection. Bytes on their way to a client that reads do not count.
        UNSENT_BYTES: u32 = bytes(128 * 1024),
            untested "a client cannot see the buffers of the server";
        /// Interval of the pings on an HTTP/2 connection and on a WebSocket.
        PING_INTERVAL: Duration = time(Duration::from_secs(30)),
            set by "Settings::ping_interval",
            test "a_socket_that_answers_no_ping_is_closed";
        /// Time in which a client must answer a ping, and interval of the probes of TCP, which also find a client that is
        /// gone from a quiet HTTP/1.1 stream. Otherwise its connection is closed, so that its streams end.
        PING_TIMEOUT: Duration = time(Duration::from_secs(20)),
            set by "Settings::ping_timeout",
            test "a_socket_that_answers_no_ping_is_closed";
        /// Time in which a client must take the next part of a response, and send the rest of a message that it has
        /// begun. A unary request counts as begun. Then the call ends, over HTTP/1.1 with its connection. A stream
        /// without a message for its client is not stalled.
        STALL_TIMEOUT: Duration = time(Duration::from_secs(30)),
            set by "Settings::stall_timeout",
            test "every_kind_of_hold_ends_and_frees_its_connection";
        /// Bytes that a client must take within `STALL_TIMEOUT` from a connection whose buffers are full. A client on
        /// the slowest phone network takes more.
        MIN_PROGRESS: usize = bytes(16 * 1024),
            untested "takes 30 s, and depends on the buffers of the operating system";
        /// Time after which an HTTP/2 connection without a call is closed. gRPC clients connect anew by themselves.
        IDLE_TIMEOUT: Duration = time(Duration::from_mins(5)),
            set by "Settings::idle_timeout",
            test "every_kind_of_hold_ends_and_frees_its_connection";
        /// Pause after a failed `accept`, so that the lack of file descriptors does not cause a busy loop.
        ACCEPT_PAUSE: Duration = time(Duration::from_millis(50)),
            untested "needs a process without file descriptors";
    }
    "Calls" {
        /// Bytes of a request that the server reads and discards after its response. Over HTTP/1.1, a request that
        /// announces more closes its connection.
        MAX_DISCARD: usize = bytes(4 * 1024 * 1024),
            test "an_http1_connection_closes_after_a_request_that_is_too_long_to_discard";
        /// Time in which the server discards the rest of a request, so that a client cannot hold the stream.
        DISCARD_TIME: Duration = time(Duration::from_secs(2)),
            test "an_http1_connection_closes_after_a_request_that_is_too_long_to_discard";
        /// The smallest response of `ListUsers` that is compressed. Compressing a smaller one takes longer than sending it.
        MIN_COMPRESSED: usize = bytes(8 * 1024),
            test "only_large_responses_are_compressed_and_only_for_clients_that_accept_gzip";
        /// A request message, as sent and after inflating. The largest valid user takes 524 bytes. Past it:
        /// `RESOURCE_EXHAUSTED`.
        MAX_MESSAGE: usize = bytes(64 * 1024),
            test "a_message_over_the_limit_is_resource_exhausted";
        /// The longest deadline. A longer one, which `grpc-timeout` can express, counts as this one: the clock of the
        /// operating system could overflow.
        MAX_DEADLINE: Duration = time(Duration::from_hours(24 * 365)),
            test "a_deadline_in_the_past_is_exceeded_and_a_distant_one_is_accepted";
        /// Time after its deadline in which a call can still send its status to a client that takes no bytes. Then the
        /// stream, the WebSocket or the HTTP/1.1 connection is closed without one.
        DEADLINE_GRACE: Duration = time(Duration::from_secs(1)),
            test "a_deadline_ends_a_call_whose_client_does_not_read";
        /// Characters of a method path in the access log. The longest real path has 62; a longer one is truncated,
        /// so that a client cannot fill the log.
        MAX_LOGGED_PATH: usize = count(100),
            untested "the log only";
    }
    "WebSockets" {
        /// WebSockets open at once. Past it: 503.
        MAX_SOCKETS: usize = count(4096),
            set by "--max-websockets",
            test "sockets_over_the_limit_are_refused_until_one_closes";
        /// WebSockets open at once from one IP address. Past it: 503.
        MAX_SOCKETS_PER_ADDRESS: usize = count(256),
            set by "--max-websockets-per-address",
            test "sockets_over_the_limit_are_refused_until_one_closes";
        /// A WebSocket message, the first one with the headers included. Larger than `MAX_MESSAGE`, so that a call
        /// past that limit gets its gRPC status. Past it: close code 1009.
        MAX_SOCKET_MESSAGE: usize = bytes(256 * 1024),
            test "a_socket_message_over_the_limit_closes_the_socket";
        /// The first message of a WebSocket, which is the header list of the request, as RFC 9113 counts it (32 bytes
        /// more per field). As `MAX_HEADER_LIST`. Past it: close code 1009.
        MAX_SOCKET_HEADERS: usize = bytes(16 * 1024),
            test "socket_headers_over_the_limit_close_the_socket";
        /// Read buffer of a WebSocket. A longer message gets a buffer of its own.
        SOCKET_READ_BUFFER: usize = bytes(4 * 1024),
            untested "a client cannot see the buffers of the server";
        /// Chunks of a request that wait for the handler. The socket is not read while the queue is full.
        SOCKET_QUEUE: usize = count(16),
            untested "a client cannot see the queues of the server";
        /// Time in which a client must answer a close frame. Then the connection is closed.
        CLOSE_TIMEOUT: Duration = time(Duration::from_secs(2)),
            test "a_client_that_does_not_answer_a_close_is_disconnected";
    }
    "Shutdown" {
        /// Time in which the server stops after SIGINT or SIGTERM.
        DRAIN: Duration = time(Duration::from_secs(10)),
            set by "--drain",
            test "an_unresponsive_client_does_not_delay_the_end_past_the_drain_time";
        /// Time in which a call without a response may still finish during the drain, at most half of the drain. A unary
        /// call takes milliseconds; a call that waits for its client would use the whole drain.
        RESPONSE_GRACE: Duration = time(Duration::from_secs(1)),
            test "a_stopping_server_ends_streams_with_unavailable_within_its_drain";
        /// The part of the drain that is kept for closing connections and the store.
        CLEAN_UP: Duration = time(Duration::from_millis(500)),
            test "an_unresponsive_client_does_not_delay_the_end_past_the_drain_time";
    }
    "Stage" {
        /// Time for which a published position holds before the character walks on, and for which a source may be
        /// silent before its characters are stale.
        HOLD: Duration = time(Duration::from_secs(3)),
            set by "--hold",
            test "a_published_position_reaches_subscribers_and_holds_until_the_walk_continues";
        /// Time for which a stale character stays on the stage.
        LEAVE: Duration = time(Duration::from_secs(10)),
            set by "--leave",
            test "a_silent_source_is_stale_and_resumes_its_character_or_is_evicted";
        /// The longest hold and the longest stay of a stale character. A longer time counts as this one: added to the
        /// current time it could overflow the clock of the operating system.
        MAX_STAY: Duration = time(Duration::from_hours(24 * 365)),
            test "a_hold_and_a_leave_of_any_length_are_accepted";
        /// Characters on the stage, so that no client can fill the memory. Past it: `RESOURCE_EXHAUSTED`.
        MAX_CHARACTERS: usize = count(10_000),
            test "the_stage_holds_at_most_10000_characters";
        /// Characters of one call, so that one request cannot fill the stage. Past it: `RESOURCE_EXHAUSTED`.
        MAX_CHARACTERS_OF_CALL: usize = count(1_000),
            test "a_call_has_at_most_1000_characters_and_leaves_room_for_other_calls";
        /// Characters of all calls of one IP address, so that one client leaves room for others. Clients behind one
        /// proxy share an address, hence not less. Past it: `RESOURCE_EXHAUSTED`.
        MAX_CHARACTERS_OF_ADDRESS: usize = count(4_000),
            test "an_address_has_at_most_4000_characters_and_leaves_room_for_others";
        /// The distance from the listener on each axis. Within it, a 32-bit number has a precision of 6 cm, and no sum or
        /// square that a receiver computes overflows. Past it: `INVALID_ARGUMENT`.
        MAX_COORDINATE: f32 = metres(1e6),
            test "a_coordinate_of_1000_km_is_accepted_and_one_beyond_is_invalid";
        /// Leaves that are remembered. A subscriber that has missed more receives a complete update.
        MAX_LEAVES: usize = count(4096),
            test "at_most_4096_leaves_are_remembered";
    }
}

/// The table of `docs/limits.md`.
#[cfg(test)]
mod table {
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    pub(super) struct Row {
        pub(super) section: &'static str,
        pub(super) name: &'static str,
        pub(super) value: String,
        /// The flag or the field of `Settings` that changes the value; empty for a constant.
        pub(super) setting: &'static str,
        pub(super) meaning: &'static str,
        pub(super) test: &'static str,
    }

    /// Limits that their own modules declare: module, constant, meaning, test.
    const ELSEWHERE: &[[&str; 4]] = &[
        [
            "services/listing.rs",
            "MAX_PAGE_SIZE",
            "Users on a page of `ListUsers`. A larger `page_size` counts as this one.",
            "list_users_has_a_default_and_a_largest_page",
        ],
        [
            "store/sqlite/mod.rs",
            "MAX_INLINE_SKIP",
            "Users that `ListUsers` may skip on the worker thread. A longer skip would delay other calls, so it runs on the read pool.",
            "",
        ],
        [
            "services/listing.rs",
            "MAX_SEARCH",
            "Characters of a search text, as many as the longest mail address. Past it: `INVALID_ARGUMENT`.",
            "fields_of_the_directory_are_accepted_at_their_limit_and_refused_past_it",
        ],
        [
            "services/import.rs",
            "MAX_ID",
            "Bytes of an import id. Past it: `INVALID_ARGUMENT`.",
            "fields_of_the_directory_are_accepted_at_their_limit_and_refused_past_it",
        ],
        [
            "services/import.rs",
            "BATCH",
            "Rows of an import that one transaction stores.",
            "",
        ],
        [
            "services/stage_validation.rs",
            "MAX_RATE",
            "Updates per second that a subscriber can request. Past it: `INVALID_ARGUMENT`.",
            "fields_of_the_stage_are_accepted_at_their_limit_and_refused_past_it",
        ],
        [
            "services/stage_validation.rs",
            "MAX_LISTED",
            "Characters that a subscriber can name. Past it: `INVALID_ARGUMENT`.",
            "fields_of_the_stage_are_accepted_at_their_limit_and_refused_past_it",
        ],
        [
            "services/sync.rs",
            "MAX_SOURCE",
            "Characters of a source's name. Past it: `INVALID_ARGUMENT`.",
            "fields_of_the_stage_are_accepted_at_their_limit_and_refused_past_it",
        ],
        [
            "proto/src/user_rules.rs",
            "MARKS_MAX",
            "Combining marks in a row in a name, which would cover the lines above and below. Vocalised Hebrew and Arabic, Tibetan and decomposed Vietnamese need up to 4. Past it: `INVALID_ARGUMENT`.",
            "an_error_names_the_invalid_field",
        ],
        [
            "services/sync.rs",
            "MAX_PENDING_EFFECTS",
            "Responses of `PositionSync` that wait for a caller that does not read. Past it the server stops reading its requests.",
            "",
        ],
        [
            "store/sqlite/writer.rs",
            "QUEUE",
            "Changes that wait for the writer. Past it a call waits for a free slot.",
            "",
        ],
        [
            "store/sqlite/mod.rs",
            "COUNT_LIMIT",
            "Matches that a search counts. Past it, the total of `ListUsers` is a lower bound.",
            "a_total_above_the_limit_is_a_lower_bound",
        ],
        [
            "store/sqlite/mod.rs",
            "READ_THREADS",
            "Searches, exports, larger skips and lookups of dry runs that run at once: the number of cores, within these bounds.",
            "point_reads_are_answered_while_every_slow_read_is_busy",
        ],
        [
            "store/sqlite/mod.rs",
            "READ_QUEUE",
            "Reads that wait for one of these threads. Past it: `RESOURCE_EXHAUSTED`; a stream that has begun waits.",
            "a_search_beyond_the_queue_is_refused",
        ],
        [
            "store/sqlite/mod.rs",
            "READ_LIMIT",
            "Time that one such read may take. Past it: `RESOURCE_EXHAUSTED`.",
            "a_read_that_takes_too_long_is_ended",
        ],
        [
            "store/sqlite/mod.rs",
            "LOG_LIMIT",
            "Bytes of the write-ahead log past which such reads wait until the running ones have ended and the log is reset.",
            "the_log_is_reset_although_searches_overlap",
        ],
        [
            "store/sqlite/mod.rs",
            "IMPORT_ROWS",
            "Rows of imports that wait for the writer. Past it a batch waits for its turn.",
            "an_add_waits_for_a_part_of_the_imports_only",
        ],
        [
            "store/sqlite/writer.rs",
            "MAX_CHANGED",
            "Changed users after which a transaction is committed, although more changes wait.",
            "an_add_waits_for_a_part_of_the_imports_only",
        ],
        [
            "store/sqlite/import.rs",
            "MAX_NAMES",
            "Imports that can be resumed. Past it, those that have paused for more than an hour are forgotten; if there are none, a new name is `RESOURCE_EXHAUSTED`.",
            "import_names_are_bounded_and_the_oldest_go_first",
        ],
        [
            "directory/watch.rs",
            "WAKE_BATCH",
            "Watchers that are woken before a pause of a millisecond.",
            "ten_thousand_watchers_do_not_delay_an_add",
        ],
        [
            "store/sqlite/readers.rs",
            "MAX_IDLE",
            "Idle connections that are kept for reads on the worker threads.",
            "",
        ],
        [
            "directory/watch.rs",
            "MAX_EVENTS",
            "Changes that a watcher can resume from. Past it: `READ_AGAIN`.",
            "a_watcher_that_missed_events_gets_a_resync_and_continues",
        ],
        [
            "cli/src/log.rs",
            "QUEUE",
            "Log lines that wait for standard error. Past it they are dropped, and counted in `log_lines_dropped_total`.",
            "an_unread_log_stops_neither_calls_nor_the_shutdown",
        ],
    ];

    pub(super) fn count(number: impl TryInto<u64>) -> String {
        let digits = number.try_into().unwrap_or(u64::MAX).to_string();
        let groups = digits.as_bytes().rchunks(3).rev();
        let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
        groups.join(",")
    }

    pub(super) fn bytes(number: impl TryInto<u64>) -> String {
        let kibibytes = number.try_into().unwrap_or(u64::MAX) / 1024;
        format!("{} KiB", count(kibibytes))
    }

    pub(super) fn metres(number: f32) -> String {
        format!("{} m", count(number as u64))
    }

    pub(super) fn time(duration: Duration) -> String {
        match duration.as_secs() {
            0 => format!("{} ms", duration.as_millis()),
            seconds @ 1..86_400 => format!("{seconds} s"),
            seconds => format!("{} days", seconds / 86_400),
        }
    }

    const HEAD: &str = "# Limits

Every bound of the server, generated from `server/src/limits.rs`. After a change, write this file anew:

    UPDATE=1 cargo test -p soundstage-server limits

A test covers the value and one past it. The library h2 enforces the announced windows.
";

    /// Returns the document.
    fn render(rows: &[Row]) -> String {
        let mut document = String::from(HEAD);
        let mut section = "";
        for row in rows {
            if row.section != section {
                section = row.section;
                let _ = write!(
                    document,
                    "\n## {section}\n\n| limit | value | set by | meaning | test |\n| --- | --- | --- | --- | --- |\n"
                );
            }
            let Row {
                name,
                value,
                setting,
                meaning,
                test,
                ..
            } = row;
            let _ = writeln!(
                document,
                "| `{name}` | {value} | {setting} |{meaning} | {test} |"
            );
        }
        document.push_str("\n## Declared by their own modules\n\n| limit | module | meaning | test |\n| --- | --- | --- | --- |\n");
        for [module, name, meaning, test] in ELSEWHERE {
            let test = if test.is_empty() {
                "none yet".into()
            } else {
                format!("`{test}`")
            };
            let _ = writeln!(document, "| `{name}` | `{module}` | {meaning} | {test} |");
        }
        document
    }

    fn project() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// Returns the text of all Rust files in a folder and below.
    fn sources(folder: &Path) -> String {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths
            .map(|path| match path.extension() {
                _ if path.is_dir() => sources(&path),
                Some(extension) if extension == "rs" => {
                    std::fs::read_to_string(path).expect("text")
                }
                _ => String::new(),
            })
            .collect()
    }

    #[test]
    fn the_document_has_the_limits_of_the_code() {
        let document = project().join("docs/limits.md");
        let text = render(&super::rows());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&document, &text).expect("written");
        }
        assert_eq!(
            std::fs::read_to_string(document).unwrap_or_default(),
            text,
            "write docs/limits.md anew: UPDATE=1 cargo test -p soundstage-server limits"
        );
    }

    #[test]
    fn every_named_test_exists() {
        let sources = [
            "server/src",
            "tests/directory",
            "tests/wire",
            "tests/process",
        ]
        .map(|folder| sources(&project().join(folder)))
        .concat();
        let rows = super::rows();
        let elsewhere = ELSEWHERE.iter().map(|[.., test]| *test);
        let tests = rows
            .iter()
            .filter_map(|row| row.test.strip_prefix('`'))
            .chain(elsewhere);
        for test in tests
            .map(|test| test.trim_matches('`'))
            .filter(|test| !test.is_empty())
        {
            assert!(
                sources.contains(&format!("fn {test}("))
                    || sources.contains(&format!("fn {test}<")),
                "there is no test {test}"
            );
        }
    }
}
