//! The stage with many characters: `PositionSync`, and `PositionSub` with chosen characters.

use std::time::Duration;

use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_proto::position::{
    Character, Join, Msg, Pos, Position, PositionSubRequest, PositionSyncRequest, Sample,
    StageUpdate,
};
use soundstage_proto::user::User;
use soundstage_tests::{PATIENCE, TestServer};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Streaming};
use tonic_types::StatusExt as _;

/// The id of the default character.
const WALKER: u32 = 1;

/// A call of `PositionSync`, in progress.
struct Call {
    requests: mpsc::Sender<PositionSyncRequest>,
    updates: Streaming<StageUpdate>,
}

impl Call {
    async fn open(server: &TestServer) -> Self {
        Self::open_with(&mut server.stage().await).await
    }

    async fn open_with(stage: &mut PositionServiceClient<Channel>) -> Self {
        let (requests, receiver) = mpsc::channel(16);
        let updates = stage.position_sync(ReceiverStream::new(receiver)).await;
        Self {
            requests,
            updates: updates.expect("OK").into_inner(),
        }
    }

    async fn send(&self, request: PositionSyncRequest) {
        self.requests
            .send(request)
            .await
            .expect("the call is in progress");
    }

    async fn join(&mut self, join: Join) -> Character {
        self.send(PositionSyncRequest {
            joins: vec![join],
            ..PositionSyncRequest::default()
        })
        .await;
        let update = self.update(|update| !update.own.is_empty()).await;
        update.own[0].clone()
    }

    async fn move_to(&self, character: u32, sequence: u32, position: Pos) {
        let sample = Sample {
            character,
            sequence,
            time_ms: 1000 + i64::from(sequence),
            position: Some(position),
            ..Sample::default()
        };
        self.send(PositionSyncRequest {
            samples: vec![sample],
            ..PositionSyncRequest::default()
        })
        .await;
    }

    async fn update(&mut self, wanted: impl Fn(&StageUpdate) -> bool) -> StageUpdate {
        next_update(&mut self.updates, wanted).await
    }

    /// Waits for the error that ends the call.
    async fn error(mut self) -> tonic::Status {
        let end = async {
            loop {
                if let Err(status) = self.updates.message().await {
                    return status;
                }
            }
        };
        tokio::time::timeout(PATIENCE, end)
            .await
            .expect("an error in time")
    }
}

/// Waits for the first update that matches.
async fn next_update(
    updates: &mut Streaming<StageUpdate>,
    wanted: impl Fn(&StageUpdate) -> bool,
) -> StageUpdate {
    let found = async {
        loop {
            let update = updates.message().await.expect("OK").expect("an update");
            if wanted(&update) {
                return update;
            }
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .expect("the update in time")
}

async fn subscribe(server: &TestServer, request: PositionSubRequest) -> Streaming<StageUpdate> {
    let mut stage = server.stage().await;
    let updates = stage.position_sub(request).await;
    updates.expect("OK").into_inner()
}

fn all() -> PositionSubRequest {
    PositionSubRequest {
        all: true,
        ..PositionSubRequest::default()
    }
}

fn named(name: &str) -> Join {
    Join {
        name: name.into(),
        ..Join::default()
    }
}

fn at(x: f32) -> Pos {
    Pos { x, y: 0.5, z: -1.0 }
}

fn position_of(update: &StageUpdate, character: u32) -> Option<Pos> {
    let mut samples = update.samples.iter();
    samples
        .find(|sample| sample.character == character)?
        .position
}

fn has_sample(character: u32, position: Pos) -> impl Fn(&StageUpdate) -> bool {
    move |update| position_of(update, character) == Some(position)
}

#[tokio::test]
async fn other_calls_receive_joins_samples_and_leaves() {
    let server = TestServer::start().await;
    let (mut ann, mut bob) = (Call::open(&server).await, Call::open(&server).await);
    let own = ann
        .join(Join {
            source: "ann's".into(),
            ..named("Ann")
        })
        .await;
    assert_eq!((own.name.as_str(), own.source.as_str()), ("Ann", "ann's"));
    assert_ne!(own.id, WALKER);
    bob.send(PositionSyncRequest::default()).await;
    let first = bob.update(|update| update.complete).await;
    assert_eq!(
        first.characters.len(),
        1,
        "a character without a sample is visible: {first:?}"
    );

    ann.move_to(0, 7, at(2.0)).await;
    let update = bob.update(has_sample(own.id, at(2.0))).await;
    let seen = &update.characters[0];
    assert_eq!((seen.id, seen.name.as_str()), (own.id, "Ann"));
    assert_eq!(
        seen.source, "",
        "the source is visible to its own call only"
    );
    let sample = update
        .samples
        .iter()
        .find(|sample| sample.character == own.id)
        .expect("a sample");
    assert_eq!((sample.sequence, sample.time_ms), (7, 1007));

    ann.send(PositionSyncRequest {
        leaves: vec![own.id],
        ..PositionSyncRequest::default()
    })
    .await;
    bob.update(|update| update.left == [own.id]).await;
}

#[tokio::test]
async fn a_call_does_not_receive_its_own_samples() {
    let server = TestServer::start().await;
    let mut ann = Call::open(&server).await;
    let own = ann.join(named("Ann")).await.id;
    let mut others = subscribe(&server, all()).await;
    for step in 1..=5_u8 {
        let position = at(f32::from(step));
        ann.move_to(own, step.into(), position).await;
        next_update(&mut others, has_sample(own, position)).await;
        // The next update with samples is a step of the walk, after the tick of this sample.
        let update = ann.update(|update| !update.samples.is_empty()).await;
        assert_eq!(position_of(&update, own), None);
    }
}

#[tokio::test]
async fn a_join_without_a_name_takes_the_nickname_of_the_user() {
    let server = TestServer::start().await;
    let user = User {
        nickname: "Yui".into(),
        mail_address: "yui@example.com".into(),
        user_type: 1,
        ..User::default()
    };
    let added = server.users().await.add_user(user).await.expect("OK");
    let user_id = added.into_inner().user.expect("a user").id;
    let mut call = Call::open(&server).await;
    let own = call
        .join(Join {
            user_id,
            ..Join::default()
        })
        .await;
    assert_eq!((own.name.as_str(), own.user_id), ("Yui", user_id));
}

#[tokio::test]
async fn a_subscriber_receives_only_the_chosen_characters_at_the_chosen_rate() {
    let server = TestServer::start().await;
    let mut call = Call::open(&server).await;
    let (one, two) = (
        call.join(named("One")).await.id,
        call.join(named("Two")).await.id,
    );
    let chosen = PositionSubRequest {
        characters: vec![two],
        max_rate: 5,
        ..PositionSubRequest::default()
    };
    let mut updates = subscribe(&server, chosen).await;
    let mut received = 0;
    let start = tokio::time::Instant::now();
    for step in 1..=50_u16 {
        let position = at(f32::from(step));
        call.move_to(one, step.into(), position).await;
        call.move_to(two, step.into(), position).await;
        tokio::time::sleep_until(start + Duration::from_millis(20) * step.into()).await;
    }
    let newest = async {
        loop {
            let update = updates.message().await.expect("OK").expect("an update");
            received += u32::from(!update.samples.is_empty());
            assert!(update.samples.iter().all(|sample| sample.character == two));
            if has_sample(two, at(50.0))(&update) {
                return start.elapsed();
            }
        }
    };
    let took = tokio::time::timeout(PATIENCE, newest)
        .await
        .expect("the newest in time");
    let most = 2.0 + took.as_secs_f64() * 5.0;
    assert!(f64::from(received) <= most, "{received} in {took:?}");
}

#[tokio::test]
async fn a_heartbeat_follows_a_second_without_changes() {
    let server = TestServer::start().await;
    let unknown = PositionSubRequest {
        characters: vec![999],
        ..PositionSubRequest::default()
    };
    let mut updates = subscribe(&server, unknown).await;
    let first = updates.message().await.expect("OK").expect("an update");
    assert!(first.complete && first.characters.is_empty());
    let heartbeat = StageUpdate {
        heartbeat: true,
        ..StageUpdate::default()
    };
    for _ in 0..2 {
        let update = updates.message().await.expect("OK").expect("an update");
        assert_eq!(update, heartbeat);
    }
}

#[tokio::test]
async fn a_silent_source_is_stale_and_resumes_its_character_or_is_evicted() {
    let server = TestServer::start_with(|settings| {
        settings.hold = Duration::from_millis(300);
        settings.leave = Duration::from_millis(900);
    })
    .await;
    let mut updates = subscribe(&server, all()).await;
    let join = || Join {
        source: "device 1".into(),
        ..named("Ann")
    };
    let mut first = Call::open(&server).await;
    let id = first.join(join()).await.id;
    first.move_to(id, 100, at(1.0)).await;
    let update = next_update(&mut updates, has_sample(id, at(1.0))).await;
    let epoch = |update: &StageUpdate| {
        let mut samples = update.samples.iter();
        samples
            .find(|sample| sample.character == id)
            .map(|s| s.epoch)
    };
    let old = epoch(&update);
    let is_stale = |wanted: bool| {
        move |update: &StageUpdate| {
            let mut characters = update.characters.iter();
            characters.any(|character| character.id == id && character.stale == wanted)
        }
    };
    // The call stays open, but the source sends nothing.
    next_update(&mut updates, is_stale(true)).await;

    let mut second = Call::open(&server).await;
    assert_eq!(second.join(join()).await.id, id);
    second.move_to(id, 1, at(2.0)).await;
    let mut fresh = false;
    let mut new = None;
    while !(fresh && new.is_some()) {
        let update = updates.message().await.expect("OK").expect("an update");
        fresh |= is_stale(false)(&update);
        new = new.or(has_sample(id, at(2.0))(&update)
            .then(|| epoch(&update))
            .flatten());
    }
    assert!(new > old, "epoch {new:?} is not after {old:?}");

    drop(second.updates);
    next_update(&mut updates, is_stale(true)).await;
    next_update(&mut updates, |update| update.left == [id]).await;
}

#[tokio::test]
async fn any_call_can_take_a_character_over_and_the_default_character_has_one_position() {
    let server = TestServer::start().await;
    let (mut ann, bob) = (Call::open(&server).await, Call::open(&server).await);
    let id = ann.join(named("Ann")).await.id;
    ann.move_to(id, 1, at(1.0)).await;
    let mut updates = subscribe(&server, all()).await;
    next_update(&mut updates, has_sample(id, at(1.0))).await;
    bob.move_to(id, 1, at(9.0)).await;
    next_update(&mut updates, has_sample(id, at(9.0))).await;
    ann.update(has_sample(id, at(9.0))).await;

    bob.move_to(WALKER, 1, at(4.0)).await;
    next_update(&mut updates, has_sample(WALKER, at(4.0))).await;
    let mut stage = server.stage().await;
    let seen = stage.position_req(Msg::default()).await.expect("OK");
    assert_eq!(seen.into_inner().position, Some(at(4.0)));
    let published = Position {
        position: Some(at(5.0)),
        ..Position::default()
    };
    stage.position_pub(published).await.expect("OK");
    next_update(&mut updates, has_sample(WALKER, at(5.0))).await;
}

#[tokio::test]
async fn an_error_names_the_invalid_field() {
    let server = TestServer::start().await;
    let join = |join| PositionSyncRequest {
        joins: vec![named("Ann"), join],
        ..PositionSyncRequest::default()
    };
    let sample = |sample| PositionSyncRequest {
        samples: vec![sample],
        ..PositionSyncRequest::default()
    };
    let receive = |receive| PositionSyncRequest {
        receive: Some(receive),
        ..PositionSyncRequest::default()
    };
    let invalid = [
        (join(Join::default()), "joins[1].name"),
        (join(named("a\nb")), "joins[1].name"),
        (join(named("a\u{202e}b")), "joins[1].name"),
        (join(named("a\u{2028}b")), "joins[1].name"),
        (
            join(named("a\u{301}\u{301}\u{301}\u{301}\u{301}")),
            "joins[1].name",
        ),
        (
            join(Join {
                user_id: 999,
                ..Join::default()
            }),
            "joins[1].user_id",
        ),
        (
            join(Join {
                source: "x".repeat(65),
                ..named("Bob")
            }),
            "joins[1].source",
        ),
        (sample(Sample::default()), "samples[0].position"),
        (
            sample(Sample {
                character: WALKER,
                position: Some(at(f32::NAN)),
                ..Sample::default()
            }),
            "samples[0].position.x",
        ),
        (
            sample(Sample {
                position: Some(at(0.0)),
                ..Sample::default()
            }),
            "samples[0].character",
        ),
        (
            sample(Sample {
                character: 999,
                position: Some(at(0.0)),
                ..Sample::default()
            }),
            "samples[0].character",
        ),
        (
            PositionSyncRequest {
                leaves: vec![WALKER],
                ..PositionSyncRequest::default()
            },
            "leaves[0]",
        ),
        (
            receive(PositionSubRequest {
                max_rate: 31,
                ..all()
            }),
            "receive.max_rate",
        ),
    ];
    for (request, field) in invalid {
        let call = Call::open(&server).await;
        call.send(request).await;
        let status = call.error().await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let details = status.get_details_bad_request().expect("a BadRequest");
        assert_eq!(details.field_violations[0].field, field);
    }
    let mut stage = server.stage().await;
    let too_fast = stage.position_sub(PositionSubRequest {
        max_rate: 31,
        ..all()
    });
    let status = too_fast.await.expect_err("rejected");
    let details = status.get_details_bad_request().expect("a BadRequest");
    assert_eq!(details.field_violations[0].field, "max_rate");
}

#[tokio::test]
async fn a_call_has_at_most_1000_characters_and_leaves_room_for_other_calls() {
    let server = TestServer::start().await;
    let joins = |count| PositionSyncRequest {
        joins: vec![named("Ann"); count],
        ..PositionSyncRequest::default()
    };
    let mut full = Call::open(&server).await;
    full.send(joins(1000)).await;
    let update = full.update(|update| !update.own.is_empty()).await;
    assert_eq!(update.own.len(), 1000);
    full.send(PositionSyncRequest {
        leaves: vec![update.own[0].id],
        ..joins(0)
    })
    .await;
    full.join(named("in the place of the first")).await;
    full.send(joins(1)).await;
    let status = full.error().await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(status.message().contains("1,000"), "{status:?}");

    let flood = Call::open(&server).await;
    // About 50 kB: in one request, as many characters as the stage has room for.
    flood.send(joins(9_999)).await;
    assert_eq!(flood.error().await.code(), Code::ResourceExhausted);
    Call::open(&server).await.join(named("Bob")).await;
}

/// Opens calls on a connection from an address of this machine, and joins as many characters as they may have.
async fn join_from(server: &TestServer, address: [u8; 4], calls: usize) -> Vec<Call> {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address()));
    let endpoint = endpoint.expect("an address");
    let channel = endpoint.local_address(Some(address.into())).connect().await;
    let mut stage = PositionServiceClient::new(channel.expect("the server listens"));
    let mut open = Vec::new();
    for _ in 0..calls {
        let mut call = Call::open_with(&mut stage).await;
        call.send(PositionSyncRequest {
            joins: vec![named("Ann"); 1000],
            ..PositionSyncRequest::default()
        })
        .await;
        let update = call.update(|update| !update.own.is_empty()).await;
        assert_eq!(update.own.len(), 1000);
        open.push(call);
    }
    open
}

#[cfg(target_os = "linux")] // Elsewhere a machine has only one loopback address.
#[tokio::test]
async fn an_address_has_at_most_4000_characters_and_leaves_room_for_others() {
    let server = TestServer::start().await;
    let flood = join_from(&server, [127, 0, 0, 1], 4).await;
    let one_more = Call::open(&server).await;
    one_more
        .send(PositionSyncRequest {
            joins: vec![named("Ann")],
            ..PositionSyncRequest::default()
        })
        .await;
    let status = one_more.error().await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(status.message().contains("4,000"), "{status:?}");
    join_from(&server, [127, 0, 0, 2], 1).await;
    drop(flood);
}

#[tokio::test]
async fn a_coordinate_of_1000_km_is_accepted_and_one_beyond_is_invalid() {
    let server = TestServer::start().await;
    let mut stage = server.stage().await;
    let mut call = Call::open(&server).await;
    let own = call.join(named("Ann")).await.id;
    let publish = |x| Position {
        position: Some(at(x)),
        ..Position::default()
    };
    stage.position_pub(publish(-1e6)).await.expect("OK");
    call.move_to(own, 1, at(1e6)).await;
    for x in [1_000_001.0, -1_000_001.0, 1e38] {
        let status = stage.position_pub(publish(x)).await;
        let status = status.expect_err("out of range");
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let details = status.get_details_bad_request().expect("a BadRequest");
        assert_eq!(details.field_violations[0].field, "position.x");
        let held = stage.position_req(Msg::default()).await.expect("OK");
        assert_eq!(held.into_inner().position, Some(at(-1e6)));
    }
    call.move_to(own, 2, at(1e38)).await;
    let status = call.error().await;
    let details = status.get_details_bad_request().expect("a BadRequest");
    assert_eq!(
        details.field_violations[0].field, "samples[0].position.x",
        "the sample at the limit was accepted"
    );
}

#[tokio::test]
async fn a_hold_and_a_leave_of_any_length_are_accepted() {
    let server = TestServer::start_with(|settings| {
        settings.hold = Duration::MAX;
        settings.leave = Duration::MAX;
    })
    .await;
    let mut stage = server.stage().await;
    let published = Position {
        position: Some(at(5.0)),
        ..Position::default()
    };
    stage.position_pub(published).await.expect("OK");
    let (mut ann, bob) = (Call::open(&server).await, Call::open(&server).await);
    let id = ann.join(named("Ann")).await.id;
    bob.move_to(id, 1, at(9.0)).await;
    ann.update(has_sample(id, at(9.0))).await;
    let mut others = subscribe(&server, all()).await;
    drop(ann);
    // Eviction adds `leave` to the time since which the character is stale.
    next_update(&mut others, |update| {
        let mut characters = update.characters.iter();
        characters.any(|character| character.id == id && character.stale)
    })
    .await;
    let mut next = Call::open(&server).await;
    next.join(named("the stage still works")).await;
}

#[tokio::test]
async fn after_the_last_request_the_characters_leave_and_the_call_ends() {
    let server = TestServer::start().await;
    let mut updates = subscribe(&server, all()).await;
    let mut call = Call::open(&server).await;
    let id = call.join(named("Ann")).await.id;
    call.move_to(id, 1, at(1.0)).await;
    next_update(&mut updates, has_sample(id, at(1.0))).await;
    drop(call.requests);
    let ended = async { while call.updates.message().await.expect("OK").is_some() {} };
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("the end in time");
    next_update(&mut updates, |update| update.left == [id]).await;
}

#[tokio::test]
async fn a_slow_subscriber_receives_the_newest_samples_without_a_backlog() {
    let server = TestServer::start().await;
    // The smallest flow-control window, so that few unread bytes are on the way.
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address()));
    let channel = endpoint
        .expect("an address")
        .initial_stream_window_size(65_535);
    let channel = channel.connect().await.expect("the server listens");
    let slow = PositionServiceClient::new(channel)
        .position_sub(all())
        .await;
    let mut slow = slow.expect("OK").into_inner();
    let mut fast = subscribe(&server, all()).await;
    let mut call = Call::open(&server).await;
    let mut ids = Vec::new();
    for number in 0..100 {
        ids.push(call.join(named(&format!("Number {number}"))).await.id);
    }
    // About 4 kB per tick for 200 ticks: far more than the flow-control windows hold.
    for step in 1..=200_u16 {
        let samples = ids.iter().map(|id| Sample {
            character: *id,
            position: Some(at(step.into())),
            ..Sample::default()
        });
        call.send(PositionSyncRequest {
            samples: samples.collect(),
            ..PositionSyncRequest::default()
        })
        .await;
        next_update(&mut fast, has_sample(ids[99], at(step.into()))).await;
    }
    let mut received = 0;
    let mut newest = std::collections::BTreeMap::new();
    let caught_up = async {
        loop {
            let update = slow.message().await.expect("OK").expect("an update");
            received += 1;
            for sample in update.samples {
                newest.insert(sample.character, sample.position);
            }
            if ids
                .iter()
                .all(|id| newest.get(id) == Some(&Some(at(200.0))))
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, caught_up)
        .await
        .expect("the newest in time");
    assert!(
        received < 100,
        "the server kept {received} of 200 updates for the subscriber"
    );
}
