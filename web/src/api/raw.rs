//! Calls of any method, with messages as bytes, that tell everything that happens in them: for the *Calls* page.

use std::time::Duration;

use futures_util::stream::{self, BoxStream, LocalBoxStream, StreamExt as _};
use prost::bytes::Bytes;
use soundstage_channel::{BytesCodec, Transport};
use soundstage_proto::descriptor::MethodDescriptor;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::http::{HeaderMap, HeaderName};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status, Streaming};

use super::channel;

/// A call that can be made.
#[derive(Debug, Clone)]
pub(crate) struct RawCall {
    pub(crate) method: &'static MethodDescriptor,
    pub(crate) over_websocket: bool,
    pub(crate) deadline: Option<Duration>,
    /// Names in lower case, values in ASCII, and in base64 where the name ends in `-bin`.
    pub(crate) metadata: Vec<(String, String)>,
}

/// What happens in a call, in this order; messages any number of times, the headers not always.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RawEvent {
    Headers(Vec<(String, String)>),
    Message(Bytes),
    End(RawEnd),
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawEnd {
    /// The status' name, such as `NOT_FOUND`.
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) trailers: Vec<(String, String)>,
}

/// How far a call has come.
enum Progress {
    Unopened(RawCall, BoxStream<'static, Bytes>),
    Open(Streaming<Bytes>),
    Ended,
}

impl RawCall {
    /// Makes the call. Dropping the stream cancels it.
    pub(crate) fn start(
        self,
        requests: BoxStream<'static, Bytes>,
    ) -> LocalBoxStream<'static, RawEvent> {
        let events = stream::unfold(Progress::Unopened(self, requests), async |progress| {
            Some(match progress {
                Progress::Unopened(call, requests) => match call.open(requests).await {
                    Ok((headers, answers)) => (RawEvent::Headers(headers), Progress::Open(answers)),
                    Err(status) => (end(Err(status)), Progress::Ended),
                },
                Progress::Open(mut answers) => match answers.message().await {
                    Ok(Some(message)) => (RawEvent::Message(message), Progress::Open(answers)),
                    Ok(None) => (end(answers.trailers().await), Progress::Ended),
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
        let response = begin(self.method.path, request, transport).await?;
        let (headers, answers, _) = response.into_parts();
        Ok((pairs(headers), answers))
    }
}

/// Begins a call of any kind.
pub(super) async fn begin(
    path: &'static str,
    requests: Request<BoxStream<'static, Bytes>>,
    transport: Transport,
) -> Result<Response<Streaming<Bytes>>, Status> {
    let path = PathAndQuery::from_static(path);
    let mut client = Grpc::new(channel().with_transport(transport));
    client.streaming(requests, path, BytesCodec).await
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

/// The metadata as text, without what the status has said already.
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

/// A code as the specification spells it: `DeadlineExceeded` is `DEADLINE_EXCEEDED`.
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
    fn codes_are_named_as_in_the_specification() {
        assert_eq!(name_of(Code::Ok), "OK");
        assert_eq!(name_of(Code::NotFound), "NOT_FOUND");
        assert_eq!(name_of(Code::DeadlineExceeded), "DEADLINE_EXCEEDED");
    }

    #[test]
    fn the_status_is_not_among_the_trailers() {
        let mut status = Status::not_found("nobody");
        status
            .metadata_mut()
            .append("tag", "one".parse().expect("ASCII"));
        let RawEvent::End(end) = end(Err(status)) else {
            panic!("no end");
        };
        assert_eq!(
            (end.code.as_str(), end.message.as_str()),
            ("NOT_FOUND", "nobody")
        );
        assert_eq!(end.trailers, [("tag".to_owned(), "one".to_owned())]);
    }
}
