//! Accepting connections and serving them.
//!
//! One thread accepts and deals the connections out in turn to workers, each with a `current_thread` runtime of its
//! own: a connection stays where its data is warm, and answers that become ready together leave in one write. (A
//! listener for each worker with `SO_REUSEPORT` would be as fast, but spreads a few connections unevenly, and lets a second
//! server take the same port without an error.)

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

/// The length of HTTP/2's connection preface (RFC 9113, section 3.4): who has sent this much has said what it speaks.
const PREFACE: usize = 24;

/// A connection, with its place among those that are allowed at once.
type Accepted = (std::net::TcpStream, Peer, OwnedSemaphorePermit);

/// The threads that serve.
pub(crate) struct Workers {
    queues: Vec<mpsc::UnboundedSender<Accepted>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(crate) fn start(count: usize, serving: &Serving) -> io::Result<Self> {
        let mut workers = Self {
            queues: Vec::new(),
            threads: Vec::new(),
        };
        for index in 0..count.max(1) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let (queue, connections) = mpsc::unbounded_channel();
            let serving = serving.clone();
            let thread = std::thread::Builder::new().name(format!("worker-{index}"));
            workers
                .threads
                .push(thread.spawn(move || runtime.block_on(work(connections, serving)))?);
            workers.queues.push(queue);
        }
        Ok(workers)
    }

    /// Accepts until the server drains.
    pub(crate) async fn accept(
        &self,
        listener: TcpListener,
        max_connections: u32,
        lifecycle: &Lifecycle,
    ) {
        let places = Arc::new(Semaphore::new(max_connections as usize));
        let mut next = self.queues.iter().cycle();
        let accepting = async {
            loop {
                // The place comes first: over the limit, clients wait in the system's backlog.
                let Ok(place) = places.clone().acquire_owned().await else {
                    return;
                };
                match listener
                    .accept()
                    .await
                    .and_then(|(stream, peer)| Ok((stream.into_std()?, Peer::new(peer))))
                {
                    Ok((stream, peer)) => {
                        // A worker ends only after accepting has.
                        let _ = next.next().map(|queue| queue.send((stream, peer, place)));
                    }
                    Err(error) => {
                        // Out of file descriptors, or the client has gone again. The first needs a pause.
                        tracing::warn!(%error, "a connection could not be accepted");
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
            // A panic has been reported by then.
            let _ = thread.join();
        }
    }
}

/// What every connection is served with.
#[derive(Clone)]
pub(crate) struct Serving {
    pub(crate) router: Arc<Router>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) header_timeout: Duration,
}

async fn work(mut connections: mpsc::UnboundedReceiver<Accepted>, serving: Serving) {
    let open = TaskTracker::new();
    let serving_sockets = serving.lifecycle.sockets.clone();
    while let Some((stream, peer, place)) = connections.recv().await {
        let serving = serving.clone();
        open.spawn(async move {
            if let Err(error) = serve(stream, peer.clone(), serving).await {
                tracing::debug!(%peer, %error, "a connection ended");
            }
            drop(place);
        });
    }
    open.close();
    open.wait().await;
    // Those of other workers too, which does no harm: none ends before all have.
    serving_sockets.wait().await;
}

async fn serve(
    stream: std::net::TcpStream,
    peer: Peer,
    Serving {
        router,
        lifecycle,
        header_timeout,
    }: Serving,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::from_std(stream)?;
    stream.set_nodelay(true)?;
    let received = Arc::new(AtomicUsize::new(0));
    // hyper has no timeout of its own for clients that never say which protocol they speak.
    let counter = received.clone();
    let stream = InspectReader::new(stream, move |bytes| {
        counter.fetch_add(bytes.len(), Ordering::Relaxed);
    });

    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.clone().answer(request)
    });
    let builder = connection_builder(header_timeout);
    let mut connection =
        pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let mut silent = pin!(tokio::time::sleep(header_timeout));
    let mut spoken = false;
    let mut draining = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = silent.as_mut(), if !spoken => {
                if received.load(Ordering::Relaxed) < PREFACE {
                    return Err("the client said nothing".into());
                }
                spoken = true;
            }
            () = lifecycle.draining.cancelled(), if !draining => {
                if received.load(Ordering::Relaxed) == 0 {
                    return Ok(());
                }
                connection.as_mut().graceful_shutdown();
                draining = true;
            }
            () = lifecycle.cut.cancelled() => return Err("cut by the end of the drain".into()),
        }
    }
}

fn connection_builder(header_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Without a timer hyper's timeouts do nothing.
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
