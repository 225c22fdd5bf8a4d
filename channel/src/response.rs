//! From the head and the bytes of an answer to the response that a tonic client reads.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{self, LocalBoxStream, Stream, StreamExt as _};
use http::response::Parts;
use http::{HeaderMap, Response, StatusCode, header};
use http_body::Body;
use send_wrapper::SendWrapper;
use tonic::{Code, Status};

use crate::decoder::{Decoder, Frame};

/// The headers that make a status.
const STATUS_HEADERS: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

/// The response to a call, from the head of its answer and the bytes that follow, in pieces of any size.
///
/// The status may stand in the headers, in the trailers, or in both. One in the headers that is an error is final. Else
/// the trailers decide; where they have none, the headers do; where those have none either, the call fails.
///
/// # Errors
/// When the head is not that of a gRPC-Web answer. Then the status is the one that "HTTP to gRPC Status Code Mapping" gives.
pub fn decode_response(
    mut head: Parts,
    pieces: impl Stream<Item = Result<Bytes, Status>> + 'static,
    max_message_size: usize,
) -> Result<Response<ResponseBody>, Status> {
    let mut body = ResponseBody::new(Decoder::new(max_message_size), pieces);
    if !body.take_early_status(&mut head.headers) {
        check_head(&head)?;
    }
    Ok(Response::from_parts(head, body))
}

fn check_head(head: &Parts) -> Result<(), Status> {
    if head.status != StatusCode::OK {
        let code = match head.status.as_u16() {
            400 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502..=504 => Code::Unavailable,
            _ => Code::Unknown,
        };
        return Err(Status::new(
            code,
            format!("the server answered with HTTP status {}", head.status),
        ));
    }
    let content_type = head
        .headers
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], |value| value.as_bytes());
    let kind = content_type
        .split(|&byte| byte == b';')
        .next()
        .unwrap_or_default();
    if matches!(
        kind.trim_ascii(),
        b"application/grpc-web" | b"application/grpc-web+proto"
    ) {
        return Ok(());
    }
    let content_type = String::from_utf8_lossy(content_type);
    Err(Status::unknown(format!(
        "the answer is not gRPC-Web, but \"{content_type}\""
    )))
}

/// The messages of an answer, and its trailers. It ends with an error unless there is a status.
pub struct ResponseBody {
    // A tonic client asks for a body that is `Send`; in a browser, nothing is ever sent.
    pieces: SendWrapper<LocalBoxStream<'static, Result<Bytes, Status>>>,
    decoder: Decoder,
    /// The status that the headers gave: the one that counts where the trailers give none.
    early_status: HeaderMap,
    has_ended: bool,
}

impl ResponseBody {
    pub(crate) fn new(
        decoder: Decoder,
        pieces: impl Stream<Item = Result<Bytes, Status>> + 'static,
    ) -> Self {
        Self {
            pieces: SendWrapper::new(pieces.boxed_local()),
            decoder,
            early_status: HeaderMap::new(),
            has_ended: false,
        }
    }

    /// Looks for a status in the headers. An error stays there: a tonic client looks for it there first. Success is taken
    /// out, since a client that sees it there looks no further. Whether there was one.
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

    /// The next frame; `None` at the end of the bytes.
    pub(crate) fn poll_decoded(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, Status>>> {
        loop {
            if let Some(part) = self.decoder.next_frame()? {
                return Poll::Ready(Some(Ok(part)));
            }
            let Some(piece) = std::task::ready!(self.pieces.poll_next_unpin(cx)) else {
                self.decoder.finish()?;
                return Poll::Ready(None);
            };
            self.decoder.push(&piece?);
        }
    }

    /// The trailers to end with, if they or the headers have a status.
    fn end(&mut self, mut trailers: HeaderMap) -> Result<http_body::Frame<Bytes>, Status> {
        if !trailers.contains_key("grpc-status") {
            trailers.extend(std::mem::take(&mut self.early_status));
        }
        if trailers.contains_key("grpc-status") {
            Ok(http_body::Frame::trailers(trailers))
        } else {
            Err(Status::internal("the answer ends without a status"))
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
            &mut self.pieces,
            SendWrapper::new(stream::empty().boxed_local()),
        );
        if frame.is_ok() {
            read_out(rest.take());
        }
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }
}

/// Reads on from the trailers to the end of the bytes: a fetch that is ended before costs its connection.
fn read_out(mut rest: LocalBoxStream<'static, Result<Bytes, Status>>) {
    // Elsewhere there is no browser to run it, nor a fetch.
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
