//! The lock: a critical section, for moments only.

use core::cell::RefCell;
use core::fmt;

use critical_section::Mutex;
use mqtt_as_client::Lock;

/// A value that is used in critical sections.
pub struct Critical<T>(Mutex<RefCell<T>>);

impl<T> Lock<T> for Critical<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(RefCell::new(value)))
    }

    #[inline]
    fn with<U>(&self, f: impl FnOnce(&mut T) -> U) -> U {
        // Nothing of the program's runs under the lock, so that it is never taken twice.
        critical_section::with(|section| f(&mut self.0.borrow_ref_mut(section)))
    }
}

impl<T> fmt::Debug for Critical<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Critical")
    }
}
