//! `soundstage serve`.

use std::future::Future;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;

use clap::Args;
use soundstage_server::directory::Seed;
use soundstage_server::{Server, Settings};
use tonic::codegen::http::uri::Authority;
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::log::{Log, LogFormat};
use crate::open_files;

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
    /// Time for which a published position holds, and for which a source may be silent before its characters are stale
    #[arg(long, value_name = "DURATION", env = "SOUNDSTAGE_HOLD", default_value_t = Settings::default().hold.into())]
    hold: humantime::Duration,
    /// Time for which a stale character stays on the stage
    #[arg(long, value_name = "DURATION", env = "SOUNDSTAGE_LEAVE", default_value_t = Settings::default().leave.into())]
    leave: humantime::Duration,
    /// Time in which the server stops after a signal
    #[arg(long, value_name = "DURATION", env = "SOUNDSTAGE_DRAIN", default_value_t = Settings::default().drain.into())]
    drain: humantime::Duration,
    /// Connections to serve at once. Further clients wait
    #[arg(long, value_name = "N", env = "SOUNDSTAGE_MAX_CONNECTIONS", default_value_t = Settings::default().max_connections, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
    /// Connections to serve at once from one IP address, or one /64 network of IPv6. Further connections are closed
    /// [default: half of --max-connections]
    #[arg(long, value_name = "N", env = "SOUNDSTAGE_MAX_CONNECTIONS_PER_ADDRESS", value_parser = clap::value_parser!(u32).range(1..))]
    max_connections_per_address: Option<u32>,
    /// WebSockets to serve at once. Further WebSockets are refused
    #[arg(long, value_name = "N", env = "SOUNDSTAGE_MAX_WEBSOCKETS", default_value_t = Settings::default().max_sockets)]
    max_websockets: usize,
    /// WebSockets to serve at once from one IP address, or one /64 network of IPv6. Raise this behind a reverse proxy
    #[arg(long, value_name = "N", env = "SOUNDSTAGE_MAX_WEBSOCKETS_PER_ADDRESS", default_value_t = Settings::default().max_sockets_per_address)]
    max_websockets_per_address: usize,
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

#[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
fn parse_seed(text: &str) -> Result<Seed, String> {
    Ok(match text {
        "default" => Seed::default(),
        "none" => Seed::Empty,
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
    let log = Log::start(&args.log, args.log_format).map_err(Failure::System)?;
    let defaults = Settings::default();
    let settings = Settings {
        listen: args.listen,
        database: args.database,
        seed: args.seed,
        threads: args.threads.map_or(defaults.threads, usize::from),
        max_connections: args.max_connections,
        max_connections_per_address: args.max_connections_per_address,
        max_sockets: args.max_websockets,
        max_sockets_per_address: args.max_websockets_per_address,
        allowed_origins: args.allow_origin,
        allowed_hosts: args.allow_host,
        hold: args.hold.into(),
        leave: args.leave.into(),
        drain: args.drain.into(),
        dropped_log_lines: log.dropped(),
        ..defaults
    };
    // A connection that becomes a WebSocket no longer counts as a connection.
    let sockets = u64::from(settings.max_connections).saturating_add(settings.max_sockets as u64);
    open_files::raise_limit(sockets);
    let server = Server::bind(settings)?;
    let address = server.local_addr().map_err(Failure::System)?;
    if !address.ip().is_loopback() {
        tracing::warn!(
            "there is no sign-in yet, so every caller that reaches {address} can read and change all users and move characters; listen on 127.0.0.1, or restrict access with a firewall or proxy"
        );
    }
    let announce = move || {
        let mut stdout = std::io::stdout();
        // A closed standard output does not stop the server.
        let _ = writeln!(stdout, "Soundstage is at http://{}/", local(address));
        if let Some(address) = remote(address) {
            let _ = writeln!(stdout, "Other machines reach it at http://{address}/");
        }
        let _ = stdout.flush();
    };
    Ok(server.run(stop_signal(), announce)?)
}

/// Returns the address to open in a browser on this machine: the loopback address if the server listens on all
/// interfaces.
fn local(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

/// Returns the address by which other machines reach a server on all interfaces: that of the default route. `None` if
/// the server listens on one interface, or the machine has no route.
fn remote(address: SocketAddr) -> Option<SocketAddr> {
    if !address.ip().is_unspecified() {
        return None;
    }
    // Connecting a UDP socket chooses a route and sends nothing. The addresses are for documentation (RFCs 5737, 3849).
    let route = |from: IpAddr, to: IpAddr| {
        let socket = UdpSocket::bind((from, 0)).ok()?;
        socket.connect((to, 9)).ok()?;
        let ip = socket.local_addr().ok()?.ip();
        (!ip.is_loopback() && !ip.is_unspecified()).then(|| SocketAddr::new(ip, address.port()))
    };
    let v4 = || {
        let to = Ipv4Addr::new(192, 0, 2, 1);
        route(Ipv4Addr::UNSPECIFIED.into(), to.into())
    };
    let v6 = || {
        let to = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        route(Ipv6Addr::UNSPECIFIED.into(), to.into())
    };
    // A server on all IPv6 interfaces usually serves IPv4 too.
    v4().or_else(|| address.is_ipv6().then(v6).flatten())
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
