//! Ids from the command line, or from standard input as they arrive.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use futures_util::{Stream, StreamExt as _, stream};
use soundstage_proto::user::UserRequest;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

use crate::failure::Failure;

/// The ids that a command looks up.
#[derive(Args)]
pub(crate) struct IdArgs {
    /// The ids, or - to read them from standard input, one on each line
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// The first failure while the ids were read. A request stream cannot carry an error, so check this after the call.
#[derive(Clone, Default)]
pub(crate) struct IdFailure(Arc<Mutex<Option<Failure>>>);

impl IdFailure {
    /// Returns the failure, if there was one.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .map_or(Ok(()), Err)
    }

    fn set(&self, failure: Failure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }
}

impl IdArgs {
    /// Returns the ids as request messages. The stream ends at the first invalid id.
    pub(crate) fn requests(self) -> (impl Stream<Item = UserRequest> + Send + 'static, IdFailure) {
        let first_failure = IdFailure::default();
        let reported = first_failure.clone();
        let requests = self
            .read()
            .map(|id| id.map(|id| UserRequest { id }))
            .map(move |request| request.map_err(|failure| reported.set(failure)).ok());
        (
            requests
                .take_while(|request| std::future::ready(request.is_some()))
                .filter_map(std::future::ready),
            first_failure,
        )
    }

    fn read(self) -> impl Stream<Item = Result<u32, Failure>> + Send + 'static {
        if self.ids == ["-"] {
            let lines = BufReader::new(tokio::io::stdin()).lines();
            stream::unfold((lines, 0), next_line).boxed()
        } else {
            stream::iter(
                self.ids
                    .into_iter()
                    .map(|id| parse(&id).map_err(Failure::InvalidInput)),
            )
            .boxed()
        }
    }
}

type Input = Lines<BufReader<Stdin>>;

async fn next_line(
    (mut lines, mut number): (Input, usize),
) -> Option<(Result<u32, Failure>, (Input, usize))> {
    loop {
        let line: io::Result<Option<String>> = lines.next_line().await;
        number += 1;
        let result = match line.transpose()? {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) => parse(&line)
                .map_err(|error| Failure::InvalidInput(format!("line {number}: {error}"))),
            Err(error) => Err(Failure::Stdin(error)),
        };
        return Some((result, (lines, number)));
    }
}

/// Parses an id to look up. Unlike the id of a new user, it is required, and 0 is an id that no user has.
fn parse(text: &str) -> Result<u32, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("{text:?} is not an id; enter a whole number from 0 to 4294967295"))
}
