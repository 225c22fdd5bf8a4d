//! gzip of requests, and of large responses to clients that accept gzip ("gRPC compression").

use std::io::{Read as _, Write as _};

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message;
use soundstage_proto::encoded::PREFIX;
use tonic::Status;

use super::request_stream::too_large;
use super::response::put_message;
use crate::limits::{MAX_MESSAGE, MIN_COMPRESSED};

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
const GZIP: &str = "gzip";

/// Returns whether the compressed messages of a request use gzip.
///
/// # Errors
/// `UNIMPLEMENTED` with the compressions that the server knows, for any other.
pub(super) fn is_gzip(headers: &HeaderMap) -> Result<bool, Status> {
    match headers.get(ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(false),
        Some(b"gzip") => Ok(true),
        Some(_) => {
            let mut status = Status::unimplemented(
                "the server does not know the compression in grpc-encoding; use gzip or identity",
            );
            let known = tonic::metadata::MetadataValue::from_static("gzip,identity");
            status.metadata_mut().insert(ACCEPT_ENCODING, known);
            Err(status)
        }
    }
}

/// Inflates a message.
pub(super) fn inflate(message: &[u8]) -> Result<Bytes, Status> {
    let mut inflated = Vec::new();
    GzDecoder::new(message)
        .take(MAX_MESSAGE as u64 + 1)
        .read_to_end(&mut inflated)
        .map_err(|error| Status::internal(format!("the request message is no gzip: {error}")))?;
    if inflated.len() > MAX_MESSAGE {
        return Err(too_large(inflated.len()));
    }
    Ok(inflated.into())
}

/// The compression of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
}

impl Compression {
    /// Returns the compression that the client of a request accepts.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let accepted = headers.get(ACCEPT_ENCODING);
        let accepted = accepted.and_then(|value| value.to_str().ok());
        let is_gzip = |value: &str| value.trim() == GZIP;
        if accepted.is_some_and(|accepted| accepted.split(',').any(is_gzip)) {
            Self::Gzip
        } else {
            Self::None
        }
    }

    /// Encodes a message with its prefix. Compresses a message of at least [`MIN_COMPRESSED`] bytes, and says so in the
    /// headers.
    pub(super) fn frame(self, message: &impl Message, headers: &mut HeaderMap) -> Bytes {
        let length = message.encoded_len();
        if self == Self::Gzip && length >= MIN_COMPRESSED {
            headers.insert(ENCODING, HeaderValue::from_static(GZIP));
            return framed(true, &deflate(&message.encode_to_vec()));
        }
        let mut frame = BytesMut::with_capacity(PREFIX + length);
        put_message(&mut frame, message, length);
        frame.freeze()
    }
}

fn deflate(message: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    // Writing to a vector does not fail.
    let _ = encoder.write_all(message);
    encoder.finish().unwrap_or_default()
}

fn framed(is_compressed: bool, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(is_compressed.into());
    frame.put_u32(message.len() as u32);
    frame.put_slice(message);
    frame.freeze()
}
