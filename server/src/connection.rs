//! What the server knows about the other end of a connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::Request;

/// The client at the other end of a connection.
///
/// The listener makes one `Peer` per connection and adds it to the extensions of each request. The access log, the
/// WebSocket quota and the services read it there.
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

    /// Returns the address by which quotas count.
    pub(crate) fn ip(&self) -> IpAddr {
        self.address.ip()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}
