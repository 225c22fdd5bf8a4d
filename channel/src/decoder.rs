//! Frames of gRPC-Web: a flag, a length in four bytes, and a message or a block of headers
//! ("gRPC Web", section "Protocol differences vs gRPC over HTTP2").

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use tonic::Status;

/// The flag of a frame that holds headers, not a message.
const HEADERS: u8 = 0x80;
/// The flag of a frame whose content is compressed.
const COMPRESSED: u8 = 0x01;
/// A frame's flag and length.
const PREFIX: usize = 5;
/// The longest block of headers, in bytes.
const MAX_HEADERS: usize = 64 * 1024;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A message, with the five bytes before it that native gRPC has too.
    Message(Bytes),
    /// Headers, or trailers.
    Headers(HeaderMap),
}

/// Why bytes are no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The flag is none that the protocol has, or trailers are compressed.
    #[error("the answer has a frame with the unknown flag {0:#04x}")]
    UnknownFlag(u8),
    /// The message is larger than allowed.
    #[error("the answer has a message of {length} bytes; at most {limit} are allowed")]
    MessageTooLarge {
        /// What the frame announces, in bytes.
        length: u32,
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// The headers are more than any server sends.
    #[error("the answer has {0} bytes of headers")]
    HeadersTooLarge(u32),
    /// The headers are no lines of `name: value`.
    #[error("the answer's headers cannot be read")]
    MalformedHeaders,
    /// The bytes end before the frame does.
    #[error("the answer ends within a frame")]
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

/// Makes frames of bytes that come in pieces of any size.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    max_message_size: usize,
}

impl Decoder {
    /// A decoder for messages of at most so many bytes.
    pub fn new(max_message_size: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            max_message_size,
        }
    }

    /// Takes the next bytes. What is kept is bounded if [`Self::next_frame`] is asked until it has nothing, before more come.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next whole frame; `None` if more bytes are needed.
    ///
    /// # Errors
    /// When the bytes are no frame; the same again each time.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        let Some(&[flag, a, b, c, d]) = self.buffer.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        // Before the length is added to anything: in a browser `usize` has 32 bits too.
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
        if flag == HEADERS {
            let headers = parse_headers(&self.buffer[PREFIX..PREFIX + content])?;
            self.buffer.advance(PREFIX + content);
            return Ok(Some(Frame::Headers(headers)));
        }
        let message = self.buffer.split_to(PREFIX + content).freeze();
        Ok(Some(Frame::Message(message)))
    }

    /// What holds when no more bytes come.
    ///
    /// # Errors
    /// When they end within a frame.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.buffer.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Truncated)
        }
    }
}

/// Lines `name: value`, each ended as in HTTP/1.1; a name may come more than once.
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
        // `HeaderMap` panics above 32,768 names; a block as long as is allowed has fewer.
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
        decoder.push(bytes);
        let mut frames = Vec::new();
        while let Some(frame) = decoder.next_frame()? {
            frames.push(frame);
        }
        decoder.finish().map(|()| frames)
    }

    #[test]
    fn a_message_keeps_its_prefix_and_a_name_may_come_twice() {
        let bytes = [frame(0, b"abc"), frame(0x80, b"A: 1\r\na:2\r\nb:\r\n")].concat();
        let mut trailers = HeaderMap::new();
        for (name, value) in [("a", "1"), ("a", "2"), ("b", "")] {
            trailers.append(name, HeaderValue::from_static(value));
        }
        let message = Frame::Message(frame(0, b"abc").into());
        assert_eq!(frames(&bytes), Ok(vec![message, Frame::Headers(trailers)]));
    }

    #[test]
    fn a_length_near_the_largest_is_an_error_and_no_overflow() {
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
        let most = u32::MAX.to_be_bytes();
        assert_eq!(
            frames(&[&[0x80][..], &most].concat()),
            Err(DecodeError::HeadersTooLarge(u32::MAX))
        );
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
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
