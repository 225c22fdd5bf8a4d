//! HTTP and gRPC-Web by hand, so that a test sees the bytes on the wire and not a client library's view of them.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpStream;

/// The version of HTTP that carries a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http {
    /// HTTP/1.1
    One,
    /// HTTP/2 without TLS, with prior knowledge
    Two,
}

/// Sends a request on a new connection. The caller reads the response body.
///
/// # Panics
/// If the connection fails.
pub async fn send<B>(address: SocketAddr, http: Http, mut request: Request<B>) -> Response<Incoming>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let io = TokioIo::new(
        TcpStream::connect(address)
            .await
            .expect("the server listens"),
    );
    match http {
        Http::One => {
            let (mut sender, connection) = http1::handshake(io).await.expect("HTTP/1.1");
            tokio::spawn(connection);
            request
                .headers_mut()
                .insert("host", address.to_string().parse().expect("a header"));
            sender.send_request(request).await.expect("a response")
        }
        Http::Two => {
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io)
                .await
                .expect("HTTP/2");
            tokio::spawn(connection);
            let path = request.uri().clone();
            *request.uri_mut() = format!("http://{address}{path}").parse().expect("a URI");
            sender.send_request(request).await.expect("a response")
        }
    }
}

/// Sends a `GET` and reads the response with its body.
///
/// # Panics
/// If the connection fails.
pub async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = send(
        address,
        Http::One,
        request.body(Full::default()).expect("a request"),
    )
    .await;
    let (parts, body) = response.into_parts();
    Response::from_parts(
        parts,
        body.collect().await.expect("a whole body").to_bytes(),
    )
}

/// Returns the request of a gRPC-Web call, with all `messages` in one body, as browsers send them.
///
/// # Panics
/// If a header is invalid.
pub fn grpc_web_request<M: Message>(
    method: &str,
    content_type: &str,
    headers: &[(&str, &str)],
    messages: &[M],
) -> Request<Full<Bytes>> {
    let mut request = Request::post(method)
        .header("content-type", content_type)
        .header("x-grpc-web", "1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body: Vec<u8> = messages.iter().flat_map(frame).collect();
    request.body(Full::from(body)).expect("a request")
}

/// Encodes a message as a gRPC frame: a zero byte, the length in four bytes, the message.
///
/// # Panics
/// If the message has 4 GiB or more.
pub fn frame<M: Message>(message: &M) -> Vec<u8> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).expect("a small message");
    [&[0], length.to_be_bytes().as_slice(), &message].concat()
}

/// A complete gRPC-Web response.
#[derive(Debug)]
pub struct GrpcWebResponse {
    /// The HTTP headers.
    pub headers: HeaderMap,
    /// The encoded messages.
    pub messages: Vec<Bytes>,
    /// The lines of the trailer frame. `None` for a trailers-only response, which has its status in the headers.
    pub trailers: Option<String>,
}

impl GrpcWebResponse {
    /// Reads a response to its end.
    ///
    /// # Panics
    /// If the body is not a sequence of complete frames with at most one trailer frame, at the end.
    pub async fn read(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        assert_eq!(parts.status, 200);
        let body = body.collect().await.expect("a whole body").to_bytes();
        Self::parse(parts.headers, body)
    }

    /// Parses a response body. See [`GrpcWebResponse::read`].
    ///
    /// # Panics
    /// See [`GrpcWebResponse::read`].
    pub fn parse(headers: HeaderMap, mut body: Bytes) -> Self {
        let mut response = Self {
            headers,
            messages: Vec::new(),
            trailers: None,
        };
        while !body.is_empty() {
            assert!(response.trailers.is_none(), "a frame follows the trailers");
            assert!(body.len() >= 5, "a truncated frame header: {body:?}");
            let head = body.split_to(5);
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            assert!(body.len() >= length, "a truncated frame");
            let content = body.split_to(length);
            match head[0] {
                0 => response.messages.push(content),
                0x80 => {
                    response.trailers = Some(String::from_utf8(content.to_vec()).expect("text"));
                }
                flag => panic!("frame flag {flag:#x}"),
            }
        }
        response
    }

    /// Returns the status from the trailer frame, or from the headers of a trailers-only response.
    ///
    /// # Panics
    /// If there is no status.
    pub fn status(&self) -> i32 {
        let line = self.trailers.as_ref().map(|trailers| {
            let status = trailers
                .lines()
                .find_map(|line| line.strip_prefix("grpc-status:"));
            status.expect("a status in the trailers").trim().to_owned()
        });
        let header = || {
            self.headers
                .get("grpc-status")
                .expect("a status")
                .to_str()
                .expect("text")
                .to_owned()
        };
        line.unwrap_or_else(header).parse().expect("a number")
    }

    /// Decodes the messages.
    ///
    /// # Panics
    /// If a message has another type.
    pub fn decode<M: Message + Default>(&self) -> Vec<M> {
        self.messages
            .iter()
            .map(|message| M::decode(message.clone()).expect("a message"))
            .collect()
    }
}
