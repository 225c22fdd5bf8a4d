//! A floor: what HTTP/2 by hyper costs alone. Answers every request with a constant message, from one thread per core.

use std::convert::Infallible;
use std::net::TcpListener;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::bytes::Bytes;

use crate::Result;

/// Serves until the process is killed. `bytes` is the size of the message, with its prefix.
pub(crate) fn serve(port: u16, bytes: usize) -> Result {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    listener.set_nonblocking(true)?;
    let cores = std::thread::available_parallelism()?.get();
    for _ in 1..cores {
        let listener = listener.try_clone()?;
        std::thread::spawn(move || run(listener, bytes).map_err(|error| error.to_string()));
    }
    run(listener, bytes)
}

fn run(listener: TcpListener, bytes: usize) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let message = Bytes::from(vec![b'x'; bytes]);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let message = message.clone();
            let service = service_fn(move |request| respond(request, message.clone()));
            tokio::spawn(
                http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    })
}

async fn respond(
    mut request: Request<Incoming>,
    message: Bytes,
) -> std::result::Result<Response<impl Body<Data = Bytes, Error = Infallible>>, hyper::Error> {
    while let Some(frame) = request.body_mut().frame().await {
        frame?;
    }
    let trailers = async {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        Some(Ok(trailers))
    };
    let mut response = Response::new(Full::new(message).with_trailers(trailers));
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}
