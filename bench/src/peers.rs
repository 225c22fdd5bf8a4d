//! What Soundstage is measured beside: two floors, and the predecessor's design.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::process::{Server, free_port};

/// Soundstage on a database of its own, with the users of `seed`.
pub(crate) fn soundstage(binary: &Path, folder: &Path, seed: &Path) -> Result<Server> {
    let port = free_port()?;
    let database = folder.join(format!("{port}.db"));
    let mut command = Command::new(binary);
    // The log has a line a call by default; the floors write none, so it does not either.
    command.args([
        "serve",
        "--log",
        "warn",
        "--listen",
        &format!("127.0.0.1:{port}"),
        "--database",
    ]);
    let server = Server::start(command.arg(database).arg("--seed").arg(seed), port)?;
    wait_until_serving(port)?;
    Ok(server)
}

/// Waits until users are served, which comes after listening.
fn wait_until_serving(port: u16) -> Result {
    use std::io::{Read as _, Write as _};
    loop {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// nghttpd, which answers any path with the file of that name in `folder`.
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

/// nginx, which answers everything with this many bytes.
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

/// The predecessor's design, on a JSON file of its own.
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

/// The same fan-out on bare tonic, which encodes for each subscriber: this program again.
pub(crate) fn encodes_for_each() -> Result<Server> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    Server::start(command.arg("encodes-for-each").arg(port.to_string()), port)
}

/// The same fan-out in Python.
pub(crate) fn stage_in_python(python: &Path) -> Result<Server> {
    let port = free_port()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/stage.py");
    Server::start(Command::new(python).arg(script).arg(port.to_string()), port)
}
