//! Floods: more frames or messages than a client needs, at a bounded rate.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::connection::{Connection, repeat_until};
use super::h2;

/// Connections of a flood of frames.
const CONNECTIONS: usize = 16;
/// The time between two batches of frames on a connection.
const INTERVAL: Duration = Duration::from_millis(10);
/// Pings or settings in a batch.
const BATCH: usize = 100;
/// Calls in a batch that begin and are cancelled at once: fewer than the 20 that h2 allows to wait, or more.
const RESETS: u32 = 15;
const MANY_RESETS: u32 = 150;

/// WebSockets, as many as one address may have or a little fewer.
const SOCKETS: usize = 250;
/// The time after which all WebSockets are replaced.
const SOCKET_TIME: Duration = Duration::from_millis(250);
/// Bytes of headers that the server accepts, and bytes that it rejects after it has received them.
const ACCEPTED_HEADERS: usize = 15 * 1024;
const REJECTED_HEADERS: usize = 250 * 1024;

/// Sends pings, which the server answers.
pub(super) fn pings(server: SocketAddr, end: Instant) -> io::Result<String> {
    let batch = h2::ping().repeat(BATCH);
    let outcome = flood(server, end, |_, _| batch.clone())?;
    Ok(outcome.describe("pings", BATCH))
}

/// Sends settings, which the server acknowledges. The window of the responses changes each time.
pub(super) fn settings(server: SocketAddr, end: Instant) -> io::Result<String> {
    let pair = [h2::settings(0), h2::settings(1 << 20)].concat();
    let batch = pair.repeat(BATCH / 2);
    let outcome = flood(server, end, |_, _| batch.clone())?;
    Ok(outcome.describe("settings", BATCH))
}

/// Begins calls and cancels them at once.
pub(super) fn resets(server: SocketAddr, end: Instant) -> io::Result<String> {
    let outcome = flood(server, end, |slot, batches| {
        let size = if slot.is_multiple_of(2) {
            RESETS
        } else {
            MANY_RESETS
        };
        let numbers = batches * size..(batches + 1) * size;
        let calls = numbers.map(|number| {
            let stream = h2::stream_id(number);
            [
                h2::headers(stream, "/UserManager/GetUsersByIds"),
                h2::reset(stream),
            ]
            .concat()
        });
        calls.flatten().collect()
    })?;
    let mean = (RESETS + MANY_RESETS) as usize / 2;
    Ok(outcome.describe("calls", mean))
}

/// What a flood has sent.
#[derive(Default)]
struct Flood {
    batches: usize,
    /// Connections that the server has closed.
    closed: usize,
}

impl Flood {
    fn describe(&self, unit: &str, batch: usize) -> String {
        let count = self.batches * batch;
        format!("{count} {unit}, {} connections closed", self.closed)
    }
}

/// Sends a batch on each connection in each interval. `batch` gets the number of the connection, and the number of the
/// batches that the connection has sent. A connection that the server closes is replaced.
fn flood(
    server: SocketAddr,
    end: Instant,
    batch: impl Fn(usize, u32) -> Vec<u8>,
) -> io::Result<Flood> {
    let start = h2::start(h2::MAX_WINDOW);
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push((Connection::open(server, &start)?, 0));
    }
    let mut flood = Flood::default();
    repeat_until(end, INTERVAL, || {
        for (slot, (connection, batches)) in open.iter_mut().enumerate() {
            // The server need not read as fast as this.
            let bytes = if connection.is_blocked() {
                Vec::new()
            } else {
                flood.batches += 1;
                *batches += 1;
                batch(slot, *batches - 1)
            };
            let alive = connection.discard().and_then(|_| connection.send(&bytes));
            if alive.is_err() {
                flood.closed += 1;
                *connection = Connection::open(server, &start)?;
                *batches = 0;
            }
        }
        Ok(())
    })?;
    Ok(flood)
}

/// Opens WebSockets with large first messages, half of them larger than the server accepts, and replaces them.
pub(super) fn sockets(server: SocketAddr, end: Instant) -> io::Result<String> {
    let messages = [ACCEPTED_HEADERS, REJECTED_HEADERS].map(first_message);
    let mut opened = 0;
    let mut open: Vec<Connection> = Vec::new();
    let mut next = Instant::now();
    repeat_until(end, INTERVAL, || {
        if Instant::now() >= next {
            open.clear();
            next = Instant::now() + SOCKET_TIME;
            for number in 0..SOCKETS {
                let message = &messages[number % messages.len()];
                open.push(Connection::open(server, message)?);
                opened += 1;
            }
        }
        open.retain_mut(|socket| socket.discard().and_then(|_| socket.send(b"")).is_ok());
        Ok(())
    })?;
    Ok(format!("{opened} WebSockets"))
}

/// Returns the handshake of a WebSocket, and a first message of at most `size` bytes of headers, as RFC 9113 counts
/// them.
fn first_message(size: usize) -> Vec<u8> {
    let mut headers = String::from("x-grpc-web: 1\r\n");
    let value = "x".repeat(80);
    // A field counts 32 bytes more than its name and value.
    let field = 32 + "x-00000".len() + value.len();
    for number in 1..size / field {
        let _ = write!(headers, "x-{number:05}: {value}\r\n");
    }
    let mut bytes = b"GET /UserManager/GetUsersByIds HTTP/1.1\r\nhost: localhost\r\n\
        connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-protocol: grpc-websockets\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    // A masked binary frame with a length of eight bytes. The mask is zero, so the payload stays as it is.
    bytes.extend([0x82, 0x80 | 127]);
    bytes.extend((headers.len() as u64).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(headers.as_bytes());
    bytes
}
