//! The handshake of a WebSocket (RFC 6455, section 4.2), and the quota of open WebSockets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The subprotocol of every WebSocket.
const PROTOCOL: &str = "grpc-websockets";

/// The version of the WebSocket protocol (RFC 6455). No other version is in use.
pub(super) const VERSION: &str = "13";

/// Returns whether a request asks for a WebSocket.
pub(super) fn is_upgrade<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), &header::UPGRADE, "websocket")
}

/// The status and the sentence that refuse a handshake.
pub(super) type BadHandshake = (StatusCode, &'static str);

/// Returns the response that upgrades the connection to a WebSocket.
///
/// # Errors
/// If the handshake breaks RFC 6455, has another version, or does not offer the subprotocol.
pub(super) fn accept<B>(request: &Request<B>) -> Result<Response<()>, BadHandshake> {
    let headers = request.headers();
    let is_handshake = request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && has_token(headers, &header::CONNECTION, "upgrade");
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .filter(|_| is_handshake);
    let key = key.ok_or((
        StatusCode::BAD_REQUEST,
        "The WebSocket handshake is incomplete. Send it as GET over HTTP/1.1 with Connection: upgrade and Sec-WebSocket-Key.\n",
    ))?;
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .map(HeaderValue::as_bytes)
        != Some(VERSION.as_bytes())
    {
        return Err((
            StatusCode::UPGRADE_REQUIRED,
            "This server supports WebSocket version 13 only.\n",
        ));
    }
    if !has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL) {
        return Err((
            StatusCode::BAD_REQUEST,
            "This server supports the WebSocket subprotocol grpc-websockets only.\n",
        ));
    }
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(PROTOCOL),
    );
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(response)
}

fn has_token(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// The number of open WebSockets per IP address, and its limits.
#[derive(Debug)]
pub(super) struct SocketQuota {
    open: Mutex<HashMap<IpAddr, usize>>,
    max: usize,
    max_per_address: usize,
}

/// The permit for one open WebSocket. Its drop returns it to the quota.
#[derive(Debug)]
pub(super) struct SocketPermit {
    quota: Arc<SocketQuota>,
    address: IpAddr,
}

impl SocketQuota {
    pub(super) fn new(max: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::default(),
            max,
            max_per_address,
        })
    }

    /// Returns a permit for a WebSocket from an address, or `None` past a limit.
    pub(super) fn permit(self: &Arc<Self>, address: IpAddr) -> Option<SocketPermit> {
        let mut open = self.lock();
        if open.values().sum::<usize>() >= self.max {
            return None;
        }
        let from_address = open.entry(address).or_default();
        if *from_address >= self.max_per_address {
            return None;
        }
        *from_address += 1;
        Some(SocketPermit {
            quota: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SocketPermit {
    fn drop(&mut self) {
        let mut open = self.quota.lock();
        if let Some(from_address) = open.get_mut(&self.address) {
            *from_address -= 1;
            if *from_address == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_limited_in_total_and_per_address_and_return_when_dropped() {
        let quota = SocketQuota::new(3, 2);
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let first = quota.permit(one);
        let second = quota.permit(one);
        assert!(first.is_some() && second.is_some());
        assert!(
            quota.permit(one).is_none(),
            "a third permit for one address"
        );
        let third = quota.permit(two);
        assert!(third.is_some());
        assert!(quota.permit(two).is_none(), "a fourth permit in total");
        drop(first);
        assert!(quota.permit(two).is_some());
    }
}
