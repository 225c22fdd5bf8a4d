//! HTTP/2 frames by hand: they cost the attacker less CPU time than a client library, and need not keep its rules.

use prost::Message;

use crate::calls;

/// The largest flow-control window.
pub(super) const MAX_WINDOW: u32 = (1 << 31) - 1;

/// The window that a connection has at its start.
const INITIAL_WINDOW: u32 = 65_535;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The bytes of a frame before its payload.
const FRAME_HEAD: usize = 9;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let stream = stream.to_be_bytes();
    [&length[1..], &[kind, flags], &stream, payload].concat()
}

/// Returns the start of a connection that accepts `window` bytes of each response, and any number in total.
pub(super) fn start(window: u32) -> Vec<u8> {
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        settings(window),
        // The server has sent its settings when it reads this.
        frame(SETTINGS, ACK, 0, &[]),
        frame(
            WINDOW_UPDATE,
            0,
            0,
            &(MAX_WINDOW - INITIAL_WINDOW).to_be_bytes(),
        ),
    ]
    .concat()
}

/// Returns settings with a window for each response.
pub(super) fn settings(window: u32) -> Vec<u8> {
    const INITIAL_WINDOW_SIZE: [u8; 2] = [0, 4];
    let setting = [INITIAL_WINDOW_SIZE.as_slice(), &window.to_be_bytes()].concat();
    frame(SETTINGS, 0, 0, &setting)
}

pub(super) fn ping() -> Vec<u8> {
    frame(PING, 0, 0, &[0; 8])
}

/// Returns the id of the stream of a connection's call, by the number of calls before it.
pub(super) fn stream_id(number: u32) -> u32 {
    1 + 2 * number
}

/// Returns a call of a method with its only request.
pub(super) fn call(stream: u32, method: &str, request: &impl Message) -> Vec<u8> {
    let message = calls::frame(&request.encode_to_vec());
    [
        headers(stream, method),
        frame(DATA, END_STREAM, stream, &message),
    ]
    .concat()
}

/// Returns the headers of a call. Each field is a literal without indexing, so the server keeps no table.
pub(super) fn headers(stream: u32, method: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", method),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        block.push(0);
        for text in [name, value] {
            // A longer text would need a length of more bytes.
            debug_assert!(text.len() < 127);
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
    }
    frame(HEADERS, END_HEADERS, stream, &block)
}

/// Returns the frame that cancels a call.
pub(super) fn reset(stream: u32) -> Vec<u8> {
    const CANCEL: u32 = 8;
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

/// Returns the answers to the pings among some complete frames.
pub(super) fn answers(mut frames: &[u8]) -> Vec<u8> {
    let mut answers = Vec::new();
    while let [a, b, c, kind, flags, ..] = *frames {
        let end = FRAME_HEAD + u32::from_be_bytes([0, a, b, c]) as usize;
        let Some((frame_bytes, rest)) = frames.split_at_checked(end) else {
            break;
        };
        if kind == PING && flags & ACK == 0 {
            answers.extend(frame(PING, ACK, 0, &frame_bytes[FRAME_HEAD..]));
        }
        frames = rest;
    }
    answers
}
