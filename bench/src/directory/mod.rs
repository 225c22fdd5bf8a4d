//! `directory`: a million users beside a thousand, in one run: import, reads at the far end, searches, streams, adds,
//! the page, the start.

mod adds;
mod import;
mod reads;
mod starts;
mod streams;

use std::path::Path;
use std::process::Command;

use soundstage_proto::UserType;
use soundstage_proto::user::User;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use tonic::transport::{Channel, Endpoint};

use crate::Result;
use crate::compare::Binaries;
use crate::process::Server;

/// Users in the large directory.
const LARGE: u32 = 1_000_000;
/// Users in the small directory.
const SMALL: u32 = 1000;

type Users = UserManagerClient<Channel>;

/// Measures and prints all figures. `script` opens the page in Chromium.
pub(crate) fn run(binaries: &Binaries, script: &Path, folder: &Path) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let small = import::start_filled(binaries, folder, SMALL)?;
    let large = import::measure(binaries, folder)?;
    runtime.block_on(reads::measure(&small, &large))?;
    drop(small);
    streams::measure(&runtime, &large)?;
    adds::measure(&large, folder)?;
    in_browser(script, "this build", &large.current)?;
    if let Some(baseline) = &large.baseline {
        in_browser(script, "the baseline", baseline)?;
    }
    starts::measure(binaries, large, folder)
}

fn in_browser(script: &Path, name: &str, server: &Server) -> Result {
    println!("{name}:");
    let status = Command::new("node").arg(script).arg(url(server)).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", script.display()).into())
    }
}

fn new_user() -> User {
    User {
        nickname: "new".into(),
        mail_address: "new@example.com".into(),
        user_type: UserType::Normal.into(),
        ..User::default()
    }
}

async fn connect(server: &Server) -> Result<Users> {
    Ok(UserManagerClient::new(
        Endpoint::from_shared(url(server))?.connect().await?,
    ))
}

fn url(server: &Server) -> String {
    format!("http://127.0.0.1:{}", server.port)
}
