//! The answers in `recorded/`, each cut at every offset: what the caller gets must not depend on how bytes arrive.
//! Those of Soundstage are as it sent them; the others are as servers and proxies elsewhere send them, or broken.

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

/// What the tests allow, in bytes.
const MAX_MESSAGE_SIZE: usize = 1024;

/// Each answer, how many messages the caller gets of it, and how the call ends.
const ANSWERS: [(&str, usize, Code, &str); 33] = [
    ("unary", 1, Code::Ok, ""),
    ("unary_not_found", 1, Code::Ok, ""),
    ("list", 1, Code::Ok, ""),
    ("stream", 3, Code::Ok, ""),
    ("stream_empty", 0, Code::Ok, ""),
    ("stream_of_answers", 3, Code::Ok, ""),
    ("count", 1, Code::Ok, ""),
    (
        "refused_with_details",
        0,
        Code::InvalidArgument,
        "nickname: Leave out control characters",
    ),
    ("unimplemented", 0, Code::Unimplemented, ""),
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
        "the server answered with HTTP status 405",
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
    ("lines_end_as_in_unix", 1, Code::Aborted, "again"),
    ("content_type_with_parameter", 1, Code::Ok, ""),
    (
        "no_status",
        1,
        Code::Internal,
        "the answer ends without a status",
    ),
    (
        "no_status_in_trailers",
        1,
        Code::Internal,
        "the answer ends without a status",
    ),
    (
        "ends_in_a_message",
        1,
        Code::Internal,
        "the answer ends within a frame",
    ),
    (
        "ends_in_the_trailers",
        1,
        Code::Internal,
        "the answer ends within a frame",
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
fn every_recorded_answer_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let files = std::fs::read_dir(folder).expect("the folder").count();
    assert_eq!(files, ANSWERS.len());
}

#[test]
fn an_answer_in_one_piece_gives_its_messages_and_its_status() {
    for (name, messages, code, message) in ANSWERS {
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
fn every_cut_of_an_answer_gives_the_same() {
    for (name, ..) in ANSWERS {
        let recorded = Recorded::read(name);
        let body = &recorded.body;
        let whole = recorded.outcome(vec![body.clone()]);
        for at in 0..=body.len() {
            let pieces = vec![body.slice(..at), body.slice(at..)];
            assert_eq!(recorded.outcome(pieces), whole, "{name}, cut at {at}");
        }
        let bytes = (0..body.len()).map(|at| body.slice(at..=at)).collect();
        assert_eq!(recorded.outcome(bytes), whole, "{name}, byte by byte");
    }
}

#[test]
fn an_answer_that_is_cut_short_never_ends_well() {
    for (name, _, code, _) in ANSWERS {
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
fn trailers_keep_each_value_of_a_name_and_come_in_any_number() {
    let of = |name| {
        let recorded = Recorded::read(name);
        recorded.outcome(vec![recorded.body.clone()]).trailers
    };
    let repeated = of("repeated_trailers");
    assert_eq!(repeated["x-tag"], ["one", "two"]);
    assert_eq!(repeated["x-data-bin"], ["AAEC"]);
    assert!((0..100).all(|n| of("many_trailers")[&format!("x-{n}")] == [n.to_string()]));
}

#[test]
fn the_fields_that_were_refused_are_in_the_details() {
    let recorded = Recorded::read("refused_with_details");
    let outcome = recorded.outcome(vec![]);
    let status = Status::with_details(outcome.code, outcome.message, outcome.details);
    let refused = status.get_details_bad_request().expect("details");
    let fields: Vec<_> = refused
        .field_violations
        .iter()
        .map(|violation| &violation.field[..])
        .collect();
    assert_eq!(fields, ["nickname", "mail_address", "user_type"]);
}

/// What a caller gets of an answer: messages, and how it ends.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    messages: Vec<Bytes>,
    code: Code,
    message: String,
    details: Bytes,
    /// Of an answer that ended well.
    trailers: BTreeMap<String, Vec<String>>,
}

/// One answer, as recorded.
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

    /// What the caller gets when the bytes arrive in these pieces.
    fn outcome(&self, pieces: Vec<Bytes>) -> Outcome {
        let mut client = Grpc::new(Replay {
            head: self.head.clone(),
            pieces,
        });
        let call = async {
            let requests = tonic::Request::new(stream::iter([Bytes::new()]));
            let response = client
                .streaming(requests, "/any".parse().expect("a path"), BytesCodec)
                .await;
            let mut messages = Vec::new();
            let mut answers = match response {
                Ok(response) => response.into_inner(),
                Err(status) => return (messages, Err(status)),
            };
            loop {
                match answers.message().await {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => return (messages, answers.trailers().await),
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

/// Answers with what was recorded, in pieces.
struct Replay {
    head: http::response::Parts,
    pieces: Vec<Bytes>,
}

impl<Body> Service<Request<Body>> for Replay {
    type Response = Response<ResponseBody>;
    type Error = Status;
    type Future = Ready<Result<Response<ResponseBody>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let pieces = stream::iter(std::mem::take(&mut self.pieces).into_iter().map(Ok));
        ready(decode_response(self.head.clone(), pieces, MAX_MESSAGE_SIZE))
    }
}
