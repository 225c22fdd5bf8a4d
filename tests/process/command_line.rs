//! The client commands: their output and their exit status.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use soundstage_tests::binary::{self, Serve};
use tempfile::TempDir;

struct Cli {
    server: Serve,
    _folder: TempDir,
}

impl Cli {
    fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        Self {
            server: Serve::start(&folder.path().join("users.db"), &[]),
            _folder: folder,
        }
    }

    /// Runs a command and returns its exit status, standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let url = self.server.url();
        let output = binary::run(&[arguments, &["--server", &url]].concat());
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (
            output.status.code().expect("a status"),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// Runs a command that must succeed and returns the JSON objects that it prints.
    fn json(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        let (code, stdout, stderr) = self.run(&[arguments, &["--output", "json"]].concat());
        assert_eq!(code, 0, "{stderr}");
        stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }
}

fn ids(rows: &[serde_json::Value]) -> Vec<u64> {
    rows.iter()
        .map(|row| row["id"].as_u64().expect("an id"))
        .collect()
}

#[test]
fn every_method_has_a_command() {
    let cli = Cli::start();
    let get = cli.json(&["user", "get", "2"]);
    let guest = serde_json::json!({
        "id": 2,
        "nickname": "guest",
        "mail_address": "guest@example.com",
        "user_type": "GUEST",
        "created_ms": get[0]["created_ms"],
        "updated_ms": get[0]["updated_ms"],
        "revision": get[0]["revision"],
    });
    assert_eq!(get, [guest]);
    let revision = get[0]["revision"].to_string();
    let update = [
        "user",
        "update",
        "2",
        "--nickname",
        "visitor",
        "--revision",
        &revision,
    ];
    let updated = cli.json(&update);
    assert_eq!(updated[0]["nickname"], "visitor");
    assert_eq!(updated[0]["mail_address"], get[0]["mail_address"]);
    let (code, _, stderr) = cli.run(&update);
    assert_eq!(code, 8, "{stderr}");
    assert!(stderr.contains("has changed meanwhile"), "{stderr}");
    let added = cli.json(&[
        "user",
        "add",
        "--nickname",
        "new",
        "--mail-address",
        "new@example.com",
        "--type",
        "disabled",
    ]);
    assert_eq!(
        (ids(&added), &added[0]["user_type"]),
        (vec![7], &"DISABLED".into())
    );
    assert_eq!(ids(&cli.json(&["user", "list"])), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(ids(&cli.json(&["user", "list", "--limit", "2"])), [1, 2]);
    assert_eq!(ids(&cli.json(&["user", "by-type", "disabled"])), [4, 7]);
    assert_eq!(ids(&cli.json(&["user", "by-ids", "3", "99", "1"])), [3, 1]);
    assert_eq!(
        cli.json(&["user", "count", "1", "1", "99"]),
        [serde_json::json!({"count": 2})]
    );
    assert_eq!(ids(&cli.json(&["user", "delete", "7"])), [7]);
    assert_eq!(cli.run(&["user", "delete", "7"]).0, 3);
    assert_eq!(cli.run(&["user", "update", "1"]).0, 2, "nothing to change");
    cli.json(&["position", "publish", "-1", "2.5"]);
    assert_eq!(
        cli.json(&["position", "get"]),
        [serde_json::json!({"x": -1.0, "y": 2.5, "z": 0.0})]
    );
    assert_eq!(cli.json(&["position", "watch", "--count", "1"]).len(), 1);
}

#[test]
fn the_table_has_a_heading_and_a_row_for_each_user() {
    let cli = Cli::start();
    let (_, stdout, _) = cli.run(&["user", "list"]);
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines.len(), 7);
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["ID", "TYPE", "NICKNAME", "MAIL", "ADDRESS"]
    );
    assert_eq!(
        lines[1].split_whitespace().collect::<Vec<_>>(),
        ["1", "ADMINISTRATOR", "admin", "admin@example.com"]
    );
}

#[test]
fn each_kind_of_failure_has_a_message_and_an_exit_status() {
    let cli = Cli::start();
    let add = |more: &[&str]| cli.run(&[&["user", "add"], more].concat());
    let expect = |(code, stdout, stderr): (i32, String, String), expected: i32, words: &str| {
        assert_eq!((code, stdout.as_str()), (expected, ""), "{stderr}");
        assert!(
            stderr.starts_with("soundstage: ") && stderr.contains(words),
            "{stderr}"
        );
    };
    expect(cli.run(&["user", "get", "99"]), 3, "no user has the id 99");
    expect(
        add(&[
            "--id",
            "1",
            "--nickname",
            "x",
            "--mail-address",
            "x@example.com",
        ]),
        4,
        "the id 1 is taken",
    );
    expect(
        add(&["--nickname", "", "--mail-address", "x"]),
        5,
        "mail_address: Enter a mail address",
    );
    expect(cli.run(&["user", "count", "one"]), 5, "\"one\"");
    expect(
        cli.run(&["position", "publish", "NaN", "0"]),
        5,
        "position.x",
    );
    let (code, _, stderr) = cli.run(&["position", "watch", "--timeout", "200ms"]);
    assert_eq!(code, 7);
    assert!(stderr.contains("--timeout"), "{stderr}");
    let (code, _, stderr) = cli.run(&["user", "by-type", "boss"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("administrator"), "{stderr}");
}

#[test]
fn an_unreachable_server_fails_with_advice() {
    // The listener is dropped immediately, so the port is free.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port");
    let output = binary::run(&["user", "list", "--server", &format!("http://{port}")]);
    assert_eq!(output.status.code(), Some(6));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("soundstage serve") && stderr.contains(&port.to_string()),
        "{stderr}"
    );
}

#[test]
fn by_ids_prints_each_user_before_it_reads_the_next_id() {
    let cli = Cli::start();
    let mut child = Command::new(binary::path())
        .args([
            "user",
            "by-ids",
            "-",
            "--output",
            "json",
            "--server",
            &cli.server.url(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut users = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for id in [5_u64, 1, 6] {
        writeln!(stdin, "{id}").expect("written");
        // The line arrives only if the user is printed while standard input is still open.
        let user: serde_json::Value =
            serde_json::from_str(&users.next().expect("a line").expect("text")).expect("JSON");
        assert_eq!(user["id"], id);
    }
    writeln!(stdin, "\nsix").expect("written");
    drop(stdin);
    assert!(users.next().is_none());
    assert_eq!(
        child.wait().expect("ended").code(),
        Some(5),
        "\"six\" is not an id"
    );
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    let cli = Cli::start();
    let mut child = Command::new(binary::path())
        .args(["position", "watch", "--server", &cli.server.url()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    lines.next().expect("a line").expect("text");
    drop(lines);
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn completions_name_the_commands() {
    let output = binary::run(&["completions", "bash"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("by-ids"));
}
