//! A call with the `soundstage` command.

use prost::Message as _;
use prost::bytes::Bytes;
use soundstage_proto::position::{Pos, Position, PositionSubRequest, PositionSyncRequest};
use soundstage_proto::user::{
    DeleteUserRequest, ExportUsersRequest, ImportUsersRequest, ListUsersRequest, UpdateUserRequest,
    User, UserFilter, UserRequest, UserTypeRequest, WatchUsersRequest,
};

use super::shell;
use crate::api::RawCall;
use crate::calls::message_text::quoted;
use crate::calls::number::format_float;

/// A subcommand of `soundstage`.
#[derive(Debug, Default, PartialEq)]
struct Subcommand {
    /// The names of the subcommand, and its options.
    words: Vec<String>,
    /// The positional arguments.
    arguments: Vec<String>,
    /// The lines of standard input, if the subcommand reads any.
    input: Option<Vec<String>>,
}

/// Returns the command line that makes the call.
pub(super) fn command_line(call: &RawCall, requests: &[Bytes], origin: &str) -> String {
    let Subcommand {
        words,
        mut arguments,
        input,
    } = subcommand(call.method.path, requests);
    let mut line = vec!["soundstage".to_owned()];
    line.extend(words);
    let is_negative = arguments.iter().any(|argument| argument.starts_with('-'));
    if !is_negative {
        line.append(&mut arguments);
    }
    line.extend(["--server".into(), origin.into()]);
    if let Some(deadline) = call.deadline {
        line.extend(["--timeout".into(), format!("{}ms", deadline.as_millis())]);
    }
    for (name, value) in &call.metadata {
        line.extend(shell::option("--header", format!("{name}: {value}")));
    }
    if is_negative {
        // After `--` a minus sign starts no option, so all options stand before.
        line.push("--".into());
        line.append(&mut arguments);
    }
    let command = shell::command_line(&line);
    match input {
        None => command,
        Some(lines) => {
            let printf = [words_of(r"printf %s\n"), lines].concat();
            format!("{} | {command}", shell::command_line(&printf))
        }
    }
}

/// Returns the subcommand of a method.
fn subcommand(path: &str, requests: &[Bytes]) -> Subcommand {
    let first = requests.first().map_or(&[][..], |request| request);
    let ids = || requests.iter().map(|request| id_of(request)).collect();
    let with_arguments = |names: &str, arguments| Subcommand {
        words: words_of(names),
        arguments,
        input: None,
    };
    match path {
        "/UserManager/GetUser" => with_arguments("user get", vec![id_of(first)]),
        "/UserManager/AddUser" => add(User::decode(first).unwrap_or_default()),
        "/UserManager/UpdateUser" => update(UpdateUserRequest::decode(first).unwrap_or_default()),
        "/UserManager/DeleteUser" => {
            let request = DeleteUserRequest::decode(first).unwrap_or_default();
            let mut delete = with_arguments("user delete", vec![request.id.to_string()]);
            delete.words.extend(revision(request.revision));
            delete
        }
        "/UserManager/ListUsers" => {
            options_only(list(&ListUsersRequest::decode(first).unwrap_or_default()))
        }
        "/UserManager/ExportUsers" => {
            let request = ExportUsersRequest::decode(first).unwrap_or_default();
            options_only([words_of("user export"), filter(request.filter)].concat())
        }
        "/UserManager/ImportUsers" => import(requests),
        "/UserManager/WatchUsers" => {
            let request = WatchUsersRequest::decode(first).unwrap_or_default();
            let mut watch = words_of("user watch");
            if request.after_sequence > 0 {
                watch.extend(["--after".into(), request.after_sequence.to_string()]);
            }
            options_only(watch)
        }
        "/UserManager/GetUsersByType" => {
            let request = UserTypeRequest::decode(first).unwrap_or_default();
            let user_type = request.user_type().as_str_name().to_ascii_lowercase();
            with_arguments("user by-type", vec![user_type])
        }
        "/UserManager/CountAlreadyUsers" => with_arguments("user count", ids()),
        "/UserManager/GetUsersByIds" => with_arguments("user by-ids", ids()),
        path => stage_subcommand(path, requests),
    }
}

/// Returns the subcommand of a method of the stage.
fn stage_subcommand(path: &str, requests: &[Bytes]) -> Subcommand {
    let first = requests.first().map_or(&[][..], |request| request);
    match path {
        "/posXYZ.PositionService/PositionReq" => options_only(words_of("position get")),
        "/posXYZ.PositionService/PositionPub" => {
            let position = Position::decode(first).unwrap_or_default().position;
            Subcommand {
                words: words_of("position publish"),
                arguments: coordinates(position.unwrap_or_default()).to_vec(),
                input: None,
            }
        }
        "/posXYZ.PositionService/PositionSub" => options_only(watch(
            &PositionSubRequest::decode(first).unwrap_or_default(),
        )),
        "/posXYZ.PositionService/PositionSync" => sync(requests),
        _ => options_only(words_of("help")),
    }
}

/// Splits words at spaces.
fn words_of(words: &str) -> Vec<String> {
    words.split(' ').map(str::to_owned).collect()
}

fn options_only(words: Vec<String>) -> Subcommand {
    Subcommand {
        words,
        ..Subcommand::default()
    }
}

fn add(user: User) -> Subcommand {
    let user_type = user.user_type().as_str_name().to_ascii_lowercase();
    let mut words = words_of("user add");
    words.extend(shell::option("--nickname", user.nickname));
    words.extend(shell::option("--mail-address", user.mail_address));
    words.extend(["--type".into(), user_type]);
    if user.id > 0 {
        words.extend(["--id".into(), user.id.to_string()]);
    }
    options_only(words)
}

/// Returns the subcommand with an option for each field of the mask; for all fields without a mask, as the server does.
fn update(request: UpdateUserRequest) -> Subcommand {
    let user = request.user.unwrap_or_default();
    let mask = request.update_mask.unwrap_or_default().paths;
    let user_type = user.user_type().as_str_name().to_ascii_lowercase();
    let mut words = words_of("user update");
    for (field, option, value) in [
        ("nickname", "--nickname", user.nickname),
        ("mail_address", "--mail-address", user.mail_address),
        ("user_type", "--type", user_type),
    ] {
        if mask.is_empty() || mask.iter().any(|path| path == field) {
            words.extend(shell::option(option, value));
        }
    }
    words.extend(revision(user.revision));
    Subcommand {
        words,
        arguments: vec![user.id.to_string()],
        input: None,
    }
}

/// Returns the subcommand that reads the users of the requests from standard input, as one JSON object on each line.
fn import(requests: &[Bytes]) -> Subcommand {
    let requests = requests
        .iter()
        .map(|request| ImportUsersRequest::decode(&request[..]));
    let requests: Vec<_> = requests.map(Result::unwrap_or_default).collect();
    let options = requests.first().and_then(|first| first.options.clone());
    let options = options.unwrap_or_default();
    let mut words = words_of("user import");
    if options.on_conflict != 0 {
        let on_conflict = options.on_conflict().as_str_name().to_ascii_lowercase();
        words.extend(["--on-conflict".into(), on_conflict]);
    }
    if options.dry_run {
        words.push("--dry-run".into());
    }
    // The hyphen reads standard input, and starts no option.
    words.push("-".into());
    let users = requests.into_iter().filter_map(|request| request.user);
    let rows = users.map(|user| {
        format!(
            r#"{{"id": {}, "nickname": {}, "mail_address": {}, "user_type": "{}"}}"#,
            user.id,
            quoted(&user.nickname),
            quoted(&user.mail_address),
            user.user_type().as_str_name()
        )
    });
    Subcommand {
        words,
        input: Some(rows.collect()),
        ..Subcommand::default()
    }
}

/// Returns the subcommand that joins with the first character and reads its positions from standard input; without a
/// character, the subcommand that watches.
fn sync(requests: &[Bytes]) -> Subcommand {
    let requests = requests
        .iter()
        .map(|request| PositionSyncRequest::decode(&request[..]));
    let requests: Vec<_> = requests.map(Result::unwrap_or_default).collect();
    let Some(join) = requests.iter().flat_map(|request| &request.joins).next() else {
        let receive = requests.into_iter().find_map(|request| request.receive);
        // A call that chooses nothing receives all characters.
        return options_only(watch(&receive.unwrap_or(PositionSubRequest {
            all: true,
            ..PositionSubRequest::default()
        })));
    };
    let mut words = words_of("position join");
    if join.user_id > 0 {
        words.extend(["--user-id".into(), join.user_id.to_string()]);
    }
    if !join.source.is_empty() {
        words.extend(shell::option("--source", join.source.clone()));
    }
    let has_name = !join.name.is_empty() || join.user_id == 0;
    let samples = requests.iter().flat_map(|request| &request.samples);
    let positions = samples.filter_map(|sample| sample.position);
    Subcommand {
        words,
        arguments: has_name.then(|| join.name.clone()).into_iter().collect(),
        input: Some(
            positions
                .map(|position| coordinates(position).join(" "))
                .collect(),
        ),
    }
}

fn coordinates(position: Pos) -> [String; 3] {
    [position.x, position.y, position.z].map(format_float)
}

fn watch(request: &PositionSubRequest) -> Vec<String> {
    let mut watch = words_of("position watch");
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

/// Returns the words for a page of users.
fn list(request: &ListUsersRequest) -> Vec<String> {
    let mut list = words_of("user list");
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

/// Returns the options of a filter.
fn filter(filter: Option<UserFilter>) -> Vec<String> {
    let filter = filter.unwrap_or_default();
    let mut options = Vec::new();
    if !filter.search.is_empty() {
        options.extend(shell::option("--search", filter.search.clone()));
    }
    for user_type in filter.user_types() {
        let name = user_type.as_str_name().to_ascii_lowercase();
        options.extend(["--type".into(), name]);
    }
    options
}

/// Returns the option of an expected revision; nothing for revision 0.
fn revision(revision: i64) -> Vec<String> {
    match revision {
        0 => Vec::new(),
        revision => vec!["--revision".into(), revision.to_string()],
    }
}

/// Returns the id of a request.
fn id_of(request: &[u8]) -> String {
    UserRequest::decode(request)
        .unwrap_or_default()
        .id
        .to_string()
}

#[cfg(test)]
mod tests;
