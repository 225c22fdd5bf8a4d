//! Load generators: h2load for HTTP/2, wrk for HTTP/1.1.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::compare::{Median, median};
use crate::process::Server;

/// The cost of one response, or of one message of a stream.
pub(crate) struct Cost {
    /// The server's CPU time, in microseconds.
    pub(crate) cpu: f64,
    /// The time from one response to the next, in microseconds.
    pub(crate) elapsed: f64,
}

impl Cost {
    fn new(responses: u64, cpu: Duration, elapsed: Duration) -> Self {
        let micros = |total: Duration| total.as_secs_f64() * 1e6 / responses as f64;
        Self {
            cpu: micros(cpu),
            elapsed: micros(elapsed),
        }
    }

    /// Returns the number of responses per second.
    pub(crate) fn rate(&self) -> f64 {
        1e6 / self.elapsed
    }

    /// Returns the cost of one of several messages in a response.
    pub(crate) fn per_message(&self, messages: u64) -> Self {
        Self {
            cpu: self.cpu / messages as f64,
            elapsed: self.elapsed / messages as f64,
        }
    }
}

impl Median for Cost {
    fn median(results: &[Self]) -> Self {
        Self {
            cpu: median(results, |cost| cost.cpu),
            elapsed: median(results, |cost| cost.elapsed),
        }
    }
}

/// Calls over HTTP/2. `body` is a file with one gRPC frame; without a body the calls are `GET` requests.
pub(crate) struct H2<'a> {
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a Path>,
    pub(crate) requests: u64,
    pub(crate) connections: u32,
    pub(crate) in_flight: u32,
}

impl H2<'_> {
    /// Runs the calls. Fails if any call fails.
    pub(crate) fn run(&self, server: &Server) -> Result<Cost> {
        let mut command = Command::new("h2load");
        command.args([
            "-n",
            &self.requests.to_string(),
            "-c",
            &self.connections.to_string(),
        ]);
        // Flow-control windows of 16 MiB, so that they do not limit the rate.
        command.args(["-m", &self.in_flight.to_string(), "-w", "24", "-W", "24"]);
        if let Some(body) = self.body {
            command.arg("-d").arg(body).args([
                "-H",
                "content-type: application/grpc",
                "-H",
                "te: trailers",
            ]);
        }
        command.arg(format!("http://127.0.0.1:{}{}", server.port, self.path));
        let (output, cpu) = measured(server, &mut command)?;
        let finished = output
            .lines()
            .find_map(|line| line.strip_prefix("finished in "))
            .ok_or("h2load printed no result")?;
        let elapsed = parse_time(finished.split(',').next().unwrap_or_default())?;
        if !output.contains(&format!(" {} succeeded, 0 failed", self.requests)) {
            return Err(format!("some requests failed:\n{output}").into());
        }
        Ok(Cost::new(self.requests, cpu, elapsed))
    }
}

/// Runs the calls that a wrk script describes, over HTTP/1.1 on 8 connections, for `seconds`.
pub(crate) fn wrk(server: &Server, script: &Path, path: &str, seconds: u32) -> Result<Cost> {
    let mut command = Command::new("wrk");
    command
        .args(["-t", "1", "-c", "8", "-d", &format!("{seconds}s"), "-s"])
        .arg(script);
    command.arg(format!("http://127.0.0.1:{}{path}", server.port));
    let (output, cpu) = measured(server, &mut command)?;
    if output.contains("Non-2xx") || output.contains("Socket errors") {
        return Err(format!("some requests failed:\n{output}").into());
    }
    let line = output
        .lines()
        .find(|line| line.contains(" requests in "))
        .ok_or("wrk printed no result")?;
    let (requests, rest) = line
        .trim()
        .split_once(" requests in ")
        .ok_or("wrk printed no result")?;
    let elapsed = parse_time(rest.split(',').next().unwrap_or_default())?;
    Ok(Cost::new(requests.parse()?, cpu, elapsed))
}

/// Runs a load generator. Returns its output and the CPU time of the server meanwhile.
fn measured(server: &Server, command: &mut Command) -> Result<(String, Duration)> {
    let before = server.cpu()?;
    let output = command.output()?;
    let cpu = server.cpu()?.checked_sub(before).unwrap();
    if !output.status.success() {
        return Err(format!(
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), cpu))
}

/// Parses a time such as `1.23s`, `450.10ms` or `1m`.
fn parse_time(text: &str) -> Result<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        unit => return Err(format!("unknown unit {unit:?} in {text:?}").into()),
    };
    Ok(Duration::from_secs_f64(digits.parse::<f64>()? * seconds))
}
