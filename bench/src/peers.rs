//! The servers under measurement: Soundstage, two minimal servers as floors, other gRPC libraries, and other designs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::process::{Server, free_port};

/// Starts Soundstage with a new database that has the users of `seed`.
pub(crate) fn soundstage(binary: &Path, folder: &Path, seed: &Path) -> Result<Server> {
    let port = free_port()?;
    let mut command = serve_command(binary, port, &folder.join(format!("{port}.db")));
    start_soundstage(command.arg("--seed").arg(seed), port)
}

/// Returns the command that serves a database.
pub(crate) fn serve_command(binary: &Path, port: u16, database: &Path) -> Command {
    let mut command = Command::new(binary);
    // By default the log has a line per call; the floors log nothing. A flag overrides this variable.
    command.env("SOUNDSTAGE_LOG", "warn");
    let listen = format!("127.0.0.1:{port}");
    command.args(["serve", "--listen", &listen, "--database"]);
    command.arg(database);
    command
}

/// Starts Soundstage and waits until it serves users.
pub(crate) fn start_soundstage(command: &mut Command, port: u16) -> Result<Server> {
    let server = Server::start(command, port)?;
    wait_until_serving(port)?;
    Ok(server)
}

/// Waits until the server serves users, which it does some time after it listens.
pub(crate) fn wait_until_serving(port: u16) -> Result {
    use std::io::{Read as _, Write as _};
    loop {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        if response.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Starts nghttpd, which serves the files in `folder`.
pub(crate) fn nghttpd(folder: &Path) -> Result<Server> {
    let port = free_port()?;
    let mut command = Command::new("nghttpd");
    command
        .args([
            "--no-tls",
            "--workers",
            "2",
            "--address",
            "127.0.0.1",
            "--htdocs",
        ])
        .arg(folder)
        .arg(port.to_string());
    Server::start(&mut command, port)
}

/// Starts nginx, which answers every request with `bytes` bytes.
pub(crate) fn nginx(folder: &Path, bytes: usize) -> Result<Server> {
    let port = free_port()?;
    let body = "x".repeat(bytes);
    let config = format!(
        "daemon off; worker_processes 2; pid nginx.pid; error_log stderr error;\n\
         events {{ }}\n\
         http {{\n\
           access_log off; keepalive_requests 1000000000; client_body_temp_path body; proxy_temp_path proxy;\n\
           fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
           server {{ listen 127.0.0.1:{port}; location / {{ return 200 \"{body}\"; }} }}\n\
         }}\n"
    );
    fs::write(folder.join("nginx.conf"), config)?;
    let mut command = Command::new("/usr/sbin/nginx");
    Server::start(
        command.arg("-p").arg(folder).args(["-c", "nginx.conf"]),
        port,
    )
}

/// Starts the predecessor's design with a copy of the JSON file `seed`.
pub(crate) fn predecessor(python: &Path, folder: &Path, seed: &Path) -> Result<Server> {
    let port = free_port()?;
    let users = folder.join(format!("{port}.json"));
    fs::copy(seed, &users)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/predecessor.py");
    Server::start(
        Command::new(python)
            .arg(script)
            .arg(port.to_string())
            .arg(users),
        port,
    )
}

/// Starts the stage's fan-out on bare tonic, which encodes for each subscriber: this program, in another mode.
pub(crate) fn encodes_for_each() -> Result<Server> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    Server::start(command.arg("encodes-for-each").arg(port.to_string()), port)
}

/// Starts a WebSocket server that returns each message: this program, in another mode.
pub(crate) fn echo() -> Result<Server> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    Server::start(command.arg("echo").arg(port.to_string()), port)
}

/// Starts the stage's fan-out in Python.
pub(crate) fn stage_in_python(python: &Path) -> Result<Server> {
    let port = free_port()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/stage.py");
    Server::start(Command::new(python).arg(script).arg(port.to_string()), port)
}

/// Starts hyper with a constant message: this program, in another mode.
pub(crate) fn bare_hyper(bytes: usize) -> Result<Server> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bare-hyper", &port.to_string(), &bytes.to_string()]);
    Server::start(&mut command, port)
}

/// Starts the directory on bare tonic: this program, in another mode.
pub(crate) fn bare_tonic(users: u64) -> Result<Server> {
    on_library(&std::env::current_exe()?, &["in-memory"], users)
}

/// Starts the directory on another gRPC library.
pub(crate) fn on_library(program: &Path, mode: &[&str], users: u64) -> Result<Server> {
    let port = free_port()?;
    let mut command = Command::new(program);
    command
        .args(mode)
        .args([port.to_string(), users.to_string()]);
    Server::start(&mut command, port)
}

/// Prints the versions of the floors, and of the peers in a folder. Returns the programs of the peers.
pub(crate) fn versions(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let print = |command: &mut Command| -> Result<String> {
        let output = command.output()?;
        // nginx prints its version on standard error.
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let version = text.lines().next().unwrap_or_default().to_owned();
        println!("  {version}");
        Ok(version)
    };
    print(Command::new("nghttpd").arg("--version"))?;
    print(Command::new("/usr/sbin/nginx").arg("-v"))?;
    let mut peers = Vec::new();
    for name in ["grpc-go", "grpc-cpp"] {
        let program = folder.join(name);
        if program.exists() {
            peers.push((print(Command::new(&program).arg("--version"))?, program));
        } else {
            println!("  {name} is not built, so it is not measured");
        }
    }
    println!("  tonic {}\n", tonic_version());
    Ok(peers)
}

/// Returns the version of tonic that this program and the server are built with.
fn tonic_version() -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let (_, package) = lock
        .split_once("name = \"tonic\"\nversion = \"")
        .unwrap_or_default();
    package.split('"').next().unwrap_or_default()
}
