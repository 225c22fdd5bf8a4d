//! One request: which kind it is, and its answer.

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

use grpc::GrpcServices;
use metrics::Metrics;
use origin::{OriginRules, Refusal};
use page::Page;
use request_kind::RequestKind;
use supervise::Supervised;
use transport::Transport;
use upgrade::Sockets;

pub(crate) use body::ResponseBody;

/// Answers the requests of all connections.
pub(crate) struct Router {
    services: Arc<GrpcServices>,
    page: Page,
    lifecycle: Lifecycle,
    origins: OriginRules,
    cors: CorsLayer,
    sockets: Arc<Sockets>,
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
            sockets: Sockets::new(settings.max_sockets, settings.max_sockets_per_address),
            metrics: Arc::new(Metrics::new()),
            header_timeout: settings.header_timeout,
        }
    }

    /// The answer to one request, as a small future: hyper moves it about before it is polled.
    pub(crate) fn answer(
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
                    async move { Ok(self.page.answer(&request).await.map(ResponseBody::Full)) };
                return file.boxed().right_future();
            }
            RequestKind::Preflight => {
                let nothing = || Response::new(Full::<Bytes>::default());
                let answer =
                    service_fn(move |_| std::future::ready(Ok::<_, Infallible>(nothing())));
                let answer = self.cors.layer(answer).call(request);
                return answer
                    .map_ok(|answer| answer.map(ResponseBody::Full))
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
                "gRPC needs HTTP/2; over HTTP/1.1 use gRPC-Web.\n",
            ),
            RequestKind::UnknownGrpc => text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Messages are protobuf: use application/grpc, application/grpc-web or application/grpc-web-text.\n",
            ),
        };
        std::future::ready(Ok(response)).boxed().right_future()
    }

    /// Makes the connection a WebSocket, which then lives in a task of its own.
    fn open_socket(&self, request: &mut Request<Incoming>) -> Response<ResponseBody> {
        let answer = match upgrade::accept(request) {
            Ok(answer) => answer,
            Err((status, sentence)) => {
                let mut answer = text(status, sentence);
                let version = HeaderValue::from_static(upgrade::VERSION);
                answer
                    .headers_mut()
                    .insert(header::SEC_WEBSOCKET_VERSION, version);
                return answer;
            }
        };
        let peer = Peer::of(request).clone();
        let Some(place) = self.sockets.place(peer.ip()) else {
            return text(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many WebSockets are open; close some.\n",
            );
        };
        let path = request.uri().clone();
        let upgrading = hyper::upgrade::on(request);
        let supervised = self.supervised(Transport::WebSocket);
        let header_timeout = self.header_timeout;
        let cut = self.lifecycle.cut.clone();
        self.lifecycle.sockets.spawn(async move {
            let carrying = async {
                match upgrading.await {
                    Ok(upgraded) => {
                        let call = |mut request: websocket::CallRequest| {
                            request.extensions_mut().insert(peer);
                            GrpcWebLayer::new().layer(supervised).call(request)
                        };
                        websocket::carry(upgraded, path, header_timeout, call).await;
                    }
                    Err(error) => tracing::debug!(%peer, %error, "a WebSocket did not open"),
                }
            };
            tokio::select! {
                () = carrying => {}
                () = cut.cancelled() => {}
            }
            drop(place);
        });
        answer.map(|()| ResponseBody::Full(Full::default()))
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
            "This origin is not allowed; --allow-origin names those that are.\n",
        ),
        Refusal::Host => text(
            StatusCode::MISDIRECTED_REQUEST,
            "The server does not answer to this name; --allow-host names those it does.\n",
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
