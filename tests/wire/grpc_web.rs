//! gRPC-Web: the bytes of the response, content types and errors.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use soundstage_proto::UserType;
use soundstage_proto::position::{Msg, Position};
use soundstage_proto::user::{User, UserCntResponse, UserRequest, UserResponse, UserTypeRequest};
use soundstage_tests::TestServer;
use soundstage_tests::raw::{GrpcWebResponse, Http, grpc_web_request, send};

const BINARY: &str = "application/grpc-web+proto";
const TEXT: &str = "application/grpc-web-text";

async fn call<M: prost::Message>(
    server: &TestServer,
    http: Http,
    method: &str,
    messages: &[M],
) -> GrpcWebResponse {
    let request = grpc_web_request(method, BINARY, &[], messages);
    GrpcWebResponse::read(send(server.address(), http, request).await).await
}

fn user_ids(response: &GrpcWebResponse) -> Vec<u32> {
    response
        .decode::<UserResponse>()
        .into_iter()
        .map(|message| message.user.expect("a user").id)
        .collect()
}

#[tokio::test]
async fn every_kind_of_call_works_over_both_versions_of_http() {
    let server = TestServer::start().await;
    for http in [Http::One, Http::Two] {
        let unary = call(
            &server,
            http,
            "/UserManager/GetUser",
            &[UserRequest { id: 3 }],
        )
        .await;
        assert_eq!((unary.status(), user_ids(&unary)), (0, vec![3]));

        let of_type = UserTypeRequest {
            user_type: UserType::Normal.into(),
        };
        let streamed = call(&server, http, "/UserManager/GetUsersByType", &[of_type]).await;
        assert_eq!((streamed.status(), user_ids(&streamed)), (0, vec![3, 5, 6]));

        let ids = [
            UserRequest { id: 2 },
            UserRequest { id: 99 },
            UserRequest { id: 1 },
        ];
        let counted = call(&server, http, "/UserManager/CountAlreadyUsers", &ids).await;
        assert_eq!(
            (
                counted.status(),
                counted.decode::<UserCntResponse>()[0].user_cnt
            ),
            (0, 2)
        );

        let bidirectional = call(&server, http, "/UserManager/GetUsersByIds", &ids).await;
        assert_eq!(
            (bidirectional.status(), user_ids(&bidirectional)),
            (0, vec![2, 1])
        );

        let position = call(
            &server,
            http,
            "/posXYZ.PositionService/PositionReq",
            &[Msg::default()],
        )
        .await;
        assert_eq!(position.decode::<Position>()[0].msg, "character position");
    }
}

#[tokio::test]
async fn a_response_is_its_messages_and_then_one_frame_of_trailers() {
    let server = TestServer::start().await;
    let request = grpc_web_request(
        "/UserManager/GetUser",
        BINARY,
        &[],
        &[UserRequest { id: 99 }],
    );
    let response = send(server.address(), Http::One, request).await;
    assert_eq!(
        response.headers()["content-type"],
        "application/grpc-web+proto"
    );
    let length = response.headers()["content-length"].clone();
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a complete body")
        .to_bytes();
    let message = b"\x08\x01\x12\x09not found";
    let trailers = b"grpc-status:0\r\n";
    let expected = [
        &[0, 0, 0, 0, message.len() as u8][..],
        message,
        &[0x80, 0, 0, 0, trailers.len() as u8],
        trailers,
    ];
    assert_eq!(body, Bytes::from(expected.concat()));
    assert_eq!(length.to_str().ok(), Some(&*body.len().to_string()));
}

#[tokio::test]
async fn refused_fields_have_details() {
    let server = TestServer::start().await;
    let response = call(
        &server,
        Http::One,
        "/UserManager/AddUser",
        &[User::default()],
    )
    .await;
    assert_eq!(response.status(), 3);
    assert_eq!(response.messages.len(), 0);
    assert!(
        response.headers.contains_key("grpc-status-details-bin")
            || response
                .trailers
                .is_some_and(|trailers| trailers.contains("grpc-status-details-bin"))
    );
}

#[tokio::test]
async fn content_types_with_parameters_or_in_capitals_are_accepted() {
    let server = TestServer::start().await;
    for content_type in [
        "application/grpc-web",
        "application/grpc-web+proto; charset=utf-8",
        "Application/Grpc-Web",
    ] {
        let request = grpc_web_request(
            "/UserManager/GetUser",
            content_type,
            &[],
            &[UserRequest { id: 1 }],
        );
        let response =
            GrpcWebResponse::read(send(server.address(), Http::One, request).await).await;
        assert_eq!(
            (response.status(), user_ids(&response)),
            (0, vec![1]),
            "{content_type}"
        );
    }
}

#[tokio::test]
async fn the_text_format_is_base64_in_both_directions() {
    let server = TestServer::start().await;
    // The frame of UserRequest { id: 1 }.
    let request = http::Request::post("/UserManager/GetUser")
        .header("content-type", TEXT)
        .header("accept", TEXT)
        .body(Full::from("AAAAAAIIAQ=="))
        .expect("a request");
    let response = send(server.address(), Http::One, request).await;
    assert!(
        response.headers()["content-type"]
            .to_str()
            .expect("text")
            .starts_with(TEXT)
    );
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a complete body")
        .to_bytes();
    let text = std::str::from_utf8(&body).expect("ASCII");
    assert!(
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)),
        "{text}"
    );
    // The header of a message frame with fewer than 256 bytes.
    assert!(text.starts_with("AAAAA"), "{text}");
}

#[tokio::test]
async fn other_formats_and_methods_are_refused() {
    let server = TestServer::start().await;
    let status = async |http, method: &str, content_type: &str| {
        let request = http::Request::builder()
            .method(method)
            .uri("/UserManager/GetUser")
            .header("content-type", content_type)
            .body(Full::default())
            .expect("a request");
        send(server.address(), http, request)
            .await
            .status()
            .as_u16()
    };
    assert_eq!(
        status(Http::One, "POST", "application/grpc-web+json").await,
        415
    );
    assert_eq!(
        status(Http::Two, "POST", "application/grpc+json").await,
        415
    );
    assert_eq!(status(Http::One, "POST", "application/grpc").await, 505);
    assert_eq!(
        status(Http::One, "GET", "application/grpc-web+proto").await,
        405
    );
}

#[tokio::test]
async fn an_unknown_service_or_method_is_unimplemented() {
    let server = TestServer::start().await;
    for method in ["/Nobody/GetUser", "/UserManager/Nothing", "/UserManager"] {
        let response = call(&server, Http::One, method, &[UserRequest { id: 1 }]).await;
        assert_eq!(response.status(), 12, "{method}");
    }
}
