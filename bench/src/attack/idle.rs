//! Attacks with connections: as many as one address may have, and more.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::connection::{Connection, repeat_until};
use super::h2;

/// More connections than the 5,000 that the server accepts from one address.
const CONNECTIONS: usize = 5500;

/// Connections that open in each interval: fewer than the server's backlog of 128, so that none waits.
const BATCH: usize = 100;
const INTERVAL: Duration = Duration::from_millis(20);

/// Each connection has its turn in one of this number of intervals: every two seconds.
const PARTS: usize = 100;

/// Connections that open at once, more than the backlog holds, and the time until they are replaced. The time is
/// no divisor of a second, so the well-behaved client connects at all phases of it.
const BURST: usize = 500;
const BURST_TIME: Duration = Duration::from_millis(47);

/// Opens connections and sends nothing.
pub(super) fn silent(server: SocketAddr, end: Instant) -> io::Result<String> {
    hold(server, end, b"", |connection| connection.send(b""))
}

/// Begins a request over each connection and sends its body a byte at a time.
pub(super) fn trickle(server: SocketAddr, end: Instant) -> io::Result<String> {
    let head = b"POST /UserManager/CountAlreadyUsers HTTP/1.1\r\nhost: localhost\r\n\
        content-type: application/grpc-web+proto\r\ncontent-length: 1005\r\n\r\n\0\0\0\x03\xe8";
    hold(server, end, head, |connection| connection.send(b"\0"))
}

/// Opens HTTP/2 connections that answer pings and make no call.
pub(super) fn pings(server: SocketAddr, end: Instant) -> io::Result<String> {
    let start = h2::start(h2::MAX_WINDOW);
    let mut answered = 0;
    let held = hold(server, end, &start, |connection| {
        let mut buffer = [0; 1024];
        let received = connection.receive(&mut buffer)?;
        let answers = h2::answers(&buffer[..received]);
        answered += usize::from(!answers.is_empty());
        connection.send(&answers)
    })?;
    Ok(format!("{held}, {answered} pings answered"))
}

/// Opens connections with their first bytes, calls `step` for each every two seconds, and opens more all the time.
fn hold(
    server: SocketAddr,
    end: Instant,
    first: &[u8],
    mut step: impl FnMut(&mut Connection) -> io::Result<()>,
) -> io::Result<String> {
    let mut open = Vec::new();
    let (mut opened, mut part) = (0, 0);
    repeat_until(end, INTERVAL, || {
        let mut index = 0;
        open.retain_mut(|connection| {
            index += 1;
            index % PARTS != part || step(connection).is_ok()
        });
        part = (part + 1) % PARTS;
        // Past the limit the server closes them.
        let batch = if opened < CONNECTIONS { BATCH } else { 1 };
        for _ in 0..batch {
            open.push(Connection::open(server, first)?);
        }
        opened += batch;
        Ok(())
    })?;
    open.retain_mut(|connection| connection.discard().is_ok());
    Ok(format!("{} of {opened} stayed open", open.len()))
}

/// Opens many connections at once, and replaces them again and again.
pub(super) fn bursts(server: SocketAddr, end: Instant) -> io::Result<String> {
    let mut open = Vec::new();
    let mut opened = 0;
    repeat_until(end, BURST_TIME, || {
        open.clear();
        for _ in 0..BURST {
            open.push(Connection::open(server, b"")?);
        }
        opened += BURST;
        Ok(())
    })?;
    Ok(format!("{opened} connections"))
}
