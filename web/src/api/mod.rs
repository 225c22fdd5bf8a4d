//! Calls of the page. Only this module knows RPC: the rest of the page sees plain functions and plain errors.
//!
//! `call` makes calls, `fetch` and `channel` transport them, [`retry`] decides when to try again, [`stream`] follows a
//! stream over many connections, [`connection`] is the state that the page shows, and [`raw`] makes calls of any method
//! for *Calls*.

mod call;
mod channel;
mod connection;
mod error;
mod fetch;
mod frames;
mod raw;
mod retry;
mod stream;

use std::time::Duration;

use futures_util::stream::{BoxStream, Stream, StreamExt as _};
use prost::Message as _;
use prost::bytes::Bytes;
use soundstage_proto::position::{PositionSubRequest, PositionSyncRequest, StageUpdate};
use soundstage_proto::user::{
    DeleteUserRequest, ExportUsersRequest, ImportUsersResponse, ListUsersRequest,
    ListUsersResponse, UpdateUserRequest, User, UserEvent, UserFilter, UserRequest, UserResponse,
    WatchUsersRequest,
};

use crate::browser;

pub(crate) use connection::Connection;
pub(crate) use error::CallError;
pub(crate) use raw::{RawCall, RawEnd, RawEvent};
pub(crate) use retry::{Backoff, retry_while_failed};
pub(crate) use stream::{Messages, follow};

/// Longest silence on a stream of the stage. The server sends a heartbeat each second.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest silence on a stream of user events. The server sends a heartbeat every 5 s.
const WATCH_TIMEOUT: Duration = Duration::from_secs(12);

/// Result of an update.
pub(crate) enum Updated {
    Stored,
    /// Nothing changed: the user has a newer revision, and these values.
    Stale(User),
}

/// Result of an add.
pub(crate) enum Added {
    Stored(User),
    AlreadyExists,
}

/// Returns one page of users.
pub(crate) async fn list_users(request: ListUsersRequest) -> Result<ListUsersResponse, CallError> {
    call::unary("/UserManager/ListUsers", &request).await
}

/// Streams every user that a filter matches.
pub(crate) async fn export_users(filter: UserFilter) -> Result<Messages<User>, CallError> {
    let request = ExportUsersRequest {
        filter: Some(filter),
    };
    call::server_streaming("/UserManager/ExportUsers", &request).await
}

/// Streams each change of any user: future changes if the sequence number is 0, else all changes after it.
pub(crate) async fn watch_users(after_sequence: i64) -> Result<Messages<UserEvent>, CallError> {
    let request = WatchUsersRequest {
        after_sequence,
        heartbeat: true,
    };
    let events = call::server_streaming("/UserManager/WatchUsers", &request).await?;
    Ok(stream::with_liveness(events, || {
        browser::sleep(WATCH_TIMEOUT)
    }))
}

/// Updates all fields of a user that is still at its revision. A user that has these values already counts as stored,
/// since the response to an earlier attempt may have been lost.
pub(crate) async fn update_user(user: User) -> Result<Updated, CallError> {
    let request = UpdateUserRequest {
        user: Some(user.clone()),
        update_mask: None,
    };
    match call::unary::<User>("/UserManager/UpdateUser", &request).await {
        Ok(_) => Ok(Updated::Stored),
        Err(CallError::Stale) => match get_user(user.id).await? {
            Some(now) if is_same(&now, &user) => Ok(Updated::Stored),
            Some(now) => Ok(Updated::Stale(now)),
            None => Err(CallError::NotFound),
        },
        Err(error) => Err(error),
    }
}

/// Returns true if two users have the same values, regardless of revision and times.
pub(crate) fn is_same(one: &User, other: &User) -> bool {
    let values = |user: &User| (user.id, user.user_type);
    values(one) == values(other)
        && one.nickname == other.nickname
        && one.mail_address == other.mail_address
}

/// Starts an import with encoded requests, and streams its responses.
pub(crate) async fn import_users(
    requests: BoxStream<'static, Bytes>,
) -> Result<Messages<ImportUsersResponse>, CallError> {
    call::bidirectional("/UserManager/ImportUsers", requests).await
}

/// Deletes a user that is still at this revision.
pub(crate) async fn delete_user(id: u32, revision: i64) -> Result<User, CallError> {
    let request = DeleteUserRequest { id, revision };
    call::unary("/UserManager/DeleteUser", &request).await
}

/// Returns the user with this id, if it exists.
pub(crate) async fn get_user(id: u32) -> Result<Option<User>, CallError> {
    let response: UserResponse = call::unary("/UserManager/GetUser", &UserRequest { id }).await?;
    Ok(response.user.filter(|_| !response.error))
}

/// Adds a user. With id 0 the server picks the id.
pub(crate) async fn add_user(user: User) -> Result<Added, CallError> {
    let response: UserResponse = call::unary("/UserManager/AddUser", &user).await?;
    Ok(response
        .user
        .filter(|_| !response.error)
        .map_or(Added::AlreadyExists, Added::Stored))
}

/// Streams the stage: all characters, then each change.
pub(crate) async fn watch_stage() -> Result<Messages<StageUpdate>, CallError> {
    let request = PositionSubRequest {
        all: true,
        ..PositionSubRequest::default()
    };
    let updates = call::server_streaming("/posXYZ.PositionService/PositionSub", &request).await?;
    Ok(with_heartbeats(updates))
}

/// Moves characters as the requests say, and streams updates. At the end of the requests, the characters that this call
/// joined leave, and the call ends.
pub(crate) async fn sync_positions(
    requests: impl Stream<Item = PositionSyncRequest> + Send + 'static,
) -> Result<Messages<StageUpdate>, CallError> {
    let requests = requests.map(|request| request.encode_to_vec().into());
    let path = "/posXYZ.PositionService/PositionSync";
    let updates = call::bidirectional(path, requests.boxed()).await?;
    Ok(with_heartbeats(updates))
}

fn with_heartbeats(updates: Messages<StageUpdate>) -> Messages<StageUpdate> {
    stream::with_liveness(updates, || browser::sleep(HEARTBEAT_TIMEOUT))
}
