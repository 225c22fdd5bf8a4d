//! Decodes the responses in `recorded/`, each cut at every offset: the outcome must not depend on how the bytes arrive.
//!
//! Some responses are recordings of Soundstage. The others imitate other servers and proxies, or are
//! malformed.

use std::collections::BTreeMap;
use std::path::Path;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::future::{Ready, ready};
use futures_util::stream;
use http::{Request, Response};
use soundstage_channel::{BytesCodec, ResponseBody, decode_response};
use tonic::client::Grpc;
use tonic::codegen::Service;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The limit in these tests, in bytes.
const MAX_MESSAGE_SIZE: usize = 1024;

/// Each response with the expected outcome: the number of messages, the code, and a part of the status message.
const RESPONSES: [(&str, usize, Code, &str); 35] = [
    ("unary", 1, Code::Ok, ""),
    ("unary_not_found", 1, Code::Ok, ""),
    ("list", 1, Code::Ok, ""),
    ("stream", 3, Code::Ok, ""),
    ("stream_empty", 0, Code::Ok, ""),
    ("stream_of_responses", 3, Code::Ok, ""),
    ("count", 1, Code::Ok, ""),
    (
        "refused_with_details",
        0,
        Code::InvalidArgument,
        "nickname: Leave out control characters",
    ),
    ("unimplemented", 0, Code::Unimplemented, ""),
    ("content_type_in_capitals", 1, Code::Ok, ""),
    ("joined_binary_values", 1, Code::Ok, ""),
    (
        "deadline",
        2,
        Code::DeadlineExceeded,
        "the deadline has passed",
    ),
    (
        "page_not_found",
        0,
        Code::Unknown,
        "the server responded with HTTP status 405",
    ),
    ("status_in_headers_only", 2, Code::Ok, ""),
    (
        "status_in_headers_is_an_error",
        0,
        Code::NotFound,
        "no such user",
    ),
    (
        "status_in_headers_and_trailers_of_an_error",
        1,
        Code::FailedPrecondition,
        "too late",
    ),
    ("status_in_headers_and_empty_trailers", 1, Code::Ok, ""),
    ("status_in_both", 1, Code::Ok, ""),
    (
        "an_error_in_headers_is_final",
        0,
        Code::PermissionDenied,
        "not for you",
    ),
    ("repeated_trailers", 1, Code::Ok, ""),
    ("many_trailers", 1, Code::Ok, ""),
    (
        "percent_encoded_message",
        0,
        Code::InvalidArgument,
        "凛 is 100% wrong\n",
    ),
    ("lf_line_endings", 1, Code::Aborted, "again"),
    ("content_type_with_parameter", 1, Code::Ok, ""),
    (
        "no_status",
        1,
        Code::Internal,
        "the response ends without a status",
    ),
    (
        "no_status_in_trailers",
        1,
        Code::Internal,
        "the response ends without a status",
    ),
    (
        "ends_in_a_message",
        1,
        Code::Internal,
        "the response ends within a frame",
    ),
    (
        "ends_in_the_trailers",
        1,
        Code::Internal,
        "the response ends within a frame",
    ),
    ("unknown_flag", 1, Code::Internal, "unknown flag 0x02"),
    (
        "compressed_trailers",
        1,
        Code::Internal,
        "unknown flag 0x81",
    ),
    (
        "length_near_32_bits",
        1,
        Code::ResourceExhausted,
        "a message of 4294967295 bytes",
    ),
    (
        "trailers_near_32_bits",
        1,
        Code::ResourceExhausted,
        "4294967291 bytes of headers",
    ),
    (
        "too_large",
        1,
        Code::ResourceExhausted,
        "at most 1024 are allowed",
    ),
    (
        "not_grpc_web",
        0,
        Code::Unknown,
        "not gRPC-Web, but \"text/html; charset=utf-8\"",
    ),
    (
        "unavailable_proxy",
        0,
        Code::Unavailable,
        "503 Service Unavailable",
    ),
];

#[test]
fn every_recorded_response_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let files = std::fs::read_dir(folder).expect("the folder").count();
    assert_eq!(files, RESPONSES.len());
}

#[test]
fn a_response_in_one_chunk_has_the_expected_outcome() {
    for (name, messages, code, message) in RESPONSES {
        let recorded = Recorded::read(name);
        let outcome = recorded.outcome(vec![recorded.body.clone()]);
        assert_eq!(
            (outcome.messages.len(), outcome.code),
            (messages, code),
            "{name}: {outcome:?}"
        );
        assert!(outcome.message.contains(message), "{name}: {outcome:?}");
    }
}

#[test]
fn every_cut_of_a_response_has_the_same_outcome() {
    for (name, ..) in RESPONSES {
        let recorded = Recorded::read(name);
        let body = &recorded.body;
        let whole = recorded.outcome(vec![body.clone()]);
        for at in 0..=body.len() {
            let chunks = vec![body.slice(..at), body.slice(at..)];
            assert_eq!(recorded.outcome(chunks), whole, "{name}, cut at {at}");
        }
        let bytes = (0..body.len()).map(|at| body.slice(at..=at)).collect();
        assert_eq!(recorded.outcome(bytes), whole, "{name}, byte by byte");
    }
}

#[test]
fn a_truncated_response_never_succeeds() {
    for (name, _, code, _) in RESPONSES {
        let recorded = Recorded::read(name);
        let early_status = recorded.head.headers.contains_key("grpc-status");
        if code != Code::Ok || early_status {
            continue;
        }
        for end in 0..recorded.body.len() {
            let outcome = recorded.outcome(vec![recorded.body.slice(..end)]);
            assert_eq!(outcome.code, Code::Internal, "{name}, ends at {end}");
        }
    }
}

#[test]
fn trailers_may_repeat_and_have_any_number() {
    let trailers_of = |name| {
        let recorded = Recorded::read(name);
        recorded.outcome(vec![recorded.body.clone()]).trailers
    };
    let repeated = trailers_of("repeated_trailers");
    assert_eq!(repeated["x-tag"], ["one", "two"]);
    assert_eq!(repeated["x-data-bin"], ["AAEC"]);
    assert!((0..100).all(|n| trailers_of("many_trailers")[&format!("x-{n}")] == [n.to_string()]));
}

#[test]
fn joined_values_of_binary_headers_and_trailers_are_split() {
    let recorded = Recorded::read("joined_binary_values");
    let chunks = stream::iter([Ok(recorded.body.clone())]);
    let response = decode_response(recorded.head.clone(), chunks, MAX_MESSAGE_SIZE);
    let headers = MetadataMap::from_headers(response.expect("a response").into_parts().0.headers);
    let values: Vec<_> = headers.get_all_bin("x-head-bin").iter().collect();
    let decoded = values.iter().map(|value| value.to_bytes().expect("base64"));
    assert!(decoded.eq([&[0, 1, 2][..], &[0, 1, 3], &[4]]));
    assert_eq!(headers.get("x-head").expect("a value"), "a,b");
    let trailers = recorded.outcome(vec![recorded.body.clone()]).trailers;
    assert_eq!(trailers["x-tail-bin"], ["AAEC", "AAED"]);
    assert_eq!(trailers["x-tail"], ["a,b"]);
}

#[test]
fn the_status_details_name_the_invalid_fields() {
    let recorded = Recorded::read("refused_with_details");
    let outcome = recorded.outcome(vec![]);
    let status = Status::with_details(outcome.code, outcome.message, outcome.details);
    let bad_request = status.get_details_bad_request().expect("details");
    let fields: Vec<_> = bad_request
        .field_violations
        .iter()
        .map(|violation| &violation.field[..])
        .collect();
    assert_eq!(fields, ["nickname", "mail_address", "user_type"]);
}

/// The messages and the end of a call, as the caller receives them.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    messages: Vec<Bytes>,
    code: Code,
    message: String,
    details: Bytes,
    /// Empty if the call failed.
    trailers: BTreeMap<String, Vec<String>>,
}

/// A recorded response.
struct Recorded {
    head: http::response::Parts,
    body: Bytes,
}

impl Recorded {
    fn read(name: &str) -> Self {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recorded/{name}.http"));
        let bytes =
            std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let end = bytes
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .expect("a head");
        let head = std::str::from_utf8(&bytes[..end]).expect("a head in ASCII");
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .expect("a status");
        let mut response = Response::builder().status(status);
        for line in lines {
            let (name, value) = line.split_once(": ").expect("a header");
            response = response.header(name, value);
        }
        Self {
            head: response.body(()).expect("a head").into_parts().0,
            body: bytes[end + 4..].to_vec().into(),
        }
    }

    /// Returns the outcome when the body arrives in these chunks.
    fn outcome(&self, chunks: Vec<Bytes>) -> Outcome {
        let mut client = Grpc::new(Replay {
            head: self.head.clone(),
            chunks,
        });
        let call = async {
            let requests = tonic::Request::new(stream::iter([Bytes::new()]));
            let response = client
                .streaming(requests, "/any".parse().expect("a path"), BytesCodec)
                .await;
            let mut messages = Vec::new();
            let mut responses = match response {
                Ok(response) => response.into_inner(),
                Err(status) => return (messages, Err(status)),
            };
            loop {
                match responses.message().await {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => return (messages, responses.trailers().await),
                    Err(status) => return (messages, Err(status)),
                }
            }
        };
        let (messages, end) = block_on(call);
        match end {
            Ok(trailers) => Outcome {
                messages,
                code: Code::Ok,
                message: String::new(),
                details: Bytes::new(),
                trailers: trailers.map(texts).unwrap_or_default(),
            },
            Err(status) => Outcome {
                messages,
                code: status.code(),
                message: status.message().to_owned(),
                details: Bytes::copy_from_slice(status.details()),
                trailers: BTreeMap::new(),
            },
        }
    }
}

fn texts(trailers: MetadataMap) -> BTreeMap<String, Vec<String>> {
    let mut texts = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in &trailers.into_headers() {
        let value = value.to_str().expect("ASCII").to_owned();
        texts.entry(name.to_string()).or_default().push(value);
    }
    texts
}

/// A service that replays a response in chunks.
struct Replay {
    head: http::response::Parts,
    chunks: Vec<Bytes>,
}

impl<Body> Service<Request<Body>> for Replay {
    type Response = Response<ResponseBody>;
    type Error = Status;
    type Future = Ready<Result<Response<ResponseBody>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let chunks = stream::iter(std::mem::take(&mut self.chunks).into_iter().map(Ok));
        ready(decode_response(self.head.clone(), chunks, MAX_MESSAGE_SIZE))
    }
}
