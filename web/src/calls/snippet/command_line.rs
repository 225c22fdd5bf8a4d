//! A call with the `soundstage` command.

use prost::Message as _;
use prost::bytes::Bytes;
use soundstage_proto::position::{Join, Position, PositionSubRequest, PositionSyncRequest};
use soundstage_proto::user::{
    DeleteUserRequest, ExportUsersRequest, ListUsersRequest, UpdateUserRequest, User, UserFilter,
    UserRequest, UserTypeRequest, WatchUsersRequest,
};

use super::shell;
use crate::api::RawCall;
use crate::calls::number::format_float;

/// Returns the command line that makes the call.
pub(super) fn command_line(call: &RawCall, requests: &[Bytes], origin: &str) -> String {
    let mut words = vec!["soundstage".to_owned()];
    words.extend(command(call.method.path, requests));
    words.extend(["--server".into(), origin.into()]);
    if let Some(deadline) = call.deadline {
        words.extend(["--timeout".into(), format!("{}ms", deadline.as_millis())]);
    }
    for (name, value) in &call.metadata {
        words.extend(["--header".into(), format!("{name}: {value}")]);
    }
    shell::command_line(&words)
}

/// Returns the subcommand of a method with its arguments.
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
        // The command reads the rows from standard input.
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

/// Returns the subcommand of a method of the stage.
fn stage_command(path: &str, first: &[u8]) -> Vec<String> {
    match path {
        "/posXYZ.PositionService/PositionReq" => words(&["position", "get"]),
        "/posXYZ.PositionService/PositionPub" => {
            let position = Position::decode(first)
                .unwrap_or_default()
                .position
                .unwrap_or_default();
            let coordinates = [position.x, position.y, position.z].map(format_float);
            // After `--` a minus sign starts no option.
            [words(&["position", "publish", "--"]), coordinates.to_vec()].concat()
        }
        "/posXYZ.PositionService/PositionSub" => {
            watch(&PositionSubRequest::decode(first).unwrap_or_default())
        }
        // The command reads the positions from standard input.
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

/// Returns the subcommand for a page of users.
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

/// Returns the options of a filter.
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
mod tests {
    use soundstage_proto::descriptor::METHODS;
    use soundstage_proto::position::Pos;

    use super::*;

    #[test]
    fn every_method_has_a_subcommand() {
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
