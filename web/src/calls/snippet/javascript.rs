//! A call with the JavaScript client.

use std::fmt::Write as _;

use prost::bytes::Bytes;
use soundstage_proto::descriptor::CallKind;

use crate::api::RawCall;
use crate::calls::message_text::{TextFormat, message_text, quoted};

/// Finds a WebSocket in every runtime that the client supports.
const WEB_SOCKET: &str = "// Node.js 20 has no WebSocket. Install one: npm install ws\n\
    const webSocket = globalThis.WebSocket ?? (await import(\"ws\")).WebSocket;\n";

/// Returns a program that makes the call.
pub(super) fn javascript(call: &RawCall, requests: &[Bytes], origin: &str) -> String {
    let client = if call.method.service == "UserManager" {
        "users"
    } else {
        "stage"
    };
    let mut name = call.method.name.to_owned();
    name[..1].make_ascii_lowercase();
    let messages: Vec<_> = requests
        .iter()
        .map(|request| message_text(call.method.request, request, TextFormat::JavaScript))
        .collect();
    let is_single = !call.method.kind.takes_many();
    let (web_socket, connect) = match (is_single, call.over_websocket) {
        (true, false) => ("", ""),
        (true, true) => (WEB_SOCKET, ", { transport: \"websocket\", webSocket }"),
        // The client sends a stream of requests over a WebSocket.
        (false, _) => (WEB_SOCKET, ", { webSocket }"),
    };
    let mut code = format!(
        "import {{ connect }} from \"soundstage-client\";\n\n{web_socket}const {{ {client} }} = connect({}{connect});\n",
        quoted(origin)
    );
    let request = if is_single {
        messages.first().cloned().unwrap_or_else(|| "{}".into())
    } else {
        code.push_str("async function* requests() {\n");
        for message in messages {
            // Writing to a `String` never fails.
            let _ = writeln!(code, "  yield {message};");
        }
        code.push_str("}\n");
        "requests()".into()
    };
    let target = format!("{client}.{name}({request}{})", javascript_options(call));
    let print = match call.method.kind {
        CallKind::Unary | CallKind::ClientStreaming => format!("console.log(await {target});\n"),
        CallKind::ServerStreaming | CallKind::Bidirectional => {
            format!("for await (const response of {target}) console.log(response);\n")
        }
    };
    code + &print
}

/// Returns the options argument of the call, with a leading comma; empty without options.
fn javascript_options(call: &RawCall) -> String {
    let mut options = Vec::new();
    if let Some(deadline) = call.deadline {
        options.push(format!("timeoutMs: {}", deadline.as_millis()));
    }
    if !call.metadata.is_empty() {
        let pairs = call
            .metadata
            .iter()
            .map(|(name, value)| format!("[{}, {}]", quoted(name), quoted(value)));
        options.push(format!(
            "headers: [{}]",
            pairs.collect::<Vec<_>>().join(", ")
        ));
    }
    if options.is_empty() {
        return String::new();
    }
    format!(", {{ {} }}", options.join(", "))
}
