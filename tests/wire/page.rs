//! The files of the page over HTTP. Needs the page in `dist/`, which `cargo xtask test` builds first.

use soundstage_tests::TestServer;
use soundstage_tests::raw::get;

/// Returns the path of the file for which `is_wanted` holds, among those that the page's HTML refers to.
async fn hashed_file(server: &TestServer, is_wanted: impl Fn(&str) -> bool) -> String {
    let html = get(server.address(), "/", &[]).await;
    let html = String::from_utf8(html.body().to_vec()).expect("text");
    let name = html
        .split('"')
        .find(|part| part.starts_with('/') && is_wanted(part));
    name.unwrap_or_else(|| panic!("not in the page; build it with `cargo xtask page`: {html}"))
        .to_owned()
}

#[tokio::test]
async fn every_route_serves_the_page_and_revalidates_it() {
    let server = TestServer::start().await;
    for path in ["/", "/users", "/users/7", "/stage", "/calls", "/index.html"] {
        let response = get(server.address(), path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8"
        );
        assert_eq!(response.headers()["cache-control"], "no-cache");
        let etag = response.headers()["etag"].to_str().expect("text");
        let again = get(server.address(), path, &[("if-none-match", etag)]).await;
        assert_eq!((again.status().as_u16(), again.body().len()), (304, 0));
    }
}

#[tokio::test]
async fn the_javascript_example_has_a_folder_of_its_own() {
    let server = TestServer::start().await;
    let without_slash = get(server.address(), "/examples/js", &[]).await;
    assert_eq!(without_slash.status(), 308);
    assert_eq!(without_slash.headers()["location"], "/examples/js/");
    for (path, content_type) in [
        ("/examples/js/", "text/html; charset=utf-8"),
        ("/examples/js/example.css", "text/css; charset=utf-8"),
        ("/examples/js/example.js", "text/javascript; charset=utf-8"),
        (
            "/examples/js/soundstage-client.js",
            "text/javascript; charset=utf-8",
        ),
    ] {
        let response = get(server.address(), path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], content_type, "{path}");
        assert!(!response.body().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn files_with_hashed_names_are_immutable_and_compressed() {
    let server = TestServer::start().await;
    let wasm = hashed_file(&server, |path| path.ends_with("_bg.wasm")).await;
    let plain = get(server.address(), &wasm, &[]).await;
    assert_eq!(
        plain.headers()["cache-control"],
        "public, max-age=31536000, immutable"
    );
    assert_eq!(plain.headers()["content-type"], "application/wasm");
    assert_eq!(&plain.body()[..4], b"\0asm");
    let mut sizes = Vec::new();
    for (accepted, coding) in [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
    ] {
        let response = get(server.address(), &wasm, &[("accept-encoding", accepted)]).await;
        assert_eq!(response.headers()["content-encoding"], coding);
        assert_eq!(response.headers()["vary"], "accept-encoding");
        sizes.push(response.body().len());
    }
    assert!(
        sizes.iter().all(|size| size * 2 < plain.body().len()),
        "{sizes:?} of {}",
        plain.body().len()
    );
}

/// A tab from before an upgrade must not load the recorder of another version.
#[tokio::test]
async fn the_recorder_has_a_hashed_name() {
    let server = TestServer::start().await;
    let recorder = hashed_file(&server, |path| path.starts_with("/recorder")).await;
    let response = get(server.address(), &recorder, &[]).await;
    assert_eq!(
        response.headers()["cache-control"],
        "public, max-age=31536000, immutable"
    );
    let script = include_bytes!("../../web/src/stage/sound/recorder.js");
    assert_eq!(&response.body()[..], script);
}

#[tokio::test]
async fn a_missing_file_is_a_404() {
    let server = TestServer::start().await;
    for path in [
        "/app-0123456789abcdef.js",
        "/favicon.ico",
        "/users/x.css",
        "/../Cargo.toml",
    ] {
        assert_eq!(
            get(server.address(), path, &[]).await.status(),
            404,
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let server = TestServer::start().await;
    for path in ["/", "/stage", "/missing.js"] {
        let response = get(server.address(), path, &[]).await;
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .expect("text");
        assert!(
            policy.contains("script-src 'self' 'wasm-unsafe-eval';"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe-inline") && !policy.contains(" 'unsafe-eval'"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    }
}
