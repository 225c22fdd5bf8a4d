//! The page: files that the build has put into the binary, each also compressed.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::set_header::SetResponseHeaderLayer;

/// One file of the page.
struct Asset {
    /// Its path on the server.
    path: &'static str,
    content_type: &'static str,
    /// A hash of the content, in quotes.
    etag: &'static str,
    /// Its name changes with its content, so it never has to be asked for again.
    hashed_name: bool,
    identity: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

// `ASSETS`, sorted by path.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What the browser may do with the page (<https://www.w3.org/TR/CSP3/>): nothing but load our own files and call us.
/// `'wasm-unsafe-eval'` allows WebAssembly to be compiled and nothing else.
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

type Answer = Response<Full<Bytes>>;

/// Answers requests for the page's files.
#[derive(Clone)]
pub(super) struct Page {
    service: BoxCloneSyncService<Request<()>, Answer, Infallible>,
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

    pub(super) async fn answer<B>(&self, request: &Request<B>) -> Answer {
        let mut head = Request::new(());
        *head.method_mut() = request.method().clone();
        *head.uri_mut() = request.uri().clone();
        *head.headers_mut() = request.headers().clone();
        let Ok(answer) = self.service.clone().oneshot(head).await;
        answer
    }
}

fn file(request: &Request<()>) -> Answer {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD.\n");
        answer
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    if ASSETS.is_empty() {
        return plain(
            StatusCode::NOT_FOUND,
            "This binary was built without the page; `cargo xtask build` puts it in.\n",
        );
    }
    let path = request.uri().path();
    let index = format!("{}/index.html", path.trim_end_matches('/'));
    if !path.ends_with('/') && find(&index).is_some() {
        return to_folder(path);
    }
    match find(path).or_else(|| find(&index)) {
        Some(asset) => send(asset, request),
        // The page has routes of its own, which a reload or a shared link asks the server for. Files have an
        // extension; a missing one must not come as the page.
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

/// A folder's address ends with a slash, or what its page refers to would not be found.
fn to_folder(path: &str) -> Answer {
    let mut answer = plain(StatusCode::PERMANENT_REDIRECT, "");
    if let Ok(location) = HeaderValue::from_str(&format!("{path}/")) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS
        .binary_search_by_key(&path, |asset| asset.path)
        .ok()
        .map(|index| &ASSETS[index])
}

fn send(asset: &'static Asset, request: &Request<()>) -> Answer {
    let mut answer = Response::new(Full::default());
    let headers = answer.headers_mut();
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
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return answer;
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
    // hyper leaves the body of an answer to HEAD out, and keeps its length.
    *answer.body_mut() = Full::from(content);
    answer
}

/// Whether the client takes this content coding (RFC 9110, section 12.5.3).
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

/// The items of a header that is a list separated by commas.
fn list<'a>(request: &'a Request<()>, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = request.headers().get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
}

fn plain(status: StatusCode, sentence: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(sentence));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
}
