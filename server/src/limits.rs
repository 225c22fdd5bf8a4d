//! Every bound of the server. A test generates the table in `docs/limits.md` from this file.

use std::time::Duration;

/// Declares limits: each is a constant, and a row of the table in `docs/limits.md`. The doc comment states the meaning
/// and the reason. `test` names the test of the value and of one past it; `untested` says why there is none.
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
        /// Bytes a client may send on all streams of a connection before the server has read them.
        CONNECTION_WINDOW: u32 = bytes(1024 * 1024),
            test "the_http2_limits_are_announced";
        /// Response bytes that wait on an HTTP/2 stream for a slow client.
        SEND_BUFFER: usize = bytes(128 * 1024),
            untested "a client cannot see the buffers of the server";
        /// Interval of the pings on an HTTP/2 connection.
        PING_INTERVAL: Duration = time(Duration::from_secs(30)),
            untested "takes 50 s";
        /// Time in which a client must answer a ping. Otherwise its connection is closed, so that its streams end.
        PING_TIMEOUT: Duration = time(Duration::from_secs(20)),
            untested "takes 50 s";
        /// Pause after a failed `accept`, so that the lack of file descriptors does not cause a busy loop.
        ACCEPT_PAUSE: Duration = time(Duration::from_millis(50)),
            untested "needs a process without file descriptors";
    }
    "Calls" {
        /// A request message. The largest valid user takes 524 bytes. Past it: `RESOURCE_EXHAUSTED`.
        MAX_MESSAGE: usize = bytes(64 * 1024),
            test "a_message_over_the_limit_is_resource_exhausted";
        /// The longest deadline. A longer one, which `grpc-timeout` can express, counts as this one: the clock of the
        /// operating system could overflow.
        MAX_DEADLINE: Duration = time(Duration::from_hours(24 * 365)),
            test "a_deadline_in_the_past_is_exceeded_and_a_distant_one_is_accepted";
        /// Characters of a method path in the access log. The longest real path has 62; a longer one is
        /// truncated, so that a
        /// client cannot fill the log.
        MAX_LOGGED_PATH: usize = count(100),
            untested "the log only";
    }
    "WebSockets" {
        /// WebSockets open at once. Past it: 503.
        MAX_SOCKETS: usize = count(4096),
            set by "Settings::max_sockets",
            test "sockets_over_the_limit_are_refused_until_one_closes";
        /// WebSockets open at once from one IP address. Past it: 503.
        MAX_SOCKETS_PER_ADDRESS: usize = count(256),
            set by "Settings::max_sockets_per_address",
            test "sockets_over_the_limit_are_refused_until_one_closes";
        /// A WebSocket message, the first one with the headers included. Larger than `MAX_MESSAGE`, so that a call
        /// past that limit gets its gRPC status. Past it: close code 1009.
        MAX_SOCKET_MESSAGE: usize = bytes(256 * 1024),
            test "a_socket_message_over_the_limit_closes_the_socket";
        /// Chunks of a request that wait for the handler. The socket is not read while the queue is full.
        SOCKET_QUEUE: usize = count(16),
            untested "a client cannot see the queues of the server";
        /// Interval of the pings on a WebSocket.
        SOCKET_PING_INTERVAL: Duration = time(Duration::from_secs(30)),
            untested "takes 50 s";
        /// Time without a message or a pong after which a WebSocket is closed.
        PONG_TIMEOUT: Duration = time(Duration::from_secs(50)),
            untested "takes 50 s";
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
    const ELSEWHERE: [[&str; 4]; 22] = [
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
            "services/position.rs",
            "MAX_RATE",
            "Updates per second that a subscriber can request. Past it: `INVALID_ARGUMENT`.",
            "fields_of_the_stage_are_accepted_at_their_limit_and_refused_past_it",
        ],
        [
            "services/position.rs",
            "MAX_CHOSEN",
            "Characters that a subscriber can name. Past it: `INVALID_ARGUMENT`.",
            "fields_of_the_stage_are_accepted_at_their_limit_and_refused_past_it",
        ],
        [
            "services/sync.rs",
            "SOURCE_MAX",
            "Characters of a source's name. Past it: `INVALID_ARGUMENT`.",
            "fields_of_the_stage_are_accepted_at_their_limit_and_refused_past_it",
        ],
        [
            "services/sync.rs",
            "ANSWERS_WAITING",
            "Responses of `PositionSync` that wait for a caller that does not read. Past it the server stops reading its requests.",
            "",
        ],
        [
            "stage/roster.rs",
            "MAX_CHARACTERS",
            "Characters on the stage, so that no client can fill the memory. Past it: `RESOURCE_EXHAUSTED`.",
            "the_stage_holds_at_most_10000_characters",
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
