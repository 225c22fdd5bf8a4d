//! Reaching the server.

use std::future::Future;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tonic::codegen::http::{HeaderName, HeaderValue};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};

use crate::failure::Failure;

/// How to reach the server, and how to print what it says.
#[derive(Args)]
pub(crate) struct ClientArgs {
    /// Where the server is
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SOUNDSTAGE_SERVER",
        default_value = "http://127.0.0.1:1234"
    )]
    server: String,
    /// Give up after this long, for example 500ms or 10s [default: wait]
    #[arg(long, global = true, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Metadata to send along, such as "tag: one"; may be given more than once
    #[arg(long = "header", global = true, value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// How answers are printed.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    #[default]
    Table,
    Json,
}

impl ClientArgs {
    /// A connection to the server.
    pub(crate) async fn connect(&self) -> Result<Channel, Failure> {
        let endpoint = Endpoint::from_shared(self.server.clone())
            .map_err(|_| {
                Failure::BadInput(format!(
                    "--server: {:?} is no URL such as http://127.0.0.1:1234",
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

    /// The request with its deadline and metadata.
    pub(crate) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        // As headers, since there the values of names that end in "-bin" are base64 already.
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
        .ok_or("write a name, a colon and a value")?;
    let name = HeaderName::from_bytes(name.trim().as_bytes());
    let value = HeaderValue::from_str(value.trim());
    Ok((
        name.map_err(|_| "a name has letters, digits, \"-\", \"_\" and \".\" only")?,
        value.map_err(|_| "a value is plain ASCII, or base64 where the name ends in -bin")?,
    ))
}

/// The error at the bottom, which says what happened: "Connection refused".
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
    // A thread that still reads standard input would be waited for.
    runtime.shutdown_background();
    result
}
