//! The gRPC services, selected by path.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use soundstage_proto::descriptor::{CallKind, MethodDescriptor};
use soundstage_proto::{FILE_DESCRIPTOR_SET, POSITION_SERVICE, USER_MANAGER};
use tonic::Status;
use tonic::body::Body;
use tonic_health::pb::health_server::{self, Health as _};
use tonic_health::server::{HealthReporter, HealthService};
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use super::codec::{BodyError, Codec, Messages, RequestStream};
use crate::lifecycle::Lifecycle;
use crate::services::position::StageService;
use crate::services::users::UserService;
use crate::stage::Stage;

/// The names of all services.
const SERVICES: [&str; 6] = [
    USER_MANAGER,
    POSITION_SERVICE,
    MISSPELLED,
    health_server::SERVICE_NAME,
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// The spelling of `PositionService` in the `.proto` of a predecessor. Clients generated from it are in use.
const MISSPELLED: &str = "posXYZ.PositinService";

/// The reason why building the reflection service does not fail.
const VALID_DESCRIPTORS: &str = "the build generates valid descriptors";

/// A service whose type cannot be named.
type BoxedService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The future of a handler.
pub(super) type HandlerFuture = Pin<Box<dyn Future<Output = Response<Messages>> + Send>>;

/// All gRPC services.
pub(super) struct GrpcServices {
    users: UserService,
    position: StageService,
    health: HealthService,
    reflection_v1: BoxedService,
    reflection_v1alpha: BoxedService,
}

impl GrpcServices {
    pub(super) fn new(lifecycle: Lifecycle, stage: Stage, health: &HealthReporter) -> Self {
        let reflection = || {
            // The reflection service of each version lists both versions. `tonic_types` has the details of errors,
            // `google.rpc.BadRequest`.
            [
                FILE_DESCRIPTOR_SET,
                tonic_types::pb::FILE_DESCRIPTOR_SET,
                tonic_health::pb::FILE_DESCRIPTOR_SET,
                tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
                tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
            ]
            .into_iter()
            .fold(
                tonic_reflection::server::Builder::configure().include_reflection_service(false),
                tonic_reflection::server::Builder::register_encoded_file_descriptor_set,
            )
        };
        let users = UserService::new(lifecycle.clone());
        let position = StageService::new(lifecycle, stage);
        Self {
            users,
            position,
            health: HealthService::from_health_reporter(health.clone()),
            reflection_v1: BoxedService::new(reflection().build_v1().expect(VALID_DESCRIPTORS)),
            reflection_v1alpha: BoxedService::new(
                reflection().build_v1alpha().expect(VALID_DESCRIPTORS),
            ),
        }
    }

    /// Starts the handler of a call. `method` is the method of the contract at the path of the request.
    pub(super) fn call<B>(
        self: Arc<Self>,
        codec: Codec,
        method: Option<&MethodDescriptor>,
        request: Request<B>,
    ) -> HandlerFuture
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BodyError>,
    {
        // A box for each kind of call: one future for all kinds would have 4 KiB, which the start of each call would copy.
        macro_rules! serve {
            ($kind:ident, $service:ident.$handler:ident) => {{
                let call = codec.call(request);
                Box::pin(async move { call.$kind(|call| self.$service.$handler(call)).await })
            }};
        }
        match method.map_or(request.uri().path(), |method| method.path) {
            "/UserManager/GetUser" => serve!(unary, users.get_user),
            "/UserManager/AddUser" => serve!(unary, users.add_user),
            "/UserManager/UpdateUser" => serve!(unary, users.update_user),
            "/UserManager/DeleteUser" => serve!(unary, users.delete_user),
            "/UserManager/ListUsers" => serve!(unary, users.list_users),
            "/UserManager/GetUsersByType" => {
                serve!(encoded_server_streaming, users.get_users_by_type)
            }
            "/UserManager/CountAlreadyUsers" => {
                serve!(client_streaming, users.count_already_users)
            }
            "/UserManager/GetUsersByIds" => serve!(bidirectional, users.get_users_by_ids),
            "/UserManager/ImportUsers" => serve!(bidirectional, users.import_users),
            "/UserManager/WatchUsers" => serve!(server_streaming, users.watch_users),
            "/UserManager/ExportUsers" => serve!(encoded_server_streaming, users.export_users),
            "/posXYZ.PositionService/PositionReq" => serve!(unary, position.position_req),
            "/posXYZ.PositionService/PositionPub" => serve!(unary, position.position_pub),
            "/posXYZ.PositionService/PositionSub" => {
                serve!(encoded_server_streaming, position.position_sub)
            }
            "/posXYZ.PositionService/PositionSync" => {
                serve!(encoded_bidirectional, position.position_sync)
            }
            "/grpc.health.v1.Health/Check" => serve!(unary, health.check),
            "/grpc.health.v1.Health/Watch" => serve!(server_streaming, health.watch),
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" => {
                with_tonic(self.reflection_v1.clone(), codec, request)
            }
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => {
                with_tonic(self.reflection_v1alpha.clone(), codec, request)
            }
            path => Box::pin(std::future::ready(codec.refuse(unknown_method(path)))),
        }
    }
}

/// Starts a call of a service behind tonic's codec.
fn with_tonic<B>(service: BoxedService, codec: Codec, request: Request<B>) -> HandlerFuture
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BodyError>,
{
    let request = request.map(|body| Body::new(RequestStream::new(body, codec.timeout)));
    Box::pin(async move {
        let Ok(response) = service.oneshot(request).await;
        response.map(Messages::Stream)
    })
}

fn unknown_method(path: &str) -> Status {
    let service = service_of(path);
    if SERVICES.contains(&service) {
        Status::unimplemented("this server has no such method")
    } else {
        Status::unimplemented(format!("this server has no service {service:.64?}"))
    }
}

/// Returns the first segment of a path.
fn service_of(path: &str) -> &str {
    let mut segments = path.trim_start_matches('/').split('/');
    segments.next().unwrap_or_default()
}

/// Returns whether a path is `/service/method`, with a service of this server.
pub(super) fn is_method_path(path: &str) -> bool {
    let service = service_of(path);
    SERVICES.contains(&service) && path.len() > 1 + service.len()
}

/// Returns whether the method at a path is a unary method of the contract.
pub(super) fn is_unary(path: &str) -> bool {
    method_at(path).is_some_and(|method| method.kind == CallKind::Unary)
}

/// Returns the method of the contract at a path, in either spelling.
pub(super) fn method_at(path: &str) -> Option<&'static MethodDescriptor> {
    MethodDescriptor::at(path).or_else(|| MethodDescriptor::at(&canonical_path(path)))
}

/// Returns a path with the right spelling of `PositionService`.
fn canonical_path(path: &str) -> Cow<'_, str> {
    if path.contains(MISSPELLED) {
        path.replacen(MISSPELLED, POSITION_SERVICE, 1).into()
    } else {
        path.into()
    }
}
