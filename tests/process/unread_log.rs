//! A log that is not read does not stop the server.

use std::process::Stdio;
use std::time::{Duration, Instant};

use soundstage_proto::user::UserRequest;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_tests::binary::{self, Serve};
use soundstage_tests::raw::get;
use soundstage_tests::{PATIENCE, channel};
use tempfile::TempDir;

/// More calls than the pipe and the queue of the log hold lines.
const CALLS: u32 = 8000;
const CALLERS: u32 = 16;

#[tokio::test(flavor = "multi_thread")]
async fn an_unread_log_stops_neither_calls_nor_the_shutdown() {
    let folder = TempDir::new().expect("a folder");
    let mut command = binary::serve_command(binary::path(), &folder.path().join("users.db"));
    command.args(["--log", "info", "--drain", "2s"]);
    // No reader empties the pipe of the log.
    command.stderr(Stdio::piped());
    let mut server = Serve::spawn(command);

    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let mut users = UserManagerClient::new(channel(server.address()).await);
        callers.spawn(async move {
            for _ in 0..CALLS / CALLERS {
                users.get_user(UserRequest { id: 1 }).await.expect("OK");
            }
        });
    }
    tokio::time::timeout(2 * PATIENCE, callers.join_all())
        .await
        .expect("the calls end in time");

    let metrics = get(server.address(), "/metrics", &[]).await.into_body();
    let metrics = String::from_utf8(metrics.to_vec()).expect("text");
    let dropped = metrics
        .lines()
        .find_map(|line| line.strip_prefix("log_lines_dropped_total "))
        .expect("a counter");
    assert!(dropped.parse::<u64>().expect("a number") > 0, "{dropped}");

    let start = Instant::now();
    server.signal("TERM");
    let status = tokio::task::block_in_place(|| server.wait(PATIENCE));
    assert!(status.success(), "{status}");
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(3), "took {elapsed:?}");
}
