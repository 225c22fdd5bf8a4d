//! `PositionService`: where the character is.

use futures_util::stream::{BoxStream, StreamExt as _};
use soundstage_proto::position::position_service_server::PositionService;
use soundstage_proto::position::{Msg, Pos, Position};
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};

use super::status;
use crate::stage::Stage;

/// The service, over the stage.
#[derive(Debug, Clone)]
pub(crate) struct StageService {
    stage: Stage,
}

impl StageService {
    pub(crate) fn new(stage: Stage) -> Self {
        Self { stage }
    }
}

#[tonic::async_trait]
impl PositionService for StageService {
    type PositionSubStream = BoxStream<'static, Result<Position, Status>>;

    async fn position_req(&self, _: Request<Msg>) -> Result<Response<Position>, Status> {
        Ok(Response::new(to_answer(self.stage.position())))
    }

    async fn position_pub(&self, request: Request<Position>) -> Result<Response<Msg>, Status> {
        let position = request.into_inner().position;
        let position =
            position.ok_or_else(|| status::invalid_field("position", "Send a position."))?;
        check_finite(&position)?;
        self.stage.publish(position);
        Ok(Response::new(Msg::default()))
    }

    async fn position_sub(
        &self,
        _: Request<Msg>,
    ) -> Result<Response<Self::PositionSubStream>, Status> {
        let positions = WatchStream::new(self.stage.subscribe());
        Ok(Response::new(
            positions
                .map(|character| Ok(to_answer(character.position)))
                .boxed(),
        ))
    }
}

fn to_answer(position: Pos) -> Position {
    Position {
        position: Some(position),
        status: 0,
        msg: "character position".to_owned(),
    }
}

fn check_finite(position: &Pos) -> Result<(), Status> {
    let coordinates = [
        ("position.x", position.x),
        ("position.y", position.y),
        ("position.z", position.z),
    ];
    match coordinates
        .into_iter()
        .find(|(_, metres)| !metres.is_finite())
    {
        Some((field, _)) => Err(status::invalid_field(
            field,
            "Send a finite number of metres.",
        )),
        None => Ok(()),
    }
}
