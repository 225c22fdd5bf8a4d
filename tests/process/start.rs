//! Starting the server: settings, and one clear line for each wrong setting.

use std::process::Command;

use soundstage_tests::binary::{self, Serve, failing_serve};
use tempfile::TempDir;

fn serve(folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binary::path());
    command
        .current_dir(folder.path())
        .args(["serve", "--log", "warn"])
        .args(arguments);
    let (status, errors) = failing_serve(command);
    (status.code(), errors)
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let folder = TempDir::new().expect("a folder");
    let first = Serve::start(&folder.path().join("first.db"), &[]);
    let address = first.address().to_string();
    let (code, errors) = serve(&folder, &["--listen", &address]);
    assert_eq!(code, Some(1));
    let expected = format!(
        "soundstage: cannot listen on {address}: another program uses this port; stop it, or choose another port with --listen\n"
    );
    assert_eq!(errors, expected);
}

#[test]
fn an_invalid_or_foreign_address_is_an_error() {
    let folder = TempDir::new().expect("a folder");
    let (code, errors) = serve(&folder, &["--listen", "nowhere"]);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("--listen") && errors.contains("nowhere"),
        "{errors}"
    );
    // RFC 5737 reserves this address for documentation, so no machine has it.
    let (code, errors) = serve(&folder, &["--listen", "192.0.2.1:1234"]);
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("192.0.2.1:1234") && errors.contains("--listen"),
        "{errors}"
    );
}

#[test]
fn an_invalid_seed_file_is_named_with_the_line_and_leaves_no_database() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(
        folder.path().join("bad.json"),
        "{\n  \"7\": { \"id\": \"seven\" }\n}",
    )
    .expect("written");
    let (code, errors) = serve(&folder, &["--listen", "127.0.0.1:0", "--seed", "bad.json"]);
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("bad.json") && errors.contains("line 2"),
        "{errors}"
    );
    // Without the invalid file, a start in the same folder works: nothing incomplete is left.
    let server = Serve::start(&folder.path().join("soundstage.db"), &[]);
    let users = binary::run(&[
        "user",
        "list",
        "--server",
        &server.url(),
        "--output",
        "json",
    ]);
    assert_eq!(String::from_utf8_lossy(&users.stdout).lines().count(), 6);
}

#[test]
fn settings_can_come_from_the_environment() {
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new(binary::path());
    command
        .arg("serve")
        .env("SOUNDSTAGE_LISTEN", "127.0.0.1:0")
        .env("SOUNDSTAGE_SEED", "none");
    command
        .env("SOUNDSTAGE_LOG", "warn")
        .env("SOUNDSTAGE_DATABASE", folder.path().join("elsewhere.db"));
    let server = Serve::spawn(command);
    let users = binary::run(&[
        "user",
        "list",
        "--server",
        &server.url(),
        "--output",
        "json",
    ]);
    assert!(users.status.success() && users.stdout.is_empty());
    assert!(folder.path().join("elsewhere.db").exists());
}

#[test]
fn each_call_is_one_log_line() {
    let folder = TempDir::new().expect("a folder");
    let log = folder.path().join("log");
    let mut command = Command::new(binary::path());
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
        "--database",
    ]);
    command
        .arg(folder.path().join("users.db"))
        .stderr(std::fs::File::create(&log).expect("a file"));
    let mut server = Serve::spawn(command);
    for id in ["1", "99"] {
        binary::run(&["user", "get", id, "--server", &server.url()]);
    }
    server.signal("TERM");
    server.wait(soundstage_tests::PATIENCE);
    let log = std::fs::read_to_string(&log).expect("text");
    let calls: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .filter(|line: &serde_json::Value| line["target"] == "soundstage::call")
        .collect();
    assert_eq!(calls.len(), 2, "{log}");
    for call in calls {
        assert_eq!(
            (&call["method"], &call["transport"]),
            (&"/UserManager/GetUser".into(), &"grpc".into())
        );
        assert_eq!(call["status"], "Ok");
        assert!(
            call["peer"]
                .as_str()
                .is_some_and(|peer| peer.starts_with("127.0.0.1:")),
            "{call}"
        );
        assert!(
            call["duration"]
                .as_str()
                .is_some_and(|duration| duration.ends_with("ms")),
            "{call}"
        );
    }
}

#[test]
fn help_shows_every_setting_with_its_default() {
    let help = binary::run(&["serve", "--help"]);
    let help = String::from_utf8(help.stdout).expect("text");
    // Help is wrapped to the width of the terminal, so line breaks must not matter.
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "[default: 127.0.0.1:1234]",
        "[default: soundstage.db]",
        "[default: default]",
        "[default: 10s]",
        "[default: 3s]",
        "[default: 10000]",
        "[default: one per core]",
        "[default: info]",
        "[default: text]",
        "SOUNDSTAGE_LISTEN",
    ] {
        assert!(help.contains(words), "{words} is missing in {help}");
    }
}

#[test]
fn a_server_for_other_machines_warns_and_prints_both_addresses() {
    use std::io::{BufRead as _, BufReader};
    let folder = TempDir::new().expect("a folder");
    let log = folder.path().join("log");
    let mut command = Command::new(binary::path());
    command
        .current_dir(folder.path())
        .args(["serve", "--listen", "0.0.0.0:0"]);
    command.stderr(std::fs::File::create(&log).expect("a file"));
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    let local = line();
    let port = local
        .strip_prefix("Soundstage is at http://127.0.0.1:")
        .and_then(|rest| rest.strip_suffix('/'))
        .expect("the loopback address")
        .to_owned();
    // A machine without any route has no other address.
    let has_route = std::net::UdpSocket::bind("0.0.0.0:0")
        .is_ok_and(|socket| socket.connect("192.0.2.1:9").is_ok());
    if has_route {
        let remote = line();
        let address = remote.strip_prefix("Other machines reach it at http://");
        let address = address.and_then(|rest| rest.strip_suffix('/'));
        let address = address.unwrap_or_else(|| panic!("{remote}"));
        assert!(address.ends_with(&format!(":{port}")) && !address.starts_with("0."));
    }
    let stop = Command::new("kill").arg(child.id().to_string()).status();
    assert!(stop.expect("kill runs").success());
    child.wait().expect("ended");
    let log = std::fs::read_to_string(&log).expect("text");
    let warnings = log.lines().filter(|line| line.contains("WARN"));
    let warnings: Vec<_> = warnings
        .filter(|line| line.contains("no sign-in"))
        .collect();
    assert_eq!(warnings.len(), 1, "{log}");

    // The loopback address needs no warning.
    let log = folder.path().join("loopback.log");
    let mut command = binary::serve_command(binary::path(), &folder.path().join("other.db"));
    command.stderr(std::fs::File::create(&log).expect("a file"));
    drop(Serve::spawn(command));
    assert_eq!(std::fs::read_to_string(&log).expect("text"), "");
}

/// Starts a server in a shell that sets a limit of open files. Returns the limit of the server, and its log.
fn limit_of_open_files(ulimit: &str, flags: &[&str]) -> (u64, String) {
    let folder = TempDir::new().expect("a folder");
    let log = folder.path().join("log");
    let serve = binary::serve_command(binary::path(), &folder.path().join("users.db"));
    let mut command = Command::new("sh");
    command.env("SOUNDSTAGE_LOG", "warn");
    command
        .arg("-c")
        .arg(format!("ulimit {ulimit} && exec \"$@\""))
        .arg("sh")
        .arg(serve.get_program())
        .args(serve.get_args())
        .args(flags)
        .stderr(std::fs::File::create(&log).expect("a file"));
    let mut server = Serve::spawn(command);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).expect("text");
    let limit = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a limit");
    server.signal("TERM");
    server.wait(soundstage_tests::PATIENCE);
    let log = std::fs::read_to_string(&log).expect("text");
    (limit.parse().expect("a number"), log)
}

#[test]
fn the_limit_of_open_files_is_raised_or_a_warning_says_that_it_is_too_low() {
    // The soft limit only: the server can raise it up to the hard limit.
    let few = ["--max-connections", "500", "--max-websockets", "100"];
    let (limit, log) = limit_of_open_files("-Sn 256", &few);
    assert!(limit >= 600, "{limit}");
    assert_eq!(log, "");
    let (limit, log) = limit_of_open_files("-n 512", &[]);
    assert_eq!(limit, 512);
    assert!(
        log.contains("open files") && log.contains("--max-connections"),
        "{log}"
    );
}
