//! A call as others would make it: on the command line, with grpcurl, in JavaScript.

use std::fmt::Write as _;

use prost::Message as _;
use prost::bytes::Bytes;
use soundstage_proto::descriptor::CallKind;
use soundstage_proto::position::{Join, Position, PositionSubRequest, PositionSyncRequest};
use soundstage_proto::user::{
    DeleteUserRequest, ExportUsersRequest, ListUsersRequest, UpdateUserRequest, User, UserFilter,
    UserRequest, UserTypeRequest, WatchUsersRequest,
};

use super::message::{TextFormat, quoted, shortest, text_of};
use crate::api::RawCall;

/// What a call can be copied as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    CommandLine,
    Grpcurl,
    JavaScript,
}

impl Format {
    pub(super) const ALL: [Self; 3] = [Self::CommandLine, Self::Grpcurl, Self::JavaScript];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::CommandLine => "soundstage",
            Self::Grpcurl => "grpcurl",
            Self::JavaScript => "JavaScript",
        }
    }

    /// The call with these requests, and a word on so many that are left out, to the server at `origin`.
    pub(super) fn write(
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
            more => format!("{comment} Without the {more} requests that came after these.\n{text}"),
        }
    }
}

fn command_line(call: &RawCall, requests: &[Bytes], origin: &str) -> String {
    let mut words = vec!["soundstage".to_owned()];
    words.extend(command(call.method.path, requests));
    words.extend(["--server".into(), origin.into()]);
    if let Some(deadline) = call.deadline {
        words.extend(["--timeout".into(), format!("{}ms", deadline.as_millis())]);
    }
    for (name, value) in &call.metadata {
        words.extend(["--header".into(), format!("{name}: {value}")]);
    }
    words
        .iter()
        .map(|word| shell_word(word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The command for a method, with its arguments.
fn command(path: &str, requests: &[Bytes]) -> Vec<String> {
    let first = requests.first().map_or(&[][..], |request| request);
    let ids = || requests.iter().map(|request| id_of(request));
    match path {
        "/UserManager/GetUser" => [words(&["user", "get"]), vec![id_of(first)]].concat(),
        "/UserManager/AddUser" => {
            let user = User::decode(first).unwrap_or_default();
            let user_type = user.user_type().as_str_name().to_ascii_lowercase();
            let mut add = words(&["user", "add", "--nickname", &user.nickname]);
            add.extend(words(&[
                "--mail-address",
                &user.mail_address,
                "--type",
                &user_type,
            ]));
            if user.id > 0 {
                add.extend(["--id".into(), user.id.to_string()]);
            }
            add
        }
        "/UserManager/UpdateUser" => {
            let user = UpdateUserRequest::decode(first)
                .unwrap_or_default()
                .user
                .unwrap_or_default();
            let user_type = user.user_type().as_str_name().to_ascii_lowercase();
            let mut update = words(&["user", "update", &user.id.to_string()]);
            for (option, value) in [
                ("--nickname", user.nickname),
                ("--mail-address", user.mail_address),
                ("--type", user_type),
            ] {
                if !value.is_empty() && value != "none" {
                    update.extend([option.into(), value]);
                }
            }
            update.extend(revision(user.revision));
            update
        }
        "/UserManager/DeleteUser" => {
            let DeleteUserRequest {
                id,
                revision: expected,
            } = DeleteUserRequest::decode(first).unwrap_or_default();
            let mut delete = words(&["user", "delete", &id.to_string()]);
            delete.extend(revision(expected));
            delete
        }
        "/UserManager/ListUsers" => list(&ListUsersRequest::decode(first).unwrap_or_default()),
        "/UserManager/ExportUsers" => {
            let request = ExportUsersRequest::decode(first).unwrap_or_default();
            [words(&["user", "export"]), filter(request.filter)].concat()
        }
        // The rows are read from standard input there.
        "/UserManager/ImportUsers" => words(&["user", "import", "-"]),
        "/UserManager/WatchUsers" => {
            let request = WatchUsersRequest::decode(first).unwrap_or_default();
            let mut watch = words(&["user", "watch"]);
            if request.after_sequence > 0 {
                watch.extend(["--after".into(), request.after_sequence.to_string()]);
            }
            watch
        }
        "/UserManager/GetUsersByType" => {
            let user_type = UserTypeRequest::decode(first)
                .unwrap_or_default()
                .user_type();
            words(&[
                "user",
                "by-type",
                &user_type.as_str_name().to_ascii_lowercase(),
            ])
        }
        "/UserManager/CountAlreadyUsers" => {
            words(&["user", "count"]).into_iter().chain(ids()).collect()
        }
        "/UserManager/GetUsersByIds" => words(&["user", "by-ids"])
            .into_iter()
            .chain(ids())
            .collect(),
        path => stage_command(path, first),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The same for the stage.
fn stage_command(path: &str, first: &[u8]) -> Vec<String> {
    match path {
        "/posXYZ.PositionService/PositionReq" => words(&["position", "get"]),
        "/posXYZ.PositionService/PositionPub" => {
            let place = Position::decode(first)
                .unwrap_or_default()
                .position
                .unwrap_or_default();
            let coordinates = [place.x, place.y, place.z].map(shortest);
            // After the two dashes, a minus sign begins no option.
            [words(&["position", "publish", "--"]), coordinates.to_vec()].concat()
        }
        "/posXYZ.PositionService/PositionSub" => {
            watch(&PositionSubRequest::decode(first).unwrap_or_default())
        }
        // The places are read from standard input there.
        "/posXYZ.PositionService/PositionSync" => {
            let request = PositionSyncRequest::decode(first).unwrap_or_default();
            join(request.joins.into_iter().next().unwrap_or_default())
        }
        _ => words(&["help"]),
    }
}

fn watch(request: &PositionSubRequest) -> Vec<String> {
    let mut watch = words(&["position", "watch"]);
    if request.all {
        watch.push("--all".into());
    }
    for id in request.characters.iter().filter(|_| !request.all) {
        watch.extend(["--character".into(), id.to_string()]);
    }
    if request.max_rate > 0 {
        watch.extend(["--max-rate".into(), request.max_rate.to_string()]);
    }
    watch
}

fn join(join: Join) -> Vec<String> {
    let mut command = words(&["position", "join"]);
    if !join.name.is_empty() || join.user_id == 0 {
        command.push(join.name);
    }
    if join.user_id > 0 {
        command.extend(["--user-id".into(), join.user_id.to_string()]);
    }
    if !join.source.is_empty() {
        command.extend(["--source".into(), join.source]);
    }
    command
}

/// The command for a page: all users that the request asks for, up to its size.
fn list(request: &ListUsersRequest) -> Vec<String> {
    let mut list = vec!["user".into(), "list".into()];
    list.extend(filter(request.filter.clone()));
    if request.order != 0 {
        let order = request.order().as_str_name().to_ascii_lowercase();
        list.extend(["--order".into(), order.replace('_', "-")]);
    }
    if request.descending {
        list.push("--descending".into());
    }
    if request.page_size > 0 {
        list.extend(["--limit".into(), request.page_size.to_string()]);
    }
    list
}

/// The options that choose users.
fn filter(filter: Option<UserFilter>) -> Vec<String> {
    let filter = filter.unwrap_or_default();
    let mut options = Vec::new();
    if !filter.search.is_empty() {
        options.extend(["--search".into(), filter.search.clone()]);
    }
    for user_type in filter.user_types() {
        let name = user_type.as_str_name().to_ascii_lowercase();
        options.extend(["--type".into(), name]);
    }
    options
}

/// The option that makes a change depend on a revision.
fn revision(revision: i64) -> Vec<String> {
    match revision {
        0 => Vec::new(),
        revision => vec!["--revision".into(), revision.to_string()],
    }
}

fn id_of(request: &[u8]) -> String {
    UserRequest::decode(request)
        .unwrap_or_default()
        .id
        .to_string()
}

fn grpcurl(call: &RawCall, requests: &[Bytes], origin: &str) -> String {
    let (scheme, address) = origin.split_once("://").unwrap_or(("http", origin));
    let mut words = vec!["grpcurl".to_owned()];
    if scheme == "http" {
        words.push("-plaintext".into());
    }
    if let Some(deadline) = call.deadline {
        words.extend(["-max-time".into(), shortest(deadline.as_secs_f32())]);
    }
    for (name, value) in &call.metadata {
        words.extend(["-H".into(), format!("{name}: {value}")]);
    }
    let messages: Vec<_> = requests
        .iter()
        .map(|request| text_of(call.method.request, request, TextFormat::Json))
        .collect();
    words.extend(["-d".into(), messages.join(" "), address.into()]);
    words.push(call.method.path.trim_start_matches('/').into());
    words
        .iter()
        .map(|word| shell_word(word))
        .collect::<Vec<_>>()
        .join(" ")
}

fn javascript(call: &RawCall, requests: &[Bytes], origin: &str) -> String {
    let client = if call.method.service == "UserManager" {
        "users"
    } else {
        "stage"
    };
    let mut name = call.method.name.to_owned();
    name[..1].make_ascii_lowercase();
    let messages: Vec<_> = requests
        .iter()
        .map(|request| text_of(call.method.request, request, TextFormat::JavaScript))
        .collect();
    let takes_one = !call.method.kind.takes_many();
    let connect = match (takes_one, call.over_websocket) {
        (true, true) => ", { transport: \"websocket\" }",
        _ => "",
    };
    let mut code = format!(
        "import {{ connect }} from \"soundstage-client\";\n\nconst {{ {client} }} = connect({}{connect});\n",
        quoted(origin)
    );
    let request = if takes_one {
        messages.first().cloned().unwrap_or_else(|| "{}".into())
    } else {
        code.push_str("async function* requests() {\n");
        for message in messages {
            // A `String` takes everything.
            let _ = writeln!(code, "  yield {message};");
        }
        code.push_str("}\n");
        "requests()".into()
    };
    let target = format!("{client}.{name}({request}{})", javascript_options(call));
    let print = match call.method.kind {
        CallKind::Unary | CallKind::ClientStreaming => format!("console.log(await {target});\n"),
        CallKind::ServerStreaming | CallKind::Bidirectional => {
            format!("for await (const answer of {target}) console.log(answer);\n")
        }
    };
    code + &print
}

fn javascript_options(call: &RawCall) -> String {
    let mut options = Vec::new();
    if let Some(deadline) = call.deadline {
        options.push(format!("timeoutMs: {}", deadline.as_millis()));
    }
    if !call.metadata.is_empty() {
        let pairs = call
            .metadata
            .iter()
            .map(|(name, value)| format!("[{}, {}]", quoted(name), quoted(value)));
        options.push(format!(
            "headers: [{}]",
            pairs.collect::<Vec<_>>().join(", ")
        ));
    }
    if options.is_empty() {
        return String::new();
    }
    format!(", {{ {} }}", options.join(", "))
}

/// A word as a POSIX shell reads it back.
fn shell_word(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@=,+".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use soundstage_proto::descriptor::{METHODS, MethodDescriptor};
    use soundstage_proto::position::Pos;

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
    fn a_unary_call_with_deadline_and_metadata_is_the_same_for_each() {
        let call = RawCall {
            deadline: Some(Duration::from_millis(1500)),
            metadata: vec![("tag".into(), "it's".into())],
            ..call("/UserManager/GetUser")
        };
        assert_eq!(
            Format::CommandLine.write(&call, &ids()[..1], 0, ORIGIN),
            r"soundstage user get 1 --server http://127.0.0.1:1234 --timeout 1500ms --header 'tag: it'\''s'"
        );
        assert_eq!(
            Format::Grpcurl.write(&call, &ids()[..1], 0, ORIGIN),
            r#"grpcurl -plaintext -max-time 1.5 -H 'tag: it'\''s' -d '{"id": 1}' 127.0.0.1:1234 UserManager/GetUser"#
        );
        assert_eq!(
            Format::JavaScript.write(&call, &ids()[..1], 0, ORIGIN),
            "import { connect } from \"soundstage-client\";\n\n\
             const { users } = connect(\"http://127.0.0.1:1234\");\n\
             console.log(await users.getUser({ id: 1 }, { timeoutMs: 1500, headers: [[\"tag\", \"it's\"]] }));\n"
        );
    }

    #[test]
    fn streams_have_all_their_requests() {
        let call = call("/UserManager/GetUsersByIds");
        assert_eq!(
            Format::CommandLine.write(&call, &ids(), 0, ORIGIN),
            "soundstage user by-ids 1 99 --server http://127.0.0.1:1234"
        );
        assert_eq!(
            Format::Grpcurl.write(&call, &ids(), 0, "https://example.com"),
            r#"grpcurl -d '{"id": 1} {"id": 99}' example.com UserManager/GetUsersByIds"#
        );
        let code = Format::JavaScript.write(&call, &ids(), 0, ORIGIN);
        assert!(
            code.contains("  yield { id: 1 };\n  yield { id: 99 };\n"),
            "{code}"
        );
        assert!(
            code.contains("for await (const answer of users.getUsersByIds(requests()))"),
            "{code}"
        );
    }

    #[test]
    fn requests_that_are_left_out_are_mentioned() {
        let text =
            Format::CommandLine.write(&call("/UserManager/GetUsersByIds"), &ids(), 98, ORIGIN);
        let first = text.lines().next();
        assert_eq!(
            first,
            Some("# Without the 98 requests that came after these.")
        );
    }

    #[test]
    fn every_method_has_a_command_of_its_own() {
        for method in METHODS {
            assert_ne!(command(method.path, &[]), ["help"], "{}", method.path);
        }
        let position = Position {
            position: Some(Pos {
                x: -1.0,
                y: 0.5,
                z: 0.0,
            }),
            ..Position::default()
        };
        assert_eq!(
            command(
                "/posXYZ.PositionService/PositionPub",
                &[position.encode_to_vec().into()]
            ),
            ["position", "publish", "--", "-1", "0.5", "0"]
        );
    }
}
