//! `UserManager`: the directory of users.

use futures_util::stream::{self, BoxStream, StreamExt as _};
use prost_types::FieldMask;
use soundstage_proto::UserType;
use soundstage_proto::user::user_manager_server::UserManager;
use soundstage_proto::user::{
    DeleteUserRequest, ExportUsersRequest, ImportUsersRequest, ImportUsersResponse,
    ListUsersRequest, ListUsersResponse, UpdateUserRequest, User, UserCntResponse, UserEvent,
    UserRequest, UserResponse, UserTypeRequest, WatchUsersRequest, user_event,
};
use soundstage_proto::user_rules::{self, ValidUser};
use tonic::{Request, Response, Status, Streaming};

use super::users_in_blocks::{BLOCK, UsersInBlocks};
use super::{import, listing, status};
use crate::lifecycle::Lifecycle;
use crate::store::{Added, Changed, EventKind, Update, WatchItem};

/// The service, over the store once that is open.
#[derive(Debug, Clone)]
pub(crate) struct UserService {
    lifecycle: Lifecycle,
}

impl UserService {
    pub(crate) fn new(lifecycle: Lifecycle) -> Self {
        Self { lifecycle }
    }
}

type ResponseStream = BoxStream<'static, Result<UserResponse, Status>>;

#[tonic::async_trait]
impl UserManager for UserService {
    type GetUsersByTypeStream = ResponseStream;
    type GetUsersByIdsStream = ResponseStream;
    type WatchUsersStream = BoxStream<'static, Result<UserEvent, Status>>;
    type ImportUsersStream = BoxStream<'static, Result<ImportUsersResponse, Status>>;
    type ExportUsersStream = BoxStream<'static, Result<User, Status>>;

    async fn get_user(
        &self,
        request: Request<UserRequest>,
    ) -> Result<Response<UserResponse>, Status> {
        let user = self.lifecycle.store()?.get(request.into_inner().id)?;
        Ok(Response::new(
            user.map_or_else(|| in_band_error("not found"), found),
        ))
    }

    async fn add_user(&self, request: Request<User>) -> Result<Response<UserResponse>, Status> {
        let user = ValidUser::try_from(request.into_inner())
            .map_err(|violations| status::invalid_fields(&violations))?;
        Ok(Response::new(
            match self.lifecycle.store()?.add(user).await? {
                Added::Stored(user) => found(user),
                Added::AlreadyExists => in_band_error("already exist"),
            },
        ))
    }

    async fn count_already_users(
        &self,
        request: Request<Streaming<UserRequest>>,
    ) -> Result<Response<UserCntResponse>, Status> {
        let store = self.lifecycle.store()?;
        let mut ids = request.into_inner();
        let mut user_cnt = 0;
        while let Some(UserRequest { id }) = ids.message().await? {
            user_cnt += u32::from(store.contains(id)?);
        }
        Ok(Response::new(UserCntResponse {
            error: false,
            user_cnt,
        }))
    }

    async fn get_users_by_type(
        &self,
        request: Request<UserTypeRequest>,
    ) -> Result<Response<Self::GetUsersByTypeStream>, Status> {
        let number = request.into_inner().user_type;
        user_rules::check_user_type(number)
            .map_err(|description| status::invalid_field("user_type", description))?;
        let user_type = UserType::try_from(number).unwrap_or_default();
        let store = self.lifecycle.store()?.clone();
        let read = move |after| store.block_of_type(user_type, after, BLOCK);
        Ok(Response::new(UsersInBlocks::new(read, found).boxed()))
    }

    async fn get_users_by_ids(
        &self,
        request: Request<Streaming<UserRequest>>,
    ) -> Result<Response<Self::GetUsersByIdsStream>, Status> {
        let store = self.lifecycle.store()?.clone();
        let answer = move |request: Result<UserRequest, Status>| {
            let user = request.and_then(|UserRequest { id }| Ok(store.get(id)?));
            std::future::ready(user.map(|user| user.map(found)).transpose())
        };
        Ok(Response::new(
            request.into_inner().filter_map(answer).boxed(),
        ))
    }

    async fn update_user(
        &self,
        request: Request<UpdateUserRequest>,
    ) -> Result<Response<User>, Status> {
        let UpdateUserRequest { user, update_mask } = request.into_inner();
        let user = user.ok_or_else(|| status::invalid_field("user", "Send the user to change."))?;
        let (id, revision) = (user.id, user.revision);
        let update = masked(user, update_mask)?;
        let changed = self.lifecycle.store()?.update(id, revision, update).await?;
        changed_user(changed).map(Response::new)
    }

    async fn delete_user(
        &self,
        request: Request<DeleteUserRequest>,
    ) -> Result<Response<User>, Status> {
        let DeleteUserRequest { id, revision } = request.into_inner();
        let changed = self.lifecycle.store()?.delete(id, revision).await?;
        changed_user(changed).map(Response::new)
    }

    async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        let page = listing::list(self.lifecycle.store()?, request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn watch_users(
        &self,
        request: Request<WatchUsersRequest>,
    ) -> Result<Response<Self::WatchUsersStream>, Status> {
        let after = request.into_inner().after_sequence;
        if after < 0 {
            return Err(status::invalid_field(
                "after_sequence",
                "Send 0, or the sequence number of an event.",
            ));
        }
        let watcher = self.lifecycle.store()?.watch(after);
        let events = stream::unfold(watcher, |mut watcher| async {
            let news = watcher.next().await;
            Some((Ok(event(news)), watcher))
        });
        Ok(Response::new(events.boxed()))
    }

    async fn import_users(
        &self,
        request: Request<Streaming<ImportUsersRequest>>,
    ) -> Result<Response<Self::ImportUsersStream>, Status> {
        let store = self.lifecycle.store()?.clone();
        let answers = import::import(store, request.into_inner()).await?;
        Ok(Response::new(answers))
    }

    async fn export_users(
        &self,
        request: Request<ExportUsersRequest>,
    ) -> Result<Response<Self::ExportUsersStream>, Status> {
        let filter = listing::filter(request.into_inner().filter)?;
        let store = self.lifecycle.store()?.clone();
        let read = move |after| store.block(&filter, after, BLOCK);
        Ok(Response::new(UsersInBlocks::new(read, |user| user).boxed()))
    }
}

/// The fields that the mask names, or all that can be changed if it names none.
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

fn changed_user(changed: Changed) -> Result<User, Status> {
    match changed {
        Changed::Done(user) => Ok(user),
        Changed::NotFound => Err(Status::not_found("no user has this id")),
        Changed::Stale(user) => Err(Status::aborted(format!(
            "the user has changed meanwhile; its revision is {} now",
            user.revision
        ))),
        Changed::Invalid(violations) => Err(status::invalid_fields(&violations)),
    }
}

fn event(news: WatchItem) -> UserEvent {
    use user_event::Kind;
    match news {
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

fn found(user: User) -> UserResponse {
    UserResponse {
        error: false,
        message: String::new(),
        user: Some(user),
    }
}

/// The two outcomes that the contract reports with status OK.
fn in_band_error(message: &str) -> UserResponse {
    UserResponse {
        error: true,
        message: message.to_owned(),
        user: None,
    }
}
