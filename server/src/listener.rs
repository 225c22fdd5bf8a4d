//! Accepts connections and serves them.
//!
//! One thread accepts. It distributes the connections round-robin to workers, each with a `current_thread` runtime: a
//! connection stays on one core, and responses that are ready together leave in one write. A listener per worker with
//! `SO_REUSEPORT` is as fast, but distributes few connections unevenly, and a second server could take the same port
//! without an error.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::connection::{ClientStream, Peer};
use crate::http::Router;
use crate::lifecycle::Lifecycle;
use crate::limits;
use crate::quota::{Permit, Quota};
use crate::settings::Settings;
use crate::stage::Stage;
use crate::watchdog::{self, Cut, StreamCounts, StreamExecutor};

/// A connection with two permits: of its address, and of [`limits::MAX_CONNECTIONS`]. The permits are released in this
/// order, so that the connection that takes the slot finds room for its address.
type Accepted = (std::net::TcpStream, Peer, (Permit, OwnedSemaphorePermit));

/// The threads that serve connections.
pub(crate) struct Workers {
    queues: Vec<mpsc::UnboundedSender<Accepted>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` threads, at least one.
    pub(crate) fn start(count: usize, context: &ConnectionContext) -> io::Result<Self> {
        let mut workers = Self {
            queues: Vec::new(),
            threads: Vec::new(),
        };
        for index in 0..count.max(1) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let (queue, connections) = mpsc::unbounded_channel();
            let context = context.clone();
            let thread = std::thread::Builder::new().name(format!("worker-{index}"));
            workers
                .threads
                .push(thread.spawn(move || runtime.block_on(run_worker(connections, context)))?);
            workers.queues.push(queue);
        }
        Ok(workers)
    }

    /// Accepts connections until the server drains.
    pub(crate) async fn accept(
        &self,
        listener: TcpListener,
        settings: &Settings,
        lifecycle: &Lifecycle,
    ) {
        let max = settings.max_connections;
        let permits = Arc::new(Semaphore::new(max as usize));
        let max_per_address = settings
            .max_connections_per_address
            .unwrap_or(max.div_ceil(limits::ADDRESS_SHARE));
        let addresses = Quota::new(max as usize, max_per_address as usize);
        let mut next = self.queues.iter().cycle();
        let accepting = async {
            loop {
                // The permit comes first: past the limit, clients wait in the backlog of the operating system.
                let Ok(permit) = permits.clone().acquire_owned().await else {
                    return;
                };
                match listener
                    .accept()
                    .await
                    .and_then(|(stream, peer)| Ok((stream.into_std()?, Peer::new(peer))))
                {
                    Ok((stream, peer)) => {
                        let Some(address_permit) = addresses.permit(peer.ip()) else {
                            tracing::debug!(%peer, "closed a connection: its address has too many");
                            continue;
                        };
                        let accepted = (stream, peer, (address_permit, permit));
                        // Workers outlive the acceptor, so the queue is open.
                        let _ = next.next().map(|queue| queue.send(accepted));
                    }
                    Err(error) => {
                        // The process has no file descriptor left, or the client has disconnected already.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            () = lifecycle.draining.cancelled() => {}
        }
    }

    /// Waits until every connection has ended.
    pub(crate) fn join(self) {
        drop(self.queues);
        for thread in self.threads {
            // The panic hook has reported a panic already.
            let _ = thread.join();
        }
    }
}

/// The state that all connections share.
#[derive(Clone)]
pub(crate) struct ConnectionContext {
    pub(crate) router: Arc<Router>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) stage: Stage,
    pub(crate) timeouts: Timeouts,
}

/// The timeouts of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    header: Duration,
    stall: Duration,
    idle: Duration,
    ping_interval: Duration,
    ping: Duration,
}

impl Timeouts {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            header: settings.header_timeout,
            stall: settings.stall_timeout,
            idle: settings.idle_timeout,
            ping_interval: settings.ping_interval,
            ping: settings.ping_timeout,
        }
    }
}

/// Runs one worker until the acceptor and all connections have ended.
async fn run_worker(connections: mpsc::UnboundedReceiver<Accepted>, context: ConnectionContext) {
    let stage = context.stage.clone();
    tokio::select! {
        () = serve_connections(connections, context) => {}
        never = stage.relay() => match never {},
    }
}

async fn serve_connections(
    mut connections: mpsc::UnboundedReceiver<Accepted>,
    context: ConnectionContext,
) {
    let open = TaskTracker::new();
    let sockets = context.lifecycle.sockets.clone();
    while let Some((stream, peer, permit)) = connections.recv().await {
        let context = context.clone();
        open.spawn(async move {
            let stall_timeout = context.timeouts.stall;
            let serving = serve_connection(stream, peer.clone(), context);
            // Over HTTP/1.1, this task sends the responses.
            match watchdog::watch(serving, stall_timeout).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a connection ended"),
                Err(error @ Cut) => tracing::debug!(%peer, %error, "a connection was cut"),
            }
            drop(permit);
        });
    }
    open.close();
    open.wait().await;
    // The tracker has the WebSockets of all workers. No worker ends before all of these have ended.
    sockets.wait().await;
}

async fn serve_connection(
    stream: std::net::TcpStream,
    peer: Peer,
    ConnectionContext {
        router,
        lifecycle,
        timeouts,
        ..
    }: ConnectionContext,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::from_std(stream)?;
    stream.set_nodelay(true)?;
    configure(&stream, timeouts);
    let stream = ClientStream::new(stream, timeouts.stall);
    let received = stream.received();
    let streams = Arc::new(StreamCounts::default());

    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.clone().respond(request)
    });
    let builder = connection_builder(timeouts, streams.clone());
    let mut connection =
        pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    // hyper has no timeout for a client that never says which protocol it speaks.
    let mut protocol_timeout = pin!(tokio::time::sleep(timeouts.header));
    let mut has_protocol = false;
    // hyper ends idle HTTP/1.1 connections by its header timeout, and leaves HTTP/2 connections open.
    let mut idle_timeout = pin!(tokio::time::sleep(timeouts.idle));
    let mut idle_streams = Some(0);
    let mut closing = false;
    let mut draining = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = protocol_timeout.as_mut(), if !has_protocol => {
                if !received.has_protocol() {
                    return Err("the client sent no request in time".into());
                }
                has_protocol = true;
            }
            () = idle_timeout.as_mut() => {
                let streams = streams.if_idle();
                let is_idle = received.is_http2() && streams.is_some() && streams == idle_streams;
                if is_idle && closing {
                    return Err("the client did not close its idle connection".into());
                }
                if is_idle {
                    connection.as_mut().graceful_shutdown();
                    closing = true;
                }
                idle_streams = streams;
                let next = if closing { timeouts.header } else { timeouts.idle };
                idle_timeout.as_mut().reset(Instant::now() + next);
            }
            () = lifecycle.draining.cancelled(), if !draining => {
                if received.is_empty() {
                    return Ok(());
                }
                connection.as_mut().graceful_shutdown();
                draining = true;
            }
            () = lifecycle.abort.cancelled() => return Err("closed at the end of the drain".into()),
        }
    }
}

/// Enables TCP keepalive, and limits the unsent bytes that the operating system keeps. Ignores a failure, because a
/// connection works without these options.
fn configure(stream: &TcpStream, timeouts: Timeouts) {
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new()
        .with_time(timeouts.ping_interval)
        .with_interval(timeouts.ping);
    let _ = socket.set_tcp_keepalive(&probes);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_notsent_lowat(limits::UNSENT_BYTES);
}

fn connection_builder(
    timeouts: Timeouts,
    counts: Arc<StreamCounts>,
) -> auto::Builder<StreamExecutor> {
    let mut builder = auto::Builder::new(StreamExecutor {
        stall_timeout: timeouts.stall,
        counts,
    });
    // hyper ignores its timeouts without a timer.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.header)
        .max_buf_size(limits::HTTP1_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::MAX_STREAMS)
        .max_header_list_size(limits::MAX_HEADER_LIST)
        .initial_stream_window_size(limits::STREAM_WINDOW)
        .initial_connection_window_size(limits::CONNECTION_WINDOW)
        .max_send_buf_size(limits::SEND_BUFFER)
        .keep_alive_interval(timeouts.ping_interval)
        .keep_alive_timeout(timeouts.ping);
    builder
}
