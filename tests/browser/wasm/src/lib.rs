//! Calls from WebAssembly for the browser tests: generated clients over a channel. The specs load this module into a
//! page and check the outcomes.
#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use futures_channel::mpsc;
use futures_util::stream;
use soundstage_channel::{Channel, Failure, Transport};
use soundstage_proto::UserType;
use soundstage_proto::position::PositionSubRequest;
use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{UserRequest, UserTypeRequest};
use soundstage_sound::{Panned, Place};
use tonic::codegen::{Body, Bytes, StdError};
use tonic::{Request, Status};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The outcome of a call.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug, Default)]
pub struct Outcome {
    /// The number of messages received.
    pub messages: u32,
    /// The code of the status, as in tonic's enum: `Ok`, `DeadlineExceeded`.
    pub code: String,
    /// The message of the status.
    pub message: String,
    /// The channel's failure, if the call has no complete response.
    pub failure: Option<String>,
    /// The value of the trailer `x-tag`, which the recorded responses have.
    pub trailer: Option<String>,
}

impl Outcome {
    fn of(messages: u32, end: Result<(), Status>) -> Self {
        match end {
            Ok(()) => Self {
                messages,
                code: "Ok".into(),
                ..Self::default()
            },
            Err(status) => Self {
                messages,
                code: format!("{:?}", status.code()),
                message: status.message().to_owned(),
                failure: Failure::of(&status).map(|failure| format!("{failure:?}")),
                trailer: None,
            },
        }
    }
}

/// Logs panics to the console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

fn channel(origin: &str, transport: &str) -> Channel {
    let transport = match transport {
        "grpc-web" => Transport::GrpcWeb,
        "websocket" => Transport::WebSocket,
        _ => Transport::Auto,
    };
    Channel::new(origin).with_transport(transport)
}

/// Sends the ids 1 to `count` to `GetUsersByIds`, each after the response to the previous id.
///
/// # Errors
/// Returns an error if a response is missing or has another id.
#[wasm_bindgen]
pub async fn ping_pong(origin: String, count: u32) -> Result<u32, JsValue> {
    let (sender, requests) = mpsc::unbounded();
    let mut users = UserManagerClient::new(Channel::new(origin));
    let mut responses = users
        .get_users_by_ids(requests)
        .await
        .map_err(text)?
        .into_inner();
    for id in 1..=count {
        sender.unbounded_send(UserRequest { id }).map_err(text)?;
        let response = responses.message().await.map_err(text)?;
        let received = response
            .and_then(|response| response.user)
            .map(|user| user.id);
        if received != Some(id) {
            return Err(JsValue::from(format!(
                "the response to {id} has {received:?}"
            )));
        }
    }
    sender.close_channel();
    match responses.message().await.map_err(text)? {
        None => Ok(count),
        Some(response) => Err(JsValue::from(format!("an extra response: {response:?}"))),
    }
}

/// Counts the ids 1 to `count` with `CountAlreadyUsers`.
///
/// # Errors
/// Returns the message of the status if the call fails.
#[wasm_bindgen]
pub async fn count(origin: String, transport: String, count: u32) -> Result<u32, JsValue> {
    let ids = stream::iter((1..=count).map(|id| UserRequest { id }));
    let mut users = UserManagerClient::new(channel(&origin, &transport));
    let response = users.count_already_users(ids).await.map_err(text)?;
    Ok(response.into_inner().user_cnt)
}

/// Reads `PositionSub` until the deadline, in milliseconds (0 for none), or until `max_messages` have arrived, and then
/// drops the stream.
#[wasm_bindgen]
pub async fn follow(
    origin: String,
    transport: String,
    deadline_millis: u32,
    max_messages: u32,
) -> Outcome {
    let mut request = Request::new(PositionSubRequest::default());
    if deadline_millis > 0 {
        request.set_timeout(Duration::from_millis(deadline_millis.into()));
    }
    let mut stage = PositionServiceClient::new(channel(&origin, &transport));
    match stage.position_sub(request).await {
        Ok(response) => take(response.into_inner(), max_messages).await,
        Err(status) => Outcome::of(0, Err(status)),
    }
}

/// Calls `GetUser` with a limit on the response message, in bytes.
#[wasm_bindgen]
pub async fn get_user(origin: String, transport: String, max_message_size: usize) -> Outcome {
    let channel = channel(&origin, &transport).max_message_size(max_message_size);
    let response = UserManagerClient::new(channel)
        .get_user(UserRequest { id: 1 })
        .await;
    let messages = u32::from(response.is_ok());
    Outcome::of(messages, response.map(drop))
}

/// Reads a stream of users over the channel.
#[wasm_bindgen]
pub async fn stream_over_channel(origin: String) -> Outcome {
    users_by_type(Channel::new(origin)).await
}

/// Reads the same stream over tonic-web-wasm-client.
#[wasm_bindgen]
pub async fn stream_over_tonic_web_wasm_client(origin: String) -> Outcome {
    users_by_type(tonic_web_wasm_client::Client::new(origin)).await
}

async fn users_by_type<T>(transport: T) -> Outcome
where
    T: tonic::client::GrpcService<tonic::body::Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as Body>::Error: Into<StdError> + Send,
{
    let request = UserTypeRequest {
        user_type: UserType::Normal.into(),
    };
    match UserManagerClient::new(transport)
        .get_users_by_type(request)
        .await
    {
        Ok(response) => take(response.into_inner(), u32::MAX).await,
        Err(status) => Outcome::of(0, Err(status)),
    }
}

/// Reads a stream to its end, or until `max_messages` have arrived.
async fn take<T>(mut responses: tonic::Streaming<T>, max_messages: u32) -> Outcome {
    let mut messages = 0;
    while messages < max_messages {
        match responses.message().await {
            Ok(Some(_)) => messages += 1,
            Ok(None) => {
                let trailers = responses
                    .trailers()
                    .await
                    .ok()
                    .flatten()
                    .unwrap_or_default();
                let trailer = trailers.get("x-tag").and_then(|tag| tag.to_str().ok());
                return Outcome {
                    trailer: trailer.map(str::to_owned),
                    ..Outcome::of(messages, Ok(()))
                };
            }
            Err(status) => return Outcome::of(messages, Err(status)),
        }
    }
    Outcome::of(messages, Ok(()))
}

fn text(error: impl std::fmt::Display) -> JsValue {
    JsValue::from(error.to_string())
}

/// A sound source at a position, as on the page's stage.
#[wasm_bindgen]
#[derive(Debug)]
pub struct PannedSource(Panned);

#[wasm_bindgen]
impl PannedSource {
    /// Connects a source at a position, in metres forward, left and up.
    ///
    /// # Errors
    /// Returns the browser's error if it rejects a node.
    #[wasm_bindgen(constructor)]
    pub fn new(
        context: &web_sys::BaseAudioContext,
        source: &web_sys::AudioNode,
        x: f64,
        y: f64,
        z: f64,
    ) -> Result<Self, JsValue> {
        let panned = Panned::new(context, Place { x, y, z })?;
        panned.fade_to(1.0, 0.0)?;
        source.connect_with_audio_node(panned.input())?;
        panned
            .output()
            .connect_with_audio_node(&context.destination())?;
        Ok(Self(panned))
    }

    /// Moves the source at a time of the context, in seconds.
    ///
    /// # Errors
    /// Returns the browser's error if it rejects the time.
    pub fn move_to(&self, x: f64, y: f64, z: f64, seconds: f64) -> Result<(), JsValue> {
        self.0.move_to(Place { x, y, z }, seconds)
    }
}
