//! Connecting to the server.

use std::future::Future;
use std::time::Duration;

use clap::Args;
use tonic::codegen::http::{HeaderName, HeaderValue};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};

use crate::failure::Failure;

/// The server, the deadline and the metadata of a client command.
#[derive(Args)]
pub(crate) struct ClientArgs {
    /// URL of the server
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SOUNDSTAGE_SERVER",
        default_value = "http://127.0.0.1:1234"
    )]
    server: String,
    /// Deadline of each call, for example 500ms or 10s [default: none]
    #[arg(long, global = true, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Metadata to send with each call, such as "tag: one"; can be repeated
    #[arg(long = "header", global = true, value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ClientArgs {
    /// Connects to the server, within the timeout or 5 seconds.
    pub(crate) async fn connect(&self) -> Result<Channel, Failure> {
        let endpoint = Endpoint::from_shared(self.server.clone())
            .map_err(|_| {
                Failure::InvalidInput(format!(
                    "--server: {:?} is not a URL; write one such as http://127.0.0.1:1234",
                    self.server
                ))
            })?
            .connect_timeout(self.timeout.unwrap_or(Duration::from_secs(5)));
        endpoint
            .connect()
            .await
            .map_err(|error| Failure::Unreachable {
                server: self.server.clone(),
                detail: innermost(&error),
            })
    }

    /// Returns a request with the deadline and the metadata.
    pub(crate) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        // Added as headers: the user gives values of "-bin" names in base64, and tonic's metadata would encode them
        // again.
        let mut headers = std::mem::take(request.metadata_mut()).into_headers();
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        *request.metadata_mut() = MetadataMap::from_headers(headers);
        request
    }
}

fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let (name, value) = text
        .split_once(':')
        .ok_or("write a name, a colon and a value, such as tag: one")?;
    let name = HeaderName::from_bytes(name.trim().as_bytes());
    let value = HeaderValue::from_str(value.trim());
    Ok((
        name.map_err(|_| "write the name with letters, digits, \"-\", \"_\" and \".\" only")?,
        value.map_err(
            |_| "write the value in printable ASCII, or in base64 if the name ends in -bin",
        )?,
    ))
}

/// Returns the innermost error, which says what happened, such as "Connection refused".
fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// Runs a client command to its end.
pub(crate) fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::System)?;
    let result = runtime.block_on(command);
    // Dropping the runtime would wait for the thread that reads standard input.
    runtime.shutdown_background();
    result
}
