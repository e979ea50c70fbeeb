//! What the runtimes with the standard library have in common beside their sockets.

use core::hash::{BuildHasher, Hasher};
use core::time::Duration;
use std::hash::RandomState;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use mqtt_as_proto::Instant;

use crate::runtime::Lock;
use crate::state::State;

/// A lock of the standard library, held for moments only.
#[derive(Debug)]
pub struct StdLock(Mutex<State>);

impl Lock for StdLock {
    fn new(state: State) -> Self {
        Self(Mutex::new(state))
    }

    #[inline]
    fn with(&self, f: &mut dyn FnMut(&mut State)) {
        // Nothing of the program's runs under the lock: what panicked there was ours to mend.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Returns a number that others cannot guess.
#[must_use]
pub fn random() -> u32 {
    RandomState::new().build_hasher().finish() as u32
}

/// Calls what is the program's, whose panic is its own: false then.
pub fn catch(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_ok()
}

/// Returns the time that has passed since the client's time began.
#[must_use]
pub fn instant(since: Duration) -> Instant {
    Instant::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Returns when that is, since the client's time began: no later than a century, which is never.
#[must_use]
pub fn since(at: Instant) -> Duration {
    const FAR: u64 = 100 * 365 * 24 * 3_600_000;
    Duration::from_millis(at.as_millis().min(FAR))
}
