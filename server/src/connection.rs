//! What the server knows about the other end of a connection, and the TCP stream to it.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::limits::MIN_PROGRESS;

/// The client at the other end of a connection.
///
/// The listener makes one `Peer` per connection and adds it to the extensions of each request. The access log, the
/// quotas and the services read it there.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    address: SocketAddr,
}

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Returns the peer that sent a request.
    ///
    /// # Panics
    /// If the request did not come through the listener.
    pub(crate) fn of<B>(request: &Request<B>) -> &Self {
        let peer = request.extensions().get();
        peer.expect("the listener adds the peer to each request")
    }

    /// Returns the address by which quotas count, for the client of a call. `None` without a listener, as in unit tests.
    pub(crate) fn ip_of<T>(call: &tonic::Request<T>) -> Option<IpAddr> {
        call.extensions().get().map(Self::ip)
    }

    /// Returns the address by which quotas count. All addresses of an IPv6 /64 network count as one, because one
    /// machine can use them all.
    pub(crate) fn ip(&self) -> IpAddr {
        match self.address.ip().to_canonical() {
            IpAddr::V6(ip) if !ip.is_loopback() => {
                let [a, b, c, d, ..] = ip.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            ip => ip,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}

/// HTTP/2's connection preface (RFC 9113, section 3.4). A client that has sent this many bytes has chosen its protocol.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The number of bytes that a client has sent, and whether these bytes differ from the preface of HTTP/2.
#[derive(Debug, Default)]
pub(crate) struct Received {
    bytes: AtomicUsize,
    differs_from_preface: AtomicBool,
}

impl Received {
    fn add(&self, bytes: &[u8]) {
        let before = self.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        let expected = PREFACE.get(before..).unwrap_or_default();
        if expected.iter().zip(bytes).any(|(one, other)| one != other) {
            self.differs_from_preface.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) == 0
    }

    /// Returns whether the client has chosen its protocol.
    pub(crate) fn has_protocol(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= PREFACE.len()
    }

    /// Returns whether the client has chosen HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.has_protocol() && !self.differs_from_preface.load(Ordering::Relaxed)
    }
}

/// The TCP stream of a connection. Counts the bytes received, and fails a write whose client takes too few bytes in the
/// stall timeout.
#[derive(Debug)]
pub(crate) struct ClientStream {
    stream: TcpStream,
    received: Arc<Received>,
    stall_timeout: Duration,
    /// The time at which a write first waited for the client.
    waiting_since: Option<Instant>,
    /// The bytes written since then.
    written: usize,
    /// Created when a write first waits. Most connections never need the timer.
    timer: Option<Pin<Box<Sleep>>>,
}

impl ClientStream {
    pub(crate) fn new(stream: TcpStream, stall_timeout: Duration) -> Self {
        Self {
            stream,
            received: Arc::default(),
            stall_timeout,
            waiting_since: None,
            written: 0,
            timer: None,
        }
    }

    /// Returns the counter of the bytes received.
    pub(crate) fn received(&self) -> Arc<Received> {
        self.received.clone()
    }

    /// Applies the timeout to the result of a write.
    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match (&result, self.waiting_since) {
            (Poll::Ready(Ok(written)), Some(_)) => {
                self.written += written;
                if self.written >= MIN_PROGRESS {
                    self.waiting_since = None;
                }
            }
            (Poll::Ready(_), _) => {}
            (Poll::Pending, _) => {
                let error = ready!(self.poll_timeout(cx));
                return Poll::Ready(Err(error));
            }
        }
        result
    }

    /// Returns an error once a write has waited for the whole timeout, and wakes the task by then.
    fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.waiting_since.is_none() {
            self.written = 0;
        }
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let end = since + self.stall_timeout;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        // The timer may be too early, because a reset for each write would cost more than a check.
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= end {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.received.add(&buffer.filled()[before..]);
        result
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.after_write(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.after_write(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The writer flushes when it has nothing left to write: the client is not behind.
        self.waiting_since = None;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota_address(ip: &str) -> IpAddr {
        let ip: IpAddr = ip.parse().expect("an address");
        Peer::new(SocketAddr::new(ip, 1234)).ip()
    }

    #[test]
    fn an_ipv6_network_and_a_mapped_address_count_as_one() {
        assert_eq!(
            quota_address("2001:db8::1"),
            quota_address("2001:db8::ffff:2")
        );
        assert_ne!(
            quota_address("2001:db8::1"),
            quota_address("2001:db8:0:1::1")
        );
        assert_eq!(
            quota_address("::ffff:192.0.2.1"),
            quota_address("192.0.2.1")
        );
        assert_ne!(quota_address("192.0.2.1"), quota_address("192.0.2.2"));
    }
}
