//! A peer: the directory on bare tonic, in its simplest form, users in a map.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use soundstage_proto::UserType;
use soundstage_proto::user::{User, UserRequest, UserResponse, UserTypeRequest};
use tokio_stream::Stream;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower_service::Service;

use crate::Result;

type Users = Pin<Box<dyn Stream<Item = std::result::Result<UserResponse, Status>> + Send>>;
type ResponseFuture<T> = std::future::Ready<std::result::Result<Response<T>, Status>>;

/// Serves a number of users until the process is killed.
pub(crate) fn serve(port: u16, users: u32) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    runtime.block_on(
        tonic::transport::Server::builder()
            .add_service(Directory::new(users))
            .serve(address),
    )?;
    Ok(())
}

#[derive(Clone)]
struct Directory {
    // Nothing adds users, so a lock would only cost time.
    users: Arc<BTreeMap<u32, User>>,
}

impl Directory {
    fn new(users: u32) -> Self {
        let user = |id| User {
            id,
            nickname: format!("user number {id}"),
            mail_address: format!("user{id}@example.com"),
            user_type: UserType::Normal.into(),
            revision: 1,
            ..User::default()
        };
        let users = (1..=users).map(|id| (id, user(id))).collect();
        Self {
            users: Arc::new(users),
        }
    }
}

impl NamedService for Directory {
    const NAME: &'static str = "UserManager";
}

impl Service<http::Request<Body>> for Directory {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future =
        Pin<Box<dyn Future<Output = std::result::Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let directory = self.clone();
        Box::pin(async move {
            Ok(if request.uri().path().ends_with("/GetUser") {
                let mut grpc = Grpc::new(ProstCodec::default());
                grpc.unary(GetUser(directory), request).await
            } else {
                let mut grpc = Grpc::new(ProstCodec::default());
                grpc.server_streaming(GetUsersByType(directory), request)
                    .await
            })
        })
    }
}

fn response(user: User) -> UserResponse {
    UserResponse {
        user: Some(user),
        ..UserResponse::default()
    }
}

struct GetUser(Directory);

impl UnaryService<UserRequest> for GetUser {
    type Response = UserResponse;
    type Future = ResponseFuture<UserResponse>;

    fn call(&mut self, request: Request<UserRequest>) -> Self::Future {
        let user = self.0.users.get(&request.into_inner().id).cloned();
        let response = user.map_or_else(
            || UserResponse {
                error: true,
                message: "not found".to_owned(),
                user: None,
            },
            response,
        );
        std::future::ready(Ok(Response::new(response)))
    }
}

struct GetUsersByType(Directory);

impl ServerStreamingService<UserTypeRequest> for GetUsersByType {
    type Response = UserResponse;
    type ResponseStream = Users;
    type Future = ResponseFuture<Users>;

    fn call(&mut self, request: Request<UserTypeRequest>) -> Self::Future {
        let users = Arc::clone(&self.0.users);
        let user_type = request.into_inner().user_type;
        let mut last = 0;
        let next = move || {
            let mut users = users.range(last + 1..);
            let (id, user) = users.find(|(_, user)| user.user_type == user_type)?;
            last = *id;
            Some(Ok(response(user.clone())))
        };
        let users = tokio_stream::iter(std::iter::from_fn(next));
        std::future::ready(Ok(Response::new(Box::pin(users) as Users)))
    }
}
