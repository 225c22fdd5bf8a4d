//! A call of `PositionSync` that moves characters and wants to see no others.

use soundstage_proto::position::{
    Join, PositionSubRequest, PositionSyncRequest, Sample, StageUpdate,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::Stage;
use crate::client::ClientArgs;
use crate::failure::Failure;

/// Samples and joins in one request: well within what the server reads as one message.
const BATCH: usize = 500;

/// Requests that wait for the connection.
const WAITING: usize = 4;

/// The call.
pub(super) struct Sync {
    requests: mpsc::Sender<PositionSyncRequest>,
    updates: Streaming<StageUpdate>,
}

impl Sync {
    pub(super) async fn open(stage: &mut Stage, args: &ClientArgs) -> Result<Self, Failure> {
        let (requests, receiver) = mpsc::channel(WAITING);
        let none = PositionSyncRequest {
            receive: Some(PositionSubRequest::default()),
            ..PositionSyncRequest::default()
        };
        // There is room for the first.
        let _ = requests.try_send(none);
        let request = args.request(ReceiverStream::new(receiver));
        let updates = stage.position_sync(request).await?.into_inner();
        Ok(Self { requests, updates })
    }

    /// Puts characters on the stage; their ids.
    pub(super) async fn join(&mut self, joins: Vec<Join>) -> Result<Vec<u32>, Failure> {
        let mut ids = Vec::with_capacity(joins.len());
        for batch in joins.chunks(BATCH) {
            self.send(PositionSyncRequest {
                joins: batch.to_vec(),
                ..PositionSyncRequest::default()
            })
            .await?;
            let wanted = ids.len() + batch.len();
            while ids.len() < wanted {
                let update = self.updates.message().await?;
                let own = update.ok_or(Failure::IncompleteAnswer)?.own;
                ids.extend(own.iter().map(|character| character.id));
            }
        }
        Ok(ids)
    }

    /// Moves characters.
    pub(super) async fn put(&mut self, samples: &[Sample]) -> Result<(), Failure> {
        for batch in samples.chunks(BATCH) {
            self.send(PositionSyncRequest {
                samples: batch.to_vec(),
                ..PositionSyncRequest::default()
            })
            .await?;
        }
        Ok(())
    }

    /// A character leaves.
    pub(super) async fn leave(&mut self, character: u32) -> Result<(), Failure> {
        self.send(PositionSyncRequest {
            leaves: vec![character],
            ..PositionSyncRequest::default()
        })
        .await
    }

    /// Waits until a time, in which the characters are known to be there.
    pub(super) async fn wait_until(&mut self, time: tokio::time::Instant) -> Result<(), Failure> {
        tokio::select! {
            () = tokio::time::sleep_until(time) => Ok(()),
            ended = self.stay() => ended,
        }
    }

    /// Keeps the characters on the stage, as long as it is polled and the call goes on.
    pub(super) async fn stay(&mut self) -> Result<(), Failure> {
        loop {
            // Each of the server's heartbeats is answered with one.
            let update = self.updates.message().await?;
            update.ok_or(Failure::IncompleteAnswer)?;
            self.send(PositionSyncRequest {
                heartbeat: true,
                ..PositionSyncRequest::default()
            })
            .await?;
        }
    }

    /// Ends the call, once all that was sent has been done.
    pub(super) async fn finish(mut self) -> Result<(), Failure> {
        drop(self.requests);
        while self.updates.message().await?.is_some() {}
        Ok(())
    }

    async fn send(&mut self, request: PositionSyncRequest) -> Result<(), Failure> {
        if self.requests.send(request).await.is_ok() {
            return Ok(());
        }
        // The call has ended; its status says why.
        while self.updates.message().await?.is_some() {}
        Err(Failure::IncompleteAnswer)
    }
}
