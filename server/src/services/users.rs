//! `UserManager`: the directory of users.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{BoxStream, Stream, StreamExt as _};
use prost_types::FieldMask;
use soundstage_proto::UserType;
use soundstage_proto::user::user_manager_server::UserManager;
use soundstage_proto::user::{
    DeleteUserRequest, ListUsersRequest, ListUsersResponse, UpdateUserRequest, User,
    UserCntResponse, UserRequest, UserResponse, UserTypeRequest,
};
use soundstage_proto::user_rules::{self, ValidUser};
use tonic::{Request, Response, Status, Streaming};

use super::{page_token, status};
use crate::lifecycle::Lifecycle;
use crate::store::{Added, Changed, Store, StoreError, Update};

const DEFAULT_PAGE_SIZE: u32 = 50;
const MAX_PAGE_SIZE: u32 = 1000;

/// How many users a stream holds in memory at once.
const BLOCK: u32 = 1024;

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
    type GetUsersByTypeStream = UsersOfType;
    type GetUsersByIdsStream = ResponseStream;

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
        Ok(Response::new(UsersOfType::new(
            self.lifecycle.store()?.clone(),
            user_type,
        )))
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
        let ListUsersRequest {
            page_size,
            page_token,
        } = request.into_inner();
        let page_size = match u32::try_from(page_size) {
            Ok(0) => DEFAULT_PAGE_SIZE,
            Ok(size) => size.min(MAX_PAGE_SIZE),
            Err(_) => {
                return Err(status::invalid_field(
                    "page_size",
                    "Ask for 0 (the default) to 1000 users.",
                ));
            }
        };
        let after = page_token::decode(&page_token).ok_or_else(|| {
            status::invalid_field(
                "page_token",
                "Send the next_page_token of an answer, unchanged.",
            )
        })?;

        let store = self.lifecycle.store()?;
        // One more than asked for tells whether there is a next page.
        let mut users = store.page(after, page_size + 1)?;
        let more = users.len() > page_size as usize;
        users.truncate(page_size as usize);
        let next_page_token = users
            .last()
            .filter(|_| more)
            .map(|last| page_token::encode(last.id));
        Ok(Response::new(ListUsersResponse {
            users,
            next_page_token: next_page_token.unwrap_or_default(),
            total_size: store.count()?,
        }))
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

/// All users of one type, read a block at a time as the client takes them: memory stays flat, and no read
/// transaction is open while a slow client makes us wait.
pub(crate) struct UsersOfType {
    store: Store,
    user_type: UserType,
    block: std::vec::IntoIter<User>,
    /// The last id read, while there may be more.
    after: Option<u32>,
}

impl UsersOfType {
    fn new(store: Store, user_type: UserType) -> Self {
        Self {
            store,
            user_type,
            block: Vec::new().into_iter(),
            after: Some(0),
        }
    }

    fn read_block(&mut self, after: u32) -> Result<(), StoreError> {
        let block = self.store.page_of_type(self.user_type, after, BLOCK)?;
        self.after = block
            .last()
            .filter(|_| block.len() == BLOCK as usize)
            .map(|last| last.id);
        self.block = block.into_iter();
        Ok(())
    }
}

impl Stream for UsersOfType {
    type Item = Result<UserResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.block.len() == 0
            && let Some(after) = self.after.take()
            && let Err(error) = self.read_block(after)
        {
            return Poll::Ready(Some(Err(error.into())));
        }
        Poll::Ready(self.block.next().map(|user| Ok(found(user))))
    }
}
