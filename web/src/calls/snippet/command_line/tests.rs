//! Tests of the commands.

use soundstage_proto::descriptor::{METHODS, MethodDescriptor};
use soundstage_proto::position::{Join, Sample};

use super::*;

const ORIGIN: &str = "http://127.0.0.1:1234";

fn line(path: &str, requests: &[Bytes]) -> String {
    let call = RawCall {
        method: MethodDescriptor::at(path).expect("a method"),
        over_websocket: false,
        deadline: None,
        metadata: Vec::new(),
    };
    command_line(&call, requests, ORIGIN)
}

#[test]
fn every_method_has_a_subcommand() {
    for method in METHODS {
        let help = options_only(words_of("help"));
        assert_ne!(subcommand(method.path, &[]), help, "{}", method.path);
    }
}

#[test]
fn all_options_stand_before_a_negative_coordinate() {
    let position = |x| {
        let position = Some(Pos { x, y: 0.5, z: 0.0 });
        let position = Position {
            position,
            ..Position::default()
        };
        [position.encode_to_vec().into()]
    };
    let path = "/posXYZ.PositionService/PositionPub";
    assert_eq!(
        line(path, &position(-1.0)),
        format!("soundstage position publish --server {ORIGIN} -- -1 0.5 0")
    );
    assert_eq!(
        line(path, &position(1.0)),
        format!("soundstage position publish 1 0.5 0 --server {ORIGIN}")
    );
}

#[test]
fn an_update_names_the_fields_of_its_mask() {
    let mut request = UpdateUserRequest {
        user: Some(User {
            id: 3,
            nickname: "-x".into(),
            ..User::default()
        }),
        ..UpdateUserRequest::default()
    };
    request.update_mask.get_or_insert_default().paths = vec!["nickname".into()];
    assert_eq!(
        line("/UserManager/UpdateUser", &[request.encode_to_vec().into()]),
        format!("soundstage user update --nickname=-x 3 --server {ORIGIN}")
    );
}

#[test]
fn rows_and_positions_go_to_standard_input() {
    let import = ImportUsersRequest {
        user: Some(User {
            nickname: "it's".into(),
            mail_address: "a@example.com".into(),
            user_type: 1,
            ..User::default()
        }),
        ..ImportUsersRequest::default()
    };
    let row = r#"{"id": 0, "nickname": "it'\''s", "mail_address": "a@example.com", "user_type": "NORMAL"}"#;
    assert_eq!(
        line("/UserManager/ImportUsers", &[import.encode_to_vec().into()]),
        format!(r"printf '%s\n' '{row}' | soundstage user import - --server {ORIGIN}")
    );
    let sync = PositionSyncRequest {
        joins: vec![Join {
            name: "Ann".into(),
            source: "calls".into(),
            ..Join::default()
        }],
        samples: vec![Sample {
            position: Some(Pos {
                x: 1.0,
                y: -1.0,
                z: 0.0,
            }),
            ..Sample::default()
        }],
        ..PositionSyncRequest::default()
    };
    assert_eq!(
        line(
            "/posXYZ.PositionService/PositionSync",
            &[sync.encode_to_vec().into()]
        ),
        format!(
            r"printf '%s\n' '1 -1 0' | soundstage position join --source calls Ann --server {ORIGIN}"
        )
    );
}
