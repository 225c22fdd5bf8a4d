//! The default character: `PositionReq`, `PositionPub` and `PositionSub`, and the misspelled name of the service.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;
use soundstage_proto::position::{Msg, Pos, Position, PositionSubRequest, StageUpdate};
use soundstage_tests::raw::{Http, frame, send};
use soundstage_tests::{PATIENCE, TestServer};
use tonic::Code;
use tonic_types::StatusExt as _;

fn at(x: f32, y: f32, z: f32) -> Position {
    Position {
        position: Some(Pos { x, y, z }),
        ..Position::default()
    }
}

/// Returns the azimuth of a position, in degrees from +x towards +y. Panics if the position is not on the unit circle
/// in the plane z = 0.
fn azimuth(position: Option<Pos>) -> f32 {
    let Pos { x, y, z } = position.expect("a position");
    assert!(
        (x.hypot(y) - 1.0).abs() < 1e-5 && z == 0.0,
        "({x}, {y}, {z}) is not on the circle"
    );
    y.atan2(x).to_degrees()
}

#[tokio::test]
async fn position_req_returns_the_position_as_the_predecessor_did() {
    let server = TestServer::start().await;
    let response = server
        .stage()
        .await
        .position_req(Msg {
            status: 7,
            msg: "hi".into(),
        })
        .await
        .expect("OK")
        .into_inner();
    assert_eq!(
        (response.status, response.msg.as_str()),
        (0, "character position")
    );
    azimuth(response.position);
}

#[tokio::test]
async fn position_sub_sends_the_current_position_and_then_each_step_of_the_walk() {
    let server = TestServer::start().await;
    let mut stage = server.stage().await;
    let mut positions = stage
        .position_sub(PositionSubRequest::default())
        .await
        .expect("OK")
        .into_inner();
    let first = positions.message().await.expect("OK").expect("a position");
    let position_only = StageUpdate {
        position: first.position,
        msg: "character position".into(),
        ..StageUpdate::default()
    };
    assert_eq!(first, position_only);
    let start = Instant::now();
    let mut last = azimuth(first.position);
    let mut steps = 0.0;
    for _ in 0..20 {
        let next = azimuth(
            positions
                .message()
                .await
                .expect("OK")
                .expect("a position")
                .position,
        );
        let turned = (next - last).rem_euclid(360.0) / 5.0;
        // A busy machine may merge two steps into one update.
        assert!(
            turned > 0.5 && (turned - turned.round()).abs() < 0.01,
            "turned by {turned} steps"
        );
        steps += turned;
        last = next;
    }
    let expected = start.elapsed().as_secs_f32() * 10.0;
    assert!(
        (steps - expected).abs() < 2.0,
        "{steps} steps in the time of {expected}"
    );
}

#[tokio::test]
async fn a_published_position_reaches_subscribers_and_holds_until_the_walk_continues() {
    let hold = Duration::from_millis(400);
    let server = TestServer::start_with(|settings| settings.hold = hold).await;
    let mut stage = server.stage().await;
    let mut positions = stage
        .position_sub(PositionSubRequest::default())
        .await
        .expect("OK")
        .into_inner();

    let published = at(0.0, -3.0, 1.5);
    let response = stage
        .position_pub(published.clone())
        .await
        .expect("OK")
        .into_inner();
    assert_eq!(response.status, 0);
    let published_at = Instant::now();
    assert_eq!(
        stage
            .position_req(Msg::default())
            .await
            .expect("OK")
            .into_inner()
            .position,
        published.position
    );

    let seen = async {
        while positions
            .message()
            .await
            .expect("OK")
            .expect("a position")
            .position
            != published.position
        {}
        positions.message().await.expect("OK").expect("a position")
    };
    let next = tokio::time::timeout(PATIENCE, seen)
        .await
        .expect("seen in time");
    assert!(
        published_at.elapsed() >= hold.mul_f32(0.9),
        "held only for {:?}",
        published_at.elapsed()
    );
    assert!(
        (azimuth(next.position) + 90.0).abs() < 0.01,
        "the walk does not continue from the published azimuth: {next:?}"
    );
}

#[tokio::test]
async fn position_pub_rejects_an_invalid_position_and_moves_nothing() {
    let server = TestServer::start_with(|settings| settings.hold = Duration::from_mins(10)).await;
    let mut stage = server.stage().await;
    stage.position_pub(at(2.0, 2.0, 2.0)).await.expect("OK");
    let invalid = [
        (Position::default(), "position"),
        (at(f32::NAN, 0.0, 0.0), "position.x"),
        (at(0.0, f32::INFINITY, 0.0), "position.y"),
        (at(0.0, 0.0, f32::NEG_INFINITY), "position.z"),
    ];
    for (position, field) in invalid {
        let status = stage.position_pub(position).await.expect_err("rejected");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status
                .get_details_bad_request()
                .expect("a BadRequest")
                .field_violations[0]
                .field,
            field
        );
    }
    let unchanged = stage
        .position_req(Msg::default())
        .await
        .expect("OK")
        .into_inner();
    assert_eq!(unchanged.position, at(2.0, 2.0, 2.0).position);
}

#[tokio::test]
async fn a_slow_reader_receives_the_newest_position_without_a_backlog() {
    let server = TestServer::start_with(|settings| settings.hold = Duration::from_mins(10)).await;
    let mut reader = server.stage().await;
    let mut positions = reader
        .position_sub(PositionSubRequest::default())
        .await
        .expect("OK")
        .into_inner();
    positions.message().await.expect("OK").expect("a position");
    let mut writer = server.stage().await;
    // Far more than the flow-control windows hold, while the reader does not read.
    for metres in 1..=20_u16 {
        for _ in 0..500 {
            writer
                .position_pub(at(f32::from(metres), 0.0, 0.0))
                .await
                .expect("OK");
        }
    }
    let mut received = 0;
    let newest = async {
        loop {
            received += 1;
            let position = positions
                .message()
                .await
                .expect("OK")
                .expect("a position")
                .position
                .expect("a position");
            if (position.x - 20.0).abs() < f32::EPSILON {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, newest)
        .await
        .expect("the newest in time");
    assert!(
        received < 10_000,
        "the server kept {received} of 10,000 positions for the reader"
    );
}

#[tokio::test]
async fn the_misspelled_service_name_serves_the_same_stage() {
    let server = TestServer::start_with(|settings| settings.hold = Duration::from_mins(10)).await;
    let call = async |method: &str, body: Vec<u8>| {
        let request = http::Request::post(format!("/posXYZ.PositinService/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::from(body))
            .expect("a request");
        let response = send(server.address(), Http::Two, request).await;
        let body = response.into_body().collect().await.expect("a whole body");
        let trailers = body.trailers().cloned().expect("trailers");
        assert_eq!(
            trailers.get("grpc-status").map(http::HeaderValue::as_bytes),
            Some(b"0".as_slice())
        );
        body.to_bytes()
    };
    call("PositionPub", frame(&at(0.5, 0.25, 0.0))).await;
    let response: Bytes = call("PositionReq", frame(&Msg::default())).await;
    let position = Position::decode(response.slice(5..)).expect("a position");
    assert_eq!(position.position, at(0.5, 0.25, 0.0).position);
}
