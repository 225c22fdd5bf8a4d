//! Calls of one request, by gRPC-Web over `fetch`.
//!
//! `soundstage_channel` makes such calls too, for tonic's client. The client, the channel and their HTTP types would make
//! the first load a sixth larger, so only parts that are loaded on demand use them (`channel.rs`).

use js_sys::{Reflect, Uint8Array};
use leptos::prelude::window;
use prost::bytes::Bytes;
use soundstage_channel::{DEFAULT_MAX_MESSAGE_SIZE, Decoder, Frame};
use tonic::Code;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestInit, Response};

use super::error::CallError;
use super::frames::{PREFIX, check_head, request, trailer};
use crate::browser;

/// Aborts a request when dropped. Aborting a completed request does nothing.
struct AbortOnDrop(AbortController);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The messages of a response. Dropping them cancels the call.
pub(super) struct Responses {
    /// The rest of the body; `None` after its end.
    body: Option<Body>,
    decoder: Decoder,
    /// The status in the headers, which applies if the trailers have none.
    early_status: Option<Result<(), CallError>>,
}

struct Body {
    reader: ReadableStreamDefaultReader,
    _abort: AbortOnDrop,
}

/// Starts a call of a method with an encoded request. Returns once the response begins.
pub(super) async fn call(path: &str, message: &[u8]) -> Result<Responses, CallError> {
    let unreachable = |_: JsValue| CallError::Unreachable;
    let abort = AbortOnDrop(AbortController::new().map_err(unreachable)?);
    let init = request_init(message, &abort.0).map_err(unreachable)?;
    let response = JsFuture::from(window().fetch_with_str_and_init(path, &init)).await;
    let response: Response = response.map_err(unreachable)?.unchecked_into();

    let headers = response.headers();
    let header = |name: &str| headers.get(name).ok().flatten();
    let early_status = status(header);
    match &early_status {
        Some(Err(error)) => return Err(error.clone()),
        Some(Ok(())) => {}
        None => {
            let content_type = header("content-type").unwrap_or_default();
            check_head(response.status(), &content_type)?;
        }
    }
    Ok(Responses {
        body: response.body().map(|body| Body {
            reader: body.get_reader().unchecked_into(),
            _abort: abort,
        }),
        decoder: Decoder::new(DEFAULT_MAX_MESSAGE_SIZE),
        early_status,
    })
}

fn request_init(message: &[u8], controller: &AbortController) -> Result<RequestInit, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/grpc-web+proto")?;
    headers.set("x-grpc-web", "1")?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&Uint8Array::from(&request(message)[..]));
    init.set_signal(Some(&controller.signal()));
    Ok(init)
}

impl Responses {
    /// Returns the next message; `None` at the end of a successful call.
    pub(super) async fn message(&mut self) -> Result<Option<Bytes>, CallError> {
        loop {
            match self.decoder.next_raw_frame()? {
                // Flag 0: not compressed. The request accepts no compression.
                Some(Frame::Message(frame)) if frame.starts_with(&[0]) => {
                    return Ok(Some(frame.slice(PREFIX..)));
                }
                Some(Frame::Message(_)) => {
                    let error = "the response has a compressed message".into();
                    return Err(CallError::Failed(error));
                }
                Some(Frame::Headers(trailers)) => {
                    self.drain();
                    let trailers = String::from_utf8_lossy(&trailers);
                    return self.end(status(|name| trailer(&trailers, name)));
                }
                None => {}
            }
            let chunk = match &self.body {
                Some(body) => body.read().await?,
                None => None,
            };
            let Some(chunk) = chunk else {
                self.decoder.finish()?;
                return self.end(None);
            };
            self.decoder.push(chunk.into());
        }
    }

    fn end(&mut self, status: Option<Result<(), CallError>>) -> Result<Option<Bytes>, CallError> {
        let missing = || CallError::Failed("the response ends without a status".into());
        let status = status.or(self.early_status.take());
        status.ok_or_else(missing)?.map(|()| None)
    }

    /// Reads the end of the body after the trailers: aborting a fetch before its end would close the connection.
    fn drain(&mut self) {
        if let Some(body) = self.body.take() {
            spawn_local(async move {
                // The call has its status, so an error no longer matters.
                let _ = body.read().await;
            });
        }
    }
}

impl Body {
    /// Returns the next chunk; `None` at the end.
    async fn read(&self) -> Result<Option<Vec<u8>>, CallError> {
        let read = JsFuture::from(self.reader.read()).await;
        let read = read.map_err(|_| CallError::Unreachable)?;
        let field = |name: &str| Reflect::get(&read, &name.into()).unwrap_or_default();
        let is_end = field("done").is_truthy();
        Ok((!is_end).then(|| field("value").unchecked_into::<Uint8Array>().to_vec()))
    }
}

/// Returns the status in headers or trailers, if they have one.
fn status(get: impl Fn(&str) -> Option<String>) -> Option<Result<(), CallError>> {
    let code = Code::from_bytes(get("grpc-status")?.as_bytes());
    if code == Code::Ok {
        return Some(Ok(()));
    }
    let message = browser::decoded(&get("grpc-message").unwrap_or_default());
    let details = get("grpc-status-details-bin").and_then(|base64| window().atob(&base64).ok());
    // A binary string of JavaScript: each character is a byte.
    let details: Vec<_> = details
        .unwrap_or_default()
        .chars()
        .map(|byte| byte as u8)
        .collect();
    Some(Err(CallError::from_status(code, &message, &details)))
}
