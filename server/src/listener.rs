//! Accepts connections and serves them.
//!
//! One thread accepts. It distributes the connections round-robin to workers, each with a `current_thread` runtime: a
//! connection stays on one core, and responses that are ready together leave in one write. A listener per worker with
//! `SO_REUSEPORT` is as fast, but distributes few connections unevenly, and a second server could take the same port
//! without an error.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::io::InspectReader;
use tokio_util::task::TaskTracker;

use crate::connection::Peer;
use crate::http::Router;
use crate::lifecycle::Lifecycle;
use crate::limits;

/// The length in bytes of HTTP/2's connection preface (RFC 9113, section 3.4). A client that has sent as many bytes has
/// chosen its protocol.
const PREFACE: usize = 24;

/// A connection with its permit out of [`limits::MAX_CONNECTIONS`].
type Accepted = (std::net::TcpStream, Peer, OwnedSemaphorePermit);

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
        max_connections: u32,
        lifecycle: &Lifecycle,
    ) {
        let permits = Arc::new(Semaphore::new(max_connections as usize));
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
                        // Workers outlive the acceptor, so the queue is open.
                        let _ = next.next().map(|queue| queue.send((stream, peer, permit)));
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
    pub(crate) header_timeout: Duration,
}

/// Serves the connections of one worker until the acceptor and all of them have ended.
async fn run_worker(
    mut connections: mpsc::UnboundedReceiver<Accepted>,
    context: ConnectionContext,
) {
    let open = TaskTracker::new();
    let sockets = context.lifecycle.sockets.clone();
    while let Some((stream, peer, permit)) = connections.recv().await {
        let context = context.clone();
        open.spawn(async move {
            if let Err(error) = serve_connection(stream, peer.clone(), context).await {
                tracing::debug!(%peer, %error, "a connection ended");
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
        header_timeout,
    }: ConnectionContext,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::from_std(stream)?;
    stream.set_nodelay(true)?;
    let received = Arc::new(AtomicUsize::new(0));
    // hyper has no timeout for a client that never says which protocol it speaks.
    let counter = received.clone();
    let stream = InspectReader::new(stream, move |bytes| {
        counter.fetch_add(bytes.len(), Ordering::Relaxed);
    });

    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.clone().respond(request)
    });
    let builder = connection_builder(header_timeout);
    let mut connection =
        pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let mut protocol_timeout = pin!(tokio::time::sleep(header_timeout));
    let mut has_protocol = false;
    let mut draining = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = protocol_timeout.as_mut(), if !has_protocol => {
                if received.load(Ordering::Relaxed) < PREFACE {
                    return Err("the client sent no request in time".into());
                }
                has_protocol = true;
            }
            () = lifecycle.draining.cancelled(), if !draining => {
                if received.load(Ordering::Relaxed) == 0 {
                    return Ok(());
                }
                connection.as_mut().graceful_shutdown();
                draining = true;
            }
            () = lifecycle.abort.cancelled() => return Err("closed at the end of the drain".into()),
        }
    }
}

fn connection_builder(header_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // hyper ignores its timeouts without a timer.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(limits::HTTP1_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::MAX_STREAMS)
        .max_header_list_size(limits::MAX_HEADER_LIST)
        .initial_stream_window_size(limits::STREAM_WINDOW)
        .initial_connection_window_size(limits::CONNECTION_WINDOW)
        .max_send_buf_size(limits::SEND_BUFFER)
        .keep_alive_interval(limits::PING_INTERVAL)
        .keep_alive_timeout(limits::PING_TIMEOUT);
    builder
}
