//! gRPC-Web over `fetch`: one HTTP request, and a response that is read as it arrives.

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use js_sys::{Array, Promise, Reflect, Uint8Array};
use tonic::{Code, Status};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestInit};

use super::deadline::Deadline;
use super::headers::request_headers;
use crate::failure::Failure;
use crate::requests::Requests;
use crate::response::{ResponseBody, decode_response};

#[wasm_bindgen]
extern "C" {
    /// The global `fetch` of a window or a worker.
    #[wasm_bindgen(js_name = fetch, catch)]
    fn fetch(url: &str, init: &RequestInit) -> Result<Promise, JsValue>;
}

/// Aborts the request when dropped. Aborting a completed request does nothing.
struct AbortOnDrop(AbortController);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) async fn call(
    url: &str,
    headers: &HeaderMap,
    requests: Requests,
    deadline: Deadline,
    max_message_size: usize,
) -> Result<Response<ResponseBody>, Status> {
    let messages = requests.collect().await?;
    let controller = AbortController::new().map_err(|error| not_supported(&error))?;
    let init =
        request_init(headers, &messages, &controller).map_err(|error| not_supported(&error))?;
    let abort = AbortOnDrop(controller);
    let no_response = |error| Failure::NoResponse.status(Code::Unavailable, &message_of(&error));
    let fetched = JsFuture::from(fetch(url, &init).map_err(no_response)?)
        .await
        .map_err(no_response)?;
    let fetched: web_sys::Response = fetched.unchecked_into();

    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(fetched.status()).unwrap_or_default();
    *response.headers_mut() = response_headers(&fetched.headers());
    let reader = fetched.body().map(|body| {
        body.get_reader()
            .unchecked_into::<ReadableStreamDefaultReader>()
    });
    decode_response(
        response.into_parts().0,
        deadline.limit(chunks(reader, abort)),
        max_message_size,
    )
}

fn request_init(
    headers: &HeaderMap,
    messages: &[u8],
    controller: &AbortController,
) -> Result<RequestInit, JsValue> {
    let fields = Headers::new()?;
    for (name, value) in request_headers(headers) {
        fields.append(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(fields.as_ref());
    init.set_body(&Uint8Array::from(messages));
    init.set_signal(Some(&controller.signal()));
    Ok(init)
}

/// Converts the headers of a response. The browser has joined repeated headers with commas.
fn response_headers(headers: &Headers) -> HeaderMap {
    let mut converted = HeaderMap::new();
    for pair in headers.entries().into_iter().flatten() {
        let pair: Array = pair.unchecked_into();
        let text = |index| pair.get(index).as_string().unwrap_or_default();
        let name = HeaderName::from_bytes(text(0).as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&text(1))) {
            converted.append(name, value);
        }
    }
    converted
}

/// Returns the body of the response. Dropping the stream aborts the request.
fn chunks(
    reader: Option<ReadableStreamDefaultReader>,
    abort: AbortOnDrop,
) -> impl Stream<Item = Result<Bytes, Status>> {
    stream::try_unfold((reader, abort), async |(reader, abort)| {
        let Some(reader) = reader else {
            return Ok(None);
        };
        let lost = |error| Failure::ConnectionLost.status(Code::Unavailable, &message_of(&error));
        let read = JsFuture::from(reader.read()).await.map_err(lost)?;
        let field = |name| Reflect::get(&read, &JsValue::from_str(name)).unwrap_or_default();
        if field("done").is_truthy() {
            return Ok(None);
        }
        let chunk = field("value").unchecked_into::<Uint8Array>().to_vec();
        Ok(Some((Bytes::from(chunk), (Some(reader), abort))))
    })
}

fn not_supported(error: &JsValue) -> Status {
    Failure::NeverReached.status(Code::Internal, &message_of(error))
}

/// Returns the message of a JavaScript error; empty for any other value.
fn message_of(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .unwrap_or_default()
}
