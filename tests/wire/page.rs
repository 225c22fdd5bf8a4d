//! The page's files as HTTP serves them. Needs the page in `dist/`, which `cargo xtask test` builds first.

use soundstage_tests::TestServer;
use soundstage_tests::raw::get;

/// The address of a file that the page's HTML names, by the end of its name.
async fn hashed_file(server: &TestServer, ending: &str) -> String {
    let html = get(server.address(), "/", &[]).await;
    let html = String::from_utf8(html.body().to_vec()).expect("text");
    let name = html
        .split('"')
        .find(|part| part.starts_with('/') && part.ends_with(ending));
    name.unwrap_or_else(|| panic!("no *{ending} in the page: is it built? {html}"))
        .to_owned()
}

#[tokio::test]
async fn the_page_is_answered_at_its_own_addresses_and_asked_for_again_each_time() {
    let server = TestServer::start().await;
    for path in ["/", "/users", "/users/7", "/stage", "/calls", "/index.html"] {
        let answer = get(server.address(), path, &[]).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(answer.headers()["cache-control"], "no-cache");
        let etag = answer.headers()["etag"].to_str().expect("text");
        let again = get(server.address(), path, &[("if-none-match", etag)]).await;
        assert_eq!((again.status().as_u16(), again.body().len()), (304, 0));
    }
}

#[tokio::test]
async fn the_javascript_example_stands_in_a_folder_of_its_own() {
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
        let answer = get(server.address(), path, &[]).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["content-type"], content_type, "{path}");
        assert!(!answer.body().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn files_with_hashed_names_are_kept_for_ever_and_come_compressed() {
    let server = TestServer::start().await;
    let wasm = hashed_file(&server, ".wasm").await;
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
        let answer = get(server.address(), &wasm, &[("accept-encoding", accepted)]).await;
        assert_eq!(answer.headers()["content-encoding"], coding);
        assert_eq!(answer.headers()["vary"], "accept-encoding");
        sizes.push(answer.body().len());
    }
    assert!(
        sizes.iter().all(|size| size * 2 < plain.body().len()),
        "{sizes:?} of {}",
        plain.body().len()
    );
}

#[tokio::test]
async fn a_missing_file_is_a_404_and_not_the_page() {
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
async fn every_answer_carries_the_security_headers() {
    let server = TestServer::start().await;
    for path in ["/", "/stage", "/missing.js"] {
        let answer = get(server.address(), path, &[]).await;
        let policy = answer.headers()["content-security-policy"]
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
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    }
}
