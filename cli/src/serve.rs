//! `soundstage serve`.

use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use soundstage_server::directory::Seed;
use soundstage_server::{Server, Settings};
use tonic::codegen::http::uri::Authority;
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// The settings of the server. Each can come from an environment variable too.
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Address and port to listen on. 0.0.0.0:1234 makes the server reachable from other machines
    #[arg(long, value_name = "ADDRESS:PORT", env = "SOUNDSTAGE_LISTEN", default_value_t = Settings::default().listen)]
    listen: SocketAddr,
    /// Database file of the users. Created if it does not exist
    #[arg(long, value_name = "FILE", env = "SOUNDSTAGE_DATABASE", default_value_os_t = Settings::default().database)]
    database: PathBuf,
    /// Users of a new database: "default" for six example users, "none", or a JSON file of users
    #[arg(long, value_name = "default|none|FILE", env = "SOUNDSTAGE_SEED", default_value = "default", value_parser = parse_seed)]
    seed: Seed,
    /// Origin (scheme, host and port) of a page on another site that may call this server. Repeatable
    #[arg(long, value_name = "ORIGIN", env = "SOUNDSTAGE_ALLOW_ORIGIN", value_delimiter = ',', value_parser = parse_origin)]
    allow_origin: Vec<String>,
    /// Host name by which browsers may reach this server, besides localhost and IP addresses. Repeatable
    #[arg(
        long,
        value_name = "NAME",
        env = "SOUNDSTAGE_ALLOW_HOST",
        value_delimiter = ','
    )]
    allow_host: Vec<String>,
    /// Time for which a published position holds before the character walks on
    #[arg(long, value_name = "DURATION", env = "SOUNDSTAGE_HOLD", default_value_t = Settings::default().hold.into())]
    hold: humantime::Duration,
    /// Time after which a character without a source leaves the stage
    #[arg(long, value_name = "DURATION", env = "SOUNDSTAGE_LEAVE", default_value_t = Settings::default().leave.into())]
    leave: humantime::Duration,
    /// Time in which the server stops after a signal
    #[arg(long, value_name = "DURATION", env = "SOUNDSTAGE_DRAIN", default_value_t = Settings::default().drain.into())]
    drain: humantime::Duration,
    /// Connections to serve at once. Further clients wait
    #[arg(long, value_name = "N", env = "SOUNDSTAGE_MAX_CONNECTIONS", default_value_t = Settings::default().max_connections, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
    /// Threads that serve connections [default: one per core]
    #[arg(long, value_name = "N", env = "SOUNDSTAGE_THREADS", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Log level: error, warn, info (one line per call), debug, or a filter of tracing-subscriber
    #[arg(long, value_name = "LEVEL", env = "SOUNDSTAGE_LOG", default_value = "info", value_parser = parse_filter)]
    log: String,
    /// Format of the log lines on standard error
    #[arg(
        long,
        value_name = "FORMAT",
        env = "SOUNDSTAGE_LOG_FORMAT",
        value_enum,
        default_value_t
    )]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum LogFormat {
    #[default]
    Text,
    Json,
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
fn parse_seed(text: &str) -> Result<Seed, String> {
    Ok(match text {
        "default" => Seed::default(),
        "none" => Seed::Nobody,
        file => Seed::File(file.into()),
    })
}

/// Checks that an origin is a scheme, a host and an optional port, without a path.
fn parse_origin(text: &str) -> Result<String, &'static str> {
    let is_origin = text.split_once("://").is_some_and(|(scheme, authority)| {
        matches!(scheme, "http" | "https") && authority.parse::<Authority>().is_ok()
    });
    if is_origin {
        Ok(text.to_owned())
    } else {
        Err("use an origin such as https://example.com, without a path")
    }
}

fn parse_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

/// Serves until SIGINT or SIGTERM.
pub(crate) fn run(args: ServeArgs) -> Result<(), Failure> {
    start_logging(&args.log, args.log_format);
    let defaults = Settings::default();
    let settings = Settings {
        listen: args.listen,
        database: args.database,
        seed: args.seed,
        threads: args.threads.map_or(defaults.threads, usize::from),
        max_connections: args.max_connections,
        allowed_origins: args.allow_origin,
        allowed_hosts: args.allow_host,
        hold: args.hold.into(),
        leave: args.leave.into(),
        drain: args.drain.into(),
        ..defaults
    };
    let server = Server::bind(settings)?;
    let address = server.local_addr().map_err(Failure::System)?;
    let announce = move || {
        let mut stdout = std::io::stdout();
        // A closed standard output does not stop the server.
        let _ = writeln!(stdout, "Soundstage is at http://{}/", reachable(address))
            .and_then(|()| stdout.flush());
    };
    Ok(server.run(stop_signal(), announce)?)
}

/// Returns the address to open in a browser: the loopback address if the server listens on all interfaces.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

fn start_logging(filter: &str, format: LogFormat) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

#[cfg(unix)]
fn stop_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    async {
        let wait = async |kind| match signal(kind) {
            Ok(mut signals) => drop(signals.recv().await),
            Err(error) => {
                tracing::error!(%error, "cannot receive signals; end the process with SIGKILL");
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = wait(SignalKind::interrupt()) => {}
            () = wait(SignalKind::terminate()) => {}
        }
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
