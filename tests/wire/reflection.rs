//! Server reflection in both versions: v1, and v1alpha for older tools.

use soundstage_tests::{TestServer, channel};

/// Sends one reflection request.
macro_rules! reflect {
    ($version:ident, $address:expr, $request:ident($argument:expr)) => {{
        use tonic_reflection::pb::$version::ServerReflectionRequest;
        use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
        let mut client = ServerReflectionClient::new(channel($address).await);
        let request = ServerReflectionRequest {
            message_request: Some(MessageRequest::$request($argument.into())),
            ..Default::default()
        };
        let mut responses = client
            .server_reflection_info(tokio_stream::iter([request]))
            .await
            .expect("OK")
            .into_inner();
        let response = responses.message().await.expect("OK");
        response.expect("a response").message_response
    }};
}

macro_rules! listed_services {
    ($version:ident, $address:expr) => {{
        use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
        let response = reflect!($version, $address, ListServices(""));
        let Some(MessageResponse::ListServicesResponse(services)) = response else {
            panic!("{response:?}")
        };
        let mut names: Vec<_> = services
            .service
            .into_iter()
            .map(|service| service.name)
            .collect();
        names.sort();
        names
    }};
}

#[tokio::test]
async fn both_versions_list_the_services_by_their_correct_names() {
    let server = TestServer::start().await;
    let v1 = listed_services!(v1, server.address());
    let v1alpha = listed_services!(v1alpha, server.address());
    for names in [&v1, &v1alpha] {
        for name in [
            "UserManager",
            "posXYZ.PositionService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ] {
            assert!(
                names.iter().any(|listed| listed == name),
                "{name} is not in {names:?}"
            );
        }
        assert!(
            !names.iter().any(|name| name.contains("Positin")),
            "{names:?}"
        );
    }
}

/// The type of the details of `INVALID_ARGUMENT`, which clients such as grpcurl look up.
#[tokio::test]
async fn both_versions_have_the_details_of_errors() {
    let server = TestServer::start().await;
    let v1 = reflect!(
        v1,
        server.address(),
        FileContainingSymbol("google.rpc.BadRequest")
    );
    let v1alpha = reflect!(
        v1alpha,
        server.address(),
        FileContainingSymbol("google.rpc.BadRequest")
    );
    for response in [format!("{v1:?}"), format!("{v1alpha:?}")] {
        assert!(response.contains("FileDescriptorResponse"), "{response}");
    }
}
