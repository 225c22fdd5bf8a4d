//! The server as a whole, from opening the port to the end of the drain.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use soundstage_proto::{POSITION_SERVICE, USER_MANAGER};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::directory::{Directory, DirectoryError};
use crate::http::Router;
use crate::lifecycle::Lifecycle;
use crate::limits::{self, CLEAN_UP};
use crate::listener::{ConnectionContext, Timeouts, Workers};
use crate::settings::Settings;
use crate::stage::Stage;
use crate::store::sqlite::{SqliteOptions, SqliteStore, StoreError};

/// The names that the health service knows. The empty name stands for the whole server.
const HEALTH_NAMES: [&str; 3] = ["", USER_MANAGER, POSITION_SERVICE];

/// A server that holds its port and does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: std::net::TcpListener,
    settings: Settings,
}

/// The reason why a server cannot start, or has stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The server cannot listen on the address.
    #[error("cannot listen on {address}: {}", bind_advice(.error))]
    Bind {
        /// The address from the settings.
        address: SocketAddr,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The server cannot open the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database can no longer store changes, so the server has stopped.
    #[error("the server stopped: {0}")]
    Stopped(DirectoryError),
    /// The operating system refused a thread or a timer.
    #[error("the operating system refused a thread or a timer: {0}")]
    System(#[from] io::Error),
}

fn bind_advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program uses this port; stop it, or choose another port with --listen".into()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have this address; choose another with --listen".into()
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; choose a port above 1023 with --listen".into()
        }
        _ => error.to_string(),
    }
}

impl Server {
    /// Opens the port.
    ///
    /// # Errors
    /// If the address is in use, does not belong to this machine, or needs a permission.
    pub fn bind(settings: Settings) -> Result<Self, ServerError> {
        let address = settings.listen;
        let listen = || {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            // A restarted server can have its port again at once. On Windows, the option would let two servers share it.
            #[cfg(unix)]
            socket.set_reuse_address(true)?;
            socket.bind(&address.into())?;
            socket.listen(limits::BACKLOG as i32)?;
            socket.set_nonblocking(true)?;
            Ok(socket.into())
        };
        let listener = listen().map_err(|error| ServerError::Bind { address, error })?;
        Ok(Self { listener, settings })
    }

    /// Returns the address of the server, with the real port if the settings say port 0.
    ///
    /// # Errors
    /// If the operating system does not know the address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` completes, then drains within [`Settings::drain`]. Blocks the thread.
    ///
    /// Calls get `UNAVAILABLE` until the store is open; then `ready` is called.
    ///
    /// # Errors
    /// If the server cannot open the database or no longer store changes in it, or if the operating system refuses a
    /// thread.
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
            let context = ConnectionContext {
                router,
                lifecycle: lifecycle.clone(),
                stage: stage.clone(),
                timeouts: Timeouts::new(&settings),
            };
            let workers = Workers::start(settings.threads, &context)?;
            let listener = TcpListener::from_std(listener)?;
            let directory = open_directory(&settings);

            let outcome = {
                let serving = async {
                    let directory = directory.await?;
                    let stopped = directory.stopped();
                    lifecycle.ready(directory);
                    set_health(&health, ServingStatus::Serving).await;
                    ready();
                    Err(ServerError::Stopped(stopped.await))
                };
                tokio::select! {
                    outcome = serving => outcome,
                    () = workers.accept(listener, &settings, &lifecycle) => Ok(()),
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

/// Opens the directory on a separate thread: a migration can take seconds, and the server responds meanwhile.
async fn open_directory(settings: &Settings) -> Result<Directory, ServerError> {
    let (sender, opened) = oneshot::channel();
    let (path, seed) = (settings.database.clone(), settings.seed.clone());
    std::thread::Builder::new()
        .name("open-directory".into())
        .spawn(move || {
            let store = SqliteStore::open(&path, &seed, &SqliteOptions::default());
            sender.send(store.map(Directory::new))
        })?;
    let opened = opened
        .await
        .map_err(|_| io::Error::other("the server panicked while it opened the database"))?;
    Ok(opened?)
}

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}

/// Waits until all calls have ended, for at most `bound`, then aborts the rest.
async fn drain(lifecycle: &Lifecycle, workers: Workers, bound: Duration) {
    let start = Instant::now();
    tracing::info!(bound = ?bound, "stopping: accepting no connections, ending streams");
    let grace = bound.saturating_sub(CLEAN_UP);
    lifecycle.drain(grace);
    let (done, ended) = oneshot::channel();
    std::thread::spawn(move || {
        workers.join();
        // The receiver is gone if the bound has passed.
        let _ = done.send(());
    });
    let mut ended = pin!(ended);
    if tokio::time::timeout(grace, ended.as_mut()).await.is_err() {
        tracing::warn!("closing the connections that are still open after the drain");
        lifecycle.abort.cancel();
        let _ = tokio::time::timeout(CLEAN_UP, ended).await;
    }
    tracing::info!(took = ?start.elapsed(), "stopped");
}
