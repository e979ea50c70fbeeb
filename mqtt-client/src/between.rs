//! What the settings ask for between the socket and MQTT: something where there is a standard library.

#[cfg(feature = "std")]
pub(crate) use crate::net::Asked as Between;
#[cfg(not(feature = "std"))]
pub(crate) use nothing::Nothing as Between;

#[cfg(not(feature = "std"))]
mod nothing {
    /// Nothing: the transport is the program's.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Nothing {}

    #[allow(clippy::unused_self)] // With a standard library there is something to look at.
    impl Nothing {
        pub(crate) const fn is_some(&self) -> bool {
            false
        }

        pub(crate) const fn port(&self) -> u16 {
            1883
        }
    }
}
