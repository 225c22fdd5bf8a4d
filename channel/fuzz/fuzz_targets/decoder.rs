//! Whatever bytes come, and however they are cut: the decoder never panics, gives the same parts and the same end, and keeps
//! no more than one frame.

#![no_main]

use libfuzzer_sys::fuzz_target;
use soundstage_channel::{DecodeError, Decoder, Part};

const MAX_MESSAGE_SIZE: usize = 64;

/// What a decoder makes of pieces: parts, and the error at the end, if there is one.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Part>, Option<DecodeError>) {
    let mut decoder = Decoder::new(MAX_MESSAGE_SIZE);
    let mut parts = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_part() {
                Ok(Some(part)) => parts.push(part),
                Ok(None) => break,
                Err(error) => return (parts, Some(error)),
            }
        }
    }
    let end = decoder.finish().err();
    (parts, end)
}

fuzz_target!(|input: (Vec<u8>, usize)| {
    let (bytes, cut) = input;
    let whole = decode([&bytes[..]]);
    let (start, end) = bytes.split_at(cut % (bytes.len() + 1));
    assert_eq!(decode([start, end]), whole, "cut at {}", start.len());
    assert_eq!(decode(bytes.chunks(1)), whole, "byte by byte");
    for part in whole.0 {
        if let Part::Message(message) = part {
            assert!(message.len() <= 5 + MAX_MESSAGE_SIZE, "{message:?}");
        }
    }
});
