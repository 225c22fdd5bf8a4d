//! The calls of the page's tables, forms and stage, and nothing of gRPC outside: plain functions, plain errors.

mod raw;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{self, BoxStream, LocalBoxStream, Stream, StreamExt as _};
use prost::Message;
use prost::bytes::Bytes;
use soundstage_channel::{Channel, Failure, Transport};
use soundstage_proto::position::{PositionSubRequest, PositionSyncRequest, StageUpdate};
use soundstage_proto::user::{
    DeleteUserRequest, ExportUsersRequest, ImportUsersResponse, ListUsersRequest,
    ListUsersResponse, UpdateUserRequest, User, UserEvent, UserFilter, UserRequest, UserResponse,
    WatchUsersRequest,
};
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::browser;
use crate::language::{fill, t, translated};

pub(crate) use raw::{RawCall, RawEnd, RawEvent};

/// How long a call may take until its answer begins. A person waits no longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a call failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CallError {
    /// The server was not reached, or is not ready: trying again may help.
    Unreachable,
    /// The server refused these fields, each with a sentence.
    InvalidFields(Vec<(String, String)>),
    /// Somebody has changed it meanwhile.
    Stale,
    /// There is none.
    NotFound,
    /// Anything else, in the server's words.
    Refused(String),
}

impl CallError {
    /// What a person reads.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Unreachable => t("The server cannot be reached.").into(),
            Self::InvalidFields(fields) => {
                let sentences = fields
                    .iter()
                    .map(|(field, description)| format!("{field}: {}", translated(description)));
                sentences.collect::<Vec<_>>().join(" ")
            }
            Self::Stale => t("Somebody has changed it meanwhile.").into(),
            Self::NotFound => t("It is not there any more.").into(),
            Self::Refused(message) => fill("The server refused: {0}", &[message]),
        }
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        match status.code() {
            _ if Failure::of(&status).is_some() => Self::Unreachable,
            Code::Unavailable | Code::DeadlineExceeded => Self::Unreachable,
            Code::InvalidArgument => match status.get_details_bad_request() {
                Some(details) => {
                    let fields = details.field_violations.into_iter();
                    Self::InvalidFields(
                        fields
                            .map(|violation| (violation.field, violation.description))
                            .collect(),
                    )
                }
                None => Self::Refused(status.message().to_owned()),
            },
            Code::Aborted => Self::Stale,
            Code::NotFound => Self::NotFound,
            _ => Self::Refused(status.message().to_owned()),
        }
    }
}

/// What became of a user to change.
pub(crate) enum Updated {
    Stored,
    /// Not changed: it is like this now.
    Stale(User),
}

/// What became of a user to add.
pub(crate) enum Added {
    Stored(User),
    AlreadyExists,
}

/// One page of users.
pub(crate) async fn list_users(request: ListUsersRequest) -> Result<ListUsersResponse, CallError> {
    answer("/UserManager/ListUsers", &request).await
}

/// Every user that a filter matches. Dropping the stream ends the call.
pub(crate) async fn export_users(
    filter: UserFilter,
) -> Result<impl Stream<Item = Result<User, CallError>>, CallError> {
    let request = ExportUsersRequest {
        filter: Some(filter),
    };
    answers("/UserManager/ExportUsers", &request).await
}

/// Each change of any user, from now on or after a sequence number. Dropping the stream ends the call.
pub(crate) async fn watch_users(
    after_sequence: i64,
) -> Result<impl Stream<Item = Result<UserEvent, CallError>>, CallError> {
    let request = WatchUsersRequest { after_sequence };
    answers("/UserManager/WatchUsers", &request).await
}

/// Changes all of a user that can be changed, if it is still at its revision. One that has these values already counts as
/// changed: the answer to an earlier try may have been lost.
pub(crate) async fn update_user(user: User) -> Result<Updated, CallError> {
    let request = UpdateUserRequest {
        user: Some(user.clone()),
        update_mask: None,
    };
    match answer::<User>("/UserManager/UpdateUser", &request).await {
        Ok(_) => Ok(Updated::Stored),
        Err(CallError::Stale) => match get_user(user.id).await? {
            Some(now) if is_same(&now, &user) => Ok(Updated::Stored),
            Some(now) => Ok(Updated::Stale(now)),
            None => Err(CallError::NotFound),
        },
        Err(error) => Err(error),
    }
}

/// Whether two users have the same values, whenever they were stored.
pub(crate) fn is_same(one: &User, other: &User) -> bool {
    let values = |user: &User| (user.id, user.user_type);
    values(one) == values(other)
        && one.nickname == other.nickname
        && one.mail_address == other.mail_address
}

/// Begins to import users with requests that are encoded already; what the server says of them. Dropping the stream ends
/// the call.
pub(crate) async fn import_users(
    requests: BoxStream<'static, Bytes>,
) -> Result<impl Stream<Item = Result<ImportUsersResponse, CallError>>, CallError> {
    let path = "/UserManager/ImportUsers";
    let response = raw::begin(path, Request::new(requests), Transport::WebSocket);
    Ok(messages(in_time(response).await?.into_inner()))
}

/// Removes a user, if it is still at this revision.
pub(crate) async fn delete_user(id: u32, revision: i64) -> Result<User, CallError> {
    answer(
        "/UserManager/DeleteUser",
        &DeleteUserRequest { id, revision },
    )
    .await
}

/// The user with this id, if there is one.
pub(crate) async fn get_user(id: u32) -> Result<Option<User>, CallError> {
    let response: UserResponse = answer("/UserManager/GetUser", &UserRequest { id }).await?;
    Ok(response.user.filter(|_| !response.error))
}

/// Adds a user; id 0 lets the server pick.
pub(crate) async fn add_user(user: User) -> Result<Added, CallError> {
    let response: UserResponse = answer("/UserManager/AddUser", &user).await?;
    Ok(response
        .user
        .filter(|_| !response.error)
        .map_or(Added::AlreadyExists, Added::Stored))
}

/// Everybody on the stage, and each change. Dropping the stream ends the call.
pub(crate) async fn stage() -> Result<impl Stream<Item = Result<StageUpdate, CallError>>, CallError>
{
    let all = PositionSubRequest {
        all: true,
        ..PositionSubRequest::default()
    };
    answers("/posXYZ.PositionService/PositionSub", &all).await
}

/// Moves characters as the requests say. When they end, the reader's own leave and the call ends.
pub(crate) async fn sync(
    requests: impl Stream<Item = PositionSyncRequest> + Send + 'static,
) -> Result<impl Stream<Item = Result<StageUpdate, CallError>>, CallError> {
    let requests = requests.map(|request| request.encode_to_vec().into());
    let path = "/posXYZ.PositionService/PositionSync";
    let begun = raw::begin(path, Request::new(requests.boxed()), Transport::WebSocket);
    Ok(messages(in_time(begun).await?.into_inner()))
}

/// The server is where the page came from.
fn channel() -> Channel {
    Channel::new(browser::origin())
}

/// The answer of a unary call.
async fn answer<T: Message + Default>(
    path: &'static str,
    request: &impl Message,
) -> Result<T, CallError> {
    decode(in_time(first_message(path, request.encode_to_vec().into())).await?)
}

/// The answers of a call until the end or the first error.
async fn answers<T: Message + Default + 'static>(
    path: &'static str,
    request: &impl Message,
) -> Result<LocalBoxStream<'static, Result<T, CallError>>, CallError> {
    let answers = in_time(begin(path, request.encode_to_vec().into())).await?;
    Ok(messages(answers))
}

fn messages<T: Message + Default + 'static>(
    answers: Streaming<Bytes>,
) -> LocalBoxStream<'static, Result<T, CallError>> {
    let messages = stream::try_unfold(answers, async |mut answers| {
        Ok(answers.message().await?.map(|message| (message, answers)))
    });
    messages
        .map(|message: Result<_, Status>| decode(message?))
        .boxed_local()
}

fn decode<T: Message + Default>(message: Bytes) -> Result<T, CallError> {
    T::decode(message).map_err(|error| CallError::Refused(error.to_string()))
}

async fn first_message(path: &'static str, request: Bytes) -> Result<Bytes, Status> {
    let message = begin(path, request).await?.message().await?;
    message.ok_or_else(|| Status::internal("the answer has no message"))
}

/// Begins a call. A generated stub does the same, once for each type of message; for a page that is downloaded before it
/// is run, once for all types is much less.
async fn begin(path: &'static str, request: Bytes) -> Result<Streaming<Bytes>, Status> {
    let requests = Request::new(stream::iter([request]).boxed());
    let response = raw::begin(path, requests, Transport::GrpcWeb).await?;
    Ok(response.into_inner())
}

async fn in_time<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, CallError> {
    match select(pin!(call), pin!(browser::sleep(PATIENCE))).await {
        Either::Left((result, _)) => Ok(result?),
        Either::Right(_) => Err(CallError::Unreachable),
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn refused_fields_are_told_apart_from_an_unreachable_server() {
        let details = ErrorDetails::with_bad_request_violation("nickname", "Enter a nickname.");
        let refused = Status::with_error_details(Code::InvalidArgument, "refused", details);
        let field = ("nickname".to_owned(), "Enter a nickname.".to_owned());
        assert_eq!(
            CallError::from(refused),
            CallError::InvalidFields(vec![field])
        );
        assert_eq!(
            CallError::from(Status::unavailable("stopping")),
            CallError::Unreachable
        );
        let unanswered = Failure::NoResponse.status(Code::Unknown, "Failed to fetch");
        assert_eq!(CallError::from(unanswered), CallError::Unreachable);
        assert_eq!(
            CallError::from(Status::data_loss("damaged")),
            CallError::Refused("damaged".into())
        );
    }
}
