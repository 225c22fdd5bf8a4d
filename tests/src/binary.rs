//! The `soundstage` binary as a user starts it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The path of the binary, built from the sources as they are now.
///
/// # Panics
/// When it does not build.
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let build = Command::new(cargo)
            .args(["build", "--quiet", "--package", "soundstage-cli"])
            .status();
        assert!(
            build.expect("cargo runs").success(),
            "the binary does not build"
        );
        let test = std::env::current_exe().expect("a path");
        // target/debug/deps/test -> target/debug/soundstage
        let folder = test
            .parent()
            .and_then(Path::parent)
            .expect("the target folder");
        folder.join(format!("soundstage{}", std::env::consts::EXE_SUFFIX))
    })
}

/// Runs a client command to its end.
///
/// # Panics
/// When it cannot be started.
pub fn run(args: &[&str]) -> Output {
    Command::new(path())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

/// `soundstage serve` by this binary on a free port, with a log of what goes wrong only.
pub fn serve_command(binary: &Path, database: &Path) -> Command {
    let mut command = Command::new(binary);
    // By the environment, so that a test can ask for more.
    command.env("SOUNDSTAGE_LOG", "warn");
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--database"])
        .arg(database);
    command
}

/// `soundstage serve` as a process of its own. Killed when it is dropped.
pub struct Serve {
    child: Child,
    address: SocketAddr,
}

impl Serve {
    /// Starts it on a free port and waits for the line that says where it is.
    ///
    /// # Panics
    /// When it ends without that line; its standard error is shown then.
    pub fn start(database: &Path, more: &[&str]) -> Self {
        let mut command = serve_command(path(), database);
        command.args(more);
        Self::spawn(command)
    }

    /// Starts a server from a command that may wrap it.
    ///
    /// # Panics
    /// When it ends without the line that says where it is; its standard error is shown then.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("text");
        let address = line
            .trim()
            .strip_prefix("Soundstage is at http://")
            .and_then(|rest| rest.strip_suffix('/'));
        let Some(address) = address else {
            panic!("the server did not start: it said {line:?}")
        };
        let address = address.parse().expect("an address");
        Self { child, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same, as the commands of the client want it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM`.
    ///
    /// # Panics
    /// When `kill` cannot be run.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        assert!(kill.expect("kill runs").success());
    }

    /// Waits for its end, at most this long.
    ///
    /// # Panics
    /// When it is still there then.
    pub fn wait(&mut self, at_most: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a process") {
                return status;
            }
            assert!(
                start.elapsed() < at_most,
                "the server is still there after {at_most:?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A `soundstage serve` that must fail: its exit status and what it wrote to standard error.
///
/// # Panics
/// When it starts after all, or says nothing for too long.
pub fn failing_serve(mut command: Command) -> (ExitStatus, String) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a process") {
            break status;
        }
        if start.elapsed() > crate::PATIENCE {
            let _ = child.kill();
            panic!("the server started although it must not");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut errors = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut errors)
        .expect("text");
    (status, errors)
}
