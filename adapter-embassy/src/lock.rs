//! The lock: a critical section, for moments only.

use core::cell::RefCell;
use core::fmt;

use critical_section::Mutex;
use mqtt_as_client::{Lock, State};

/// The client's state, which is used in critical sections.
pub struct Critical(Mutex<RefCell<State>>);

impl Lock for Critical {
    fn new(state: State) -> Self {
        Self(Mutex::new(RefCell::new(state)))
    }

    #[inline]
    fn with(&self, f: &mut dyn FnMut(&mut State)) {
        // Nothing of the program's runs under the lock, so that it is never taken twice.
        critical_section::with(|section| f(&mut self.0.borrow_ref_mut(section)));
    }
}

impl fmt::Debug for Critical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Critical")
    }
}
