//! `round-trips`: how often a second a bidirectional call can ask and be answered, each question waiting for the answer to the
//! one before: from Chromium over a WebSocket, in JavaScript and in WebAssembly, and natively over HTTP/2.

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

/// Questions in a run; the ids from 1 on, all of which exist.
const QUESTIONS: u32 = 10_000;
/// Runs of each; the best counts, since the machine does other things too.
const RUNS: usize = 3;

/// Measures all, with `script`, which has the browser ask, and prints them.
pub(crate) fn run(binary: &Path, script: &Path, folder: &Path) -> Result {
    let users = folder.join("users.json");
    fs::write(&users, seed(u64::from(QUESTIONS)))?;
    let server = peers::soundstage(binary, folder, &users)?;
    let url = format!("http://127.0.0.1:{}", server.port);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut native: f64 = 0.0;
    for _ in 0..RUNS {
        native = native.max(runtime.block_on(natively(&url))?);
    }
    println!(
        "GetUsersByIds, {QUESTIONS} questions one at a time, the best of {RUNS} runs: round trips per second"
    );
    println!("  {:<44} {native:>8.0}", "native client, HTTP/2");
    let output = Command::new("node")
        .arg(script)
        .args([&url, &QUESTIONS.to_string(), &RUNS.to_string()])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    // A name and a rate each line.
    for line in String::from_utf8(output.stdout)?.lines() {
        let (name, rate) = line.rsplit_once(' ').ok_or("no rate")?;
        let rate: f64 = rate.parse()?;
        println!("  {name:<44} {rate:>8.0}   {:.2} of native", rate / native);
    }
    Ok(())
}

async fn natively(url: &str) -> Result<f64> {
    let mut users = UserManagerClient::new(Endpoint::from_shared(url.to_owned())?.connect().await?);
    let (questions, requests) = tokio::sync::mpsc::channel(1);
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut answers = users.get_users_by_ids(requests).await?.into_inner();
    let start = Instant::now();
    for id in 1..=QUESTIONS {
        questions.send(UserRequest { id }).await?;
        let answer = answers.message().await?.and_then(|answer| answer.user);
        if answer.map(|user| user.id) != Some(id) {
            return Err(format!("{id} was not answered").into());
        }
    }
    Ok(f64::from(QUESTIONS) / start.elapsed().as_secs_f64())
}
