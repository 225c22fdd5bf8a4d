//! `PositionSync`: a call that publishes its own characters and receives other characters.

use std::net::IpAddr;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use soundstage_proto::encoded::EncodedUpdate;
use soundstage_proto::position::{Character, Join, PositionSyncRequest, StageUpdate};
use soundstage_proto::user_rules;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, Streaming};

use super::{stage_validation, status};
use crate::lifecycle::Lifecycle;
use crate::limits::MAX_CHARACTERS_OF_CALL;
use crate::stage::{Interest, JoinError, JoinRequest, MoveError, Publisher, Stage, Subscription};

/// The longest name of a source, in characters.
const MAX_SOURCE: usize = 64;

/// The number of effects that wait for a caller that does not read responses. Past it, the server stops reading the
/// caller's requests.
const MAX_PENDING_EFFECTS: usize = 16;

/// A change that a request makes to the response stream.
enum Effect {
    /// The call's own characters after a join.
    Joined(Vec<Character>),
    /// A new interest of the caller.
    Subscribe(Interest),
    /// The status that ends the call.
    Reject(Status),
}

/// Runs a call. `address` is the client's, if known. A separate task reads the requests, so that a caller that does not
/// read responses can still move its characters.
pub(super) fn sync(
    lifecycle: Lifecycle,
    stage: Stage,
    address: Option<IpAddr>,
    requests: Streaming<PositionSyncRequest>,
) -> BoxStream<'static, Result<EncodedUpdate, Status>> {
    let (effects, receiver) = mpsc::channel(MAX_PENDING_EFFECTS);
    let publisher = stage.open_publisher(address);
    let reader = tokio::spawn(read(lifecycle, publisher, requests, effects));
    let updates = Updates {
        subscription: stage.subscribe(Interest::default()),
        stage,
        effects: Some(receiver),
        _reader: AbortOnDropHandle::new(reader),
    };
    stream::unfold(updates, |mut updates| async move {
        let update = updates.next().await?;
        Some((update, updates))
    })
    .boxed()
}

/// The response stream.
struct Updates {
    stage: Stage,
    subscription: Subscription,
    /// `None` once the call has been rejected.
    effects: Option<mpsc::Receiver<Effect>>,
    _reader: AbortOnDropHandle<()>,
}

impl Updates {
    async fn next(&mut self) -> Option<Result<EncodedUpdate, Status>> {
        loop {
            let effects = self.effects.as_mut()?;
            let effect = tokio::select! {
                // Effects of requests go before updates.
                biased;
                effect = effects.recv() => effect?,
                update = self.subscription.next() => return Some(Ok(update)),
            };
            match effect {
                Effect::Subscribe(interest) => self.subscription = self.stage.subscribe(interest),
                Effect::Joined(own) => {
                    let update = StageUpdate {
                        own,
                        ..StageUpdate::default()
                    };
                    return Some(Ok(EncodedUpdate::from(&update)));
                }
                Effect::Reject(status) => {
                    self.effects = None;
                    return Some(Err(status));
                }
            }
        }
    }
}

/// Handles requests until they end, and then removes the call's characters. If a request is rejected, or the call is
/// dropped, the publisher disconnects and its characters become stale.
async fn read(
    lifecycle: Lifecycle,
    publisher: Publisher,
    mut requests: Streaming<PositionSyncRequest>,
    effects: mpsc::Sender<Effect>,
) {
    let mut is_first = true;
    loop {
        let outcome = match requests.message().await {
            Ok(Some(request)) => handle(&lifecycle, &publisher, request, is_first, &effects).await,
            Ok(None) => return publisher.leave_all().await,
            Err(status) => Err(status),
        };
        is_first = false;
        if let Err(status) = outcome {
            // Fails only if the response stream is gone.
            let _ = effects.send(Effect::Reject(status)).await;
            return;
        }
    }
}

async fn handle(
    lifecycle: &Lifecycle,
    publisher: &Publisher,
    request: PositionSyncRequest,
    is_first: bool,
    effects: &mpsc::Sender<Effect>,
) -> Result<(), Status> {
    let PositionSyncRequest {
        joins,
        samples,
        leaves,
        heartbeat: _,
        receive,
    } = request;
    let emit = async |effect| {
        // Fails only if the response stream is gone.
        let _ = effects.send(effect).await;
    };
    let interest = match receive {
        Some(receive) => Some(stage_validation::interest("receive.", receive)?),
        None => is_first.then(|| Interest {
            all: true,
            ..Interest::default()
        }),
    };
    if let Some(interest) = interest {
        let excluded_call = Some(publisher.call());
        emit(Effect::Subscribe(Interest {
            excluded_call,
            ..interest
        }))
        .await;
    }

    // Rejects the request as a whole, so that its first joins take no room on the stage.
    if joins.len() > MAX_CHARACTERS_OF_CALL {
        return Err(cannot_join(JoinError::CallFull));
    }
    let mut own = Vec::with_capacity(joins.len());
    for (index, join) in joins.into_iter().enumerate() {
        let request = join_request(lifecycle, index, join).await?;
        own.push(publisher.join(request).map_err(cannot_join)?);
    }
    if !own.is_empty() {
        emit(Effect::Joined(own)).await;
    }
    let samples = samples.into_iter().enumerate().map(|(index, sample)| {
        let field = || format!("samples[{index}].position");
        let position = stage_validation::position(field, sample.position)?;
        Ok((sample, position))
    });
    let samples = samples.collect::<Result<Vec<_>, Status>>()?;
    if !samples.is_empty() {
        let outcome = publisher.apply_samples(&samples);
        outcome.map_err(|(index, error)| rejected(format!("samples[{index}].character"), error))?;
    }
    for (index, character) in leaves.into_iter().enumerate() {
        let outcome = publisher.leave(character);
        outcome.map_err(|error| rejected(format!("leaves[{index}]"), error))?;
    }
    publisher.heartbeat();
    Ok(())
}

/// Validates a join. A user of the directory supplies the name if the request has none.
async fn join_request(
    lifecycle: &Lifecycle,
    index: usize,
    join: Join,
) -> Result<JoinRequest, Status> {
    let invalid = |field: &str, description| {
        status::invalid_field(format!("joins[{index}].{field}"), description)
    };
    let Join {
        mut name,
        user_id,
        source,
    } = join;
    if user_id != 0 {
        let user = lifecycle.directory()?.get(user_id).await?;
        let user = user.ok_or_else(|| invalid("user_id", "No user has this id."))?;
        if name.is_empty() {
            name = user.nickname;
        }
    }
    user_rules::check_name(&name).map_err(|description| invalid("name", description))?;
    if source.chars().count() > MAX_SOURCE {
        return Err(invalid("source", "Use at most 64 characters."));
    }
    Ok(JoinRequest {
        name,
        user_id,
        source,
    })
}

fn cannot_join(error: JoinError) -> Status {
    Status::resource_exhausted(match error {
        JoinError::Full => "the stage is full; try again later",
        JoinError::CallFull => "a call can have at most 1,000 characters; let one leave first",
        JoinError::AddressFull => {
            "the calls from your address can have at most 4,000 characters; let one leave first"
        }
    })
}

fn rejected(field: String, error: MoveError) -> Status {
    let description = match error {
        MoveError::NotJoined => "Join a character first, or set the id of a character.",
        MoveError::Unknown => "No character has ever had this id.",
        MoveError::NotYours => "This character belongs to another call.",
    };
    status::invalid_field(field, description)
}
