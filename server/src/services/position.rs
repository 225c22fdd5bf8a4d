//! `PositionService`: where the characters are.

use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use soundstage_proto::encoded::EncodedUpdate;
use soundstage_proto::encoded::position_service_server::PositionService;
use soundstage_proto::position::{
    Msg, Pos, Position, PositionSubRequest, PositionSyncRequest, StageUpdate,
};
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status, Streaming};

use super::{status, sync};
use crate::lifecycle::Lifecycle;
use crate::stage::{Interest, Stage};

/// The most updates a second that can be asked for: as many as there are.
const MAX_RATE: u32 = 30;

/// More ids than this are no choice.
const MAX_CHOSEN: usize = 1000;

/// The service, over the stage, and over the store for who a character is.
#[derive(Debug, Clone)]
pub(crate) struct StageService {
    lifecycle: Lifecycle,
    stage: Stage,
}

impl StageService {
    pub(crate) fn new(lifecycle: Lifecycle, stage: Stage) -> Self {
        Self { lifecycle, stage }
    }
}

type Updates = BoxStream<'static, Result<EncodedUpdate, Status>>;

#[tonic::async_trait]
impl PositionService for StageService {
    type PositionSubStream = Updates;
    type PositionSyncStream = Updates;

    async fn position_req(&self, _: Request<Msg>) -> Result<Response<Position>, Status> {
        Ok(Response::new(Position {
            position: Some(self.stage.position()),
            status: 0,
            msg: POSITION.to_owned(),
        }))
    }

    async fn position_pub(&self, request: Request<Position>) -> Result<Response<Msg>, Status> {
        let position = request.into_inner().position;
        self.stage.publish(checked(|| "position".into(), position)?);
        Ok(Response::new(Msg::default()))
    }

    async fn position_sub(
        &self,
        request: Request<PositionSubRequest>,
    ) -> Result<Response<Self::PositionSubStream>, Status> {
        let request = request.into_inner();
        let choice = choice("", request)?;
        if !choice.all && choice.characters.is_empty() {
            let positions = WatchStream::new(self.stage.walker());
            let answers = positions.map(|walker| Ok(as_position(walker.position)));
            return Ok(Response::new(answers.boxed()));
        }
        let updates = stream::unfold(
            self.stage.subscribe(choice),
            |mut subscription| async move {
                let update = subscription.next().await;
                Some((Ok(EncodedUpdate(update)), subscription))
            },
        );
        Ok(Response::new(updates.boxed()))
    }

    async fn position_sync(
        &self,
        request: Request<Streaming<PositionSyncRequest>>,
    ) -> Result<Response<Self::PositionSyncStream>, Status> {
        let (lifecycle, stage) = (self.lifecycle.clone(), self.stage.clone());
        let updates = sync::sync(lifecycle, stage, request.into_inner());
        Ok(Response::new(updates))
    }
}

/// What the predecessor said beside each position.
const POSITION: &str = "character position";

/// An update that is a [`Position`] too.
fn as_position(position: Pos) -> EncodedUpdate {
    EncodedUpdate::from(&StageUpdate {
        position: Some(position),
        msg: POSITION.to_owned(),
        ..StageUpdate::default()
    })
}

/// Whom a caller chooses; `within` is the path of the request's fields.
pub(super) fn choice(within: &str, request: PositionSubRequest) -> Result<Interest, Status> {
    let PositionSubRequest {
        mut characters,
        all,
        max_rate,
    } = request;
    if max_rate > MAX_RATE {
        let field = format!("{within}max_rate");
        let description = "Send 1 to 30 updates a second, or 0 for all there are.";
        return Err(status::invalid_field(field, description));
    }
    if characters.len() > MAX_CHOSEN {
        let field = format!("{within}characters");
        let description = "Name at most 1,000, or ask for all.";
        return Err(status::invalid_field(field, description));
    }
    characters.sort_unstable();
    characters.dedup();
    Ok(Interest {
        all,
        characters,
        interval: Duration::from_secs(1)
            .checked_div(max_rate)
            .unwrap_or_default(),
        except: None,
    })
}

/// A position that is there and finite; `field` says where it stands in the request.
pub(super) fn checked(
    field: impl FnOnce() -> String,
    position: Option<Pos>,
) -> Result<Pos, Status> {
    let Some(position) = position else {
        return Err(status::invalid_field(field(), "Send a position."));
    };
    let coordinates = [("x", position.x), ("y", position.y), ("z", position.z)];
    let bad = coordinates
        .into_iter()
        .find(|(_, metres)| !metres.is_finite());
    match bad {
        Some((axis, _)) => Err(status::invalid_field(
            format!("{}.{axis}", field()),
            "Send a finite number of metres.",
        )),
        None => Ok(position),
    }
}
