//! What the black-box tests share: starting the real server, in this process or as the binary, and calling it.

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

/// How long a test waits for what must come. Far above what it takes; reaching it is a failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server in this process, on a port and a database of its own. Stops when it is dropped.
pub struct TestServer {
    address: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _folder: TempDir,
}

impl TestServer {
    /// Starts with the first users and settings that suit tests.
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// Starts with other settings.
    ///
    /// # Panics
    /// When the server does not start.
    pub async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut settings = Settings {
            listen: "127.0.0.1:0".parse().expect("an address"),
            database: folder.path().join("users.db"),
            threads: 2,
            // A test that stops its server does not read what its clients are sent meanwhile, so they hold the drain.
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of the user directory, on a connection of its own.
    pub async fn users(&self) -> UserManagerClient<Channel> {
        UserManagerClient::new(channel(self.address).await)
    }

    /// A client of the stage, on a connection of its own.
    pub async fn stage(&self) -> PositionServiceClient<Channel> {
        PositionServiceClient::new(channel(self.address).await)
    }

    /// Tells it to stop, without waiting.
    pub fn begin_shutdown(&mut self) {
        self.shutdown = None;
    }

    /// Stops it, and waits for its end.
    ///
    /// # Panics
    /// When the server has panicked.
    pub fn stop(&mut self) {
        self.begin_shutdown();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends without a panic");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // A second panic while the first unwinds would abort and hide it.
        if std::thread::panicking() {
            self.begin_shutdown();
        } else {
            self.stop();
        }
    }
}

/// A native gRPC connection.
///
/// # Panics
/// When nobody listens there.
pub async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("the server listens")
}

/// A seed file in `folder` with this content.
///
/// # Panics
/// When it cannot be written.
pub fn seed_file(folder: &TempDir, content: &str) -> (PathBuf, Seed) {
    let path = folder.path().join("seed.json");
    std::fs::write(&path, content).expect("a seed file");
    (path.clone(), Seed::File(path))
}
