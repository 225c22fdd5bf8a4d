//! The gRPC services, selected by path.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use http::{HeaderMap, HeaderValue, Request, Response};
use soundstage_proto::FILE_DESCRIPTOR_SET;
use soundstage_proto::descriptor::MethodDescriptor;
use soundstage_proto::encoded::position_service_server::{self, PositionServiceServer};
use soundstage_proto::user::user_manager_server::{self, UserManagerServer};
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use tonic_health::pb::health_server::{self, HealthServer};
use tonic_health::server::{HealthReporter, HealthService};
use tower::util::BoxCloneSyncService;
use tower::{Service as _, ServiceExt as _};

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

/// The one method with responses large enough to compress. Compressing the small messages of other methods would cost
/// time and save nothing.
const LIST_USERS: &str = "/UserManager/ListUsers";

/// The spelling of `PositionService` in the `.proto` of a predecessor. Clients generated from it are in use.
const MISSPELLED: &str = "posXYZ.PositinService";

/// The reason why building the reflection service does not fail.
const VALID_DESCRIPTORS: &str = "the build generates valid descriptors";

/// A service whose type cannot be named.
type BoxedService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The future of a handler.
pub(super) type ResponseFuture =
    Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// All gRPC services.
#[derive(Clone)]
pub(super) struct GrpcServices {
    users: UserManagerServer<UserService>,
    /// The same service, which compresses its responses for [`LIST_USERS`].
    compressing_users: UserManagerServer<UserService>,
    position: PositionServiceServer<StageService>,
    health: HealthServer<HealthService>,
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
        // tonic applies the limit to inflated messages too.
        let users = UserManagerServer::new(UserService::new(lifecycle.clone()))
            .max_decoding_message_size(MAX_MESSAGE)
            .accept_compressed(CompressionEncoding::Gzip);
        Self {
            compressing_users: users.clone().send_compressed(CompressionEncoding::Gzip),
            users,
            position: PositionServiceServer::new(StageService::new(lifecycle, stage))
                .max_decoding_message_size(MAX_MESSAGE)
                .accept_compressed(CompressionEncoding::Gzip),
            health: HealthServer::new(HealthService::from_health_reporter(health.clone())),
            reflection_v1: BoxedService::new(reflection().build_v1().expect(VALID_DESCRIPTORS)),
            reflection_v1alpha: BoxedService::new(
                reflection().build_v1alpha().expect(VALID_DESCRIPTORS),
            ),
        }
    }

    /// Starts the handler of a call. The generated services box their futures, so this match needs no box of its own.
    pub(super) fn call(&self, request: Request<Body>) -> ResponseFuture {
        let path = request.uri().path();
        match service_of(path) {
            user_manager_server::SERVICE_NAME if path == LIST_USERS => {
                self.compressing_users.clone().call(request)
            }
            user_manager_server::SERVICE_NAME => self.users.clone().call(request),
            position_service_server::SERVICE_NAME => self.position.clone().call(request),
            MISSPELLED => self.position.clone().call(with_canonical_path(request)),
            health_server::SERVICE_NAME => self.health.clone().call(request),
            REFLECTION_V1 => Box::pin(self.reflection_v1.clone().oneshot(request)),
            REFLECTION_V1ALPHA => Box::pin(self.reflection_v1alpha.clone().oneshot(request)),
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

/// Returns whether the method at a path takes exactly one request message.
pub(super) fn takes_one_message(path: &str) -> bool {
    match MethodDescriptor::at(&canonical_path(path)) {
        Some(method) => !method.kind.takes_many(),
        None => service_of(path) == health_server::SERVICE_NAME,
    }
}

/// Adds a message to the status of an unknown method, for which the generated services return a bare code.
pub(super) fn explain_unknown_method(headers: &mut HeaderMap) {
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
pub(super) fn canonical_path(path: &str) -> Cow<'_, str> {
    if path.contains(MISSPELLED) {
        path.replacen(MISSPELLED, position_service_server::SERVICE_NAME, 1)
            .into()
    } else {
        path.into()
    }
}
