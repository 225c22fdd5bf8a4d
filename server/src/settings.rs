//! What can be set, with its defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::directory::Seed;

/// The settings of one server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The file that holds the users; created where it is missing.
    pub database: PathBuf,
    /// The users a fresh database starts with.
    pub seed: Seed,
    /// How many threads serve connections, each with a runtime of its own.
    pub threads: usize,
    /// How many connections are served at once; more wait in the system's backlog.
    pub max_connections: usize,
    /// Origins of other pages, such as `https://example.com`, that browsers may let call this server. The page it
    /// serves itself needs none.
    pub allowed_origins: Vec<String>,
    /// Names, without port, that the server answers browsers to; addresses and `localhost` need not be named.
    pub allowed_hosts: Vec<String>,
    /// How many WebSockets are open at once, in all and from one address.
    pub max_sockets: usize,
    /// See [`Settings::max_sockets`].
    pub max_sockets_per_address: usize,
    /// How long a client may take to say which protocol it speaks, and to send the headers of a request.
    pub header_timeout: Duration,
    /// How long a published position holds before the character walks on, and how long a source of the stage may be silent
    /// before its characters are stale.
    pub hold: Duration,
    /// How long stale characters stay on the stage.
    pub leave: Duration,
    /// How long the server may take to stop once it was told to.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Loopback: being reachable from elsewhere is a decision, not a default.
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 1234)),
            database: PathBuf::from("soundstage.db"),
            seed: Seed::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            max_connections: 10_000,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            max_sockets: 4096,
            max_sockets_per_address: 256,
            header_timeout: Duration::from_secs(15),
            hold: Duration::from_secs(3),
            leave: Duration::from_secs(10),
            drain: Duration::from_secs(10),
        }
    }
}
