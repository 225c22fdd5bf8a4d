//! The parts of gRPC-Web that [`Decoder`](soundstage_channel::Decoder) leaves to the caller ("gRPC Web", section
//! "Protocol differences vs gRPC over HTTP2").

use soundstage_channel::{code_of_http, is_grpc_web};

use super::error::CallError;

/// The length of a frame's flag and length, in bytes.
pub(super) const PREFIX: usize = 5;

/// Returns a request: a frame with a message.
pub(super) fn request(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

/// Returns the value of a trailer.
pub(super) fn trailer(trailers: &str, name: &str) -> Option<String> {
    trailers.lines().find_map(|line| {
        let (other, value) = line.split_once(':')?;
        let is_same = other.trim().eq_ignore_ascii_case(name);
        is_same.then(|| value.trim().to_owned())
    })
}

/// Checks the head of a response that has no status of gRPC.
pub(super) fn check_head(http_status: u16, content_type: &str) -> Result<(), CallError> {
    if http_status != 200 {
        let message = format!("the server responded with HTTP status {http_status}");
        return Err(CallError::from_status(
            code_of_http(http_status),
            &message,
            &[],
        ));
    }
    let error = || {
        CallError::Failed(format!(
            "the response is not gRPC-Web, but \"{content_type}\""
        ))
    };
    is_grpc_web(content_type).then_some(()).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_are_found_by_name_in_any_letter_case() {
        let trailers = "grpc-status: 5\r\nGrpc-Message:no%20user\r\n";
        assert_eq!(trailer(trailers, "grpc-status").as_deref(), Some("5"));
        let message = trailer(trailers, "grpc-message");
        assert_eq!(message.as_deref(), Some("no%20user"));
        assert_eq!(trailer(trailers, "grpc"), None);
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
