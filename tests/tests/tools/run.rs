//! Programs that a test starts, by what they print and how they end.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mqtt_as_tests::process::{cargo, wait_until};

/// What has to happen, on a loaded machine too.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A program that runs. It is killed, by its pid, when this is dropped.
pub(crate) struct Run {
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// How a program ended.
pub(crate) struct Ended {
    /// None if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Run {
    /// Starts it; its standard input is a pipe.
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = child.stdout.take().map(read);
        let stderr = child.stderr.take().map(read);
        Self { child, stdout, stderr }
    }

    /// Writes to its standard input, which stays open.
    pub(crate) fn write(&mut self, input: &[u8]) {
        // It may have ended before.
        let _ = self.child.stdin.as_mut().expect("open input").write_all(input);
    }

    /// There is no more input.
    pub(crate) fn close_input(&mut self) {
        self.child.stdin = None;
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").arg("-c").arg(&kill).status();
        assert!(status.is_ok_and(|status| status.success()), "{kill} failed");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let ended = wait_until(SOON, || self.has_ended());
        let killed = if ended { "" } else { "it had to be killed; " };
        let _ = self.child.kill();
        let status = self.child.wait().expect("it was started");
        let [stdout, stderr] = [self.stdout.take(), self.stderr.take()].map(|thread| {
            thread.map(|thread| thread.join().expect("a reader")).unwrap_or_default()
        });
        let stderr = format!("{killed}{}", String::from_utf8_lossy(&stderr));
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        let _ = from.read_to_end(&mut all); // What came before an error counts.
        all
    })
}

/// The program of that name, ours.
pub(crate) fn ours(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.ancestors().nth(2).expect("target/<profile>/deps");
    profile.join(name)
}

/// Builds both programs, once.
pub(crate) fn build() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let built = cargo(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "-p", "mqtt-as-tokio", "--features", "cli"])
            .arg("--bins")
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the programs do not compile");
    });
}
