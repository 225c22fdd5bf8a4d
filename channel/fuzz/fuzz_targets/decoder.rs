//! Checks the decoder with arbitrary bytes, cut anywhere: it never panics, its output does not depend on the cuts, and
//! no message exceeds the limit.

#![no_main]

use libfuzzer_sys::fuzz_target;
use soundstage_channel::{DecodeError, Decoder, Frame};

const MAX_MESSAGE_SIZE: usize = 64;

/// Decodes chunks. Returns the frames, and the error that ends them, if there is one.
fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Frame>, Option<DecodeError>) {
    let mut decoder = Decoder::new(MAX_MESSAGE_SIZE);
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.push(chunk.to_vec().into());
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    let end = decoder.finish().err();
    (frames, end)
}

fuzz_target!(|input: (Vec<u8>, usize)| {
    let (bytes, cut) = input;
    let whole = decode([&bytes[..]]);
    let (start, end) = bytes.split_at(cut % (bytes.len() + 1));
    assert_eq!(decode([start, end]), whole, "cut at {}", start.len());
    assert_eq!(decode(bytes.chunks(1)), whole, "byte by byte");
    for frame in whole.0 {
        if let Frame::Message(message) = frame {
            assert!(message.len() <= 5 + MAX_MESSAGE_SIZE, "{message:?}");
        }
    }
});
