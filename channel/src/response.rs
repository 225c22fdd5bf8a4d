//! Decodes an HTTP response of gRPC-Web to the response that a tonic client reads.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{self, LocalBoxStream, Stream, StreamExt as _};
use http::header::Entry;
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::Body;
use send_wrapper::SendWrapper;
use tonic::{Code, Status};

use crate::decoder::{Decoder, Frame};

/// The headers of a status.
const STATUS_HEADERS: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

/// Decodes a response from its head and its body, in chunks of any size.
///
/// The status can be in the headers, in the trailers, or in both. An error in the headers is final. Otherwise the
/// trailers decide, and if they have no status, the headers do. Without any status the call ends with `INTERNAL`. A
/// message of more than `max_message_size` bytes ends the call with `RESOURCE_EXHAUSTED`.
///
/// # Errors
/// Returns an error if the head is not that of a gRPC-Web response. The status follows gRPC's "HTTP to gRPC Status Code
/// Mapping".
pub fn decode_response(
    mut head: Parts,
    chunks: impl Stream<Item = Result<Bytes, Status>> + 'static,
    max_message_size: usize,
) -> Result<Response<ResponseBody>, Status> {
    let mut body = ResponseBody::new(Decoder::new(max_message_size), chunks);
    split_binary_values(&mut head.headers);
    if !body.take_early_status(&mut head.headers) {
        check_head(&head)?;
    }
    Ok(Response::from_parts(head, body))
}

fn check_head(head: &Parts) -> Result<(), Status> {
    if head.status != StatusCode::OK {
        return Err(Status::new(
            code_of_http(head.status.as_u16()),
            format!("the server responded with HTTP status {}", head.status),
        ));
    }
    let content_type = head
        .headers
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], |value| value.as_bytes());
    let content_type = String::from_utf8_lossy(content_type);
    if is_grpc_web(&content_type) {
        return Ok(());
    }
    Err(Status::unknown(format!(
        "the response is not gRPC-Web, but \"{content_type}\""
    )))
}

/// Returns the status of a response with an HTTP error and without a status of gRPC: gRPC's "HTTP to gRPC Status Code
/// Mapping".
pub fn code_of_http(status: u16) -> Code {
    match status {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// Returns whether a content type is that of binary gRPC-Web.
pub fn is_grpc_web(content_type: &str) -> bool {
    // RFC 9110, section 8.3.1: a media type has no letter case.
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    ["application/grpc-web", "application/grpc-web+proto"]
        .iter()
        .any(|name| media_type.eq_ignore_ascii_case(name))
}

/// Splits the values of binary headers (`-bin`) at commas. A proxy or `fetch` may join repeated headers, and a comma is no
/// part of base64 ("gRPC over HTTP2", section "Custom-Metadata").
fn split_binary_values(headers: &mut HeaderMap) {
    let is_joined = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().ends_with("-bin") && value.as_bytes().contains(&b',')).then(|| name.clone())
    };
    let joined: Vec<_> = headers.iter().filter_map(is_joined).collect();
    for name in joined {
        let values: Vec<_> = match headers.entry(&name) {
            Entry::Occupied(entry) => entry.remove_entry_mult().1.collect(),
            Entry::Vacant(_) => Vec::new(),
        };
        let parts = values.iter().flat_map(|value| {
            let parts = value.as_bytes().split(|&byte| byte == b',');
            parts.filter_map(|part| HeaderValue::from_bytes(part.trim_ascii()).ok())
        });
        for part in parts {
            headers.append(&name, part);
        }
    }
}

/// The messages and the trailers of a response. Ends with an error if the response has no status.
pub struct ResponseBody {
    // A tonic client requires a body that is `Send`; a browser has one thread.
    chunks: SendWrapper<LocalBoxStream<'static, Result<Bytes, Status>>>,
    decoder: Decoder,
    /// The success status of the headers, which applies if the trailers have no status.
    early_status: HeaderMap,
    has_ended: bool,
}

impl ResponseBody {
    pub(crate) fn new(
        decoder: Decoder,
        chunks: impl Stream<Item = Result<Bytes, Status>> + 'static,
    ) -> Self {
        Self {
            chunks: SendWrapper::new(chunks.boxed_local()),
            decoder,
            early_status: HeaderMap::new(),
            has_ended: false,
        }
    }

    /// Looks for a status in the headers. Returns whether the headers have a status.
    ///
    /// An error stays in the headers, where a tonic client looks first. A success status is removed: a client that
    /// finds it in the headers would not read the body.
    pub(crate) fn take_early_status(&mut self, headers: &mut HeaderMap) -> bool {
        match headers
            .get("grpc-status")
            .map(|code| Code::from_bytes(code.as_bytes()))
        {
            None => return false,
            Some(Code::Ok) => {
                for name in STATUS_HEADERS {
                    if let Some(value) = headers.remove(name) {
                        self.early_status.insert(name, value);
                    }
                }
            }
            Some(_) => self.has_ended = true,
        }
        true
    }

    /// Polls for the next frame; `None` at the end of the body.
    pub(crate) fn poll_decoded(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, Status>>> {
        loop {
            if let Some(mut frame) = self.decoder.next_frame()? {
                if let Frame::Headers(headers) = &mut frame {
                    split_binary_values(headers);
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            let Some(chunk) = std::task::ready!(self.chunks.poll_next_unpin(cx)) else {
                self.decoder.finish()?;
                return Poll::Ready(None);
            };
            self.decoder.push(chunk?);
        }
    }

    /// Returns the trailers with the status; an error if neither the trailers nor the headers
    /// have a status.
    fn end(&mut self, mut trailers: HeaderMap) -> Result<http_body::Frame<Bytes>, Status> {
        if !trailers.contains_key("grpc-status") {
            trailers.extend(std::mem::take(&mut self.early_status));
        }
        if trailers.contains_key("grpc-status") {
            Ok(http_body::Frame::trailers(trailers))
        } else {
            Err(Status::internal("the response ends without a status"))
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let frame = match std::task::ready!(self.poll_decoded(cx)) {
            Some(Ok(Frame::Message(message))) => {
                return Poll::Ready(Some(Ok(http_body::Frame::data(message))));
            }
            Some(Ok(Frame::Headers(trailers))) => self.end(trailers),
            Some(Err(status)) => Err(status),
            None => self.end(HeaderMap::new()),
        };
        self.has_ended = true;
        let rest = std::mem::replace(
            &mut self.chunks,
            SendWrapper::new(stream::empty().boxed_local()),
        );
        if frame.is_ok() {
            drain(rest.take());
        }
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }
}

/// Reads the end of the body after the trailers: aborting a fetch before its end would close the connection.
fn drain(mut rest: LocalBoxStream<'static, Result<Bytes, Status>>) {
    // Only a browser runs the task, and only a browser needs it.
    if cfg!(target_arch = "wasm32") {
        wasm_bindgen_futures::spawn_local(async move { drop(rest.next().await) });
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("decoder", &self.decoder)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
