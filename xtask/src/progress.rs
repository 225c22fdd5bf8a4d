//! Tasks that run side by side, and the line that reports their progress.

use std::io::{BufReader, IsTerminal as _, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::run::{Result, say, shown};

/// How often the progress line is drawn.
const REDRAW_INTERVAL: Duration = Duration::from_millis(200);
/// The column at which cargo ends the first word of a status line.
const STATUS_WIDTH: usize = 12;

/// A name and the work of that name.
type Work<'a> = (&'static str, Box<dyn FnOnce(&Task) -> Result + Send + 'a>);

/// A running task.
pub(crate) struct Task {
    name: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Built and total crates, as cargo prints them: `12/345`.
    crates: String,
    /// The process that the task waits for.
    child: Option<Child>,
    /// The task has ended, or must end because another task failed.
    ended: bool,
}

/// Runs all work at the same time and reports the time of each. The first failure ends the other tasks.
pub(crate) fn side_by_side(works: Vec<Work<'_>>) -> Result {
    let start = Instant::now();
    let (tasks, works): (Vec<_>, Vec<_>) = works
        .into_iter()
        .map(|(name, work)| (Task::new(name), work))
        .unzip();
    let names: Vec<_> = tasks.iter().map(|task| task.name).collect();
    say(&format!("==> Building {}", names.join(", ")));
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for (task, work) in tasks.iter().zip(works) {
            let sender = sender.clone();
            scope.spawn(move || {
                let result = work(task);
                // The receiver outlives this thread.
                let _ = sender.send((task, result));
            });
        }
        drop(sender);
        let mut outcome = Ok(());
        loop {
            match results.recv_timeout(REDRAW_INTERVAL) {
                Ok((task, Ok(()))) => {
                    task.state().ended = true;
                    say(&format!("    {}: done after {}", task.name, minutes(start)));
                }
                Ok((_, Err(error))) => {
                    // Tasks that are ended fail too; the first failure is the cause.
                    outcome = outcome.and(Err(error));
                    tasks.iter().for_each(Task::end);
                }
                Err(RecvTimeoutError::Timeout) => draw(&tasks, start),
                Err(RecvTimeoutError::Disconnected) => return outcome,
            }
        }
    })
}

impl Task {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the task's process, and makes the next one fail to start.
    fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        if let Some(child) = &mut state.child {
            // The process may have ended already.
            let _ = child.kill();
        }
    }

    /// Runs cargo, counts the crates it builds, and prints its warnings and errors.
    pub(crate) fn cargo(&self, command: &mut Command) -> Result {
        command
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", "80")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let stderr = {
            let mut state = self.state();
            if state.ended {
                return Err(format!("{} was ended", self.name));
            }
            let spawned = command.spawn();
            let child = state.child.insert(
                spawned.map_err(|error| format!("cannot run {}: {error}", shown(command)))?,
            );
            child.stderr.take()
        };
        let messages = stderr.map_or_else(String::new, |stderr| self.follow(stderr));
        let child = self.state().child.take();
        let status = child.map(|mut child| child.wait()).transpose();
        match status.map_err(|error| format!("{}: {error}", shown(command)))? {
            Some(status) if !status.success() => {
                Err(format!("{} failed ({status})\n{messages}", shown(command)))
            }
            _ if messages.trim().is_empty() => Ok(()),
            _ => {
                say(messages.trim_end());
                Ok(())
            }
        }
    }

    /// Reads what cargo prints until it ends. Returns the warnings and errors.
    fn follow(&self, stderr: impl Read) -> String {
        let mut messages = String::new();
        let mut line = Vec::new();
        for byte in BufReader::new(stderr)
            .bytes()
            .map_while(std::io::Result::ok)
        {
            // Cargo ends its progress line with a carriage return, to draw over it.
            if byte != b'\n' && byte != b'\r' {
                line.push(byte);
                continue;
            }
            let text = String::from_utf8_lossy(&line);
            if let Some(crates) = crates_of(&text) {
                crates.clone_into(&mut self.state().crates);
            } else if byte == b'\n' && !is_status(&text) {
                messages.push_str(&text);
                messages.push('\n');
            }
            line.clear();
        }
        messages
    }
}

/// Returns the `12/345` of a progress line such as `    Building [=>    ] 12/345: tokio, tonic`.
fn crates_of(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("Building [")?;
    let (_, crates) = rest.split_once("] ")?;
    crates.split(':').next()
}

/// Tells whether a line is a status of cargo such as `   Compiling tokio v1.0.0`, or advice about `PATH`.
fn is_status(line: &str) -> bool {
    let word = line.get(..STATUS_WIDTH).map(str::trim_start);
    word.is_some_and(|word| word.len() > 4 && word.bytes().all(|byte| byte.is_ascii_alphabetic()))
        || line.starts_with("warning: be sure to add")
}

/// Draws the progress line over the one before, on a terminal.
fn draw(tasks: &[Task], start: Instant) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let running = tasks.iter().filter_map(|task| {
        let state = task.state();
        (!state.ended).then(|| format!("{} {}", task.name, state.crates))
    });
    let running: Vec<_> = running.collect();
    eprint!("\r\x1b[K    {}  {}", minutes(start), running.join(" · "));
}

/// Returns the time since `start` as `4:05`.
fn minutes(start: Instant) -> String {
    let seconds = start.elapsed().as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{Task, crates_of, is_status, side_by_side};

    #[test]
    fn progress_is_counted_and_only_diagnostics_are_kept() {
        let printed = "   Compiling tokio v1.0.0\n\
            \x20   Building [==>     ] 12/345: tokio, tonic\r\
            warning: unused variable: `x`\n --> src/main.rs:1:1\n  |\n\
            \x20   Finished `quick` profile [optimized] target(s) in 1.0s\n";
        let task = Task::new("server");
        let messages = task.follow(printed.as_bytes());
        assert_eq!(
            messages,
            "warning: unused variable: `x`\n --> src/main.rs:1:1\n  |\n"
        );
        assert_eq!(task.state().crates, "12/345");
    }

    #[test]
    fn other_lines_are_neither_progress_nor_status() {
        for line in [
            "",
            "error: could not compile",
            "   = note: more",
            "    let x = 1;",
        ] {
            assert_eq!(crates_of(line), None, "{line}");
            assert!(!is_status(line), "{line}");
        }
    }

    #[test]
    fn the_first_failure_ends_the_other_tasks() {
        let start = Instant::now();
        let outcome = side_by_side(vec![
            (
                "slow",
                Box::new(|task| task.cargo(Command::new("sleep").arg("60"))),
            ),
            (
                "broken",
                Box::new(|_| {
                    std::thread::sleep(Duration::from_millis(100));
                    Err("broken".into())
                }),
            ),
        ]);
        assert_eq!(outcome, Err("broken".into()));
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
