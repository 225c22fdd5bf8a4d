//! Shared by the black-box tests: starts the real server, in this process or as the binary, and calls it.

pub mod binary;
pub mod raw;
pub mod websocket;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_server::directory::Seed;
use soundstage_server::{Server, Settings};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tonic::transport::{Channel, Endpoint};

/// The time after which a test gives up waiting. Far longer than anything takes, so reaching it is a failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server in this process, with a port and a database of its own. Its drop stops the server.
pub struct TestServer {
    address: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _folder: TempDir,
}

impl TestServer {
    /// Starts a server with the example users.
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// Starts a server with adjusted settings.
    ///
    /// # Panics
    /// If the server does not start.
    pub async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut settings = Settings {
            listen: "127.0.0.1:0".parse().expect("an address"),
            database: folder.path().join("users.db"),
            threads: 2,
            // A test does not read its clients' responses while it stops the server, so the drain runs to its end.
            drain: Duration::from_millis(600),
            ..Settings::default()
        };
        adjust(&mut settings);
        let server = Server::bind(settings).expect("a free port");
        let address = server.local_addr().expect("an address");
        let (shutdown, stopped) = oneshot::channel::<()>();
        let (ready, is_ready) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let stop = async { drop(stopped.await) };
            server
                .run(stop, || ready.send(()).unwrap_or_default())
                .expect("the server runs");
        });
        tokio::time::timeout(PATIENCE, is_ready)
            .await
            .expect("ready in time")
            .expect("ready");
        Self {
            address,
            shutdown: Some(shutdown),
            thread: Some(thread),
            _folder: folder,
        }
    }

    /// Returns the address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a client of the user directory with a connection of its own.
    pub async fn users(&self) -> UserManagerClient<Channel> {
        UserManagerClient::new(channel(self.address).await)
    }

    /// Returns a client of the stage with a connection of its own.
    pub async fn stage(&self) -> PositionServiceClient<Channel> {
        PositionServiceClient::new(channel(self.address).await)
    }

    /// Starts the shutdown of the server, without waiting.
    pub fn begin_shutdown(&mut self) {
        self.shutdown = None;
    }

    /// Stops the server and waits for its end.
    ///
    /// # Panics
    /// If the server panicked.
    pub fn stop(&mut self) {
        self.begin_shutdown();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends without a panic");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // A second panic during unwinding would abort the process and hide the first.
        if std::thread::panicking() {
            self.begin_shutdown();
        } else {
            self.stop();
        }
    }
}

/// Opens a native gRPC connection.
///
/// # Panics
/// If no server listens on the address.
pub async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("the server listens")
}

/// Writes a seed file to `folder`.
///
/// # Panics
/// If the file cannot be written.
pub fn seed_file(folder: &TempDir, content: &str) -> (PathBuf, Seed) {
    let path = folder.path().join("seed.json");
    std::fs::write(&path, content).expect("a seed file");
    (path.clone(), Seed::File(path))
}
