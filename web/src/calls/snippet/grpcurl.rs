//! A call with grpcurl.

use prost::bytes::Bytes;

use super::shell;
use crate::api::RawCall;
use crate::calls::message_text::{TextFormat, message_text};
use crate::calls::number::format_float;

/// Returns the command line that makes the call.
pub(super) fn grpcurl(call: &RawCall, requests: &[Bytes], origin: &str) -> String {
    let (scheme, address) = origin.split_once("://").unwrap_or(("http", origin));
    let mut words = vec!["grpcurl".to_owned()];
    if scheme == "http" {
        words.push("-plaintext".into());
    }
    if let Some(deadline) = call.deadline {
        words.extend(["-max-time".into(), format_float(deadline.as_secs_f32())]);
    }
    for (name, value) in &call.metadata {
        words.extend(["-H".into(), format!("{name}: {value}")]);
    }
    let messages: Vec<_> = requests
        .iter()
        .map(|request| message_text(call.method.request, request, TextFormat::Grpcurl))
        .collect();
    words.extend(["-d".into(), messages.join(" "), address.into()]);
    words.push(call.method.path.trim_start_matches('/').into());
    shell::command_line(&words)
}
