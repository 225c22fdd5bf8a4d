//! A call of `PositionSync` that moves characters and receives no positions.

use soundstage_proto::position::{
    Join, PositionSubRequest, PositionSyncRequest, Sample, StageUpdate,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::Stage;
use crate::client::ClientArgs;
use crate::failure::Failure;

/// The largest number of samples or joins in one request, well within the server's limit on the size of a message.
const BATCH: usize = 500;

/// The number of requests that wait for the connection.
const QUEUE: usize = 4;

/// An open call.
pub(super) struct SyncCall {
    requests: mpsc::Sender<PositionSyncRequest>,
    updates: Streaming<StageUpdate>,
}

impl SyncCall {
    /// Opens a call without interest in any character.
    pub(super) async fn open(stage: &mut Stage, args: &ClientArgs) -> Result<Self, Failure> {
        let (requests, receiver) = mpsc::channel(QUEUE);
        let no_interest = PositionSyncRequest {
            receive: Some(PositionSubRequest::default()),
            ..PositionSyncRequest::default()
        };
        // The queue is empty, so the first request fits.
        let _ = requests.try_send(no_interest);
        let request = args.request(ReceiverStream::new(receiver));
        let updates = stage.position_sync(request).await?.into_inner();
        Ok(Self { requests, updates })
    }

    /// Adds characters to the stage and returns their ids.
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
                let own = update.ok_or(Failure::IncompleteResponse)?.own;
                ids.extend(own.iter().map(|character| character.id));
            }
        }
        Ok(ids)
    }

    /// Moves characters.
    pub(super) async fn send_samples(&mut self, samples: &[Sample]) -> Result<(), Failure> {
        for batch in samples.chunks(BATCH) {
            self.send(PositionSyncRequest {
                samples: batch.to_vec(),
                ..PositionSyncRequest::default()
            })
            .await?;
        }
        Ok(())
    }

    /// Removes a character from the stage.
    pub(super) async fn leave(&mut self, character: u32) -> Result<(), Failure> {
        self.send(PositionSyncRequest {
            leaves: vec![character],
            ..PositionSyncRequest::default()
        })
        .await
    }

    /// Waits until `time` and keeps the characters on the stage meanwhile.
    pub(super) async fn wait_until(&mut self, time: tokio::time::Instant) -> Result<(), Failure> {
        tokio::select! {
            () = tokio::time::sleep_until(time) => Ok(()),
            ended = self.keep_alive() => ended,
        }
    }

    /// Answers heartbeats, which keeps the characters on the stage while the future is polled. Ends only with the call.
    pub(super) async fn keep_alive(&mut self) -> Result<(), Failure> {
        loop {
            let update = self.updates.message().await?;
            update.ok_or(Failure::IncompleteResponse)?;
            self.send(PositionSyncRequest {
                heartbeat: true,
                ..PositionSyncRequest::default()
            })
            .await?;
        }
    }

    /// Half-closes the call and waits until the server has handled every request.
    pub(super) async fn finish(mut self) -> Result<(), Failure> {
        drop(self.requests);
        while self.updates.message().await?.is_some() {}
        Ok(())
    }

    async fn send(&mut self, request: PositionSyncRequest) -> Result<(), Failure> {
        if self.requests.send(request).await.is_ok() {
            return Ok(());
        }
        // The call has ended. Its status says why.
        while self.updates.message().await?.is_some() {}
        Err(Failure::IncompleteResponse)
    }
}
