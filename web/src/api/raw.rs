//! Calls of any method, with messages as bytes, that report every event: for *Calls*.

use std::time::Duration;

use futures_util::stream::{self, BoxStream, LocalBoxStream, StreamExt as _};
use prost::bytes::Bytes;
use soundstage_channel::Transport;
use soundstage_proto::descriptor::MethodDescriptor;
use tonic::codegen::http::{HeaderMap, HeaderName};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status, Streaming};

use super::channel;

/// A call, before it starts.
#[derive(Debug, Clone)]
pub(crate) struct RawCall {
    pub(crate) method: &'static MethodDescriptor,
    pub(crate) over_websocket: bool,
    pub(crate) deadline: Option<Duration>,
    /// Names in lower case; values in ASCII, or in base64 if the name ends in `-bin`.
    pub(crate) metadata: Vec<(String, String)>,
}

/// Event of a call. Headers come first, if at all; then any number of messages; then the end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RawEvent {
    Headers(Vec<(String, String)>),
    Message(Bytes),
    End(RawEnd),
}

/// End of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawEnd {
    /// Name of the status, such as `NOT_FOUND`.
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) trailers: Vec<(String, String)>,
}

/// State of a call.
enum Progress {
    NotStarted(RawCall, BoxStream<'static, Bytes>),
    Open(Streaming<Bytes>),
    Ended,
}

impl RawCall {
    /// Makes the call. Dropping the stream cancels the call.
    pub(crate) fn start(
        self,
        requests: BoxStream<'static, Bytes>,
    ) -> LocalBoxStream<'static, RawEvent> {
        let events = stream::unfold(Progress::NotStarted(self, requests), async |progress| {
            Some(match progress {
                Progress::NotStarted(call, requests) => match call.open(requests).await {
                    Ok((headers, responses)) => {
                        (RawEvent::Headers(headers), Progress::Open(responses))
                    }
                    Err(status) => (end(Err(status)), Progress::Ended),
                },
                Progress::Open(mut responses) => match responses.message().await {
                    Ok(Some(message)) => (RawEvent::Message(message), Progress::Open(responses)),
                    Ok(None) => (end(responses.trailers().await), Progress::Ended),
                    Err(status) => (end(Err(status)), Progress::Ended),
                },
                Progress::Ended => return None,
            })
        });
        events.boxed_local()
    }

    async fn open(
        self,
        requests: BoxStream<'static, Bytes>,
    ) -> Result<(Vec<(String, String)>, Streaming<Bytes>), Status> {
        let transport = if self.over_websocket {
            Transport::WebSocket
        } else {
            Transport::GrpcWeb
        };
        let mut request = Request::new(requests);
        if let Some(deadline) = self.deadline {
            request.set_timeout(deadline);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &self.metadata {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, value.parse()) {
                headers.append(name, value);
            }
        }
        headers.extend(std::mem::take(request.metadata_mut()).into_headers());
        *request.metadata_mut() = MetadataMap::from_headers(headers);
        let response = channel::start(self.method.path, request, transport).await?;
        let (headers, responses, _) = response.into_parts();
        Ok((pairs(headers), responses))
    }
}

fn end(end: Result<Option<MetadataMap>, Status>) -> RawEvent {
    RawEvent::End(match end {
        Ok(trailers) => RawEnd {
            code: name_of(Code::Ok),
            message: String::new(),
            trailers: trailers.map(pairs).unwrap_or_default(),
        },
        Err(status) => RawEnd {
            code: name_of(status.code()),
            message: status.message().to_owned(),
            trailers: pairs(status.metadata().clone()),
        },
    })
}

/// Returns metadata as text, without the fields that carry the status.
fn pairs(metadata: MetadataMap) -> Vec<(String, String)> {
    let headers = metadata.into_headers();
    let pairs = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), value)
    });
    pairs
        .filter(|(name, _)| !["grpc-status", "grpc-message"].contains(&name.as_str()))
        .collect()
}

/// Returns the name of a code in the specification: `DEADLINE_EXCEEDED` for `DeadlineExceeded`.
fn name_of(code: Code) -> String {
    let mut name = String::new();
    for character in format!("{code:?}").chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_of_the_specification() {
        assert_eq!(name_of(Code::Ok), "OK");
        assert_eq!(name_of(Code::NotFound), "NOT_FOUND");
        assert_eq!(name_of(Code::DeadlineExceeded), "DEADLINE_EXCEEDED");
    }

    #[test]
    fn trailers_exclude_the_status() {
        let mut status = Status::not_found("no such user");
        status
            .metadata_mut()
            .append("tag", "one".parse().expect("ASCII"));
        let RawEvent::End(end) = end(Err(status)) else {
            panic!("no end");
        };
        assert_eq!(
            (end.code.as_str(), end.message.as_str()),
            ("NOT_FOUND", "no such user")
        );
        assert_eq!(end.trailers, [("tag".to_owned(), "one".to_owned())]);
    }
}
