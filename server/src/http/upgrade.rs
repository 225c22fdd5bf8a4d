//! The handshake of a WebSocket (RFC 6455, section 4.2), and how many there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The only protocol spoken over WebSockets here.
const PROTOCOL: &str = "grpc-websockets";

/// The only version of the WebSocket protocol there is.
pub(super) const VERSION: &str = "13";

/// Whether a request asks for a WebSocket.
pub(super) fn is_wanted<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), &header::UPGRADE, "websocket")
}

/// What is wrong with a handshake.
pub(super) type BadHandshake = (StatusCode, &'static str);

/// The answer that makes the connection a WebSocket.
pub(super) fn accept<B>(request: &Request<B>) -> Result<Response<()>, BadHandshake> {
    let headers = request.headers();
    let is_handshake = request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && has_token(headers, &header::CONNECTION, "upgrade");
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .filter(|_| is_handshake);
    let key = key.ok_or((StatusCode::BAD_REQUEST, "This is no WebSocket handshake.\n"))?;
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .map(HeaderValue::as_bytes)
        != Some(VERSION.as_bytes())
    {
        return Err((
            StatusCode::UPGRADE_REQUIRED,
            "WebSocket version 13 is spoken here.\n",
        ));
    }
    if !has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL) {
        return Err((
            StatusCode::BAD_REQUEST,
            "Ask for the protocol grpc-websockets.\n",
        ));
    }
    let mut answer = Response::new(());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(PROTOCOL),
    );
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(answer)
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

/// The sockets that are open, by address.
#[derive(Debug)]
pub(super) struct Sockets {
    open: Mutex<HashMap<IpAddr, usize>>,
    max: usize,
    max_per_address: usize,
}

/// One socket's place; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    sockets: Arc<Sockets>,
    address: IpAddr,
}

impl Sockets {
    pub(super) fn new(max: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::default(),
            max,
            max_per_address,
        })
    }

    /// A place for a socket from this address, if there is one.
    pub(super) fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= self.max {
            return None;
        }
        let from_here = open.entry(address).or_default();
        if *from_here >= self.max_per_address {
            return None;
        }
        *from_here += 1;
        Some(Place {
            sockets: self.clone(),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self
            .sockets
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(from_here) = open.get_mut(&self.address) {
            *from_here -= 1;
            if *from_here == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_by_address_and_come_back() {
        let sockets = Sockets::new(3, 2);
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let first = sockets.place(one);
        let second = sockets.place(one);
        assert!(first.is_some() && second.is_some());
        assert!(sockets.place(one).is_none(), "a third from one address");
        let third = sockets.place(two);
        assert!(third.is_some());
        assert!(sockets.place(two).is_none(), "a fourth in all");
        drop(first);
        assert!(sockets.place(two).is_some());
    }
}
