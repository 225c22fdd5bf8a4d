//! The server as a whole: from the port to the end of the drain.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use soundstage_proto::encoded::position_service_server;
use soundstage_proto::user::user_manager_server;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::directory::Directory;
use crate::http::Router;
use crate::lifecycle::Lifecycle;
use crate::listener::{Serving, Workers};
use crate::settings::Settings;
use crate::stage::Stage;
use crate::store::sqlite::{SqliteOptions, SqliteStore, StoreError};

/// The names that the health service knows; the empty one is the server as a whole.
const HEALTH_NAMES: [&str; 3] = [
    "",
    user_manager_server::SERVICE_NAME,
    position_service_server::SERVICE_NAME,
];

/// How much of the drain's time is kept for what comes after it: dropping connections and closing the store.
const CLEAN_UP: Duration = Duration::from_millis(500);

/// A server that has its port, and does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: std::net::TcpListener,
    settings: Settings,
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", bind_advice(.error))]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Threads or timers could not be had from the system.
    #[error("the system refused a thread or a timer: {0}")]
    System(#[from] io::Error),
}

fn bind_advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program is there; stop it, or choose another port with --listen".into()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; choose another with --listen".into()
        }
        io::ErrorKind::PermissionDenied => {
            "not permitted; choose a port above 1023 with --listen".into()
        }
        _ => error.to_string(),
    }
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    /// When the address is taken, not ours, or not permitted.
    pub fn bind(settings: Settings) -> Result<Self, ServerError> {
        let address = settings.listen;
        let listen = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = listen().map_err(|error| ServerError::Bind { address, error })?;
        Ok(Self { listener, settings })
    }

    /// The address it listens on, with the port that was picked where 0 was asked for.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` completes, then drains within [`Settings::drain`]. Blocks the thread. Connections are
    /// answered at once, users once the store is open, which is when `ready` is called.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn run(
        self,
        shutdown: impl Future<Output = ()>,
        ready: impl FnOnce(),
    ) -> Result<(), ServerError> {
        let Self { listener, settings } = self;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let lifecycle = Lifecycle::default();
        let stage = Stage::new(settings.hold, settings.leave);
        let health = HealthReporter::new();

        runtime.block_on(async {
            set_health(&health, ServingStatus::NotServing).await;
            let router = Arc::new(Router::new(
                &settings,
                lifecycle.clone(),
                stage.clone(),
                &health,
            ));
            let serving = Serving {
                router,
                lifecycle: lifecycle.clone(),
                header_timeout: settings.header_timeout,
            };
            let workers = Workers::start(settings.threads, &serving)?;
            let listener = TcpListener::from_std(listener)?;
            let directory = open_directory(&settings);

            let outcome = {
                let serving = async {
                    lifecycle.ready(directory.await?);
                    set_health(&health, ServingStatus::Serving).await;
                    ready();
                    std::future::pending().await
                };
                tokio::select! {
                    outcome = serving => outcome,
                    () = workers.accept(listener, settings.max_connections, &lifecycle) => Ok(()),
                    () = stage.run() => Ok(()),
                    () = shutdown => Ok(()),
                }
            };

            set_health(&health, ServingStatus::NotServing).await;
            drain(&lifecycle, workers, settings.drain).await;
            outcome
        })
    }
}

/// Opens the directory on a thread of its own: that may take a while, and calls are answered meanwhile.
async fn open_directory(settings: &Settings) -> Result<Directory, ServerError> {
    let (answer, opened) = oneshot::channel();
    let (path, seed) = (settings.database.clone(), settings.seed.clone());
    std::thread::Builder::new()
        .name("open-directory".into())
        .spawn(move || {
            let store = SqliteStore::open(&path, &seed, &SqliteOptions::default());
            answer.send(store.map(Directory::new))
        })?;
    let opened = opened
        .await
        .map_err(|_| io::Error::other("opening the database panicked"))?;
    Ok(opened?)
}

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}

/// Lets what is under way come to its end, for at most `bound`.
async fn drain(lifecycle: &Lifecycle, workers: Workers, bound: Duration) {
    let start = Instant::now();
    tracing::info!(bound = ?bound, "stopping: no new connections, streams end");
    let patience = bound.saturating_sub(CLEAN_UP);
    lifecycle.drain(patience);
    let (done, ended) = oneshot::channel();
    std::thread::spawn(move || {
        workers.join();
        // Nobody is left to be told once the bound has passed.
        let _ = done.send(());
    });
    let mut ended = pin!(ended);
    if tokio::time::timeout(patience, ended.as_mut())
        .await
        .is_err()
    {
        tracing::warn!("connections are still open at the end of the drain; they are cut");
        lifecycle.cut.cancel();
        let _ = tokio::time::timeout(CLEAN_UP, ended).await;
    }
    tracing::info!(took = ?start.elapsed(), "stopped");
}
