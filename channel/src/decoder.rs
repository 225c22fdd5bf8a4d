//! Decodes the frames of gRPC-Web: a flag, a length of four bytes, and a message or a block of headers ("gRPC Web",
//! section "Protocol differences vs gRPC over HTTP2").

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use tonic::Status;

/// The largest response message that a [`Channel`](crate::Channel) accepts by default, in bytes. tonic has the same
/// limit.
pub const DEFAULT_MAX_MESSAGE_SIZE: usize = 4 * 1024 * 1024;

/// The flag of a frame with headers or trailers.
const HEADERS: u8 = 0x80;
/// The flag of a frame with a compressed message.
const COMPRESSED: u8 = 0x01;
/// The length of a frame's prefix (flag and length), in bytes.
const PREFIX: usize = 5;
/// The longest block of headers, in bytes.
const MAX_HEADERS: usize = 64 * 1024;

/// A frame of gRPC-Web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<H = HeaderMap> {
    /// A message with its prefix of five bytes, as in native gRPC.
    Message(Bytes),
    /// Headers or trailers.
    Headers(H),
}

/// The reason why bytes cannot be decoded as frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The protocol does not define the flag, or the frame has compressed trailers.
    #[error("the response has a frame with the unknown flag {0:#04x}")]
    UnknownFlag(u8),
    /// The message is larger than the limit.
    #[error("the response has a message of {length} bytes; at most {limit} are allowed")]
    MessageTooLarge {
        /// The length of the message, in bytes.
        length: u32,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The headers are larger than 64 KiB.
    #[error("the response has {0} bytes of headers; at most 65536 are allowed")]
    HeadersTooLarge(u32),
    /// The headers are not lines of `name: value`.
    #[error("the headers of the response are malformed")]
    MalformedHeaders,
    /// The bytes end within a frame.
    #[error("the response ends within a frame")]
    Truncated,
}

impl From<DecodeError> for Status {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::MessageTooLarge { .. } | DecodeError::HeadersTooLarge(_) => {
                Self::resource_exhausted(error.to_string())
            }
            DecodeError::UnknownFlag(_)
            | DecodeError::MalformedHeaders
            | DecodeError::Truncated => Self::internal(error.to_string()),
        }
    }
}

/// Decodes frames from chunks of any size.
///
/// Buffers at most one frame and one chunk, if the caller takes all frames ([`Self::next_frame`]) after each chunk
/// ([`Self::push`]).
#[derive(Debug)]
pub struct Decoder {
    buffer: Bytes,
    max_message_size: usize,
    has_malformed_headers: bool,
}

impl Decoder {
    /// Creates a decoder for messages of at most `max_message_size` bytes.
    pub fn new(max_message_size: usize) -> Self {
        Self {
            buffer: Bytes::new(),
            max_message_size,
            has_malformed_headers: false,
        }
    }

    /// Appends a chunk to the buffer. A chunk that begins with a frame is not copied.
    pub fn push(&mut self, chunk: Bytes) {
        if self.buffer.is_empty() {
            self.buffer = chunk;
            return;
        }
        let start = std::mem::take(&mut self.buffer);
        // Copies the start of a frame only while an earlier message shares its memory.
        let mut joined = start.try_into_mut().unwrap_or_else(BytesMut::from);
        joined.extend_from_slice(&chunk);
        self.buffer = joined.freeze();
    }

    /// Returns the next frame; `None` if the frame needs more bytes.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a frame. Every later call returns the same error.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        if self.has_malformed_headers {
            return Err(DecodeError::MalformedHeaders);
        }
        Ok(match self.next_raw_frame()? {
            Some(Frame::Message(message)) => Some(Frame::Message(message)),
            Some(Frame::Headers(lines)) => {
                let headers = parse_headers(&lines);
                self.has_malformed_headers = headers.is_err();
                Some(Frame::Headers(headers?))
            }
            None => None,
        })
    }

    /// Returns the next frame with its headers as received: lines of `name: value`. For programs that leave out the
    /// `http` crate to be smaller.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a frame. Every later call returns the same error.
    pub fn next_raw_frame(&mut self) -> Result<Option<Frame<Bytes>>, DecodeError> {
        let Some(&[flag, a, b, c, d]) = self.buffer.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        // Checks the length before any addition, which could overflow: on wasm32 `usize` has 32 bits.
        match flag {
            0 | COMPRESSED if length as usize > self.max_message_size => {
                let limit = self.max_message_size;
                return Err(DecodeError::MessageTooLarge { length, limit });
            }
            HEADERS if length as usize > MAX_HEADERS => {
                return Err(DecodeError::HeadersTooLarge(length));
            }
            0 | COMPRESSED | HEADERS => {}
            unknown => return Err(DecodeError::UnknownFlag(unknown)),
        }
        let content = length as usize;
        if self.buffer.len() - PREFIX < content {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(PREFIX + content);
        Ok(Some(if flag == HEADERS {
            frame.advance(PREFIX);
            Frame::Headers(frame)
        } else {
            Frame::Message(frame)
        }))
    }

    /// Checks that the input is complete.
    ///
    /// # Errors
    /// Returns [`DecodeError::Truncated`] if the bytes end within a frame.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.buffer.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Truncated)
        }
    }
}

/// Parses lines of `name: value` that end in CRLF or LF. A name may repeat.
fn parse_headers(block: &[u8]) -> Result<HeaderMap, DecodeError> {
    let mut headers = HeaderMap::new();
    for line in block.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let colon = line.iter().position(|&byte| byte == b':');
        let (name, value) = line.split_at(colon.ok_or(DecodeError::MalformedHeaders)?);
        let name = HeaderName::from_bytes(name.trim_ascii());
        let value = HeaderValue::from_bytes(value[1..].trim_ascii());
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(DecodeError::MalformedHeaders);
        };
        // Cannot panic: `HeaderMap` holds 32,768 names, and a block of 64 KiB has fewer.
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(flag: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).expect("small");
        [&[flag][..], &length.to_be_bytes(), content].concat()
    }

    fn frames(bytes: &[u8]) -> Result<Vec<Frame>, DecodeError> {
        let mut decoder = Decoder::new(16);
        decoder.push(Bytes::copy_from_slice(bytes));
        let mut frames = Vec::new();
        while let Some(frame) = decoder.next_frame()? {
            frames.push(frame);
        }
        decoder.finish().map(|()| frames)
    }

    #[test]
    fn a_message_keeps_its_prefix_and_a_header_may_repeat() {
        let bytes = [frame(0, b"abc"), frame(0x80, b"A: 1\r\na:2\r\nb:\r\n")].concat();
        let mut trailers = HeaderMap::new();
        for (name, value) in [("a", "1"), ("a", "2"), ("b", "")] {
            trailers.append(name, HeaderValue::from_static(value));
        }
        let message = Frame::Message(frame(0, b"abc").into());
        assert_eq!(frames(&bytes), Ok(vec![message, Frame::Headers(trailers)]));
    }

    #[test]
    fn a_length_near_the_maximum_is_an_error_and_does_not_overflow() {
        for length in [u32::MAX, u32::MAX - 4, i32::MAX as u32, 17] {
            let limit = 16;
            let too_large = DecodeError::MessageTooLarge { length, limit };
            assert_eq!(
                frames(&[&[0][..], &length.to_be_bytes()].concat()),
                Err(too_large)
            );
        }
        assert_eq!(
            frames(&frame(0, &[7; 16])).map(|frames| frames.len()),
            Ok(1)
        );
        let maximum = u32::MAX.to_be_bytes();
        assert_eq!(
            frames(&[&[0x80][..], &maximum].concat()),
            Err(DecodeError::HeadersTooLarge(u32::MAX))
        );
    }

    #[test]
    fn bytes_that_are_not_a_frame_are_an_error() {
        for flag in [0x02, 0x40, 0x81, 0xff] {
            assert_eq!(
                frames(&frame(flag, b"a: b")),
                Err(DecodeError::UnknownFlag(flag))
            );
        }
        for block in [&b"no colon"[..], b": no name", b"a b: c", b"a: \x01"] {
            assert_eq!(
                frames(&frame(0x80, block)),
                Err(DecodeError::MalformedHeaders),
                "{block:?}"
            );
        }
        for end in 1..8 {
            assert_eq!(
                frames(&frame(0, b"abc")[..end]),
                Err(DecodeError::Truncated),
                "{end}"
            );
        }
    }
}
