//! Programs that a test starts: none outlives it.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// Looks at `condition` until it holds, at most for `bound`; the last look decides.
pub fn wait_until(bound: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + bound;
    while Instant::now() < end {
        if condition() {
            return true;
        }
        thread::sleep(TICK);
    }
    condition()
}

/// Returns a cargo that builds something else than what it has just tested.
///
/// What it says of the package under test to a test is not for it: build scripts look at that, and
/// would run again each time.
#[must_use]
pub fn cargo(path: &str) -> Command {
    let mut command = Command::new(path);
    let of_the_package = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(of_the_package) {
            command.env_remove(name);
        }
    }
    command
}

/// A program of ours, by what it prints.
#[derive(Debug)]
pub struct Program {
    process: Running,
    lines: Receiver<String>,
}

impl Program {
    /// Starts the program with these arguments.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(path: &Path, args: &[String]) -> Self {
        let mut process = Running::spawn(Command::new(path).args(args).stdout(Stdio::piped()));
        let stdout = process.0.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line); // Nobody listens once the program is dropped.
            }
        });
        Self { process, lines }
    }

    /// Returns the next line that it prints, if it does so within `bound`.
    #[must_use]
    pub fn next_line(&self, bound: Duration) -> Option<String> {
        self.lines.recv_timeout(bound).ok()
    }

    /// Waits for a line, past others; true if it comes within `bound`.
    #[must_use]
    pub fn prints(&self, wanted: &str, bound: Duration) -> bool {
        let end = Instant::now() + bound;
        let next = || self.next_line(end.saturating_duration_since(Instant::now()));
        std::iter::from_fn(next).any(|line| line == wanted)
    }

    /// Waits for its end: true if it ends well within `bound`.
    pub fn ends_well(&mut self, bound: Duration) -> bool {
        self.process.wait(bound).is_some_and(|status| status.success())
    }

    /// Ends it at once: SIGKILL.
    pub fn kill(self) {}

    /// Asks it to end, as Ctrl-C does: SIGINT.
    pub fn interrupt(&self) {
        self.process.signal("INT");
    }

    /// Stops it until [`resume`](Self::resume): SIGSTOP.
    pub fn pause(&self) {
        self.process.signal("STOP");
    }

    /// Lets it go on: SIGCONT.
    pub fn resume(&self) {
        self.process.signal("CONT");
    }
}

/// A program that is killed, by its pid, when this is dropped.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}")))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// The end of the program, if it comes within `bound`.
    pub(crate) fn wait(&mut self, bound: Duration) -> Option<ExitStatus> {
        wait_until(bound, || !self.is_alive());
        self.0.try_wait().ok().flatten()
    }

    /// By the shell, which has `kill` built in: std only knows SIGKILL.
    pub(crate) fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.pid());
        let status = Command::new("sh").arg("-c").arg(&kill).status();
        assert!(status.is_ok_and(|status| status.success()), "{kill} failed");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended before; SIGKILL also ends what is stopped, so the wait is short.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
