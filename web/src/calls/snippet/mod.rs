//! A call as text to run elsewhere: on the command line, with grpcurl, in JavaScript.

mod command_line;
mod grpcurl;
mod javascript;
mod shell;

use prost::bytes::Bytes;

use crate::api::RawCall;
use command_line::command_line;
use grpcurl::grpcurl;
use javascript::javascript;

/// The format of a snippet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::calls) enum SnippetFormat {
    CommandLine,
    Grpcurl,
    JavaScript,
}

impl SnippetFormat {
    pub(in crate::calls) const ALL: [Self; 3] =
        [Self::CommandLine, Self::Grpcurl, Self::JavaScript];

    pub(in crate::calls) fn label(self) -> &'static str {
        match self {
            Self::CommandLine => "soundstage",
            Self::Grpcurl => "grpcurl",
            Self::JavaScript => "JavaScript",
        }
    }

    /// Returns the snippet of a call with these requests to the server at `origin`. `left_out` requests of the call are
    /// missing.
    pub(in crate::calls) fn write(
        self,
        call: &RawCall,
        requests: &[Bytes],
        left_out: usize,
        origin: &str,
    ) -> String {
        let (comment, text) = match self {
            Self::CommandLine => ("#", command_line(call, requests, origin)),
            Self::Grpcurl => ("#", grpcurl(call, requests, origin)),
            Self::JavaScript => ("//", javascript(call, requests, origin)),
        };
        match left_out {
            0 => text,
            more => format!("{comment} Later requests left out: {more}\n{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prost::Message as _;
    use soundstage_proto::descriptor::{CallKind, MethodDescriptor};
    use soundstage_proto::user::UserRequest;

    use super::*;

    const ORIGIN: &str = "http://127.0.0.1:1234";

    fn call(path: &str) -> RawCall {
        let method = MethodDescriptor::at(path).expect("a method");
        let over_websocket = matches!(
            method.kind,
            CallKind::ClientStreaming | CallKind::Bidirectional
        );
        RawCall {
            method,
            over_websocket,
            deadline: None,
            metadata: Vec::new(),
        }
    }

    fn ids() -> [Bytes; 2] {
        [1, 99].map(|id| UserRequest { id }.encode_to_vec().into())
    }

    #[test]
    fn each_format_has_deadline_and_metadata() {
        let call = RawCall {
            deadline: Some(Duration::from_millis(1500)),
            metadata: vec![("tag".into(), "it's".into())],
            ..call("/UserManager/GetUser")
        };
        assert_eq!(
            SnippetFormat::CommandLine.write(&call, &ids()[..1], 0, ORIGIN),
            r"soundstage user get 1 --server http://127.0.0.1:1234 --timeout 1500ms --header 'tag: it'\''s'"
        );
        assert_eq!(
            SnippetFormat::Grpcurl.write(&call, &ids()[..1], 0, ORIGIN),
            r#"grpcurl -plaintext -max-time 1.5 -H 'tag: it'\''s' -d '{"id": 1}' 127.0.0.1:1234 UserManager/GetUser"#
        );
        assert_eq!(
            SnippetFormat::JavaScript.write(&call, &ids()[..1], 0, ORIGIN),
            "import { connect } from \"soundstage-client\";\n\n\
             const { users } = connect(\"http://127.0.0.1:1234\");\n\
             console.log(await users.getUser({ id: 1 }, { timeoutMs: 1500, headers: [[\"tag\", \"it's\"]] }));\n"
        );
    }

    #[test]
    fn each_format_has_all_requests_of_a_stream() {
        let call = call("/UserManager/GetUsersByIds");
        assert_eq!(
            SnippetFormat::CommandLine.write(&call, &ids(), 0, ORIGIN),
            "soundstage user by-ids 1 99 --server http://127.0.0.1:1234"
        );
        assert_eq!(
            SnippetFormat::Grpcurl.write(&call, &ids(), 0, "https://example.com"),
            r#"grpcurl -d '{"id": 1} {"id": 99}' example.com UserManager/GetUsersByIds"#
        );
        let code = SnippetFormat::JavaScript.write(&call, &ids(), 0, ORIGIN);
        assert!(
            code.contains("  yield { id: 1 };\n  yield { id: 99 };\n"),
            "{code}"
        );
        assert!(
            code.contains("for await (const response of users.getUsersByIds(requests()))"),
            "{code}"
        );
    }

    #[test]
    fn a_comment_counts_the_requests_left_out() {
        let text = SnippetFormat::CommandLine.write(
            &call("/UserManager/GetUsersByIds"),
            &ids(),
            98,
            ORIGIN,
        );
        let first = text.lines().next();
        assert_eq!(first, Some("# Later requests left out: 98"));
    }
}
