//! The gRPC services, selected by path.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use soundstage_proto::FILE_DESCRIPTOR_SET;
use soundstage_proto::descriptor::{CallKind, MethodDescriptor};
use soundstage_proto::encoded::position_service_server::{
    self, PositionService as _, PositionServiceServer,
};
use soundstage_proto::user::user_manager_server::{self, UserManager as _, UserManagerServer};
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use tonic_health::pb::health_server::{self, Health as _};
use tonic_health::server::{HealthReporter, HealthService};
use tower::util::BoxCloneSyncService;
use tower::{Service as _, ServiceExt as _};

use super::codec::{BodyError, Codec, Messages, RequestStream};
use crate::lifecycle::Lifecycle;
use crate::limits::MAX_MESSAGE;
use crate::services::position::StageService;
use crate::services::users::UserService;
use crate::stage::Stage;

const REFLECTION_V1: &str = "grpc.reflection.v1.ServerReflection";
const REFLECTION_V1ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

/// The names of all services.
const SERVICES: [&str; 6] = [
    user_manager_server::SERVICE_NAME,
    position_service_server::SERVICE_NAME,
    MISSPELLED,
    health_server::SERVICE_NAME,
    REFLECTION_V1,
    REFLECTION_V1ALPHA,
];

/// The spelling of `PositionService` in the `.proto` of a predecessor. Clients generated from it are in use.
const MISSPELLED: &str = "posXYZ.PositinService";

/// The reason why building the reflection service does not fail.
const VALID_DESCRIPTORS: &str = "the build generates valid descriptors";

/// A service whose type cannot be named.
type BoxedService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The future of a handler.
pub(super) type HandlerFuture = Pin<Box<dyn Future<Output = Response<Messages>> + Send>>;

type TonicFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// All gRPC services.
pub(super) struct GrpcServices {
    users: UserService,
    position: StageService,
    health: HealthService,
    /// The same services behind tonic's codec.
    users_server: UserManagerServer<UserService>,
    position_server: PositionServiceServer<StageService>,
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
            // tonic applies the limit to inflated messages too.
            users_server: UserManagerServer::new(users.clone())
                .max_decoding_message_size(MAX_MESSAGE)
                .accept_compressed(CompressionEncoding::Gzip),
            position_server: PositionServiceServer::new(position.clone())
                .max_decoding_message_size(MAX_MESSAGE)
                .accept_compressed(CompressionEncoding::Gzip),
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
                let call = codec.one_message(request);
                Box::pin(async move { call.$kind(|call| self.$service.$handler(call)).await })
            }};
        }
        match method.map_or(request.uri().path(), |method| method.path) {
            "/UserManager/GetUser" => serve!(unary, users.get_user),
            "/UserManager/AddUser" => serve!(unary, users.add_user),
            "/UserManager/UpdateUser" => serve!(unary, users.update_user),
            "/UserManager/DeleteUser" => serve!(unary, users.delete_user),
            "/UserManager/ListUsers" => serve!(unary, users.list_users),
            "/UserManager/GetUsersByType" => serve!(server_streaming, users.stream_by_type),
            "/UserManager/WatchUsers" => serve!(server_streaming, users.watch_users),
            "/UserManager/ExportUsers" => serve!(server_streaming, users.export),
            "/posXYZ.PositionService/PositionReq" => serve!(unary, position.position_req),
            "/posXYZ.PositionService/PositionPub" => serve!(unary, position.position_pub),
            "/posXYZ.PositionService/PositionSub" => {
                serve!(shared_streaming, position.position_sub)
            }
            "/grpc.health.v1.Health/Check" => serve!(unary, health.check),
            "/grpc.health.v1.Health/Watch" => serve!(server_streaming, health.watch),
            _ => Box::pin(async move {
                let request =
                    request.map(|body| Body::new(RequestStream::new(body, codec.timeout)));
                let Ok(mut response) = self.call_with_tonic(request).await;
                explain_unknown_method(response.headers_mut());
                response.map(Messages::Stream)
            }),
        }
    }

    /// Starts the handler of a call with a stream of requests, or responds that the method is unknown.
    fn call_with_tonic(&self, request: Request<Body>) -> TonicFuture {
        match service_of(request.uri().path()) {
            user_manager_server::SERVICE_NAME => self.users_server.clone().call(request),
            position_service_server::SERVICE_NAME => self.position_server.clone().call(request),
            MISSPELLED => self
                .position_server
                .clone()
                .call(with_canonical_path(request)),
            REFLECTION_V1 => Box::pin(self.reflection_v1.clone().oneshot(request)),
            REFLECTION_V1ALPHA => Box::pin(self.reflection_v1alpha.clone().oneshot(request)),
            health_server::SERVICE_NAME => Box::pin(std::future::ready(Ok(Status::unimplemented(
                "",
            )
            .into_http()))),
            unknown => {
                let status =
                    Status::unimplemented(format!("this server has no service {unknown:.64?}"));
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        }
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

/// Adds a message to the status of an unknown method, for which the generated services return a bare code.
fn explain_unknown_method(headers: &mut HeaderMap) {
    let is_unimplemented =
        |status: &HeaderValue| Code::from_bytes(status.as_bytes()) == Code::Unimplemented;
    if headers.get("grpc-status").is_some_and(is_unimplemented) {
        headers
            .entry("grpc-message")
            .or_insert(HeaderValue::from_static(
                "this%20server%20has%20no%20such%20method",
            ));
    }
}

fn with_canonical_path(mut request: Request<Body>) -> Request<Body> {
    // Both spellings are ASCII, so the result is a valid path.
    if let Ok(uri) = canonical_path(request.uri().path()).parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// Returns a path with the right spelling of `PositionService`.
fn canonical_path(path: &str) -> Cow<'_, str> {
    if path.contains(MISSPELLED) {
        path.replacen(MISSPELLED, position_service_server::SERVICE_NAME, 1)
            .into()
    } else {
        path.into()
    }
}
