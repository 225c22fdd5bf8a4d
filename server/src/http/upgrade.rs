//! The handshake of a WebSocket (RFC 6455, section 4.2).

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
        .filter(|key| is_handshake && is_key(key.as_bytes()));
    let key = key.ok_or((
        StatusCode::BAD_REQUEST,
        "The WebSocket handshake is incomplete. Send it as GET over HTTP/1.1 with Connection: upgrade and a Sec-WebSocket-Key of 16 bytes in base64.\n",
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

/// Returns whether a value is 16 bytes in base64. The last of the 22 digits has 2 bits of the key, and 4 zero bits.
fn is_key(value: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    value.len() == 24
        && value[..22].iter().all(is_digit)
        && matches!(value[21], b'A' | b'Q' | b'g' | b'w')
        && value.ends_with(b"==")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_16_bytes_in_base64() {
        for key in [
            "dGhlIHNhbXBsZSBub25jZQ==",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "+/+/+/+/+/+/+/+/+/+/+w==",
        ] {
            assert!(is_key(key.as_bytes()), "{key}");
        }
        for key in [
            "",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub25jZR==",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAA!A==",
        ] {
            assert!(!is_key(key.as_bytes()), "{key}");
        }
    }
}
