//! Classifies each request and responds to it.

mod body;
mod call_log;
mod deadline;
mod grpc;
mod metrics;
mod origin;
mod page;
mod request_kind;
mod supervise;
mod transport;
mod upgrade;
mod websocket;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, TryFutureExt as _};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tonic::body::Body as TonicBody;
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service as _, service_fn};
use tower_http::cors::CorsLayer;

use crate::connection::Peer;
use crate::lifecycle::{Lifecycle, Phase};
use crate::settings::Settings;
use crate::stage::Stage;

pub(crate) use body::ResponseBody;
use grpc::GrpcServices;
use metrics::Metrics;
use origin::{OriginRules, Refusal};
use page::Page;
use request_kind::RequestKind;
use supervise::Supervised;
use transport::Transport;
use upgrade::SocketQuota;

/// The service for the requests of all connections.
pub(crate) struct Router {
    services: Arc<GrpcServices>,
    page: Page,
    lifecycle: Lifecycle,
    origins: OriginRules,
    cors: CorsLayer,
    sockets: Arc<SocketQuota>,
    metrics: Arc<Metrics>,
    header_timeout: Duration,
}

impl Router {
    pub(crate) fn new(
        settings: &Settings,
        lifecycle: Lifecycle,
        stage: Stage,
        health: &HealthReporter,
    ) -> Self {
        let origins = OriginRules::new(settings);
        Self {
            services: Arc::new(GrpcServices::new(lifecycle.clone(), stage, health)),
            page: Page::new(),
            lifecycle,
            cors: origins.cors(),
            origins,
            sockets: SocketQuota::new(settings.max_sockets, settings.max_sockets_per_address),
            metrics: Arc::new(Metrics::new()),
            header_timeout: settings.header_timeout,
        }
    }

    /// Responds to a request. The future is small, because hyper moves it before the first poll.
    pub(crate) fn respond(
        self: Arc<Self>,
        mut request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> + Send + use<> {
        let response = match RequestKind::of(&request, &self.origins) {
            RequestKind::Grpc => {
                let call = self
                    .supervised(Transport::Grpc)
                    .call(request.map(TonicBody::new));
                return call
                    .map_ok(|response| response.map(ResponseBody::Grpc))
                    .left_future();
            }
            RequestKind::GrpcWeb(content_type) => {
                request
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, content_type);
                let supervised = self.supervised(Transport::GrpcWeb);
                let call = self
                    .cors
                    .layer(GrpcWebLayer::new().layer(supervised))
                    .call(request);
                let call = call.map_ok(|response| response.map(ResponseBody::GrpcWeb));
                return call.boxed().right_future();
            }
            RequestKind::Page => {
                let file =
                    async move { Ok(self.page.respond(&request).await.map(ResponseBody::Full)) };
                return file.boxed().right_future();
            }
            RequestKind::Preflight => {
                // The CORS layer adds its headers to an empty response.
                let empty = service_fn(move |_| {
                    let response = Response::new(Full::<Bytes>::default());
                    std::future::ready(Ok::<_, Infallible>(response))
                });
                let response = self.cors.layer(empty).call(request);
                return response
                    .map_ok(|response| response.map(ResponseBody::Full))
                    .boxed()
                    .right_future();
            }
            RequestKind::WebSocket => self.open_socket(&mut request),
            RequestKind::Refused(refusal) => refused(refusal),
            RequestKind::Health => self.health(),
            RequestKind::Metrics => {
                text_of_type(StatusCode::OK, self.metrics.text(), metrics::CONTENT_TYPE)
            }
            RequestKind::GrpcOverHttp1 => text(
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "gRPC needs HTTP/2. Over HTTP/1.1, use gRPC-Web.\n",
            ),
            RequestKind::UnknownGrpc => text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "This server reads protobuf only. Use the content type application/grpc, application/grpc-web or application/grpc-web-text.\n",
            ),
        };
        std::future::ready(Ok(response)).boxed().right_future()
    }

    /// Upgrades the connection to a WebSocket, and serves its call in a task of its own.
    fn open_socket(&self, request: &mut Request<Incoming>) -> Response<ResponseBody> {
        let response = match upgrade::accept(request) {
            Ok(response) => response,
            Err((status, sentence)) => {
                let mut response = text(status, sentence);
                let version = HeaderValue::from_static(upgrade::VERSION);
                response
                    .headers_mut()
                    .insert(header::SEC_WEBSOCKET_VERSION, version);
                return response;
            }
        };
        let peer = Peer::of(request).clone();
        let Some(permit) = self.sockets.permit(peer.ip()) else {
            return text(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many WebSockets are open. Close some and try again.\n",
            );
        };
        let path = request.uri().clone();
        let upgrading = hyper::upgrade::on(request);
        let supervised = self.supervised(Transport::WebSocket);
        let header_timeout = self.header_timeout;
        let abort = self.lifecycle.abort.clone();
        self.lifecycle.sockets.spawn(async move {
            let call = async {
                match upgrading.await {
                    Ok(upgraded) => {
                        let service = |mut request: websocket::CallRequest| {
                            request.extensions_mut().insert(peer);
                            GrpcWebLayer::new().layer(supervised).call(request)
                        };
                        websocket::bridge(upgraded, path, header_timeout, service).await;
                    }
                    Err(error) => tracing::debug!(%peer, %error, "cannot open a WebSocket"),
                }
            };
            tokio::select! {
                () = call => {}
                () = abort.cancelled() => {}
            }
            drop(permit);
        });
        response.map(|()| ResponseBody::Full(Full::default()))
    }

    fn supervised(&self, transport: Transport) -> Supervised {
        Supervised {
            services: self.services.clone(),
            lifecycle: self.lifecycle.clone(),
            metrics: self.metrics.clone(),
            transport,
        }
    }

    fn health(&self) -> Response<ResponseBody> {
        match self.lifecycle.phase() {
            Phase::Starting => text(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
            Phase::Serving => text(StatusCode::OK, "serving\n"),
            Phase::Draining => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        }
    }
}

fn refused(refusal: Refusal) -> Response<ResponseBody> {
    match refusal {
        Refusal::Origin => text(
            StatusCode::FORBIDDEN,
            "This origin is not allowed. Start the server with --allow-origin to allow it.\n",
        ),
        Refusal::Host => text(
            StatusCode::MISDIRECTED_REQUEST,
            "This host name is not allowed. Start the server with --allow-host to allow it.\n",
        ),
    }
}

fn text(status: StatusCode, sentence: &'static str) -> Response<ResponseBody> {
    text_of_type(status, sentence, "text/plain; charset=utf-8")
}

fn text_of_type(
    status: StatusCode,
    text: impl Into<Bytes>,
    content_type: &'static str,
) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Full(Full::from(text.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
