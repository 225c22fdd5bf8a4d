//! Ids from the command line, or from standard input while it is being written.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use futures_util::{Stream, StreamExt as _, stream};
use soundstage_proto::user::UserRequest;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

use crate::failure::Failure;

/// The ids a command is about.
#[derive(Args)]
pub(crate) struct IdArgs {
    /// Ids, or - to read them from standard input, one a line
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// What went wrong with the ids. The call sees only the end of its requests, so it is asked for afterwards.
#[derive(Clone, Default)]
pub(crate) struct IdFault(Arc<Mutex<Option<Failure>>>);

impl IdFault {
    /// The fault, if there was one.
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
    /// The ids as request messages, which end at the first that is none.
    pub(crate) fn requests(self) -> (impl Stream<Item = UserRequest> + Send + 'static, IdFault) {
        let fault = IdFault::default();
        let reported = fault.clone();
        let requests = self
            .read()
            .map(|id| id.map(|id| UserRequest { id }))
            .map(move |request| request.map_err(|failure| reported.set(failure)).ok());
        (
            requests
                .take_while(|request| std::future::ready(request.is_some()))
                .filter_map(std::future::ready),
            fault,
        )
    }

    fn read(self) -> impl Stream<Item = Result<u32, Failure>> + Send + 'static {
        if self.ids == ["-"] {
            let lines = BufReader::new(tokio::io::stdin()).lines();
            stream::unfold((lines, 0), next_line).boxed()
        } else {
            stream::iter(self.ids.into_iter().map(|id| {
                parse(&id).map_err(|detail| Failure::BadInput(format!("{id:?}: {detail}")))
            }))
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
                .map_err(|detail| Failure::BadInput(format!("line {number}: {line:?}: {detail}"))),
            Err(error) => Err(Failure::Input(error)),
        };
        return Some((result, (lines, number)));
    }
}

fn parse(text: &str) -> Result<u32, &'static str> {
    text.trim()
        .parse()
        .map_err(|_| "ids are whole numbers from 0 to 4294967295")
}
