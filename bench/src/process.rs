//! A server process on loopback, with its CPU time and memory from `/proc`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// A running process with its children. Dropping the value ends the process.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

/// Returns a port on which no process listens.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

impl Server {
    /// Starts the process and waits until it listens on `port`.
    pub(crate) fn start(command: &mut Command, port: u16) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut server = Self { child, port };
        let start = Instant::now();
        while TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{command:?} ended before it listened ({status})").into());
            }
            if start.elapsed() > Duration::from_mins(1) {
                return Err(format!("{command:?} did not listen within a minute").into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(server)
    }

    /// Returns the CPU time so far of the process and its children.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let own = cpu_of(self.child.id())?;
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.child.id()))?;
        children
            .split_whitespace()
            .try_fold(own, |sum, pid| Ok(sum + cpu_of(pid.parse()?)?))
    }

    /// Returns the resident memory, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        memory_of(self.child.id(), "VmRSS:")
    }

    /// Returns the number of open file descriptors.
    pub(crate) fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// Ends the process with SIGTERM, or with SIGKILL if it still runs after `patience`. Returns the time until it
    /// ended, or `None` if it had to be killed.
    pub(crate) fn stop(&mut self, patience: Duration) -> Option<Duration> {
        let start = Instant::now();
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = Command::new("kill")
                .arg(self.child.id().to_string())
                .status();
        }
        while start.elapsed() < patience {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return Some(start.elapsed());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        None
    }
}

/// Returns the peak resident memory of a running process, in bytes.
pub(crate) fn peak_memory(pid: u32) -> Result<u64> {
    memory_of(pid, "VmHWM:")
}

/// Returns a size from `/proc/PID/status`, in bytes.
fn memory_of(pid: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .ok_or_else(|| format!("no {name}"))?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM first, so that a process with workers ends its workers.
        self.stop(Duration::from_secs(3));
    }
}

/// Returns the user and system time of one process: fields 14 and 15 of `/proc/PID/stat`, in hundredths of a second.
fn cpu_of(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the name in parentheses, which may contain spaces.
    let fields: Vec<_> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .ok_or("a short stat line")?
            .parse::<u64>()
            .map_err(|error| error.to_string())
    };
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}
