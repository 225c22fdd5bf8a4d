//! Serves the page: files that the build embeds in the binary, each also compressed.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::set_header::SetResponseHeaderLayer;

/// One file of the page.
struct Asset {
    /// The path on the server.
    path: &'static str,
    content_type: &'static str,
    /// A hash of the content, in quotes.
    etag: &'static str,
    /// Whether the name changes with the content, so that clients may cache the file forever.
    hashed_name: bool,
    identity: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

// Defines `ASSETS`, sorted by path.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The page may only load files from this server and call this server (<https://www.w3.org/TR/CSP3/>).
/// `'wasm-unsafe-eval'` allows the browser to compile WebAssembly, and no `eval`.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const SECURITY_HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(self)"),
    ),
];

type FileResponse = Response<Full<Bytes>>;

/// The service for the files of the page. Adds the security headers.
#[derive(Clone)]
pub(super) struct Page {
    service: BoxCloneSyncService<Request<()>, FileResponse, Infallible>,
}

impl Page {
    pub(super) fn new() -> Self {
        let files = service_fn(|request: Request<()>| std::future::ready(Ok(file(&request))));
        let service = SECURITY_HEADERS.into_iter().fold(
            BoxCloneSyncService::new(files),
            |service, (name, value)| {
                let layer = SetResponseHeaderLayer::if_not_present(name, value);
                BoxCloneSyncService::new(ServiceBuilder::new().layer(layer).service(service))
            },
        );
        Self { service }
    }

    /// Responds to a request for a file.
    pub(super) async fn respond<B>(&self, request: &Request<B>) -> FileResponse {
        let mut head = Request::new(());
        *head.method_mut() = request.method().clone();
        *head.uri_mut() = request.uri().clone();
        *head.headers_mut() = request.headers().clone();
        let Ok(response) = self.service.clone().oneshot(head).await;
        response
    }
}

fn file(request: &Request<()>) -> FileResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Use GET or HEAD.\n");
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    if ASSETS.is_empty() {
        return plain(
            StatusCode::NOT_FOUND,
            "This binary has no page. Build it with `cargo xtask build`.\n",
        );
    }
    let path = request.uri().path();
    let index = format!("{}/index.html", path.trim_end_matches('/'));
    if !path.ends_with('/') && find(&index).is_some() {
        return redirect_to_folder(path);
    }
    match find(path).or_else(|| find(&index)) {
        Some(asset) => send(asset, request),
        // The page has routes of its own, which a reload or a shared link requests. A path with an extension is a
        // file, and a missing file is an error.
        None if path
            .rsplit('/')
            .next()
            .is_some_and(|name| name.contains('.')) =>
        {
            plain(StatusCode::NOT_FOUND, "No such file.\n")
        }
        None => find("/index.html").map_or_else(
            || plain(StatusCode::NOT_FOUND, "No such file.\n"),
            |index| send(index, request),
        ),
    }
}

/// Adds the slash to the path of a folder. Without it a browser resolves relative links against the parent folder.
fn redirect_to_folder(path: &str) -> FileResponse {
    let mut response = plain(StatusCode::PERMANENT_REDIRECT, "");
    if let Ok(location) = HeaderValue::from_str(&format!("{path}/")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS
        .binary_search_by_key(&path, |asset| asset.path)
        .ok()
        .map(|index| &ASSETS[index])
}

fn send(asset: &'static Asset, request: &Request<()>) -> FileResponse {
    let mut response = Response::new(Full::default());
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_static(asset.etag));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(if asset.hashed_name {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        }),
    );
    if list(request, &header::IF_NONE_MATCH)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == asset.etag)
    {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(asset.content_type),
    );
    let (encoding, content) = match (asset.brotli, asset.gzip) {
        (Some(brotli), _) if accepts(request, "br") => (Some("br"), brotli),
        (_, Some(gzip)) if accepts(request, "gzip") => (Some("gzip"), gzip),
        _ => (None, asset.identity),
    };
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    // For HEAD, hyper omits the body and keeps its length.
    *response.body_mut() = Full::from(content);
    response
}

/// Returns whether the client accepts a content coding (RFC 9110, section 12.5.3).
fn accepts(request: &Request<()>, coding: &str) -> bool {
    list(request, &header::ACCEPT_ENCODING).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let refused = parts
            .any(|part| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0));
        named && !refused
    })
}

/// Returns the items of a comma-separated header.
fn list<'a>(request: &'a Request<()>, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = request.headers().get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
}

fn plain(status: StatusCode, sentence: &'static str) -> FileResponse {
    let mut response = Response::new(Full::from(sentence));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
