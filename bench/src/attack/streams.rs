//! Attacks with calls over HTTP/2: abandoned searches, streams that are not read, many watchers, and calls that fill the
//! log.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use soundstage_proto::UserType;
use soundstage_proto::position::PositionSubRequest;
use soundstage_proto::user::list_users_request::Order;
use soundstage_proto::user::{
    ExportUsersRequest, ListUsersRequest, UserFilter, UserRequest, UserTypeRequest,
    WatchUsersRequest,
};

use super::connection::{Connection, repeat_until};
use super::{USERS, h2};

/// Connections of a client that abandons its searches, and searches on each.
const SEARCHERS: u32 = 2;
const SEARCHES: u32 = 250;
/// Time after which the client abandons its searches.
const SEARCH_TIME: Duration = Duration::from_millis(100);

/// Connections of a client that does not read, and streams on each: as many as the server allows.
const HOLDERS: u32 = 16;
const HELD: u32 = 256;

/// Connections of the watchers, and streams on each.
const WATCHING: u32 = 100;
const WATCHERS: u32 = 100;

/// Calls that fill the log: this number in each interval.
const LOGGED: u32 = 100;
const LOG_INTERVAL: Duration = Duration::from_millis(50);

/// Sends searches and hangs up.
pub(super) fn searches(server: SocketAddr, end: Instant) -> io::Result<String> {
    let search = |text: &str| {
        Some(UserFilter {
            search: text.into(),
            ..UserFilter::default()
        })
    };
    // Every user has all grams of this text, and no user has the text, so the server reads all users.
    let scan = ListUsersRequest {
        filter: search("number number"),
        ..ListUsersRequest::default()
    };
    let skip = ListUsersRequest {
        filter: search("user"),
        order: Order::MailAddress.into(),
        skip: USERS - 1000,
        ..ListUsersRequest::default()
    };
    let mut bytes = h2::start(h2::MAX_WINDOW);
    for number in 0..SEARCHES {
        let request = if number.is_multiple_of(2) {
            &scan
        } else {
            &skip
        };
        bytes.extend(h2::call(
            h2::stream_id(number),
            "/UserManager/ListUsers",
            request,
        ));
    }
    let mut open = Vec::new();
    let mut sent = 0;
    repeat_until(end, SEARCH_TIME, || {
        open.clear();
        for _ in 0..SEARCHERS {
            open.push(Connection::open(server, &bytes)?);
            sent += SEARCHES;
        }
        Ok(())
    })?;
    Ok(format!("{sent} searches"))
}

/// Opens streams of users with a window of zero bytes.
pub(super) fn users_without_window(server: SocketAddr, end: Instant) -> io::Result<String> {
    hold(server, end, 0, users)
}

/// Opens streams of users, permits any number of bytes, and reads none.
pub(super) fn users_unread(server: SocketAddr, end: Instant) -> io::Result<String> {
    hold(server, end, h2::MAX_WINDOW, users)
}

/// Subscribes to all characters with a window of zero bytes.
pub(super) fn stage_without_window(server: SocketAddr, end: Instant) -> io::Result<String> {
    hold(server, end, 0, characters)
}

/// Subscribes to all characters, permits any number of bytes, and reads none.
pub(super) fn stage_unread(server: SocketAddr, end: Instant) -> io::Result<String> {
    hold(server, end, h2::MAX_WINDOW, characters)
}

/// Opens all streams, and reads nothing until `end`.
fn hold(
    server: SocketAddr,
    end: Instant,
    window: u32,
    call: fn(u32) -> Vec<u8>,
) -> io::Result<String> {
    let mut bytes = h2::start(window);
    bytes.extend((0..HELD).flat_map(call));
    let mut open = Vec::new();
    for _ in 0..HOLDERS {
        open.push(Connection::open(server, &bytes)?);
    }
    repeat_until(end, Duration::from_millis(20), || {
        for connection in &mut open {
            // Sends what the socket has not taken yet.
            connection.send(b"")?;
        }
        Ok(())
    })?;
    Ok(format!("{} streams", HOLDERS * HELD))
}

/// Returns a call for all users, by one of two methods.
fn users(number: u32) -> Vec<u8> {
    let stream = h2::stream_id(number);
    if number.is_multiple_of(2) {
        let request = UserTypeRequest {
            user_type: UserType::Normal.into(),
        };
        h2::call(stream, "/UserManager/GetUsersByType", &request)
    } else {
        let all = ExportUsersRequest::default();
        h2::call(stream, "/UserManager/ExportUsers", &all)
    }
}

/// Returns a call for the positions of all characters.
fn characters(number: u32) -> Vec<u8> {
    let all = PositionSubRequest {
        all: true,
        ..PositionSubRequest::default()
    };
    let stream = h2::stream_id(number);
    h2::call(stream, "/posXYZ.PositionService/PositionSub", &all)
}

/// Watches the users over many streams, and reads all events.
pub(super) fn watchers(server: SocketAddr, end: Instant) -> io::Result<String> {
    let mut bytes = h2::start(h2::MAX_WINDOW);
    let request = WatchUsersRequest::default();
    for number in 0..WATCHERS {
        let stream = h2::stream_id(number);
        bytes.extend(h2::call(stream, "/UserManager/WatchUsers", &request));
    }
    let mut open = Vec::new();
    for _ in 0..WATCHING {
        open.push(Connection::open(server, &bytes)?);
    }
    let mut received = 0;
    repeat_until(end, Duration::from_millis(20), || {
        for connection in &mut open {
            received += connection.discard()?;
        }
        Ok(())
    })?;
    let received = received as f64 / 1e6;
    Ok(format!(
        "{} streams, {received:.0} MB read",
        WATCHING * WATCHERS
    ))
}

/// Makes calls, each of which is a line of the log.
pub(super) fn logged_calls(server: SocketAddr, end: Instant) -> io::Result<String> {
    let mut connection = Connection::open(server, &h2::start(h2::MAX_WINDOW))?;
    let mut made = 0;
    let request = UserRequest { id: 1 };
    repeat_until(end, LOG_INTERVAL, || {
        connection.discard()?;
        let numbers = made..made + LOGGED;
        let calls = numbers.map(|number| {
            let stream = h2::stream_id(number);
            h2::call(stream, "/UserManager/GetUser", &request)
        });
        made += LOGGED;
        connection.send(&calls.flatten().collect::<Vec<_>>())
    })?;
    Ok(format!("{made} calls"))
}
