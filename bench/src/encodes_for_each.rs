//! A peer: the stage's fan-out on bare tonic, in its simplest form. tonic encodes each message for each subscriber.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use soundstage_proto::position::{
    Character, PositionSubRequest, PositionSyncRequest, Sample, StageUpdate,
};
use tokio::sync::watch;
use tokio_stream::{Stream, StreamExt as _};
use tonic::body::Body;
use tonic::codegen::http;
use tonic::server::{Grpc, NamedService, ServerStreamingService, StreamingService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower_service::Service;

use crate::Result;

type Updates = Pin<Box<dyn Stream<Item = std::result::Result<StageUpdate, Status>> + Send>>;
type ResponseFuture<T> = Pin<Box<dyn Future<Output = std::result::Result<T, Status>> + Send>>;

/// Serves until the process is killed.
pub(crate) fn serve(port: u16) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    runtime.block_on(
        tonic::transport::Server::builder()
            .add_service(Stage::default())
            .serve(address),
    )?;
    Ok(())
}

/// The latest samples.
#[derive(Clone, Default)]
struct Stage {
    changes: Arc<watch::Sender<Vec<Sample>>>,
}

impl NamedService for Stage {
    const NAME: &'static str = "posXYZ.PositionService";
}

impl Service<http::Request<Body>> for Stage {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future =
        Pin<Box<dyn Future<Output = std::result::Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let stage = self.clone();
        Box::pin(async move {
            Ok(if request.uri().path().ends_with("/PositionSub") {
                let mut grpc = Grpc::new(ProstCodec::default());
                grpc.server_streaming(Sub(stage), request).await
            } else {
                let mut grpc = Grpc::new(ProstCodec::default());
                grpc.streaming(Sync(stage), request).await
            })
        })
    }
}

struct Sub(Stage);

impl ServerStreamingService<PositionSubRequest> for Sub {
    type Response = StageUpdate;
    type ResponseStream = Updates;
    type Future = ResponseFuture<Response<Updates>>;

    fn call(&mut self, _: Request<PositionSubRequest>) -> Self::Future {
        let changes = self.0.changes.subscribe();
        Box::pin(async move {
            let updates = tokio_stream::wrappers::WatchStream::new(changes).map(|samples| {
                Ok(StageUpdate {
                    samples,
                    ..StageUpdate::default()
                })
            });
            Ok(Response::new(Box::pin(updates) as Updates))
        })
    }
}

struct Sync(Stage);

impl StreamingService<PositionSyncRequest> for Sync {
    type Response = StageUpdate;
    type ResponseStream = Updates;
    type Future = ResponseFuture<Response<Updates>>;

    fn call(&mut self, request: Request<Streaming<PositionSyncRequest>>) -> Self::Future {
        let stage = self.0.clone();
        Box::pin(async move {
            let updates = request.into_inner().filter_map(move |request| {
                let request = match request {
                    Ok(request) => request,
                    Err(status) => return Some(Err(status)),
                };
                if request.joins.is_empty() {
                    stage.changes.send_replace(request.samples);
                    return None;
                }
                // Id 1 is the default character.
                let own = (2..).zip(request.joins).map(|(id, join)| Character {
                    id,
                    name: join.name,
                    ..Character::default()
                });
                Some(Ok(StageUpdate {
                    own: own.collect(),
                    ..StageUpdate::default()
                }))
            });
            Ok(Response::new(Box::pin(updates) as Updates))
        })
    }
}
