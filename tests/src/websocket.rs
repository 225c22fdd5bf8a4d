//! gRPC over WebSocket by hand: the protocol `grpc-websockets`, as its JavaScript clients speak it.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderMap;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::PATIENCE;
use crate::raw::{GrpcWebResponse, frame};

/// A call over a WebSocket.
pub struct Call {
    /// The socket, for messages that the protocol does not have.
    pub socket: WebSocketStream<TcpStream>,
    received: Vec<u8>,
}

/// Opens a WebSocket to a method, with these headers in the handshake.
///
/// # Errors
/// If the server refuses the handshake.
///
/// # Panics
/// If no server listens on the address.
pub async fn handshake(
    address: SocketAddr,
    method: &str,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<TcpStream>, Error> {
    let mut request = format!("ws://{address}{method}")
        .into_client_request()
        .expect("an address");
    request.headers_mut().insert(
        "sec-websocket-protocol",
        "grpc-websockets".parse().expect("a header"),
    );
    for (name, value) in headers {
        request
            .headers_mut()
            .insert(*name, value.parse().expect("a header"));
    }
    let stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    Ok(tokio_tungstenite::client_async(request, stream).await?.0)
}

impl Call {
    /// Opens a WebSocket to a method and sends the headers of the request.
    ///
    /// # Panics
    /// If the server refuses the handshake.
    pub async fn start(address: SocketAddr, method: &str, headers: &[(&str, &str)]) -> Self {
        let mut socket = handshake(address, method, &[]).await.expect("a socket");
        let lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let lines = lines.concat();
        let lines = format!("content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n{lines}");
        socket
            .send(Message::binary(lines.into_bytes()))
            .await
            .expect("sent");
        Self {
            socket,
            received: Vec::new(),
        }
    }

    /// Sends a request message.
    ///
    /// # Panics
    /// If the socket is closed.
    pub async fn send<M: prost::Message>(&mut self, message: &M) {
        let chunk = [&[0][..], &frame(message)].concat();
        self.socket
            .send(Message::binary(chunk))
            .await
            .expect("sent");
    }

    /// Sends the half-close.
    ///
    /// # Panics
    /// If the socket is closed.
    pub async fn half_close(&mut self) {
        self.socket
            .send(Message::binary(vec![1]))
            .await
            .expect("sent");
    }

    /// Returns the flag and the content of the next response frame, or `None` once the socket is closed.
    ///
    /// # Panics
    /// If the frame does not arrive within [`PATIENCE`], or the socket fails.
    pub async fn frame(&mut self) -> Option<(u8, Bytes)> {
        loop {
            if let Some((head, rest)) = self.received.split_first_chunk::<5>() {
                let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
                if rest.len() >= length {
                    let content = Bytes::copy_from_slice(&rest[..length]);
                    let flag = head[0];
                    self.received.drain(..5 + length);
                    return Some((flag, content));
                }
            }
            let next = tokio::time::timeout(PATIENCE, self.socket.next())
                .await
                .expect("in time");
            match next
                .expect("a close before the end")
                .expect("an unbroken socket")
            {
                Message::Binary(chunk) => self.received.extend_from_slice(&chunk),
                Message::Close(close) => {
                    assert_eq!(close.map(|close| close.code), Some(CloseCode::Normal));
                    assert!(self.received.is_empty(), "the response ends within a frame");
                    return None;
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Returns the next response message.
    ///
    /// # Panics
    /// If the next frame is not a message.
    pub async fn message<M: prost::Message + Default>(&mut self) -> M {
        let (flag, content) = self.frame().await.expect("a frame");
        assert_eq!(flag, 0, "not a message: {content:?}");
        M::decode(content).expect("a message")
    }

    /// Returns the response headers, which are the first frame.
    ///
    /// # Panics
    /// If the next frame is not headers.
    pub async fn headers(&mut self) -> String {
        let (flag, content) = self.frame().await.expect("a frame");
        assert_eq!(flag, 0x80, "not headers: {content:?}");
        String::from_utf8(content.to_vec()).expect("text")
    }

    /// Returns the rest of the response, up to the close of the socket.
    ///
    /// # Panics
    /// If the response is incomplete.
    pub async fn rest(mut self) -> GrpcWebResponse {
        let mut bytes = Vec::new();
        while let Some((flag, content)) = self.frame().await {
            bytes.push(flag);
            bytes.extend_from_slice(&u32::try_from(content.len()).expect("small").to_be_bytes());
            bytes.extend_from_slice(&content);
        }
        GrpcWebResponse::parse(HeaderMap::new(), bytes.into())
    }
}
