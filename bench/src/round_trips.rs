//! `round-trips`: round trips per second of a bidirectional call, with one request in flight: from Chromium over a
//! WebSocket, in JavaScript and in WebAssembly, and from a native client over HTTP/2. The floor is Chromium with a bare
//! WebSocket to a server that returns each message.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use soundstage_proto::user::UserRequest;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use tonic::transport::Endpoint;

use crate::Result;
use crate::calls::seed;
use crate::peers;

/// Requests in a run, for the ids from 1 on. All ids exist.
const REQUESTS: u32 = 10_000;
/// Runs of each client. The best run counts, because other processes share the machine.
const RUNS: usize = 5;

/// Measures and prints the rates. `script` runs the browser.
pub(crate) fn run(binary: &Path, script: &Path, folder: &Path) -> Result {
    let users = folder.join("users.json");
    fs::write(&users, seed(u64::from(REQUESTS)))?;
    let server = peers::soundstage(binary, folder, &users)?;
    let echo = peers::echo()?;
    let url = format!("http://127.0.0.1:{}", server.port);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut native: f64 = 0.0;
    for _ in 0..RUNS {
        native = native.max(runtime.block_on(natively(&url))?);
    }
    println!(
        "GetUsersByIds, {REQUESTS} requests one at a time, the best of {RUNS} runs: round trips per second"
    );
    println!("  {:<44} {native:>8.0}", "native client, HTTP/2");
    let output = Command::new("node")
        .arg(script)
        .arg(&url)
        .arg(format!("ws://127.0.0.1:{}", echo.port))
        .args([REQUESTS.to_string(), RUNS.to_string()])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    // Each line has a name and a rate. The first line is the bare WebSocket.
    let mut bare = None;
    for line in String::from_utf8(output.stdout)?.lines() {
        let (name, rate) = line
            .rsplit_once(' ')
            .ok_or("the script printed a line without a rate")?;
        let rate: f64 = rate.parse()?;
        let bare = *bare.get_or_insert(rate);
        println!(
            "  {name:<44} {rate:>8.0}   {:.2} of native, {:.2} of the bare WebSocket",
            rate / native,
            rate / bare
        );
    }
    Ok(())
}

async fn natively(url: &str) -> Result<f64> {
    let mut users = UserManagerClient::new(Endpoint::from_shared(url.to_owned())?.connect().await?);
    let (sender, requests) = tokio::sync::mpsc::channel(1);
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut responses = users.get_users_by_ids(requests).await?.into_inner();
    let start = Instant::now();
    for id in 1..=REQUESTS {
        sender.send(UserRequest { id }).await?;
        let user = responses
            .message()
            .await?
            .and_then(|response| response.user);
        if user.map(|user| user.id) != Some(id) {
            return Err(format!("the response does not have user {id}").into());
        }
    }
    Ok(f64::from(REQUESTS) / start.elapsed().as_secs_f64())
}
