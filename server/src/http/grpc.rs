//! The gRPC services by path.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use http::{Request, Response};
use soundstage_proto::FILE_DESCRIPTOR_SET;
use soundstage_proto::encoded::position_service_server::{self, PositionServiceServer};
use soundstage_proto::user::user_manager_server::{self, UserManagerServer};
use tonic::Status;
use tonic::body::Body;
use tonic_health::pb::health_server::{self, HealthServer};
use tonic_health::server::{HealthReporter, HealthService};
use tower::util::BoxCloneSyncService;
use tower::{Service as _, ServiceExt as _};

use crate::lifecycle::Lifecycle;
use crate::limits::MAX_MESSAGE;
use crate::services::position::StageService;
use crate::services::users::UserService;
use crate::stage::Stage;

/// How one predecessor's `.proto` spelled `PositionService`; clients generated from it are in use.
const MISSPELLED: &str = "posXYZ.PositinService";

/// Why reflection cannot fail to be built.
const OUR_OWN: &str = "the descriptors are those of this build";

/// A service whose type has no name.
type BoxedService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A handler at work.
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// All services.
#[derive(Clone)]
pub(super) struct GrpcServices {
    users: UserManagerServer<UserService>,
    position: PositionServiceServer<StageService>,
    health: HealthServer<HealthService>,
    reflection_v1: BoxedService,
    reflection_v1alpha: BoxedService,
}

impl GrpcServices {
    pub(super) fn new(lifecycle: Lifecycle, stage: Stage, health: &HealthReporter) -> Self {
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        Self {
            users: UserManagerServer::new(UserService::new(lifecycle.clone()))
                .max_decoding_message_size(MAX_MESSAGE),
            position: PositionServiceServer::new(StageService::new(lifecycle, stage))
                .max_decoding_message_size(MAX_MESSAGE),
            health: HealthServer::new(HealthService::from_health_reporter(health.clone())),
            reflection_v1: BoxedService::new(reflection().build_v1().expect(OUR_OWN)),
            reflection_v1alpha: BoxedService::new(reflection().build_v1alpha().expect(OUR_OWN)),
        }
    }

    /// Starts the handler of a call. The futures of the generated services are boxed already, so this adds no layer.
    pub(super) fn call(&self, request: Request<Body>) -> Answer {
        let mut path = request.uri().path().trim_start_matches('/').split('/');
        match path.next().unwrap_or_default() {
            user_manager_server::SERVICE_NAME => self.users.clone().call(request),
            position_service_server::SERVICE_NAME => self.position.clone().call(request),
            MISSPELLED => self.position.clone().call(with_path_respelled(request)),
            health_server::SERVICE_NAME => self.health.clone().call(request),
            "grpc.reflection.v1.ServerReflection" => {
                Box::pin(self.reflection_v1.clone().oneshot(request))
            }
            "grpc.reflection.v1alpha.ServerReflection" => {
                Box::pin(self.reflection_v1alpha.clone().oneshot(request))
            }
            unknown => {
                let status = Status::unimplemented(format!("no service {unknown:.64?}"));
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        }
    }
}

fn with_path_respelled(mut request: Request<Body>) -> Request<Body> {
    // Both names are plain ASCII, so what was a path still is one.
    if let Ok(uri) = canonical_path(request.uri().path()).parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// The path that is called, in the right spelling.
pub(super) fn canonical_path(path: &str) -> Cow<'_, str> {
    if path.contains(MISSPELLED) {
        path.replacen(MISSPELLED, position_service_server::SERVICE_NAME, 1)
            .into()
    } else {
        path.into()
    }
}
