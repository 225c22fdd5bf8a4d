//! The settings of a server and their defaults. The command line takes its defaults from here.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::directory::Seed;
use crate::limits;

/// The settings of a server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address and port to listen on. Port 0 takes a free port.
    pub listen: SocketAddr,
    /// The database file of the users. Created if it does not exist.
    pub database: PathBuf,
    /// The users of a new database.
    pub seed: Seed,
    /// The number of threads that serve connections, each with a runtime of its own.
    pub threads: usize,
    /// The number of connections served at once. Further clients wait in the backlog of the operating system.
    pub max_connections: u32,
    /// The origins of pages on other sites that may call this server, such as `https://example.com`. The server's own
    /// page needs no entry.
    pub allowed_origins: Vec<String>,
    /// The host names, without port, by which browsers may reach this server. `localhost` and IP addresses need no
    /// entry.
    pub allowed_hosts: Vec<String>,
    /// The number of WebSockets open at once.
    pub max_sockets: usize,
    /// The number of WebSockets open at once from one IP address.
    pub max_sockets_per_address: usize,
    /// The time in which a client must say which protocol it speaks, and send the headers of a request or the first
    /// message of a WebSocket.
    pub header_timeout: Duration,
    /// The time for which a published position holds before the character walks on, and for which a source of the
    /// stage may be silent before its characters are stale.
    pub hold: Duration,
    /// The time for which a stale character stays on the stage.
    pub leave: Duration,
    /// The time in which the server stops once the shutdown future completes.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Loopback, so that only an explicit setting makes the server reachable from other machines.
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 1234)),
            database: PathBuf::from("soundstage.db"),
            seed: Seed::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            max_connections: limits::MAX_CONNECTIONS,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            max_sockets: limits::MAX_SOCKETS,
            max_sockets_per_address: limits::MAX_SOCKETS_PER_ADDRESS,
            header_timeout: limits::HEADER_TIMEOUT,
            hold: limits::HOLD,
            leave: limits::LEAVE,
            drain: limits::DRAIN,
        }
    }
}
