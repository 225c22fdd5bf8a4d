//! A minimal WebSocket server that returns each message: the floor of `round-trips`.

use std::net::Ipv4Addr;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Error;

use crate::Result;

/// Serves on loopback until the process ends.
pub(crate) fn serve(port: u16) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                // A client that disconnects ends only its own connection.
                let _ = echo(stream).await;
            });
        }
    })
}

async fn echo(stream: TcpStream) -> std::result::Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
