//! Classifies each request and responds to it.

mod body;
mod call_log;
mod codec;
mod deadline;
mod grpc;
mod incoming_body;
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
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service as _, service_fn};
use tower_http::cors::CorsLayer;

use crate::connection::Peer;
use crate::lifecycle::{Lifecycle, Phase};
use crate::quota::Quota;
use crate::settings::Settings;
use crate::stage::Stage;
use crate::watchdog;

pub(crate) use body::ResponseBody;
use codec::{Codec, Framing};
use grpc::GrpcServices;
use incoming_body::IncomingBody;
use metrics::Metrics;
use origin::{OriginRules, Refusal};
use page::Page;
use request_kind::RequestKind;
use supervise::{Shared, Supervised};
use transport::Transport;
use websocket::SocketTimeouts;

/// The content type of a plain sentence.
const TEXT: &str = "text/plain; charset=utf-8";

/// The service for the requests of all connections.
pub(crate) struct Router {
    calls: Arc<Shared>,
    page: Page,
    origins: OriginRules,
    cors: CorsLayer,
    sockets: Arc<Quota>,
    socket_timeouts: SocketTimeouts,
    stall_timeout: Duration,
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
            calls: Arc::new(Shared {
                services: Arc::new(GrpcServices::new(lifecycle.clone(), stage, health)),
                lifecycle,
                metrics: Arc::new(Metrics::new(settings.dropped_log_lines.clone())),
            }),
            page: Page::new(),
            cors: origins.cors(),
            origins,
            sockets: Quota::new(settings.max_sockets, settings.max_sockets_per_address),
            socket_timeouts: SocketTimeouts {
                headers: settings.header_timeout,
                ping_interval: settings.ping_interval,
                silence: settings.ping_interval + settings.ping_timeout,
            },
            stall_timeout: settings.stall_timeout,
        }
    }

    /// Responds to a request. The future is small, because hyper moves it before the first poll.
    pub(crate) fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> + Send + use<> {
        let lifecycle = self.calls.lifecycle.clone();
        let request = request.map(|incoming| IncomingBody::new(incoming, lifecycle));
        match RequestKind::of(&request, &self.origins) {
            RequestKind::Grpc => {
                let call = self.supervised(Transport::Grpc).serve(request);
                call.map_ok(|response| response.map(ResponseBody::Grpc))
                    .left_future()
            }
            RequestKind::GrpcWebUnary if !origin::is_cross_origin(&request) => {
                self.respond_to_web_call(request).boxed().right_future()
            }
            kind => self.respond_to_http(kind, request).boxed().right_future(),
        }
    }

    /// Responds to a unary gRPC-Web call of this server's own page, or of a client without an origin. Its future has a
    /// tenth of the size of [`Self::respond_to_http`]'s, which adds the CORS headers.
    async fn respond_to_web_call(
        self: Arc<Self>,
        request: Request<IncomingBody>,
    ) -> Result<Response<ResponseBody>, Infallible> {
        let closes = closes_after(&request);
        let Ok(response) = self.supervised_web().serve(request).await;
        Ok(finish(response.map(ResponseBody::Grpc), closes))
    }

    /// Responds to any request. Native gRPC does not come here: [`Self::respond`] saves its calls the box of this
    /// future.
    async fn respond_to_http(
        self: Arc<Self>,
        kind: RequestKind,
        request: Request<IncomingBody>,
    ) -> Result<Response<ResponseBody>, Infallible> {
        let closes = closes_after(&request);
        let response = self.respond_by_kind(kind, request).await;
        Ok(finish(response, closes))
    }

    async fn respond_by_kind(
        &self,
        kind: RequestKind,
        mut request: Request<IncomingBody>,
    ) -> Response<ResponseBody> {
        match kind {
            RequestKind::Grpc => {
                let Ok(response) = self.supervised(Transport::Grpc).call(request).await;
                response.map(ResponseBody::Grpc)
            }
            RequestKind::GrpcWebUnary => {
                let supervised = self.supervised_web();
                let service = service_fn(move |request| {
                    let call = supervised.clone().serve(request);
                    call.map_ok(|response| response.map(ResponseBody::Grpc))
                });
                let Ok(response) = self.cors.layer(service).call(request).await;
                response
            }
            RequestKind::GrpcWeb(content_type) => {
                request
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, content_type);
                let supervised = self.supervised(Transport::GrpcWeb);
                let mut service = self.cors.layer(GrpcWebLayer::new().layer(supervised));
                let Ok(response) = service.call(request).await;
                response.map(ResponseBody::GrpcWeb)
            }
            RequestKind::Page => self.page.respond(&request).await.map(ResponseBody::Full),
            // The CORS layer adds its headers to an empty response.
            RequestKind::Preflight => self.with_cors(request, Response::default()).await,
            RequestKind::WebSocket => self.open_socket(&mut request),
            RequestKind::Refused(refusal) => refused(refusal),
            RequestKind::Health => self.health(),
            RequestKind::Metrics => text_of_type(
                StatusCode::OK,
                self.calls.metrics.text(),
                metrics::CONTENT_TYPE,
            )
            .map(ResponseBody::Full),
            RequestKind::GrpcOverHttp1 => text(
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "gRPC needs HTTP/2. Over HTTP/1.1, use gRPC-Web.\n",
            ),
            RequestKind::UnsupportedContent => {
                let response = text_of_type(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "This server reads protobuf only. Use the content type application/grpc, application/grpc-web or application/grpc-web-text.\n",
                    TEXT,
                );
                self.with_cors(request, response).await
            }
            RequestKind::MethodNotAllowed => {
                let mut response = text_of_type(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "This is the path of a gRPC method. Call it with POST.\n",
                    TEXT,
                );
                response
                    .headers_mut()
                    .insert(header::ALLOW, HeaderValue::from_static("POST"));
                self.with_cors(request, response).await
            }
        }
    }

    /// Adds the CORS headers to a response, so that pages of allowed origins can read it.
    async fn with_cors(
        &self,
        request: Request<IncomingBody>,
        response: Response<Full<Bytes>>,
    ) -> Response<ResponseBody> {
        let mut response = Some(response);
        let service = service_fn(move |_| {
            let response = response.take().unwrap_or_default();
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let Ok(response) = self.cors.layer(service).call(request).await;
        response.map(ResponseBody::Full)
    }

    /// Upgrades the connection to a WebSocket, and serves its call in a task of its own.
    fn open_socket(&self, request: &mut Request<IncomingBody>) -> Response<ResponseBody> {
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
        let (timeouts, stall_timeout) = (self.socket_timeouts, self.stall_timeout);
        let abort = self.calls.lifecycle.abort.clone();
        self.calls.lifecycle.sockets.spawn(async move {
            let call = async {
                match upgrading.await {
                    Ok(upgraded) => {
                        let service = |mut request: websocket::CallRequest| {
                            request.extensions_mut().insert(peer);
                            GrpcWebLayer::new().layer(supervised).call(request)
                        };
                        websocket::bridge(upgraded, path, timeouts, service).await;
                    }
                    Err(error) => tracing::debug!(%peer, %error, "cannot open a WebSocket"),
                }
            };
            tokio::select! {
                // A cut call ends without a close frame: its client takes no bytes.
                _ = watchdog::watch(call, stall_timeout) => {}
                () = abort.cancelled() => {}
            }
            drop(permit);
        });
        response.map(|()| ResponseBody::Full(Full::default()))
    }

    fn supervised(&self, transport: Transport) -> Supervised {
        Supervised {
            shared: self.calls.clone(),
            transport,
            codec: Codec {
                framing: Framing::Grpc,
                timeout: self.stall_timeout,
            },
        }
    }

    /// Returns the service of unary gRPC-Web calls.
    fn supervised_web(&self) -> Supervised {
        let mut supervised = self.supervised(Transport::GrpcWeb);
        supervised.codec.framing = Framing::GrpcWeb;
        supervised
    }

    fn health(&self) -> Response<ResponseBody> {
        match self.calls.lifecycle.phase() {
            Phase::Starting => text(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
            Phase::Serving => text(StatusCode::OK, "serving\n"),
            Phase::Draining => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        }
    }
}

/// Returns whether the connection closes after the response, because the rest of the request is too long to discard.
fn closes_after(request: &Request<IncomingBody>) -> bool {
    request.version() < Version::HTTP_2 && request.body().is_too_long_to_discard()
}

/// Adds the headers that all responses have but those of native gRPC.
fn finish(mut response: Response<ResponseBody>, closes: bool) -> Response<ResponseBody> {
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if closes {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
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
        Refusal::NoHost => text(
            StatusCode::BAD_REQUEST,
            "The request must have exactly one Host header, with the name of a host.\n",
        ),
    }
}

fn text(status: StatusCode, sentence: &'static str) -> Response<ResponseBody> {
    text_of_type(status, sentence, TEXT).map(ResponseBody::Full)
}

fn text_of_type(
    status: StatusCode,
    text: impl Into<Bytes>,
    content_type: &'static str,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
