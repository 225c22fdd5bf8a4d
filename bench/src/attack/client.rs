//! The well-behaved client: a steady mix of short calls, with their delays.

use std::io;
use std::time::{Duration, Instant};

use soundstage_proto::UserType;
use soundstage_proto::position::Msg;
use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{User, UserRequest};
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};

use super::USERS;
use crate::stage::percentile;

/// Calls per second.
const RATE: u32 = 100;
/// Calls over one connection, so that a client that cannot connect any more has failed calls.
const PER_CONNECTION: u32 = RATE;
/// One call in this number is an `AddUser`.
const ADDS: u32 = 10;
/// Time after which a call without a response has failed.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The calls of a well-behaved client.
#[derive(Default)]
pub(super) struct Calls {
    /// Delays from the time when a call was due to its response, in milliseconds, in ascending order. The timer adds
    /// up to 2 ms.
    all: Vec<f64>,
    adds: Vec<f64>,
    pub(super) failed: usize,
    /// The error of the first failed call.
    pub(super) error: Option<String>,
}

impl Calls {
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    pub(super) fn percentile(&self, percent: usize) -> f64 {
        percentile(&self.all, percent)
    }

    /// Returns a percentile of the delays of `AddUser`.
    pub(super) fn percentile_of_adds(&self, percent: usize) -> f64 {
        percentile(&self.adds, percent)
    }
}

/// Calls the server until `end`.
pub(super) fn call_until(port: u16, end: Instant) -> io::Result<Calls> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(calls(port, end)))
}

async fn calls(port: u16, end: Instant) -> Calls {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"));
    let endpoint = endpoint.expect("a URL");
    let (results, mut received) = mpsc::unbounded_channel();
    // A late call does not delay the calls after it: each has the time at which it is due.
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut channel = endpoint.connect_lazy();
    for number in 0_u32.. {
        let due = ticks.tick().await;
        if due.into_std() >= end {
            break;
        }
        if number.is_multiple_of(PER_CONNECTION) {
            channel = endpoint.connect_lazy();
        }
        let (results, channel) = (results.clone(), channel.clone());
        tokio::spawn(async move {
            let outcome = tokio::time::timeout(TIMEOUT, call(channel, number)).await;
            let outcome = outcome.unwrap_or_else(|_| Err(format!("no response in {TIMEOUT:?}")));
            // The receiver outlives the calls.
            let _ = results.send((number, due.elapsed(), outcome));
        });
    }
    drop(results);
    let mut calls = Calls::default();
    while let Some((number, delay, outcome)) = received.recv().await {
        let millis = delay.as_secs_f64() * 1e3;
        calls.all.push(millis);
        if is_add(number) {
            calls.adds.push(millis);
        }
        if let Err(error) = outcome {
            calls.failed += 1;
            calls.error.get_or_insert(error);
        }
    }
    calls.all.sort_by(f64::total_cmp);
    calls.adds.sort_by(f64::total_cmp);
    calls
}

fn is_add(number: u32) -> bool {
    number % ADDS == ADDS - 1
}

/// Makes one call: `AddUser`, or in turn `GetUser` and `PositionReq`.
async fn call(channel: Channel, number: u32) -> Result<(), String> {
    let text = |status: tonic::Status| format!("{}: {}", status.code(), status.message());
    if !is_add(number) && number % 2 == 1 {
        let mut stage = PositionServiceClient::new(channel);
        return stage
            .position_req(Msg::default())
            .await
            .map(drop)
            .map_err(text);
    }
    let mut users = UserManagerClient::new(channel);
    let response = if is_add(number) {
        let user = User {
            nickname: "new".into(),
            mail_address: "new@example.com".into(),
            user_type: UserType::Normal.into(),
            ..User::default()
        };
        users.add_user(user).await
    } else {
        let id = 1 + number * 7919 % USERS;
        users.get_user(UserRequest { id }).await
    };
    let response = response.map_err(text)?.into_inner();
    if response.error {
        return Err(response.message);
    }
    Ok(())
}
