//! Decodes responses of gRPC-Web: a head, and frames with a flag, a length of four bytes and a content ("gRPC Web", section
//! "Protocol differences vs gRPC over HTTP2").

use prost::bytes::Bytes;
use soundstage_channel::DEFAULT_MAX_MESSAGE_SIZE;
use tonic::Code;

use super::error::CallError;

/// The flag of the frame with the trailers.
const TRAILERS: u8 = 0x80;

/// The length of a frame's flag and length, in bytes.
const PREFIX: usize = 5;

/// Returns a request: a frame with a message.
pub(super) fn request(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

/// Frame of a response.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    Message(Bytes),
    /// Lines of `name: value`.
    Trailers(String),
}

/// Decodes frames from chunks of any size.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
}

impl Frames {
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// Returns the next frame; `None` if the frame needs more bytes. Returns an error if the bytes are not a frame, or the
    /// frame is longer than [`DEFAULT_MAX_MESSAGE_SIZE`].
    pub(super) fn next(&mut self) -> Result<Option<Frame>, CallError> {
        let Some(&[flag, a, b, c, d]) = self.buffer.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        // A compressed message is an error too: the request accepts none.
        if !matches!(flag, 0 | TRAILERS) || length > DEFAULT_MAX_MESSAGE_SIZE {
            return Err(malformed());
        }
        if self.buffer.len() - PREFIX < length {
            return Ok(None);
        }
        let rest = self.buffer.split_off(PREFIX + length);
        let frame = Bytes::from(std::mem::replace(&mut self.buffer, rest)).slice(PREFIX..);
        Ok(Some(if flag == TRAILERS {
            Frame::Trailers(String::from_utf8_lossy(&frame).into_owned())
        } else {
            Frame::Message(frame)
        }))
    }

    /// Returns an error if the bytes end within a frame.
    pub(super) fn finish(&self) -> Result<(), CallError> {
        self.buffer.is_empty().then_some(()).ok_or_else(malformed)
    }
}

fn malformed() -> CallError {
    CallError::Failed("the response is malformed".into())
}

/// Returns the value of a trailer.
pub(super) fn trailer(trailers: &str, name: &str) -> Option<String> {
    trailers.lines().find_map(|line| {
        let (other, value) = line.split_once(':')?;
        let is_same = other.trim().eq_ignore_ascii_case(name);
        is_same.then(|| value.trim().to_owned())
    })
}

/// Checks the head of a response that has no status of gRPC. An HTTP error counts as the status of gRPC's "HTTP to gRPC
/// Status Code Mapping".
pub(super) fn check_head(http_status: u16, content_type: &str) -> Result<(), CallError> {
    let code = match http_status {
        200 => {
            // RFC 9110, section 8.3.1: a media type has no letter case.
            let media_type = content_type.split(';').next().unwrap_or_default().trim();
            let is_grpc_web = ["application/grpc-web", "application/grpc-web+proto"]
                .iter()
                .any(|name| media_type.eq_ignore_ascii_case(name));
            let error = format!("the response is not gRPC-Web, but \"{content_type}\"");
            return is_grpc_web.then_some(()).ok_or(CallError::Failed(error));
        }
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    let message = format!("the server responded with HTTP status {http_status}");
    Err(CallError::from_status(code, &message, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response() -> Vec<u8> {
        let mut bytes = [request(b"one"), request(b""), request(b"three")].concat();
        let trailers = b"grpc-status: 5\r\nGrpc-Message:no%20user\r\n";
        bytes.extend(request(trailers));
        let start = bytes.len() - trailers.len() - PREFIX;
        bytes[start] = TRAILERS;
        bytes
    }

    fn frames(chunks: &[&[u8]]) -> Result<Vec<Frame>, CallError> {
        let mut frames = Frames::default();
        let mut decoded = Vec::new();
        for chunk in chunks {
            frames.push(chunk);
            while let Some(frame) = frames.next()? {
                decoded.push(frame);
            }
        }
        frames.finish().map(|()| decoded)
    }

    #[test]
    fn a_response_decodes_the_same_wherever_it_is_split() {
        let response = response();
        let whole = frames(&[&response]).expect("a response");
        assert_eq!(whole.len(), 4);
        assert_eq!(whole[0], Frame::Message(Bytes::from_static(b"one")));
        for middle in 0..=response.len() {
            let (start, end) = response.split_at(middle);
            assert_eq!(frames(&[start, end]).as_ref(), Ok(&whole), "{middle}");
        }
    }

    #[test]
    fn trailers_are_found_by_name_in_any_letter_case() {
        let response = response();
        let Some(Frame::Trailers(trailers)) = frames(&[&response]).expect("frames").pop() else {
            panic!("no trailers");
        };
        assert_eq!(trailer(&trailers, "grpc-status").as_deref(), Some("5"));
        let message = trailer(&trailers, "grpc-message");
        assert_eq!(message.as_deref(), Some("no%20user"));
        assert_eq!(trailer(&trailers, "grpc"), None);
    }

    #[test]
    fn malformed_frames_are_errors() {
        let too_long = (DEFAULT_MAX_MESSAGE_SIZE as u32 + 1).to_be_bytes();
        for bytes in [
            [&[0][..], &too_long].concat(),
            [&[0][..], &u32::MAX.to_be_bytes()].concat(),
            // Compressed, and unknown.
            vec![1, 0, 0, 0, 0],
            vec![2, 0, 0, 0, 0],
            // The end is missing.
            vec![0, 0, 0, 0, 1],
            vec![0],
        ] {
            assert_eq!(frames(&[&bytes]), Err(malformed()), "{bytes:?}");
        }
    }

    #[test]
    fn a_response_of_another_kind_is_an_error() {
        assert_eq!(check_head(200, "application/grpc-web+proto"), Ok(()));
        assert_eq!(check_head(200, "Application/gRPC-Web ; a=b"), Ok(()));
        for content_type in ["text/html", "application/grpc", ""] {
            let error = check_head(200, content_type).expect_err("not gRPC-Web");
            assert!(matches!(error, CallError::Failed(_)));
        }
        for status in [429, 502, 503, 504] {
            assert_eq!(check_head(status, ""), Err(CallError::Unreachable));
        }
        for (status, is_final) in [
            (400, false),
            (401, true),
            (403, true),
            (404, true),
            (500, false),
        ] {
            let error = check_head(status, "").expect_err("an HTTP error");
            assert_eq!(error.is_final(), is_final, "{status}");
        }
    }
}
