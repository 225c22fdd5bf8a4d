//! `UserManager`: the methods of the user directory.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use prost_types::FieldMask;
use soundstage_proto::UserType;
use soundstage_proto::encoded::EncodedUsers;
use soundstage_proto::user::{
    DeleteUserRequest, ExportUsersRequest, ImportUsersRequest, ImportUsersResponse,
    ListUsersRequest, ListUsersResponse, UpdateUserRequest, User, UserCntResponse, UserEvent,
    UserRequest, UserResponse, UserTypeRequest, WatchUsersRequest, user_event,
};
use soundstage_proto::user_rules::ValidUser;
use tokio::time::timeout;
use tonic::{Request, Response, Status, Streaming};

use super::users_in_blocks::UsersInBlocks;
use super::{import, listing, status};
use crate::connection::Peer;
use crate::directory::{Added, Changed, EventKind, Update, WatchItem, WhenBusy};
use crate::lifecycle::Lifecycle;
use crate::limits::{MAX_SEARCHES_OF_ADDRESS, MAX_STREAMS_OF_ADDRESS};
use crate::quota::{Permit, Quota};

/// The time without an event after which a client that asks for heartbeats receives one. Short enough for a page to
/// notice a lost connection soon, and long enough for thousands of watchers.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

/// The service. Its calls fail with `UNAVAILABLE` until the directory is open.
#[derive(Debug, Clone)]
pub(crate) struct UserService {
    lifecycle: Lifecycle,
    /// The searches and exports of each address.
    searches: Arc<Quota>,
    /// The streams of users of each address, exports aside.
    streams: Arc<Quota>,
}

impl UserService {
    pub(crate) fn new(lifecycle: Lifecycle) -> Self {
        Self {
            lifecycle,
            searches: Quota::new(usize::MAX, MAX_SEARCHES_OF_ADDRESS),
            streams: Quota::new(usize::MAX, MAX_STREAMS_OF_ADDRESS),
        }
    }
}

/// A stream of many users.
type EncodedStream = BoxStream<'static, Result<EncodedUsers, Status>>;

#[expect(clippy::unused_async, reason = "the codec awaits its handlers")]
impl UserService {
    pub(crate) async fn get_users_by_type(
        &self,
        request: Request<UserTypeRequest>,
    ) -> Result<Response<EncodedStream>, Status> {
        let permit = permit(&self.streams, &request)?;
        let number = request.into_inner().user_type;
        let user_type = UserType::try_from(number).map_err(|_| {
            status::invalid_field(
                "user_type",
                "Choose NONE, NORMAL, ADMINISTRATOR, GUEST or DISABLED.",
            )
        })?;
        let directory = self.lifecycle.directory()?.clone();
        if user_type == UserType::None {
            // No user has this type.
            return Ok(Response::new(stream::empty().boxed()));
        }
        let read = move |after, size| directory.block_of_type(user_type, after, size);
        let users = UsersInBlocks::new(permit, read);
        Ok(Response::new(users.boxed()))
    }

    pub(crate) async fn export_users(
        &self,
        request: Request<ExportUsersRequest>,
    ) -> Result<Response<EncodedStream>, Status> {
        let permit = permit(&self.searches, &request)?;
        let filter = listing::filter(request.into_inner().filter)?;
        let directory = self.lifecycle.directory()?.clone();
        let read = move |after, size| {
            let when_busy = if after == 0 {
                WhenBusy::Refuse
            } else {
                WhenBusy::Wait
            };
            directory.block(&filter, after, size, when_busy)
        };
        let users = UsersInBlocks::new(permit, read).read_ahead();
        Ok(Response::new(users.boxed()))
    }

    pub(crate) async fn get_user(
        &self,
        request: Request<UserRequest>,
    ) -> Result<Response<UserResponse>, Status> {
        let id = request.into_inner().id;
        let user = self.lifecycle.directory()?.get(id).await?;
        Ok(Response::new(
            user.map_or_else(|| in_band_error("not found"), found),
        ))
    }

    pub(crate) async fn add_user(
        &self,
        request: Request<User>,
    ) -> Result<Response<UserResponse>, Status> {
        let user = ValidUser::try_from(request.into_inner())
            .map_err(|errors| status::invalid_fields(&errors))?;
        let added = self.lifecycle.directory()?.add(user).await?;
        Ok(Response::new(match added {
            Added::Stored(user) => found(user),
            Added::AlreadyExists => in_band_error("already exist"),
        }))
    }

    pub(crate) async fn count_already_users(
        &self,
        request: Request<Streaming<UserRequest>>,
    ) -> Result<Response<UserCntResponse>, Status> {
        let directory = self.lifecycle.directory()?;
        let mut ids = request.into_inner();
        let mut user_cnt = 0;
        while let Some(UserRequest { id }) = ids.message().await? {
            user_cnt += u32::from(directory.contains(id).await?);
        }
        Ok(Response::new(UserCntResponse {
            error: false,
            user_cnt,
        }))
    }

    pub(crate) async fn get_users_by_ids(
        &self,
        request: Request<Streaming<UserRequest>>,
    ) -> Result<Response<BoxStream<'static, Result<UserResponse, Status>>>, Status> {
        let directory = self.lifecycle.directory()?.clone();
        let responses = request
            .into_inner()
            .try_filter_map(move |UserRequest { id }| {
                let directory = directory.clone();
                async move { Ok(directory.get(id).await?.map(found)) }
            });
        Ok(Response::new(responses.boxed()))
    }

    pub(crate) async fn update_user(
        &self,
        request: Request<UpdateUserRequest>,
    ) -> Result<Response<User>, Status> {
        let UpdateUserRequest { user, update_mask } = request.into_inner();
        let user = user.ok_or_else(|| status::invalid_field("user", "Send the user to change."))?;
        let (id, revision) = (user.id, user.revision);
        let update = masked(user, update_mask)?;
        let directory = self.lifecycle.directory()?;
        let changed = directory.update(id, revision, update).await?;
        changed_user(changed).map(Response::new)
    }

    pub(crate) async fn delete_user(
        &self,
        request: Request<DeleteUserRequest>,
    ) -> Result<Response<User>, Status> {
        let DeleteUserRequest { id, revision } = request.into_inner();
        let changed = self.lifecycle.directory()?.delete(id, revision).await?;
        changed_user(changed).map(Response::new)
    }

    pub(crate) async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        let directory = self.lifecycle.directory()?;
        let _permit = if listing::is_slow(request.get_ref()) {
            permit(&self.searches, &request)?
        } else {
            None
        };
        let page = listing::list(directory, request.into_inner()).await?;
        Ok(Response::new(page))
    }

    pub(crate) async fn watch_users(
        &self,
        request: Request<WatchUsersRequest>,
    ) -> Result<Response<BoxStream<'static, Result<UserEvent, Status>>>, Status> {
        let WatchUsersRequest {
            after_sequence: after,
            heartbeat,
        } = request.into_inner();
        if after < 0 {
            return Err(status::invalid_field(
                "after_sequence",
                "Send 0, or the sequence number of an event.",
            ));
        }
        let watcher = self.lifecycle.directory()?.watch(after);
        let interval = if heartbeat {
            HEARTBEAT_INTERVAL
        } else {
            Duration::MAX
        };
        let events = stream::unfold(watcher, move |mut watcher| async move {
            let event = match timeout(interval, watcher.next()).await {
                Ok(item) => event(item),
                Err(_) => heartbeat_after(watcher.sequence()),
            };
            Some((Ok(event), watcher))
        });
        Ok(Response::new(events.boxed()))
    }

    pub(crate) async fn import_users(
        &self,
        request: Request<Streaming<ImportUsersRequest>>,
    ) -> Result<Response<BoxStream<'static, Result<ImportUsersResponse, Status>>>, Status> {
        let directory = self.lifecycle.directory()?.clone();
        let responses = import::import(directory, request.into_inner()).await?;
        Ok(Response::new(responses))
    }
}

/// Returns a permit of a quota for the client of a call.
fn permit<T>(quota: &Arc<Quota>, call: &Request<T>) -> Result<Option<Permit>, Status> {
    let Some(address) = Peer::ip_of(call) else {
        return Ok(None);
    };
    let permit = quota.permit(address).ok_or_else(|| {
        Status::resource_exhausted(
            "your address runs too many searches, exports or streams; try again when one has ended",
        )
    })?;
    Ok(Some(permit))
}

/// Returns the update of the fields that the mask names; an empty mask names every field that can be changed.
fn masked(user: User, mask: Option<FieldMask>) -> Result<Update, Status> {
    let paths = mask.map(|mask| mask.paths).unwrap_or_default();
    let names = |field: &str| paths.is_empty() || paths.iter().any(|path| path == field);
    let known = ["nickname", "mail_address", "user_type"];
    if !paths.iter().all(|path| known.contains(&path.as_str())) {
        return Err(status::invalid_field(
            "update_mask",
            "Name only nickname, mail_address and user_type.",
        ));
    }
    Ok(Update {
        nickname: names("nickname").then_some(user.nickname),
        mail_address: names("mail_address").then_some(user.mail_address),
        user_type: names("user_type").then_some(user.user_type),
    })
}

/// Returns the changed user, or the status of any other outcome.
fn changed_user(changed: Changed) -> Result<User, Status> {
    match changed {
        Changed::Done(user) => Ok(user),
        Changed::NotFound => Err(Status::not_found("no user has this id")),
        Changed::Stale(user) => Err(Status::aborted(format!(
            "the user has changed meanwhile; its revision is now {}",
            user.revision
        ))),
        Changed::Invalid(errors) => Err(status::invalid_fields(&errors)),
    }
}

fn event(item: WatchItem) -> UserEvent {
    use user_event::Kind;
    match item {
        WatchItem::Event(event) => UserEvent {
            kind: match event.kind {
                EventKind::Created => Kind::Created,
                EventKind::Changed => Kind::Changed,
                EventKind::Deleted => Kind::Deleted,
            }
            .into(),
            sequence: event.sequence,
            user: Some(event.user.clone()),
        },
        WatchItem::Resync(sequence) => UserEvent {
            kind: Kind::ReadAgain.into(),
            sequence,
            user: None,
        },
    }
}

fn heartbeat_after(sequence: i64) -> UserEvent {
    UserEvent {
        kind: user_event::Kind::Heartbeat.into(),
        sequence,
        user: None,
    }
}

fn found(user: User) -> UserResponse {
    UserResponse {
        error: false,
        message: String::new(),
        user: Some(user),
    }
}

/// Returns one of the two outcomes that the contract reports with status `OK`.
fn in_band_error(message: &str) -> UserResponse {
    UserResponse {
        error: true,
        message: message.to_owned(),
        user: None,
    }
}
