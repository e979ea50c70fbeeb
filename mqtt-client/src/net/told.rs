//! What the way to a server tells `tracing`: its steps, each in the span of the connection. Never a
//! password.

#[cfg(not(feature = "tracing"))]
pub(super) use silent::{begins, failed, tries};
#[cfg(feature = "tracing")]
pub(super) use traced::{begins, failed, tries};

#[cfg(feature = "tracing")]
mod traced {
    use std::io;
    use std::net::SocketAddr;

    use crate::error::Step;

    /// A step begins.
    pub(in super::super) fn begins(step: Step) {
        tracing::debug!(target: "mqtt_as_client", %step, "on the way");
    }

    /// An address is tried.
    pub(in super::super) fn tries(address: SocketAddr) {
        tracing::debug!(target: "mqtt_as_client", %address, "trying an address");
    }

    /// An address cannot be reached.
    pub(in super::super) fn failed(address: SocketAddr, error: &io::Error) {
        tracing::debug!(target: "mqtt_as_client", %address, %error, "an address failed");
    }
}

/// Nobody listens.
#[cfg(not(feature = "tracing"))]
mod silent {
    use std::io;
    use std::net::SocketAddr;

    use crate::error::Step;

    pub(in super::super) fn begins(_: Step) {}

    pub(in super::super) fn tries(_: SocketAddr) {}

    pub(in super::super) fn failed(_: SocketAddr, _: &io::Error) {}
}
