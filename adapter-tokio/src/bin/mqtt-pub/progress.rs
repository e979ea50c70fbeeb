//! How far a long send is, on a terminal.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// How often the line is written anew.
const TICK: Duration = Duration::from_millis(100);

/// A line on standard error, if that is a terminal. It goes when the send has ended.
pub(crate) struct Progress {
    total: u32,
    begun: Instant,
    /// When the line was written last; none where nobody sees it.
    shown: Option<Instant>,
}

impl Progress {
    pub(crate) fn of(total: u32, is_quiet: bool) -> Self {
        let begun = Instant::now();
        let is_seen = !is_quiet && stderr().is_terminal();
        Self { total, begun, shown: is_seen.then_some(begun) }
    }

    /// So many bytes are on their way.
    pub(crate) fn show(&mut self, done: u32) {
        let now = Instant::now();
        let Some(shown) = &mut self.shown else { return };
        if now.duration_since(*shown) < TICK {
            return;
        }
        *shown = now;
        let rate = f64::from(done) / now.duration_since(self.begun).as_secs_f64();
        let percent = u64::from(done) * 100 / u64::from(self.total.max(1));
        let (done, total) = (mebibytes(done.into()), mebibytes(self.total.into()));
        // What cannot be shown is not missed.
        let _ = write!(
            stderr(),
            "\r\x1b[K{done:.1} of {total:.1} MiB, {percent} %, {:.1} MiB/s",
            mebibytes(rate)
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

fn mebibytes(bytes: f64) -> f64 {
    bytes / (1024.0 * 1024.0)
}
