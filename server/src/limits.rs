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
        /// One address may use `MAX_CONNECTIONS` divided by this number: one half. The other half stays free for other
        /// clients, and one half is enough for a reverse proxy, which is one address. All addresses of an IPv6 /64
        /// network count as one. Past it: the connection is closed.
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
        /// Bytes a client may send on all streams of a connection before the server has read them. All streams together
        /// fill at most 16 MiB (`MAX_STREAMS` × `STREAM_WINDOW`). The window is twice as large because h2 uses half of
        /// it as a budget for unread DATA frames under 256 bytes: a frame costs 256 bytes less its length. Past the
        /// budget: GOAWAY `ENHANCE_YOUR_CALM`. The budget suffices for five streams full of unread empty messages, or
        /// 47 streams of messages of 40 bytes. Unread requests take at most 32 MiB of memory a connection.
        CONNECTION_WINDOW: u32 = bytes(32 * 1024 * 1024),
            test "parallel_streams_of_small_messages_outlast_a_reader_that_pauses";
        /// Response bytes that wait on an HTTP/2 stream for a slow client.
        SEND_BUFFER: usize = bytes(32 * 1024),
            untested "a client cannot see the buffers of the server";
        /// Response bytes that the operating system keeps for a connection whose client does not read, on Linux.
        /// Without this limit it keeps up to 4 MiB a connection. Bytes in flight to a client that reads do not count.
        UNSENT_BYTES: u32 = bytes(128 * 1024),
            untested "a client cannot see the buffers of the server";
        /// Clients whose connection waits for `accept`, at most as many as the operating system allows
        /// (`net.core.somaxconn`).
        BACKLOG: u32 = count(4096),
            untested "depends on the settings of the operating system";
        /// Interval of the pings on an HTTP/2 connection and on a WebSocket.
        PING_INTERVAL: Duration = time(Duration::from_secs(30)),
            set by "Settings::ping_interval",
            test "a_socket_that_answers_no_ping_is_closed";
        /// Time in which a client must answer a ping. Also the interval of TCP keepalive probes, which find a lost
        /// client of a quiet HTTP/1.1 stream. The connection of a client that does not answer is closed, so that its
        /// streams end.
        PING_TIMEOUT: Duration = time(Duration::from_secs(20)),
            set by "Settings::ping_timeout",
            test "a_socket_that_answers_no_ping_is_closed";
        /// Time in which a client must take the next part of a response, and send the rest of a message that it has
        /// begun. A unary request counts as begun. Past it, the call ends; over HTTP/1.1, the connection ends too. A
        /// stream without a message for its client is not stalled.
        STALL_TIMEOUT: Duration = time(Duration::from_secs(30)),
            set by "Settings::stall_timeout",
            test "every_kind_of_hold_ends_and_frees_its_connection";
        /// Bytes that a client must take within `STALL_TIMEOUT` from a connection whose buffers are full. A client on
        /// the slowest phone network takes more.
        MIN_PROGRESS: usize = bytes(16 * 1024),
            untested "takes 30 s, and depends on the buffers of the operating system";
        /// Time after which an HTTP/2 connection without a call is closed. gRPC clients reconnect automatically.
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
        /// Searches and exports of one IP address at once, so that one client leaves room in the read pool for others.
        /// Past it: `RESOURCE_EXHAUSTED`.
        MAX_SEARCHES_OF_ADDRESS: usize = count(32),
            test "one_address_leaves_room_for_the_searches_of_others";
        /// Calls of `GetUsersByType` of one IP address at once. Each encodes up to `SEND_BUFFER` ahead of its client, so
        /// hundreds at once would delay other calls. Past it: `RESOURCE_EXHAUSTED`.
        MAX_STREAMS_OF_ADDRESS: usize = count(128),
            test "one_address_leaves_room_for_the_searches_of_others";
        /// The smallest response of `ListUsers` that is compressed. Compressing a smaller response takes longer than
        /// sending it.
        MIN_COMPRESSED: usize = bytes(8 * 1024),
            test "only_large_responses_are_compressed_and_only_for_clients_that_accept_gzip";
        /// A request message, as sent and after inflating. The largest valid user takes 524 bytes. Past it:
        /// `RESOURCE_EXHAUSTED`.
        MAX_MESSAGE: usize = bytes(64 * 1024),
            test "a_message_over_the_limit_is_resource_exhausted";
        /// The longest deadline. A longer deadline, which `grpc-timeout` can express, counts as this deadline, because
        /// the clock of the operating system could overflow.
        MAX_DEADLINE: Duration = time(Duration::from_hours(24 * 365)),
            test "a_deadline_in_the_past_is_exceeded_and_a_distant_one_is_accepted";
        /// Time after its deadline in which a call can still send its status to a client that takes no bytes. Then the
        /// stream, the WebSocket or the HTTP/1.1 connection is closed without a status.
        DEADLINE_GRACE: Duration = time(Duration::from_secs(1)),
            test "a_deadline_ends_a_call_whose_client_does_not_read";
        /// Characters of a method path in the access log. The longest real path has 62; a longer path is truncated, so
        /// that a client cannot fill the log.
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
        /// A WebSocket message, the first message with the headers included. Larger than `MAX_MESSAGE`, so that a call
        /// past that limit gets its gRPC status. Past it: close code 1009.
        MAX_SOCKET_MESSAGE: usize = bytes(256 * 1024),
            test "a_socket_message_over_the_limit_closes_the_socket";
        /// The first message of a WebSocket, which is the header list of the request, as RFC 9113 counts it (32 bytes
        /// more per field). The same size as `MAX_HEADER_LIST`. Past it: close code 1009.
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
        /// The longest hold and the longest stay of a stale character. A longer time counts as this time, because the
        /// sum with the current time could overflow the clock of the operating system.
        MAX_STAY: Duration = time(Duration::from_hours(24 * 365)),
            test "a_hold_and_a_leave_of_any_length_are_accepted";
        /// Characters on the stage, so that no client can fill the memory. Past it: `RESOURCE_EXHAUSTED`.
        MAX_CHARACTERS: usize = count(10_000),
            test "the_stage_holds_at_most_10000_characters";
        /// Characters of one call, so that one request cannot fill the stage. Past it: `RESOURCE_EXHAUSTED`.
        MAX_CHARACTERS_OF_CALL: usize = count(1_000),
            test "a_call_has_at_most_1000_characters_and_leaves_room_for_other_calls";
        /// Characters of all calls of one IP address, so that one client leaves room for others. The limit is not
        /// lower, because clients behind one proxy share an address. Past it: `RESOURCE_EXHAUSTED`.
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

#[cfg(test)]
mod table;
