//! `PositionSync`: one call that moves characters and receives the others.

use futures_util::stream::{self, BoxStream, StreamExt as _};
use soundstage_proto::encoded::EncodedUpdate;
use soundstage_proto::position::{Character, Join, PositionSyncRequest, StageUpdate};
use soundstage_proto::user_rules;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, Streaming};

use super::position::{checked, choice};
use super::status;
use crate::lifecycle::Lifecycle;
use crate::stage::{Interest, JoinError, JoinRequest, MoveError, Publisher, Stage, Subscription};

/// The longest name of a source, in characters.
const SOURCE_MAX: usize = 64;

/// How many answers to requests wait for a caller that does not read them, before its requests wait too.
const ANSWERS_WAITING: usize = 16;

/// What the requests mean for the answers.
enum Answer {
    Own(Vec<Character>),
    Receive(Interest),
    Refused(Status),
}

/// Reads the requests in a task of their own, so that a caller that does not read what it receives can still move its characters.
pub(super) fn sync(
    lifecycle: Lifecycle,
    stage: Stage,
    requests: Streaming<PositionSyncRequest>,
) -> BoxStream<'static, Result<EncodedUpdate, Status>> {
    let (answers, receiver) = mpsc::channel(ANSWERS_WAITING);
    let reading = tokio::spawn(read(lifecycle, stage.open(), requests, answers));
    let updates = Updates {
        subscription: stage.subscribe(Interest::default()),
        stage,
        answers: Some(receiver),
        _reading: AbortOnDropHandle::new(reading),
    };
    stream::unfold(updates, |mut updates| async move {
        let update = updates.next().await?;
        Some((update, updates))
    })
    .boxed()
}

struct Updates {
    stage: Stage,
    subscription: Subscription,
    /// Gone at the end of the call.
    answers: Option<mpsc::Receiver<Answer>>,
    _reading: AbortOnDropHandle<()>,
}

impl Updates {
    async fn next(&mut self) -> Option<Result<EncodedUpdate, Status>> {
        loop {
            let answers = self.answers.as_mut()?;
            let answer = tokio::select! {
                // First what the caller has asked for.
                biased;
                answer = answers.recv() => answer?,
                update = self.subscription.next() => return Some(Ok(EncodedUpdate(update))),
            };
            match answer {
                Answer::Receive(choice) => self.subscription = self.stage.subscribe(choice),
                Answer::Own(own) => {
                    let update = StageUpdate {
                        own,
                        ..StageUpdate::default()
                    };
                    return Some(Ok(EncodedUpdate::from(&update)));
                }
                Answer::Refused(status) => {
                    self.answers = None;
                    return Some(Err(status));
                }
            }
        }
    }
}

/// Does what the requests say, to their end. Dropped at an error or with the call, the mover leaves its characters stale.
async fn read(
    lifecycle: Lifecycle,
    mover: Publisher,
    mut requests: Streaming<PositionSyncRequest>,
    answers: mpsc::Sender<Answer>,
) {
    let mut is_first = true;
    loop {
        let outcome = match requests.message().await {
            Ok(Some(request)) => handle(&lifecycle, &mover, request, is_first, &answers).await,
            Ok(None) => return mover.leave_all().await,
            Err(status) => Err(status),
        };
        is_first = false;
        if let Err(status) = outcome {
            // Without a reader nobody waits for the reason.
            let _ = answers.send(Answer::Refused(status)).await;
            return;
        }
    }
}

async fn handle(
    lifecycle: &Lifecycle,
    mover: &Publisher,
    request: PositionSyncRequest,
    is_first: bool,
    answers: &mpsc::Sender<Answer>,
) -> Result<(), Status> {
    let PositionSyncRequest {
        joins,
        samples,
        leaves,
        heartbeat: _,
        receive,
    } = request;
    let answer = async |answer| {
        // Without a reader the call is about to end.
        let _ = answers.send(answer).await;
    };
    let receive = match receive {
        Some(receive) => Some(choice("receive.", receive)?),
        None => is_first.then(|| Interest {
            all: true,
            ..Interest::default()
        }),
    };
    if let Some(receive) = receive {
        let except = Some(mover.call());
        answer(Answer::Receive(Interest { except, ..receive })).await;
    }

    let mut own = Vec::with_capacity(joins.len());
    for (index, join) in joins.into_iter().enumerate() {
        let joining = joining(lifecycle, index, join).await?;
        own.push(mover.join(joining).map_err(|error| match error {
            JoinError::Full => Status::resource_exhausted("the stage is full; try again later"),
        })?);
    }
    if !own.is_empty() {
        answer(Answer::Own(own)).await;
    }
    let placed = samples.into_iter().enumerate().map(|(index, sample)| {
        let position = checked(|| format!("samples[{index}].position"), sample.position)?;
        Ok((sample, position))
    });
    let placed = placed.collect::<Result<Vec<_>, Status>>()?;
    let outcome = match placed.as_slice() {
        [] => Ok(()),
        placed => mover.samples(placed),
    };
    outcome.map_err(|(index, error)| refused(format!("samples[{index}].character"), error))?;
    for (index, character) in leaves.into_iter().enumerate() {
        let outcome = mover.leave(character);
        outcome.map_err(|error| refused(format!("leaves[{index}]"), error))?;
    }
    mover.heartbeat();
    Ok(())
}

/// Somebody whose names are in order.
async fn joining(lifecycle: &Lifecycle, index: usize, join: Join) -> Result<JoinRequest, Status> {
    let refuse = |field: &str, description| {
        status::invalid_field(format!("joins[{index}].{field}"), description)
    };
    let Join {
        mut name,
        user_id,
        source,
    } = join;
    if user_id != 0 {
        let user = lifecycle.directory()?.get(user_id).await?;
        let user = user.ok_or_else(|| refuse("user_id", "No user has this id."))?;
        if name.is_empty() {
            name = user.nickname;
        }
    }
    user_rules::check_name(&name).map_err(|description| refuse("name", description))?;
    if source.chars().count() > SOURCE_MAX {
        return Err(refuse("source", "Use at most 64 characters."));
    }
    Ok(JoinRequest {
        name,
        user_id,
        source,
    })
}

fn refused(field: String, error: MoveError) -> Status {
    let description = match error {
        MoveError::NotJoined => "Join first, or name a character.",
        MoveError::Unknown => "No character has had this id.",
        MoveError::NotYours => "It is not a character of this call.",
    };
    status::invalid_field(field, description)
}
