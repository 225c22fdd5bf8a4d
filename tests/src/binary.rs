//! Runs the `soundstage` binary as a user does.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Builds the binary from the current sources and returns its path.
///
/// # Panics
/// If the build fails.
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
/// If the binary does not start.
pub fn run(args: &[&str]) -> Output {
    Command::new(path())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

/// Returns the command `soundstage serve` on a free port, with warnings and errors logged.
pub fn serve_command(binary: &Path, database: &Path) -> Command {
    let mut command = Command::new(binary);
    // An environment variable, so that a test can override it with a flag.
    command.env("SOUNDSTAGE_LOG", "warn");
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--database"])
        .arg(database);
    command
}

/// A `soundstage serve` process. Its drop kills the process.
pub struct Serve {
    child: Child,
    address: SocketAddr,
}

impl Serve {
    /// Starts a server on a free port and waits for the line with its address.
    ///
    /// # Panics
    /// If the process ends without that line. The test output then shows its standard error.
    pub fn start(database: &Path, more: &[&str]) -> Self {
        let mut command = serve_command(path(), database);
        command.args(more);
        Self::spawn(command)
    }

    /// Starts a server by a command that may wrap the binary.
    ///
    /// # Panics
    /// If the process ends without the line with its address. The test output then shows its standard error.
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
            panic!("the server did not start: its first line is {line:?}")
        };
        let address = address.parse().expect("an address");
        Self { child, address }
    }

    /// Returns the address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the server, for the flag `--server`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name, such as `TERM`.
    ///
    /// # Panics
    /// If `kill` fails.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        assert!(kill.expect("kill runs").success());
    }

    /// Waits for the end of the process, for at most `timeout`.
    ///
    /// # Panics
    /// If the process still runs then.
    pub fn wait(&mut self, timeout: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a process") {
                return status;
            }
            assert!(
                start.elapsed() < timeout,
                "the server still runs after {timeout:?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // Fails if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a `soundstage serve` that must fail, and returns its exit status and its standard error.
///
/// # Panics
/// If the process still runs after [`PATIENCE`](crate::PATIENCE).
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
            panic!("the server started, although it must fail");
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
