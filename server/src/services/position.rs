//! `PositionService`: the positions of the characters on the stage.

use futures_util::stream::{self, BoxStream, StreamExt as _};
use soundstage_proto::encoded::EncodedUpdate;
use soundstage_proto::position::{
    Msg, Pos, Position, PositionSubRequest, PositionSyncRequest, StageUpdate,
};
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status, Streaming};

use super::{stage_validation, sync};
use crate::connection::Peer;
use crate::lifecycle::Lifecycle;
use crate::stage::Stage;

/// `Position.msg` of every response, as the predecessor sent it.
const POSITION_MESSAGE: &str = "character position";

/// The service over the stage. The store supplies the names of users.
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

#[expect(clippy::unused_async, reason = "the codec awaits its handlers")]
impl StageService {
    pub(crate) async fn position_req(&self, _: Request<Msg>) -> Result<Response<Position>, Status> {
        Ok(Response::new(Position {
            position: Some(self.stage.position()),
            status: 0,
            msg: POSITION_MESSAGE.to_owned(),
        }))
    }

    pub(crate) async fn position_pub(
        &self,
        request: Request<Position>,
    ) -> Result<Response<Msg>, Status> {
        let position = request.into_inner().position;
        let position = stage_validation::position(|| "position".into(), position)?;
        self.stage.publish(position);
        Ok(Response::new(Msg::default()))
    }

    pub(crate) async fn position_sub(
        &self,
        request: Request<PositionSubRequest>,
    ) -> Result<Response<Updates>, Status> {
        let interest = stage_validation::interest("", request.into_inner())?;
        if interest.is_empty() {
            let positions = WatchStream::new(self.stage.watch_default());
            let updates = positions.map(|walker| Ok(default_update(walker.position)));
            return Ok(Response::new(updates.boxed()));
        }
        let updates = stream::unfold(
            self.stage.subscribe(interest),
            |mut subscription| async move {
                let update = subscription.next().await;
                Some((Ok(update), subscription))
            },
        );
        Ok(Response::new(updates.boxed()))
    }

    pub(crate) async fn position_sync(
        &self,
        request: Request<Streaming<PositionSyncRequest>>,
    ) -> Result<Response<Updates>, Status> {
        let (lifecycle, stage) = (self.lifecycle.clone(), self.stage.clone());
        let address = Peer::ip_of(&request);
        let updates = sync::sync(lifecycle, stage, address, request.into_inner());
        Ok(Response::new(updates))
    }
}

/// Returns an update about the default character, which old clients decode as a [`Position`].
fn default_update(position: Pos) -> EncodedUpdate {
    EncodedUpdate::from(&StageUpdate {
        position: Some(position),
        msg: POSITION_MESSAGE.to_owned(),
        ..StageUpdate::default()
    })
}
